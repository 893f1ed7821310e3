"""`vistill push` of corpora that are not as they should be: refused before anything is sent, or mended on the way."""

import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curation.records import Option
from storage.reviews import Decision, decide
from tests.fakes.hub_server import Fault, HubServer
from tests.flows.test_export import built
from tests.flows.test_push import REPO, hub, push, waits
from tests.storage.hand_built import rows

__all__ = ["hub", "waits"]  # fixtures

GRPO = "grpo/train-00000-of-00001.parquet"


def pushed(hub: HubServer, path: str = GRPO) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(io.BytesIO(hub.repos[REPO].head()[path].content)).to_pylist()
    return found


@pytest.mark.parametrize("format", ["grpo", "vlaa"])
def test_a_lost_picture_stops_the_push_unless_it_is_left_out(
    tmp_path: Path, hub: HubServer, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    store = built(tmp_path)
    [lost] = rows(store, "select s.image, i.format from samples s join images i on i.sha256 = s.image "
                         "where sample_id = 's2'")  # fmt: skip
    store.image_path(lost["image"], lost["format"]).unlink()
    assert push(store, f"--format={format}") == 1
    assert "s2: image_missing" in capsys.readouterr().err
    assert (hub.writes(), hub.repos) == ([], {})
    assert push(store, f"--format={format}", "--skip-missing") == 0
    text = hub.repos[REPO].head()["README.md"].content.decode()
    assert f"| {format} | image\\_missing | 1 |" in text


def test_placeholders_and_options_without_letters_are_mended_on_the_way(tmp_path: Path, hub: HubServer) -> None:
    options = (Option("", "two dots"), Option("", "nine dots"))
    asked = {
        "s2": {"question": "Is <image> before <|im_end|>?"},
        "s3": {"options": options, "reference": "nine dots", "kind": "mcq"},
    }
    store = built(tmp_path, **asked)
    assert push(store, "--format=grpo", "--format=vlaa") == 0
    for row in pushed(hub):
        assert "<image>" not in json.dumps(row["prompt"])
    rl = json.loads(hub.repos[REPO].head()["vlaa/VLAA-Thinking-GRPO.json"].content)
    assert ["<image>" in row["question"] for row in rl] == [False, False]
    assert rl[1]["question"].endswith("A. two dots\nB. nine dots")
    assert rl[1]["gt"] == "B"


def test_a_split_that_changed_after_a_cut_is_exported_again_and_not_sent_as_it_was(
    tmp_path: Path, hub: HubServer, waits: list[float]
) -> None:
    store = built(tmp_path)
    hub.faults = [Fault("PUT /_lfs/", cut=10, times=99)]
    assert push(store, "--format=grpo") == 1
    hub.faults = []
    sample = next(row for row in rows(store, "select * from samples") if row["sample_id"] == "s2")
    decide(store, Decision("s2", sample["sample_key"], "ann", "edit", edited_answer="7", edited_trace=None))
    assert push(store, "--format=grpo") == 0
    assert [row["solution"] for row in pushed(hub)] == ["7", "3"]


def test_waiting_files_that_were_changed_are_written_again(tmp_path: Path, hub: HubServer) -> None:
    store = built(tmp_path)
    assert push(store, "--format=vlaa", "--dry-run") == 0
    file = store.root / "hub" / REPO.replace("/", "--") / "vlaa" / "VLAA-Thinking-GRPO.json"
    file.write_bytes(file.read_bytes().replace(b"dots", b"cats"))
    assert push(store, "--format=vlaa") == 0
    assert b"cats" not in hub.repos[REPO].head()["vlaa/VLAA-Thinking-GRPO.json"].content
