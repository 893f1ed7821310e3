"""`vistill push` when the Hub refuses, is busy, breaks off or is left in the middle: one line, continued later."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from storage.store import Store
from tests.fakes.hub_server import READER, WRITER, Fault, HubServer
from tests.flows.test_export import built
from tests.flows.test_push import REPO, environment, hub, push, started, store, waits
from tests.storage.hand_built import rows

__all__ = ["hub", "store", "waits"]  # fixtures


@pytest.mark.parametrize(
    ("token", "code", "says"),
    [("hf_nobodynobodynobody", 1, "does not accept the token"), (READER, 1, "needs write access")],
)
def test_a_token_that_may_not_is_told_and_never_shown(
    store: Store, hub: HubServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    token: str, code: int, says: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("HF_TOKEN", token)
    assert push(store, "--format=grpo") == code
    said = capsys.readouterr()
    assert says in said.err
    assert token not in said.err + said.out
    assert hub.repos == {}


def test_no_token_says_where_to_get_one_and_a_stored_one_is_taken(store: Store, hub: HubServer, tmp_path: Path) -> None:
    home = tmp_path / "hf"
    process = started(store, environment(hub, home, None), "--format=grpo")
    _, errors = process.communicate()
    assert (process.returncode, "hf auth login" in errors, len(errors.strip().splitlines())) == (2, True, 1)
    home.mkdir(exist_ok=True)
    (home / "token").write_text(WRITER)
    process = started(store, environment(hub, home, None), "--format=grpo")
    out, errors = process.communicate()
    assert (process.returncode, REPO in hub.repos) == (0, True), errors
    files = [path for path in store.root.rglob("*") if path.is_file()]
    assert not any(WRITER.encode() in path.read_bytes() for path in files)
    assert WRITER not in out + errors


@pytest.mark.parametrize("match", ["POST .*/commit/", "PUT /_lfs/", "POST .*/preupload/"])
def test_a_busy_hub_is_waited_for_as_long_as_it_asks(
    store: Store, hub: HubServer, waits: list[float], match: str
) -> None:
    hub.faults = [Fault(match, 429, {"Retry-After": "7"})]
    assert push(store, "--format=grpo") == 0
    assert waits[0] >= 7
    assert "grpo/manifest.json" in hub.repos[REPO].head()


def test_a_hub_that_stays_busy_is_told_with_its_waiting_time(
    store: Store, hub: HubServer, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    hub.faults = [Fault("PUT /_lfs/", 429, {"Retry-After": "7"}, times=99)]
    assert push(store, "--format=grpo") == 1
    said = capsys.readouterr().err
    assert "wait 7 s" in said
    assert "s3cr3t" not in said


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault("PUT /_lfs/", 507), "no space for it on the Hub"),
        (Fault("POST .*/preupload/", 503, times=99), "HTTP 503"),
        (Fault("(GET|HEAD) .*/resolve/", cut=0, times=99), "cannot look at"),
        (Fault("POST .*/commit/", 500, times=99), "HTTP 500"),
    ],
)
def test_whatever_the_hub_does_it_is_told_in_one_line_and_nothing_is_committed(
    store: Store, hub: HubServer, waits: list[float], capsys: pytest.CaptureFixture[str], fault: Fault, says: str
) -> None:
    repo = hub.add(REPO, {"README.md": b"Hello."})
    before = dict(repo.refs)
    hub.faults = [Fault(fault.match, fault.status, fault.headers, fault.cut, fault.times)]
    assert push(store, "--format=grpo") == 1
    said = capsys.readouterr().err
    assert says in said.splitlines()[-1]
    assert WRITER not in said
    assert "Traceback" not in said
    assert repo.refs == before


def test_other_files_in_the_working_folder_are_left_there(store: Store, hub: HubServer, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "mine").write_text("x")
    assert push(store, "--format=grpo", f"--work={tmp_path / 'work'}") == 0
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["mine"]


def test_a_hub_without_xet_is_told_with_the_variable_that_it_needs(
    store: Store, hub: HubServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    assert push(store, "--format=grpo") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "this Hub has no Xet storage" in said
    assert "HF_HUB_DISABLE_XET=1" in said
    assert "broke" not in said


def test_an_upload_that_is_cut_is_tried_again(store: Store, hub: HubServer, waits: list[float]) -> None:
    hub.faults = [Fault("PUT /_lfs/", cut=100)]
    assert push(store, "--format=grpo") == 0
    assert ([status for method, _, status in hub.log if method == "PUT"].count(0), len(waits)) == (1, 1)
    assert "grpo/manifest.json" in hub.repos[REPO].head()


def test_a_connection_that_stays_cut_is_told_and_the_next_push_sends_only_the_rest(
    store: Store, hub: HubServer, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    """Two shards: the first goes through, the other is cut until `huggingface_hub` gives up."""
    assert push(store, "--format=grpo", "--shard-rows=1", "--dry-run") == 0
    work = store.root / "hub" / REPO.replace("/", "--") / "grpo"
    files = orjson.loads((work / "manifest.json").read_bytes())["files"]
    lost = [file["sha256"] for file in files if file["path"].startswith("train-00001")]
    hub.faults = [Fault(f"PUT /_lfs/{lost[0]}", cut=50, times=99)]
    capsys.readouterr()
    assert push(store, "--format=grpo", "--shard-rows=1") == 1
    said = capsys.readouterr().err
    assert "the connection to the Hub broke" in said
    assert "s3cr3t" not in said
    assert "grpo/manifest.json" not in hub.repos[REPO].head()
    hub.faults, before = [], len(hub.log)
    assert push(store, "--format=grpo", "--shard-rows=1") == 0
    sent = [path for method, path, _ in hub.log[before:] if method == "PUT"]
    assert sent == [f"/_lfs/{lost[0]}"]
    assert not work.exists()


def test_a_push_whose_answer_was_cut_is_recorded_by_the_next_one_and_once(
    tmp_path: Path, hub: HubServer, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    store = built(tmp_path)
    hub.faults = [Fault("POST .*/commit/", mute=True, times=1)]
    assert push(store, "--format=grpo") == 1
    assert rows(store, "select 1 from exports") == []
    sent = hub.repos[REPO].refs["main"]
    for _ in range(2):
        assert push(store, "--format=grpo") == 0
    assert "nothing to send" in capsys.readouterr().out
    assert [row["path"] for row in rows(store, "select path from raw_exports")] == [f"hf://datasets/{REPO}@{sent}/grpo"]


@pytest.fixture
def patient_after() -> Iterator[None]:
    """The time-out is of the process: what comes after these tests must not have theirs."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    yield
    set_client_factory(default_client_factory)


@pytest.mark.usefixtures("patient_after")
@pytest.mark.parametrize("repo", [REPO, "dots"])
def test_a_hub_that_accepts_and_never_answers_is_given_up(
    store: Store, hub: HubServer, waits: list[float], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], repo: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("VISTILL_HUB_TIMEOUT", "0.3")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        assert push(store, "--format=grpo", repo=repo) == 1
    said = capsys.readouterr().err
    assert time.monotonic() - began < 20
    assert (len(said.splitlines()), "does not answer" in said, "VISTILL_HUB_TIMEOUT" in said) == (1, True, True)


@pytest.mark.usefixtures("patient_after")
@pytest.mark.parametrize("format", ["grpo", "vlaa"])
def test_an_upload_that_is_never_answered_is_given_up(
    store: Store, hub: HubServer, waits: list[float], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], format: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("VISTILL_HUB_TIMEOUT", "0.5")
    hub.stall.set()
    assert push(store, f"--format={format}") == 1
    hub.stall.clear()
    assert "cannot upload to tester/dots: the Hub does not answer" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(
    store: Store, hub: HubServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    monkeypatch.setenv("VISTILL_HUB_TIMEOUT", text)
    assert push(store, "--format=grpo") == 2
    assert "VISTILL_HUB_TIMEOUT" in capsys.readouterr().err
    assert hub.log == []


def test_ctrl_c_ends_a_push_to_a_hub_that_says_nothing(store: Store, hub: HubServer, tmp_path: Path) -> None:
    hub.stall.set()
    process = started(store, environment(hub, tmp_path / "hf"), "--format=vlaa")
    until = time.monotonic() + 60
    while not any(path.endswith("/objects/batch") for _, path, _ in hub.log):
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    hub.stall.clear()
    assert process.returncode == 130
    assert "interrupted; what was done is kept" in said


@pytest.mark.parametrize("format", ["grpo", "vlaa"])
def test_a_push_killed_in_an_upload_is_continued_by_the_next_one(
    store: Store, hub: HubServer, tmp_path: Path, format: str
) -> None:
    """With pictures in the rows, and with pictures as files."""
    env = environment(hub, tmp_path / "hf")
    hub.stall.set()
    process = started(store, env, f"--format={format}")
    until = time.monotonic() + 60
    while not any(path.endswith("/objects/batch") for _, path, _ in hub.log):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    hub.stall.clear()
    assert f"{format}/manifest.json" not in hub.repos[REPO].head()
    assert push(store, f"--format={format}") == 0
    there = hub.repos[REPO].head()
    manifest = json.loads(there[f"{format}/manifest.json"].content)
    assert {f"{format}/{file['path']}" for file in manifest["files"]} <= there.keys()
    assert any(path.startswith(f"{format}/images/") for path in there) == (format == "vlaa")
