"""Checks a store: image files against their names, segments and the generation against checksums, rows against images.

Damaged segments go to `quarantine/`, as with any reader. Asked to repair, it also deletes temporary files that a killed
process left over an hour ago, and makes a damaged first generation, which is always empty, anew. Whatever could hold
data is for a person to judge and is never deleted.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

import duckdb

from curation.errors import StoreError
from storage.compaction import mend_first_generation
from storage.files import TMP_SUFFIX, os_errors
from storage.images import FORMAT, SHA256, image_path
from storage.schema import TABLES
from storage.segments import list_segments, quarantine_damaged, segment_fault
from storage.snapshot import Snapshot
from storage.sql import first_line

TMP_SECONDS = 3600.0  # younger ones may belong to a write under way
ONLY_SPACE = ("image_orphan", "temporary_file")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: a short code, where, and what it means.

    Codes: image_damaged, image_missing, image_orphan, image_strange, segment_damaged, generation_damaged,
    rows_unreadable, temporary_file.
    """

    code: str
    path: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """What fsck found and counted (rows by table, files and bytes), and the temporary or empty files it mended."""

    problems: tuple[Problem, ...]
    counts: dict[str, int]
    repaired: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is lost or damaged; orphans and temporary files only take space."""
        return all(problem.code in ONLY_SPACE for problem in self.problems)


def fsck(root: Path, *, repair: bool = False) -> Report:
    """Check the whole store, reading every image, segment and row. Trouble with rows is a problem, not an error."""
    with os_errors("check", root):
        segments = [(table, name) for table in TABLES for name in list_segments(root, table)]
        quarantine_damaged(root, segments)
        leftovers = list(_leftovers(root))
        repaired = [path for path in leftovers if repair and _deleted(path)]
        repaired += mend_first_generation(root) if repair else []
        files = sorted((root / "images").glob("*/*"))
        problems = [*_quarantined(root), *_image_problems(files)]
        problems += [_leftover(path) for path in leftovers if path not in repaired]
        counts = {"image_files": len(files), "image_bytes": sum(map(_size, files)), "segment_files": len(segments)}
    found, rows = _check_rows(root, files)  # after the listing: images come before the rows that name them
    ordered = sorted([*problems, *found], key=lambda problem: (problem.code, problem.path))
    return Report(tuple(ordered), counts | rows, tuple(map(str, repaired)))


def _check_rows(root: Path, files: list[Path]) -> tuple[list[Problem], dict[str, int]]:
    try:
        with Snapshot(root) as snapshot:
            damage = list(_generation_problems(snapshot))
            return (damage, {}) if damage else (list(_row_problems(snapshot, files)), _row_counts(snapshot))
    except StoreError as error:
        return [Problem("rows_unreadable", str(root), str(error))], {}


def _quarantined(root: Path) -> Iterator[Problem]:
    for path in sorted((root / "quarantine").glob("*/*")):
        table = path.parent.name
        fault = segment_fault(path, table) if table in TABLES else "of no table"
        advice = "append its rows again (re-run), then delete it"
        yield Problem(
            "segment_damaged", str(path), f"{fault or 'readable after all'}; left out of every query: {advice}"
        )


def _leftovers(root: Path) -> Iterator[Path]:
    """Temporary files old enough that no write can be under way."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if name.startswith(".") and TMP_SUFFIX in name and _age(path) > TMP_SECONDS:
                yield path


def _leftover(path: Path) -> Problem:
    return Problem("temporary_file", str(path), "left by a killed process; nothing refers to it (--repair deletes it)")


def _deleted(path: Path) -> bool:
    path.unlink(missing_ok=True)
    return True


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _image_problems(files: list[Path]) -> Iterator[Problem]:
    stored = [path for path in files if _is_image(path)]
    with ThreadPoolExecutor(max_workers=4) as pool:
        for path, found in zip(stored, pool.map(_sha256, stored), strict=True):
            if found != path.stem:
                yield Problem(
                    "image_damaged", str(path), "its bytes do not match its name: fetch it again from the source"
                )
    for path in files:
        if not _is_image(path) and TMP_SUFFIX not in path.name:
            yield Problem("image_strange", str(path), "not a name the store gives")


def _is_image(path: Path) -> bool:
    named = SHA256.fullmatch(path.stem) and FORMAT.fullmatch(path.suffix[1:])
    return bool(named) and path.parent.name == path.stem[:2] and path.is_file()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _row_problems(snapshot: Snapshot, files: list[Path]) -> Iterator[Problem]:
    """Images that rows name and no file holds, and files that no row names."""
    sql = """
        select sha256, any_value(format) as format from (
            select sha256, format from raw_images
            union all by name select distinct image as sha256 from raw_samples where image is not null
        ) group by sha256
    """
    rows = snapshot.query(sql).to_pylist()
    for sha256, file_format in ((row["sha256"], row["format"]) for row in rows):
        if not file_format or not SHA256.fullmatch(sha256 or ""):
            yield Problem(
                "image_missing", f"{sha256}", "a sample names this image and the images table does not have it"
            )
        elif not (path := image_path(snapshot.root, sha256, file_format)).exists():
            yield Problem("image_missing", str(path), "rows name this image and the file is gone")
    named = {row["sha256"] for row in rows}
    for path in files:
        if _is_image(path) and path.stem not in named:
            yield Problem(
                "image_orphan", str(path), "no row names it: a run was stopped, or is about, to write its rows"
            )


def _generation_problems(snapshot: Snapshot) -> Iterator[Problem]:
    """Read every block of the generation; DuckDB checks their checksums."""
    for table in TABLES:
        try:
            snapshot.connection.execute(f'select bit_xor(hash(t)) from generation."{table}" t').fetchall()  # noqa: S608
        except duckdb.Error as error:
            yield Problem("generation_damaged", snapshot.generation, f"table {table}: {first_line(error)}")


def _row_counts(snapshot: Snapshot) -> dict[str, int]:
    parts = (f"select '{table}' as name, count(*) as n from raw_{table}" for table in TABLES)  # noqa: S608
    counts = {row["name"]: int(row["n"]) for row in snapshot.query(" union all ".join(parts)).to_pylist()}
    return counts | {"tail_segments": sum(map(len, snapshot.segments.values()))}
