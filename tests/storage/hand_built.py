"""Small stores built by hand: runs, samples and outcomes whose every view can be worked out on paper."""

from hashlib import sha256
from pathlib import Path
from typing import Any

from curation.records import Call, Image, Outcome, Sample, digest
from storage import corpus
from storage.store import Store

STEPS = (
    ("intake", "f-intake", "row", False),
    ("dedup", "f-dedup", "all", False),
    ("caption", "f-caption", "row", False),
    ("distill", "f-distill", "row", True),
    ("verify", "f-verify", "row", True),
    ("draws", "f-draws", "row", False),
    ("split", "f-split", "all", False),
)

PICTURE = b"not decoded by the store"


def an_image(content: bytes = PICTURE) -> Image:
    return Image(sha256(content).hexdigest(), "png", 640, 480, len(content), "p" * 32, 2**64 - 1)


def a_sample(number: int, **changes: Any) -> Sample:
    given: dict[str, Any] = {"reference": str(number), "kind": "digit", "source": "figures", "position": number}
    return Sample(**({"id": f"s{number}", "question": f"How many dots are in picture {number}?"} | given | changes))


def an_outcome(sample: Sample, step: str, status: Any = "ok", value: Any = None, **rest: Any) -> Outcome:
    fingerprint = next((print for name, print, *_ in STEPS if name == step), f"f-{step}")
    return Outcome(sample.id, sample.key, step, fingerprint, status, value, **rest)


def verdict(correct: bool | None, extracted: str, source: str = "rule") -> dict[str, Any]:
    return {"correct": correct, "extracted": extracted, "kind": "digit", "reason": "compared", "source": source}


def a_call(number: int, **changes: Any) -> Call:
    given: dict[str, Any] = {
        "teacher": "local",
        "model": "smol",
        "status": "ok",
        "request": "{}",
        "created": 100.0 + number,
    }
    return Call(**({"key": digest(["call", number]), "reply": f"reply {number}"} | given | changes))


def add_calls(store: Store, *calls: Call, run_id: str = "r1") -> None:
    names = list(Call.__dataclass_fields__)
    store.append("calls", [{name: getattr(call, name) for name in names} | {"run_id": run_id} for call in calls])


def a_store(path: Path) -> Store:
    return Store.open(path / "store", create=True)


def start(store: Store, run_id: str = "r1", recipe: str = "vlaa", steps: Any = STEPS, **changes: Any) -> None:
    given = {
        "recipe_fingerprint": "rf",
        "source": "figures",
        "seed": 7,
        "settings": {"draws": 2},
        "teachers": {"reasoner": "local"},
    }
    corpus.start_run(store, run_id=run_id, recipe=recipe, steps=steps, **(given | changes))  # type: ignore[arg-type]


def take_in(store: Store, samples: list[Sample], run_id: str = "r1") -> None:
    corpus.add_samples(store, samples)
    corpus.add_members(store, run_id, [(sample.id, sample.key, sample.position) for sample in samples])
    corpus.add_outcomes(store, run_id, [an_outcome(sample, "intake") for sample in samples])


def rows(store: Store, sql: str, *params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = store.query(sql, params).to_pylist()
    return found


def tuples(store: Store, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows(store, sql, *params)]
