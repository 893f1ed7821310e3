"""The vLLM launcher, against a stand-in executable everywhere and, with `pytest -m vllm`, against vLLM itself."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from curation.errors import ConfigError, RunStopped
from curation.teachers import guard, open_teachers, vllm
from curation.teachers.protocol import Message, Reply, Sampling
from curation.teachers.spec import TeacherSpec, parse_teacher
from curation.teachers.vllm import checked_model, find_vllm, open_vllm, serve_arguments
from tests.fakes.memory_ledger import MemoryLedger

ROOT = Path(__file__).resolve().parents[2]
FAKE = ROOT / "tests" / "fakes" / "fake_vllm"
OPENS_AND_WAITS = """
import asyncio, sys
from curation.teachers import guard
from curation.teachers.spec import parse_teacher
from curation.teachers.vllm import open_vllm

guard.GRACE = float(sys.argv[2])

async def main():
    async with open_vllm(parse_teacher("vllm:" + sys.argv[1])) as url:
        print(url, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the stand-in writes what it is, beside the logs; nothing of it may run on afterwards."""
    for name in ("VISTILL_VLLM_ARGS", "VISTILL_VLLM_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VISTILL_VLLM", str(FAKE))
    monkeypatch.setenv("FAKE_VLLM_DIR", str(tmp_path))
    keep_logs_in(tmp_path, monkeypatch)
    monkeypatch.setattr(guard, "GRACE", 0.5)
    monkeypatch.setattr(vllm, "POLL", 0.05)
    yield tmp_path
    for _ in range(100):  # a busy machine takes a while to end a killed process
        if not (left := [pid for pid in noted_pids(tmp_path) if running(pid)]):
            break
        time.sleep(0.1)
    assert left == []


def test_the_address_answers_inside_the_block_and_the_processes_are_gone_after_it(notes: Path) -> None:
    inside = serving("any/model", during=lambda url: health(url))
    assert inside == 200
    assert len(noted_pids(notes)) == 2
    assert logs(notes) == []


def test_a_slow_start_is_waited_for_and_told_of(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "REPORT_EVERY", 0.3)
    heard: list[str] = []
    assert serving("slow", during=health, progress=heard.append) == 200
    assert heard[0].startswith("vLLM is loading slow: ")
    assert heard[0].endswith(" s, nothing logged yet")
    assert heard[-1].startswith("vLLM serves slow after ")


def test_a_death_at_start_is_one_message_with_cause_exit_code_and_log(notes: Path) -> None:
    with pytest.raises(RunStopped) as caught:
        serving("dies")
    head, *rest = str(caught.value).splitlines()
    assert head == (
        "vLLM (dies) stopped before it was ready: ImportError: libcuda.so.1: cannot open shared object file"
    )
    assert "  | guard: fake_vllm ended with exit code 1" in rest
    assert str(logs(notes)[0]) in rest[-1]
    assert "docs/vllm.md" in rest[-1]


@pytest.mark.parametrize(
    ("model", "cause"),
    [
        ("bad-folder", "Invalid repository ID or local directory specified: '/tmp/emptymodel'."),
        ("no-memory", "Worker failed with error 'Available memory on node 0 (7.3/9.46 GiB)'"),
    ],
)
def test_the_first_error_of_a_real_log_is_the_one_named(notes: Path, model: str, cause: str) -> None:
    with pytest.raises(RunStopped) as caught:
        serving(model)
    message = str(caught.value)
    assert cause in message.splitlines()[0]
    for noise in ("Traceback", "▀", "leaked", "File ", "[core.py"):
        assert noise not in message


def test_a_server_that_hangs_is_ended_when_the_time_is_up(notes: Path) -> None:
    with pytest.raises(RunStopped, match=r"was not ready after 4 s(.|\n)*loading weights, for ever"):
        serving("hangs", ready_within=4.0)
    assert len(noted_pids(notes)) == 2


def test_the_time_out_may_come_from_the_environment(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTILL_VLLM_TIMEOUT", "0.5")
    with pytest.raises(RunStopped, match=r"was not ready after 0\.5 s"):
        serving("hangs")


@pytest.mark.parametrize("seconds", ["soon", "0", "-3", "nan", "inf"])
def test_a_time_out_that_is_no_time_is_refused(notes: Path, monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    monkeypatch.setenv("VISTILL_VLLM_TIMEOUT", seconds)
    with pytest.raises(ConfigError, match="VISTILL_VLLM_TIMEOUT"):
        serving("any")


def test_a_group_that_ignores_being_asked_is_killed(notes: Path) -> None:
    assert serving("stubborn", during=lambda url: len(noted_pids(notes))) == 2


def test_a_cancelled_wait_ends_the_server_too(notes: Path) -> None:
    async def interrupted() -> None:
        task = asyncio.create_task(held_open("hangs"))
        await asyncio.to_thread(until, lambda: len(noted_pids(notes)) == 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    asyncio.run(interrupted())


def test_a_death_while_calls_run_is_named_instead_of_a_refused_connection(notes: Path) -> None:
    async def failing() -> None:
        async with open_vllm(parse_teacher("vllm:any")) as url:
            await asyncio.to_thread(crash, url, notes)
            raise RunStopped(f"{url} cannot be reached: connection refused")

    with pytest.raises(RunStopped, match=r"stopped while calls were being answered") as caught:
        asyncio.run(failing())
    assert "connection refused" in str(caught.value.__cause__)


def test_a_death_nobody_noticed_is_told_at_the_end(notes: Path) -> None:
    with pytest.raises(RunStopped, match=r"stopped while calls(.|\n)*exit code 9"):
        serving("any", during=lambda url: crash(url, notes))


def test_a_log_swept_away_does_not_hide_the_death(notes: Path) -> None:
    def sweep_and_crash(url: str) -> None:
        logs(notes)[0].unlink()
        crash(url, notes)

    with pytest.raises(RunStopped, match=r"stopped while calls(.|\n)*no log to read"):
        serving("any", during=sweep_and_crash)


def test_a_temporary_folder_that_takes_no_log_stops_the_run_before_it_starts(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(notes / "not-there"))
    with pytest.raises(RunStopped, match=r"cannot be started: .*No such file"):
        serving("any")


def test_an_error_of_the_block_passes_through_while_the_server_lives(notes: Path) -> None:
    def spend(url: str) -> None:
        raise RunStopped("the budget is spent")

    with pytest.raises(RunStopped, match=r"^the budget is spent$"):
        serving("any", during=spend)


def test_kill_minus_nine_of_the_parent_ends_server_and_worker(notes: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", OPENS_AND_WAITS, "stubborn", "0.5"], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith(b"http://127.0.0.1:")
    finally:
        parent.kill()
        parent.communicate()
    until(lambda: not any(map(running, noted_pids(notes))), seconds=10)


def test_arguments_arrive_word_for_word(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTILL_VLLM_ARGS", "--dtype float32 --generation-config 'a b'")
    options = {"enforce_eager": "true", "prefix-caching": "false", "chat-template": '$(touch x); "q" & \n*'}
    serving("any/model", options=options)
    assert noted(notes)["argv"][:-1] == [
        *("serve", "any/model", "--dtype", "float32", "--generation-config", "a b"),
        *("--enforce-eager", "--no-prefix-caching", '--chat-template=$(touch x); "q" & \n*', "--host=127.0.0.1"),
    ]


def test_the_server_gets_our_environment_but_no_key_to_ask_for(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "would lock us out")
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "2")
    serving("any")
    environment = noted(notes)["environment"]
    assert "VLLM_API_KEY" not in environment
    assert environment["VLLM_CPU_KVCACHE_SPACE"] == "2"
    assert environment["VLLM_NO_USAGE_STATS"] == "1"


@pytest.mark.parametrize("name", ["port", "host", "api_key", "--served-model-name", "", "max model", "x;y", "-tp"])
def test_options_that_are_ours_or_no_options_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="vllm option"):
        serve_arguments({name: "8000"})


@pytest.mark.parametrize("words", ["--port 9", "--host=0.0.0.0", "--api_key=x", "--dtype 'float32"])
def test_the_machine_arguments_are_held_to_the_same(notes: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("VISTILL_VLLM_ARGS", words)
    with pytest.raises(ConfigError):
        serving("any")
    assert noted_pids(notes) == []


@pytest.mark.parametrize(
    "model", ["", " ", "--help", "/no/such/folder", "./nothing-here", "~/models/x", "/" + "x" * 5000, "a\nb"]
)
def test_a_model_that_cannot_be_there_is_refused_before_anything_starts(model: str) -> None:
    with pytest.raises(ConfigError, match="vllm:"):
        checked_model(model)


def test_a_missing_vllm_is_answered_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISTILL_VLLM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ConfigError, match=r"pip install vllm.*vllm_setup\.sh.*docs/vllm\.md"):
        find_vllm()


def test_vllm_beside_our_python_is_found_without_an_activated_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VISTILL_VLLM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    (tmp_path / "vllm").symlink_to(FAKE)
    assert find_vllm() == str(tmp_path / "vllm")


def test_a_wrong_path_to_vllm_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "vllm").write_text("not executable")
    monkeypatch.setenv("VISTILL_VLLM", str(tmp_path / "vllm"))
    with pytest.raises(ConfigError, match="VISTILL_VLLM"):
        find_vllm()


def test_an_executable_that_cannot_run_is_a_clear_message(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = notes / "vllm"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    monkeypatch.setenv("VISTILL_VLLM", str(broken))
    with pytest.raises(RunStopped, match=f"guard: cannot run {broken}: "):
        serving("any")


def test_nobody_else_gets_the_port_while_vllm_is_still_loading() -> None:
    with vllm._held_port() as port:
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(("127.0.0.1", port))
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(("127.0.0.1", port))
            server.listen()


def test_the_guard_refuses_to_run_where_it_would_kill_its_caller() -> None:
    command = [sys.executable, guard.__file__, str(os.getpid()), "1", "true"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "must lead its own process group" in done.stderr


@pytest.mark.vllm
@pytest.mark.timeout(1200)
def test_real_vllm_answers_one_call_and_eight_at_once_and_is_gone_afterwards() -> None:
    spec = parse_teacher(f"vllm:{real_model()}?prompts=small&sees=false")
    before, ledger, heard = vllm_pids(), MemoryLedger(), list[str]()
    first, batch, seconds = asyncio.run(questioned(spec, ledger, heard))
    assert "paris" in first.text.lower()
    assert len({reply.text for reply in batch}) == 8
    assert [call.status for call in ledger.calls] == ["ok"] * 9
    assert all(call.prompt_tokens and call.completion_tokens for call in ledger.calls)
    tokens = sum(call.completion_tokens or 0 for call in ledger.calls[1:])
    print(f"{tokens} tokens in {seconds:.1f} s, 8 at once: {tokens / seconds:.0f} tokens/s")
    assert vllm_pids() == before


@pytest.mark.vllm
@pytest.mark.timeout(1200)
def test_real_vllm_is_gone_within_ten_seconds_of_a_kill_minus_nine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_logs_in(tmp_path, monkeypatch)
    before = vllm_pids()
    parent = subprocess.Popen(
        [sys.executable, "-c", OPENS_AND_WAITS, real_model(), str(guard.GRACE)], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith(b"http://127.0.0.1:")
        assert len(vllm_pids() - before) >= 3
    finally:
        parent.kill()
        parent.communicate()
    killed = time.monotonic()
    until(lambda: vllm_pids() == before, seconds=10)
    print(f"gone {time.monotonic() - killed:.1f} s after the kill")


@pytest.mark.vllm
def test_real_vllm_that_knows_no_such_model_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_model()
    keep_logs_in(tmp_path, monkeypatch)
    with pytest.raises(RunStopped, match=r"stopped before it was ready: .*local directory"):
        asyncio.run(held_open(str(tmp_path)))


def serving(
    model: str,
    *,
    during: Callable[[str], Any] = lambda url: None,
    options: Mapping[str, str] = {},
    ready_within: float | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Any:
    """What `during` returns, given the address, run beside the open server."""

    async def run() -> Any:
        spec = parse_teacher(f"vllm:{model}")
        async with open_vllm(spec, options=options, ready_within=ready_within, progress=progress) as url:
            return await asyncio.to_thread(during, url)

    return asyncio.run(run())


async def held_open(model: str) -> None:
    async with open_vllm(parse_teacher(f"vllm:{model}")):
        await asyncio.sleep(600)


async def questioned(spec: TeacherSpec, ledger: MemoryLedger, heard: list[str]) -> tuple[Reply, list[Reply], float]:
    """One reply, eight replies asked at once, and the seconds the eight took."""
    async with open_teachers(
        {"reasoner": spec}, ledger=ledger, read_image=lambda image: b"", notice=heard.append
    ) as teachers:
        ask, one = teachers["reasoner"].ask, Sampling(temperature=0.0, max_tokens=48)
        first = await ask([Message("user", "What is the capital of France?")], sampling=one)
        started = time.perf_counter()
        several = (ask([Message("user", f"Write a short poem about the number {n}.")], sampling=one) for n in range(8))
        return first, list(await asyncio.gather(*several)), time.perf_counter() - started


def keep_logs_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))  # for a parent of our own


def health(url: str) -> int:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/health", timeout=5) as reply:
        return int(reply.status)


def crash(url: str, notes: Path) -> None:
    """The stand-in dies of the first call; its worker stays for the guard to end."""
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        urllib.request.urlopen(url + "/chat/completions", data=b"{}", timeout=5)
    until(lambda: not any(map(running, noted_pids(notes))))


def noted(notes: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((notes / "server").read_text())
    return found


def noted_pids(notes: Path) -> list[int]:
    server = [noted(notes)["pid"]] if (notes / "server").exists() else []
    worker = [int((notes / "worker").read_text())] if (notes / "worker").exists() else []
    return server + worker


def logs(notes: Path) -> list[Path]:
    return sorted(notes.glob("vistill-vllm-*.log"))


def running(pid: int) -> bool:
    """Whether `pid` is a process that is not just waiting to be reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] not in "ZX"


def vllm_pids() -> set[int]:
    """Running processes of any real vLLM: the server and, under their own titles, engine and workers."""
    listed = subprocess.run(["ps", "-eo", "pid=,stat=,args="], capture_output=True, text=True, check=True)
    rows = (line.split(None, 2) for line in listed.stdout.splitlines())
    return {int(pid) for pid, state, words in rows if state[0] != "Z" and ("VLLM::" in words or "vllm serve" in words)}


def until(true: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def real_model() -> str:
    """The model folder to serve; these tests were asked for by name, so a missing set-up is a failure."""
    model = os.environ.get("VISTILL_VLLM_MODEL", "")
    assert model, "run tests/vllm_setup.sh DIR and export the two lines it prints (docs/vllm.md)"
    return model
