"""A store into which a source was taken whole, every sample kept in split `sft`: a corpus without model calls."""

from pathlib import Path

from curation.intake import samples
from curation.records import Outcome, Rejected
from curation.sources import open_source
from storage import corpus
from storage.store import Store

STEPS = [("intake", "f-intake", "row", False), ("split", "f-split", "all", False)]


def imported(path: Path, source: str, *, maps: tuple[str, ...] = (), lost: frozenset[str] = frozenset()) -> Store:
    """The store at `path`; samples whose ids are `lost` failed at intake's end instead of reaching the split."""
    store = Store.open(path)
    taken = [one for one in samples(open_source(source, maps=maps), need_answer=False) if not isinstance(one, Rejected)]
    corpus.start_run(
        store, run_id="r1", recipe="import", recipe_fingerprint="x", source=source, seed=0, settings={}, teachers={},
        steps=STEPS,
    )  # fmt: skip
    corpus.add_samples(store, [s for s, _ in taken], [(s.image, data) for s, data in taken if s.image and data])
    corpus.add_members(store, "r1", [(s.id, s.key, s.position) for s, _ in taken])
    value = {"split": "sft", "verifier_type": "math"}
    outcomes = [Outcome(s.id, s.key, "intake", "f-intake", "ok") for s, _ in taken]
    for s, _ in taken:
        gone = Outcome(s.id, s.key, "split", "f-split", "dropped", None, "not_chosen")
        outcomes.append(gone if s.id in lost else Outcome(s.id, s.key, "split", "f-split", "ok", value))
    corpus.add_outcomes(store, "r1", outcomes)
    corpus.end_run(store, "r1", event="finished")
    return store
