"""What is done about rewards that give no value; no torch."""

import pytest

from curation.errors import RunStopped
from curation.trainer.hearing import Hearing


def hearing(said: list[str], *names: str, weights: tuple[float, ...] = ()) -> Hearing:
    return Hearing(names, weights or (1.0,) * len(names), said.append)


def test_a_reward_without_a_value_in_the_first_batch_is_said_once_with_the_kinds_of_the_rows() -> None:
    said: list[str] = []
    heard = hearing(said, "rec", "format")
    for _ in range(9):
        heard.batch([True, False], ["digit", "text", None], trained=False)
    assert said == ["rec gave no value in the whole first batch, rows of kind digit, text: it counts for nothing there "
                    "(docs/rewards.md says what it reads)"]  # fmt: skip


def test_no_value_at_all_in_the_first_batch_stops() -> None:
    with pytest.raises(RunStopped, match=r"^rec, accuracy gave no value in the whole first batch, rows that name no"):
        hearing([], "rec", "accuracy").batch([True, True], [None], trained=False)
    with pytest.raises(RunStopped, match="look at the judge"):
        hearing([], "skywork").batch([True], ["open"], trained=False)
    with pytest.raises(RunStopped, match=r"^rec gave"):  # what has weight 0 teaches nothing
        hearing([], "rec", "accuracy", weights=(1.0, 0.0)).batch([True, False], ["digit"], trained=False)


def test_later_batches_of_rows_that_nobody_scores_stop_only_when_they_go_on() -> None:
    said: list[str] = []
    heard = hearing(said, "rec")
    heard.batch([True], ["text"], trained=True)
    heard.batch([True], ["text"], trained=True)
    heard.batch([False], ["box"], trained=True)
    heard.batch([True], ["text"], trained=True)
    heard.batch([True], ["text"], trained=True)
    with pytest.raises(RunStopped, match="every reward scored nothing in 3 batches in a row, rows of kind text"):
        heard.batch([True], ["text"], trained=True)
    assert said == []
