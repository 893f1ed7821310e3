"""When to build the next generation, and one bounded pass of it.

Any process may call this at any time: whoever gets `compact.lock` does the work, the others go on.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from curation.errors import StoreError
from storage.files import lock, os_errors
from storage.generations import (
    Tail,
    bring_up_to_date,
    build,
    collect_garbage,
    current,
    generation_path,
    live_tail,
    remake_first,
    sweep_temporary,
)
from storage.schema import TABLES
from storage.segments import quarantine_damaged, segment_path

TAIL_FILES = 200
TAIL_BYTES = 64 << 20
TAIL_BYTES_SMALL = 4 << 20  # below this, a quarter of a young generation would be copied again and again
SEGMENTS_A_PASS = 1000
MIGRATION_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class CompactionReport:
    """What one pass did: the generation it published, segments and rows absorbed, segments left in the tail."""

    generation: str
    segments: int
    rows: int
    remaining: int
    seconds: float


def compact(root: Path, *, force: bool = False) -> CompactionReport | None:
    """One pass; None when none is due, the tail is empty, or another process is compacting."""
    with _compacting(root, 0.0) as mine:
        return _pass(root, force) if mine else None


def may_be_due(root: Path) -> bool:
    """Whether the directories hold enough files or bytes to look closer; counts absorbed segments as well."""
    files = weight = 0
    with os_errors("list", root / "segments"):
        for table in TABLES:
            with os.scandir(root / "segments" / table) as entries:
                sizes = [_size(entry) for entry in entries]
            files, weight = files + len(sizes), weight + sum(sizes)
    return files > TAIL_FILES or weight > TAIL_BYTES_SMALL


def migrate_store(root: Path) -> None:
    """Bring the live generation up to date, waiting for a compactor that is at work."""
    with _compacting(root, MIGRATION_SECONDS) as mine:
        if not mine:
            raise StoreError(f"cannot migrate {root}: it was being compacted for {MIGRATION_SECONDS:g} s")
        bring_up_to_date(root)


def mend_first_generation(root: Path) -> list[Path]:
    """The first generation if it was damaged and is made anew; nothing is in it, so nothing is lost."""
    with _compacting(root, MIGRATION_SECONDS) as mine:
        made = remake_first(root) if mine else None
    return [made] if made else []


@contextmanager
def _compacting(root: Path, seconds: float) -> Iterator[bool]:
    with os_errors("compact", root), lock(root / "compact.lock", exclusive=True, seconds=seconds) as mine:
        yield mine


def _size(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:  # a temporary file, renamed meanwhile
        return 0


def _pass(root: Path, force: bool) -> CompactionReport | None:
    started, live = time.monotonic(), current(root)
    sweep_temporary(root / "generations")
    tail = live_tail(root, live)
    if not (tail if force else _due(root, live, tail)):
        return None
    taken = _first(tail, SEGMENTS_A_PASS)
    batch = _sound(root, taken)
    name, rows = build(root, live, batch)
    collect_garbage(root, live)
    waiting = _count(tail) - _count(taken)
    return CompactionReport(name, _count(batch), rows, waiting, time.monotonic() - started)


def _due(root: Path, live: str, tail: Tail) -> bool:
    size = generation_path(root, live).stat().st_size
    weight = sum(segment_path(root, table, name).stat().st_size for table in tail for name in tail[table])
    return _count(tail) > TAIL_FILES or weight > min(TAIL_BYTES, max(size // 4, TAIL_BYTES_SMALL))


def _sound(root: Path, batch: Tail) -> Tail:
    """The batch without damaged segments, so that no unread bit error is copied into a generation."""
    quarantine_damaged(root, [(table, name) for table, names in batch.items() for name in names])
    return {t: [name for name in names if segment_path(root, t, name).exists()] for t, names in batch.items()}


def _first(tail: Tail, limit: int) -> Tail:
    batch: Tail = {}
    for table, names in tail.items():
        batch[table] = names[: max(0, limit - _count(batch))]
    return batch


def _count(tail: Tail) -> int:
    return sum(map(len, tail.values()))
