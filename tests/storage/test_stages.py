"""What a run asks between its stages, against the same question answered sample by sample in Python."""

import random
from collections import Counter
from pathlib import Path

import pytest

from curation.records import Outcome, Sample, Status
from storage import corpus, stages
from storage.store import Store
from tests.storage.hand_built import a_sample, a_store, start, take_in

PARTS = ["f-caption", "f-draws", "f-cues"]
INNER = ["f-distill", "f-verify"]
AGAIN = frozenset({"call_failed"})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return a_store(tmp_path)


def outcome(sample: Sample, fingerprint: str, status: Status, reason: str = "", draw: int = 0) -> Outcome:
    return Outcome(
        sample.id, sample.key, fingerprint.removeprefix("f-"), fingerprint, status, None, reason=reason, draw=draw
    )


def any_outcomes(sample: Sample, chance: random.Random) -> list[Outcome]:
    """What some run may have left behind: any step may be missing, or have ended in any way."""
    found = []
    for fingerprint in [*PARTS, *INNER]:
        status = chance.choice(["ok", "ok", "ok", "dropped", "failed", None])
        if status is not None:
            reason = "" if status == "ok" else chance.choice(["wrong_answer", "wrong_answer", "call_failed"])
            found.append(outcome(sample, fingerprint, status, reason, chance.choice([0, 1]) * (fingerprint in INNER)))
    return found


def expected(outcomes: list[Outcome]) -> str:
    """`kept`, `gone`, or '' for a sample that needs another look: the engine's own way through the parts."""
    if any(found.reason in AGAIN for found in outcomes):
        return ""
    by_part = {found.fingerprint: found.status for found in outcomes}
    for fingerprint in PARTS:
        if fingerprint not in by_part:
            return ""
        if by_part[fingerprint] != "ok":
            return "gone"
    return "kept"


def settled(store: Store, kept_by: str | None = None, after: int = -1) -> stages.Settled:
    with store.snapshot() as snapshot:
        return stages.settled(snapshot, "r1", kept_by=kept_by, after=after, parts=PARTS, inner=INNER, again=AGAIN)


def test_samples_are_settled_exactly_when_the_engine_would_find_nothing_to_do(store: Store) -> None:
    chance = random.Random(5)
    samples = [a_sample(number) for number in range(400)]
    start(store)
    take_in(store, samples)
    outcomes = {sample.position: any_outcomes(sample, chance) for sample in samples}
    corpus.add_outcomes(store, "another", [found for some in outcomes.values() for found in some])
    wanted = {position: expected(some) for position, some in outcomes.items()}
    found = settled(store)
    assert found.kept.tolist() == [position for position, fate in wanted.items() if fate == "kept"]
    assert found.gone.tolist() == [position for position, fate in wanted.items() if fate == "gone"]
    assert len(found.kept) > 20
    assert len(found.gone) > 20
    told = Counter(
        (one.step, one.status, one.reason) for position, some in outcomes.items() if wanted[position] for one in some
    )
    assert {(step, status, reason): n for step, status, reason, n in found.counts} == told


def test_only_samples_of_the_run_that_came_so_far_are_settled(store: Store) -> None:
    samples = [a_sample(number) for number in range(6)]
    start(store)
    take_in(store, samples[:5])
    take_in(store, samples[5:], run_id="r2")
    done = [outcome(sample, fingerprint, "ok") for sample in samples for fingerprint in PARTS]
    corpus.add_outcomes(store, "r1", [*done, *(outcome(sample, "f-dedup", "ok") for sample in samples[:3])])
    assert settled(store).kept.tolist() == [0, 1, 2, 3, 4]
    assert settled(store, kept_by="f-dedup").kept.tolist() == [0, 1, 2]
    assert settled(store, kept_by="f-dedup", after=0).kept.tolist() == [1, 2]
    with store.snapshot() as snapshot:
        assert stages.positions_kept(snapshot, "r1", kept_by="f-dedup", after=0).tolist() == [1, 2]
        assert stages.rows_kept(snapshot, "r1", kept_by="f-dedup")[0] == 3
        assert stages.counts_of(snapshot, "f-dedup") == [("dedup", "ok", "", 3)]


def test_a_failure_mended_later_counts_as_mended(store: Store) -> None:
    sample = a_sample(0)
    start(store)
    take_in(store, [sample])
    corpus.add_outcomes(store, "r0", [outcome(sample, "f-caption", "failed", "call_failed")])
    corpus.add_outcomes(store, "r1", [outcome(sample, fingerprint, "ok") for fingerprint in PARTS])
    assert settled(store).kept.tolist() == [0]


def test_a_picture_is_known_as_long_as_the_code_that_saw_it(store: Store) -> None:
    sample = corpus_sample(store)
    assert sample.image is not None
    known = corpus.KnownImages(store, "this code")
    assert known(sample.image.sha256) == sample.image
    assert known("0" * 64) is None
    assert known("f" * 64) is None
    assert corpus.KnownImages(store, "later code")(sample.image.sha256) is None


def corpus_sample(store: Store) -> Sample:
    from tests.storage.hand_built import PICTURE, an_image

    sample = a_sample(0, image=an_image())
    corpus.add_samples(store, [sample], [(an_image(), PICTURE)], inspected="this code")
    return sample
