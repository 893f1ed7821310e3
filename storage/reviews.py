"""Decisions of people, appended as events: one decision a segment, a bulk as many segments and a marker at the end.

Nothing is overwritten: taking back is an event too. What the events add up to is decided in `storage.views_reviews`.
"""

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from curation.errors import ConfigError
from storage.files import make_directories, os_errors, write_durably
from storage.store import Store

VERDICTS = ("accept", "reject", "edit", "skip")
"""Decisions that say what an annotator thinks of a sample; the latest of one annotator counts."""

DECISIONS = (*VERDICTS, "flag", "first_wrong_step", "undo", "bulk")
SLICE = 20_000  # rows of a bulk a segment
LONGEST = {"reason": 200, "note": 4000, "edited_answer": 20_000, "edited_trace": 200_000}
NAME = 80  # characters of an annotator


@dataclass(frozen=True, slots=True)
class Decision:
    """One event of one annotator on one sample.

    `judged` is the MD5 of the trace that was on the screen; `first_wrong_step` counts from 1, 0 takes a mark away;
    `seconds` is how long the sample was looked at; `review_id` makes a repeated save of one press one event.
    """

    sample_id: str
    sample_key: str
    annotator: str
    decision: str
    run_id: str | None = None
    judged: str | None = None
    reason: str | None = None
    note: str | None = None
    edited_answer: str | None = None
    edited_trace: str | None = None
    first_wrong_step: int | None = None
    seconds: float | None = None
    blind: bool = False
    adjudicates: bool = False
    review_id: str = ""


def decide(store: Store, decision: Decision) -> str:
    """Record a decision and return its id; on return it survives kill -9 and power loss. ConfigError if malformed."""
    check(decision)
    review_id = decision.review_id or secrets.token_hex(16)
    store.append("reviews", [{**asdict(decision), "review_id": review_id, "created": time.time()}], name=review_id)
    return review_id


def decide_all(store: Store, like: Decision, samples: Iterable[tuple[str, str, str, str]]) -> tuple[str, int]:
    """Record `like` for every (sample_id, sample_key, run_id, judged) as one event; returns its id and the count.

    The event counts once its last row is written: a process killed halfway has decided nothing.
    """
    check(like)
    bulk = like.review_id or secrets.token_hex(16)
    now, count = time.time(), 0
    rows = iter(samples)
    for at, part in enumerate(iter(lambda: list(islice(rows, SLICE)), [])):
        store.append("reviews", [_row(like, bulk, count + n, item, now) for n, item in enumerate(part)],
                     name=f"{bulk}.{at}")  # fmt: skip
        count += len(part)
    marker = {"review_id": bulk, "annotator": like.annotator, "decision": "bulk", "reason": like.decision}
    store.append("reviews", [{**marker, "note": like.note, "samples": count, "created": now}], name=bulk)
    return bulk, count


def undo(store: Store, event: str, annotator: str) -> str:
    """Take back a decision or a whole bulk by its id; the event of taking back is named after it, so once is enough."""
    row = {"review_id": f"{event}-undo", "annotator": annotator, "decision": "undo", "undoes": event}
    store.append("reviews", [{**row, "created": time.time()}], name=f"{event}-undo")
    return f"{event}-undo"


def check(decision: Decision) -> None:
    """ConfigError unless the decision can be recorded."""
    annotator_name(decision.annotator)
    if decision.decision not in DECISIONS:
        raise ConfigError("decision", decision.decision, f"choose one of {', '.join(DECISIONS)}")
    if decision.decision == "edit" and not (decision.edited_answer or decision.edited_trace):
        raise ConfigError("edited answer", decision.edited_answer, "write the right answer, or mend the trace")
    if decision.decision == "first_wrong_step" and (decision.first_wrong_step or 0) < 0:
        raise ConfigError("first wrong step", decision.first_wrong_step, "steps count from 1; 0 takes the mark away")
    for name, most in LONGEST.items():
        if len(getattr(decision, name) or "") > most:
            raise ConfigError(
                name.replace("_", " "), f"{len(getattr(decision, name)):,} characters", f"at most {most:,}"
            )


def annotator_name(text: str) -> str:
    """The name as it is stored; ConfigError for one that is empty, too long or not printable."""
    name = " ".join(text.split())
    if not name or len(name) > NAME or not name.isprintable():
        raise ConfigError("annotator", text[:NAME], f"give a name of 1 to {NAME} printable characters")
    return name


def pseudonyms(store: Store, annotators: Sequence[str]) -> dict[str, str]:
    """What exports call each annotator: a hash keyed with the store's own secret, the same in every export."""
    key = _secret(store.root / "review" / "secret")
    return {name: blake2b(name.encode(), key=key, digest_size=8).hexdigest() for name in annotators}


def _secret(path: Path) -> bytes:
    with os_errors("write", path):
        if not path.exists():
            make_directories([path.parent])
            write_durably(path, secrets.token_hex(32).encode())
        return path.read_bytes()[:64]


def _row(like: Decision, bulk: str, number: int, item: tuple[str, str, str, str], now: float) -> dict[str, object]:
    sample_id, sample_key, run_id, judged = item
    return {
        **asdict(like), "review_id": f"{bulk}.{number}", "bulk": bulk, "sample_id": sample_id,
        "sample_key": sample_key, "run_id": run_id, "judged": judged, "created": now,
    }  # fmt: skip
