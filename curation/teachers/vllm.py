"""`vllm:MODEL`: starts `vllm serve` for the length of a run and hands out its address.

It owns the process, nothing else: calls go through the OpenAI-compatible client like any other endpoint. vLLM is
never imported: it may live in another virtual environment ($VISTILL_VLLM names its executable).
"""

import asyncio
import logging
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from curation.errors import ConfigError, RunStopped
from curation.teachers import guard
from curation.teachers.spec import TeacherSpec

READY_WITHIN = 1800.0  # seconds: a large model may first have to be downloaded
REPORT_EVERY = 10.0
POLL = 0.25
LAST_LINES = 8

_LOG = logging.getLogger(__name__)
_SET_HERE = {
    "model",
    "host",
    "port",
    "uds",
    "root-path",
    "api-key",
    "served-model-name",
    "ssl-keyfile",
    "ssl-certfile",
}
_LOG_PREFIX = re.compile(r"^(?:\(\w+(?: pid=\d+)?\) )?[A-Z]+ \d\d-\d\d \d\d:\d\d:\d\d \[[^\]]+\] ?")
_CAUSE = re.compile(r"^(?:[\w.]+(?:Error|Exception|Interrupt)(?: \[.*\])?|[\w-]+: error|guard): ")
_NOISE = re.compile(r"^(?:Traceback \(|  File |    |.*[█▄▀]|.*nanobind| - |.*leaked | \[type=)")


@dataclass(frozen=True, slots=True)
class Started:
    """A started `vllm`: its guard (group leader), its model, where it logs."""

    guard: "subprocess.Popen[bytes]"
    model: str
    log: Path


@asynccontextmanager
async def open_vllm(
    spec: TeacherSpec,
    *,
    options: Mapping[str, str] = {},
    ready_within: float | None = None,
    progress: Callable[[str], None] = _LOG.info,
) -> AsyncIterator[str]:
    """Serve `spec.model` while the block runs; yields the base URL, `http://127.0.0.1:PORT/v1`.

    `options` are further `vllm serve` arguments, see `serve_arguments`; $VISTILL_VLLM_ARGS comes before them.
    `ready_within`: seconds until /health must answer ($VISTILL_VLLM_TIMEOUT, else 1800). `progress` gets a
    line every ten seconds of waiting. The log is deleted when the block ends well, kept otherwise.

    Raises `ConfigError` when vLLM or the model's folder is not there or an option cannot work, `RunStopped`
    when vLLM dies, now or later in the block, or is not ready in time.
    """
    command = [
        find_vllm(),
        "serve",
        checked_model(spec.model),
        *machine_arguments(),
        *serve_arguments(options),
    ]
    patience = _patience(ready_within)
    with _held_port() as port:
        server = start([*command, "--host=127.0.0.1", f"--port={port}"], spec.model)
        try:
            await _until_healthy(server, port, patience, progress)
            with _death_named(server):
                yield f"http://127.0.0.1:{port}/v1"
        finally:
            await stop(server)
    server.log.unlink(missing_ok=True)


def find_vllm() -> str:
    """The `vllm` executable: $VISTILL_VLLM, else on PATH, else beside this Python. Raises `ConfigError`."""
    if named := os.environ.get("VISTILL_VLLM", "").strip():
        if found := shutil.which(named):
            return found
        raise ConfigError("VISTILL_VLLM", named, "no executable there; name the `vllm` of an environment that has it")
    if found := shutil.which("vllm") or shutil.which("vllm", path=str(Path(sys.executable).parent)):
        return found
    fix = "no `vllm` on PATH: `pip install vllm` on a GPU machine, `tests/vllm_setup.sh DIR` on a CPU; then"
    raise ConfigError("teacher", "vllm:…", f"{fix} `export VISTILL_VLLM=/path/to/vllm` (docs/vllm.md)")


def checked_model(model: str) -> str:
    """`model` as given, once it cannot be taken for an option and, if it reads as a path, exists."""
    if not model.strip() or model.startswith("-") or not model.isprintable():
        raise ConfigError("teacher", f"vllm:{model}", "name a model folder or a hub name: vllm:MODEL")
    if model.startswith(("/", "./", "../", "~")) and not os.path.exists(model):
        raise ConfigError(
            "teacher", f"vllm:{model}", "no such folder; give the path of a model folder (~ is not expanded)"
        )
    return model


def serve_arguments(options: Mapping[str, str]) -> list[str]:
    """`--name=value` for each option; `true` or nothing makes a bare `--name`, `false` a `--no-name`.

    Raises `ConfigError` for what is no option name and for what the launcher sets itself.
    """
    return [_argument(name, str(value)) for name, value in options.items()]


def machine_arguments() -> list[str]:
    """The words of $VISTILL_VLLM_ARGS as they are, such as `--gpu-memory-utilization 0.8 --dtype float32`."""
    text = os.environ.get("VISTILL_VLLM_ARGS", "")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError("VISTILL_VLLM_ARGS", text, f"{error}; quote it as for a shell") from None
    for word in words:
        if word.startswith("--"):
            _refuse_own(word.partition("=")[0].lstrip("-").replace("_", "-"))
    return words


def _refuse_own(name: str) -> None:
    if name in _SET_HERE:
        fix = "Vistill sets this one itself; to use a server of your own write http://HOST:PORT/v1#MODEL"
        raise ConfigError("vllm option", name, fix)


def _argument(name: str, value: str) -> str:
    dashed = name.removeprefix("--").replace("_", "-")
    if not re.fullmatch(r"[a-z][a-z0-9.-]*", dashed):
        raise ConfigError("vllm option", name, "write it as in `vllm serve --help`, without the dashes: max-model-len")
    _refuse_own(dashed)
    switch = {"": f"--{dashed}", "true": f"--{dashed}", "false": f"--no-{dashed}"}
    return switch.get(value.lower(), f"--{dashed}={value}")


def _patience(ready_within: float | None) -> float:
    if ready_within is not None:
        return ready_within
    text = os.environ.get("VISTILL_VLLM_TIMEOUT", "").strip() or str(READY_WITHIN)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigError("VISTILL_VLLM_TIMEOUT", text, "give seconds to wait for vLLM to be ready, such as 1800")
    return seconds


@contextmanager
def _held_port() -> Iterator[int]:
    """A free port on 127.0.0.1, kept from everyone but a server that sets SO_REUSEADDR, as vLLM does.

    vLLM takes some ten seconds to bind it; meanwhile a busy machine may well give a merely free number away.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        if sys.platform != "linux":  # elsewhere a bound socket keeps the server out as well
            held.close()
        yield port


def start(command: list[str], model: str) -> Started:
    """Run a `vllm` command that does not outlive us. Raises `RunStopped` when it cannot be started."""
    # A key of the user's own would lock our calls out. Statistics about private corpora go to nobody.
    environment = {k: v for k, v in os.environ.items() if k != "VLLM_API_KEY"}
    environment.setdefault("VLLM_NO_USAGE_STATS", "1")
    guarded = [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), str(guard.GRACE), *command]
    try:
        with tempfile.NamedTemporaryFile(prefix="vistill-vllm-", suffix=".log", delete=False) as log:
            process = subprocess.Popen(
                guarded,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
    except OSError as error:
        raise RunStopped(f"vLLM ({model}) cannot be started: {error}") from None
    return Started(process, model, Path(log.name))


async def _until_healthy(server: Started, port: int, patience: float, progress: Callable[[str], None]) -> None:
    started = time.monotonic()
    reported = started
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while not await _healthy(session, port):
            now = time.monotonic()
            if ended(server):
                raise RunStopped(report(server, "stopped before it was ready"))
            if now - started > patience:
                late = f"was not ready after {patience:g} s ($VISTILL_VLLM_TIMEOUT)"
                raise RunStopped(report(server, late))
            if now - reported >= REPORT_EVERY:
                reported = now
                progress(f"vLLM is loading {server.model}: {now - started:.0f} s, {_last_line(server.log)}")
            await asyncio.sleep(POLL)
    progress(f"vLLM serves {server.model} after {time.monotonic() - started:.0f} s")


async def _healthy(session: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/health") as reply:
            return reply.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


async def stop(server: Started) -> None:
    """Ask the guard to end the group; kill the group when that takes too long or the wait is interrupted."""
    server.guard.terminate()
    deadline = time.monotonic() + guard.GRACE + 2
    try:
        while not ended(server) and time.monotonic() < deadline:
            await asyncio.sleep(POLL / 4)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(server.guard.pid, signal.SIGKILL)
        server.guard.wait()


def ended(server: Started) -> bool:
    """Whether the guard is gone. It is not reaped here, so its id, the group's, cannot pass to a stranger."""
    try:
        return os.waitid(os.P_PID, server.guard.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


@contextmanager
def _death_named(server: Started) -> Iterator[None]:
    """Say that the server died where the calls could only say that nobody answers."""
    try:
        yield
    except RunStopped as error:
        if not ended(server):
            raise
        raise RunStopped(report(server, "stopped while calls were being answered")) from error
    if ended(server):
        raise RunStopped(report(server, "stopped while calls were being answered"))


def report(server: Started, what: str) -> str:
    """One message: what happened, the error vLLM named first, the last lines of its log, where it is."""
    lines = _tail(server.log)
    cause = _named_cause(lines)
    shown = "\n".join(f"  | {line[:300]}" for line in lines[-LAST_LINES:] or ["nothing logged"])
    head = f"vLLM ({server.model}) {what}" + (f": {cause}" if cause else "")
    return f"{head}\n{shown}\n  the whole log: {server.log}; common causes: docs/vllm.md"


def _tail(log: Path, most: int = 256_000) -> list[str]:
    """The last readable lines, without vLLM's prefixes, banner, traceback frames and leak reports."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - most))
            text = file.read().decode(errors="replace")
    except OSError as error:  # temporary folders get swept during long runs
        return [f"no log to read: {error}"]
    plain = (_LOG_PREFIX.sub("", line).rstrip() for line in text.splitlines())
    return [line for line in plain if line.strip() and not _NOISE.match(line)]


def _named_cause(lines: list[str]) -> str:
    """The first error named, with its detail when that is below; later ones only say that one happened."""
    for number, line in enumerate(lines):
        if _CAUSE.match(line):
            detail = lines[number + 1].strip() if "validation error" in line and number + 1 < len(lines) else ""
            return f"{line} {detail}".strip()[:500]
    return ""


def _last_line(log: Path) -> str:
    lines = _tail(log, 16_000)
    return lines[-1][:120] if lines else "nothing logged yet"
