"""`vistill passrate` against a scripted model over HTTP: rates, bands that drop, early stops, nothing asked twice."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.errors import ConfigError
from curation.passrate import Band
from curation.pictures import inspect
from flows.cli import main
from storage import corpus
from storage.store import Store
from tests.fakes.mind import text_of
from tests.fakes.model_server import ModelServer, error
from tests.flows.test_export import _outcomes, png
from tests.storage.hand_built import a_sample, rows, start, take_in

SAMPLES = 5


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Samples s2 to s6 in the split rl, whose answers are their numbers."""
    store = Store.open(tmp_path / "store")
    start(store)
    pictures = [png(10 * n) for n in range(2, 2 + SAMPLES)]
    samples = [a_sample(n, image=inspect(data), licence="mit") for n, data in enumerate(pictures, start=2)]
    images = [(sample.image, data) for sample, data in zip(samples, pictures, strict=True) if sample.image]
    corpus.add_samples(store, samples, images)
    take_in(store, samples)
    for sample in samples:
        corpus.add_outcomes(store, "r1", _outcomes(int(sample.id[1:]), sample))
    corpus.end_run(store, "r1", event="finished")
    return store


def right_in_ten(shares: dict[int, int]) -> Callable[[dict[str, Any]], Any]:
    """A model that answers the question about picture n rightly the first `shares[n]` times of every ten."""
    asked: Counter[int] = Counter()

    def reply(request: dict[str, Any]) -> str:
        found = re.search(r"picture (\d+)", text_of(request))
        assert found
        number = int(found[1])
        asked[number] += 1
        said = number if (asked[number] - 1) % 10 < shares[number] else number + 50
        return f"<think>I count.</think>\n<answer>{said}</answer>"

    return reply


def passrate(store: Store, server: ModelServer, *more: str) -> int:
    return main(["passrate", f"--teacher={server.url}#fake", f"--store={store.root}", *more])


def in_rl(store: Store) -> set[str]:
    return {row["sample_id"] for row in rows(store, "select sample_id from splits where split = 'rl'")}


SHARES = {2: 0, 3: 10, 4: 5, 5: 1, 6: 9}


def test_rates_are_kept_and_the_band_drops_until_it_is_undone(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    with ModelServer(right_in_ten(SHARES)) as server:
        assert passrate(store, server, "--draws=10", "--band=0,1", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["places"] == {"too_hard": 1, "within": 3, "too_easy": 1, "unknown": 0}
    kept = rows(store, "select sample_id, correct, k, model, temperature, verifier, low, high from pass_rates")
    assert {row["sample_id"]: (row["correct"], row["k"]) for row in kept} == {
        f"s{n}": (share, 10) for n, share in SHARES.items()
    }
    assert all(row["low"] <= row["correct"] / 10 <= row["high"] for row in kept)
    assert {(row["model"], row["temperature"], row["verifier"]) for row in kept} == {("fake", 1.0, "rule")}
    assert in_rl(store) == {"s4", "s5", "s6"}
    told = rows(store, "select sample_id, reason, detail from splits where split = 'none' order by sample_id")
    assert [(row["sample_id"], row["reason"]) for row in told] == [("s2", "too_hard"), ("s3", "too_easy")]
    assert told[0]["detail"] == "0 of 10 draws of fake were right"
    assert main(["passrate", f"--undo={report['pass_id']}", f"--store={store.root}"]) == 0
    assert in_rl(store) == {f"s{n}" for n in SHARES}


def test_how_many_draws_there_may_be_is_said_before_the_first(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    with ModelServer(lambda _: error(401)) as server:
        assert passrate(store, server, "--draws=300", "--limit=2") == 1
    assert "2 samples, at most 600 draws of fake" in capsys.readouterr().err


def test_draws_that_all_fail_are_no_success(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A schedule goes by the exit code."""
    with ModelServer(lambda _: error(400)) as server:
        assert passrate(store, server, "--draws=2", "--band=0,1") == 1
    said = capsys.readouterr()
    assert f"no draw of fake says anything: {2 * SAMPLES} call_" in said.err
    assert (said.out, len(in_rl(store))) == ("", SAMPLES)


def test_without_a_band_nobody_is_dropped(store: Store) -> None:
    with ModelServer(right_in_ten(SHARES)) as server:
        assert passrate(store, server, "--draws=2") == 0
    assert len(in_rl(store)) == SAMPLES
    assert len(rows(store, "select 1 from pass_rates")) == SAMPLES


def test_the_same_command_again_finds_the_same_samples_and_drops_no_more(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """s2 and s3 are dropped of the first three; the fourth is none of them when they are out of the split."""
    command = ["--draws=10", "--band=0,1", "--limit=3", "--json"]
    with ModelServer(right_in_ten({2: 0, 3: 10, 4: 5, 5: 0, 6: 0})) as server:
        assert passrate(store, server, *command) == 0
        first, asked = json.loads(capsys.readouterr().out), len(server.requests)
        for _ in range(2):
            assert passrate(store, server, *command) == 0
            again = json.loads(capsys.readouterr().out)
            assert (again["samples"], again["pass_id"], again["dropped_before"]) == (1, None, 2)
            assert again["before"] == [first["pass_id"]]
        assert (len(server.requests), in_rl(store)) == (asked, {"s4", "s5", "s6"})
        assert passrate(store, server, "--draws=10", "--band=0,1", "--limit=2") == 0  # another command: what is left
        assert in_rl(store) == {"s4", "s6"}
        capsys.readouterr()
        assert main(["passrate", f"--undo={first['pass_id']}", f"--store={store.root}"]) == 0
        assert passrate(store, server, *command[:3]) == 0
        assert in_rl(store) == {"s4", "s6"}


def test_a_limit_whose_samples_are_all_dropped_says_by_what(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--draws=10", "--band=0,1", "--limit=2"]
    with ModelServer(right_in_ten(SHARES)) as server:
        assert passrate(store, server, *command) == 0
        assert passrate(store, server, *command) == 0
    assert "2 were dropped by passrate-" in capsys.readouterr().out
    assert in_rl(store) == {"s4", "s5", "s6"}


def test_drawing_stops_once_the_interval_has_left_the_band(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Nine right of nine leave 0.3 to 0.7 after three, nothing right of any does too; one in two never does."""
    with ModelServer(right_in_ten({2: 0, 3: 10, 4: 5, 5: 0, 6: 10})) as server:
        assert passrate(store, server, "--draws=10", "--band=0.3,0.7", "--json") == 0
        asked = len(server.requests)
    report = json.loads(capsys.readouterr().out)
    assert report["stopped_early"] == 4
    assert report["draws"] == asked < 10 * SAMPLES
    stopped = rows(store, "select sample_id, k, stopped, low, high from pass_rates order by sample_id")
    assert {row["sample_id"] for row in stopped if row["stopped"] == "band"} == {"s2", "s3", "s5", "s6"}
    assert all(row["high"] < 0.3 or row["low"] > 0.7 for row in stopped if row["stopped"] == "band")
    assert in_rl(store) == {"s4"}


def test_what_was_answered_is_not_asked_again(store: Store) -> None:
    with ModelServer(right_in_ten(SHARES)) as server:
        assert passrate(store, server, "--draws=3") == 0
        asked = len(server.requests)
        assert passrate(store, server, "--draws=5") == 0
        assert (asked, len(server.requests)) == (3 * SAMPLES, 5 * SAMPLES)


def test_the_model_sees_the_picture_and_the_prompt_of_the_grpo_export(store: Store) -> None:
    with ModelServer(right_in_ten(SHARES)) as server:
        assert passrate(store, server, "--draws=1", "--limit=1") == 0
        [request] = server.requests
    system, user = request["messages"]
    assert system["content"].startswith("You look at the picture")
    assert [part["type"] for part in user["content"]] == ["image_url", "text"]
    assert request["temperature"] == 1.0


def test_draws_that_fail_are_neither_right_nor_wrong(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    well = right_in_ten(dict.fromkeys(SHARES, 10))

    def reply(request: dict[str, Any]) -> Any:
        return error(400) if "picture 4" in text_of(request) else well(request)

    with ModelServer(reply) as server:
        assert passrate(store, server, "--draws=3", "--band=0,1", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["places"] == {"too_hard": 0, "within": 0, "too_easy": 4, "unknown": 1}
    assert report["lost_draws"] == {"call_bad_request": 3}
    assert in_rl(store) == {"s4"}
    assert rows(store, "select 1 from pass_rates where sample_id = 's4'") == []


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--band=0.5"], 2, "LOW,HIGH"),
        (["--band=0.9,0.1"], 2, "LOW < HIGH"),
        (["--draws=0"], 2, "at least 1"),
        (["--draws=1000000000"], 2, "at most 1,000"),
        (["--temperature=0", "--draws=4"], 2, "must be 1 at temperature 0"),
        *(([f"--temperature={value}"], 2, "finite number of at least 0") for value in ("nan", "-3", "inf")),
        (["--split=sft"], 1, "no sample in the split sft"),
        (["--undo=passrate-x"], 2, "is no passrate pass"),
        (["--recipe=other"], 2, "has no run here"),
    ],
)
def test_bad_use_is_one_line_and_asks_nothing(
    store: Store, capsys: pytest.CaptureFixture[str], more: list[str], code: int, says: str
) -> None:
    with ModelServer(right_in_ten(SHARES)) as server:
        assert passrate(store, server, *more) == code
        assert server.requests == []
    said = capsys.readouterr().err
    assert says in said
    assert len(said.strip().splitlines()) == 1


def test_a_model_that_takes_no_pictures_is_refused(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    with ModelServer() as server:
        command = ["passrate", f"--teacher={server.url}?sees=false#fake", f"--store={store.root}"]
        assert main(command) == 2
    assert "takes no pictures" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("correct", "k", "place"), [(0, 8, "too_hard"), (8, 8, "too_easy"), (1, 8, "within"), (0, 0, "unknown")]
)
def test_the_ends_of_the_band_are_outside_it(correct: int, k: int, place: str) -> None:
    assert Band().place(correct, k) == place


def test_a_band_must_be_one() -> None:
    with pytest.raises(ConfigError, match="LOW < HIGH"):
        Band(0.5, 0.5)
