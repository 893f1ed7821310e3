"""The Prefect server that a flow is run against: the configured one, or one of our own for as long as this process.

Prefect can start such a server itself, but in our process group: Ctrl-C would end the server first, and the flow would
wait a minute for it. Deployments are in `flows.deploy`, the flow itself in `flows.build`.
"""

import atexit
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, Any

from curation.errors import RunStopped
from curation.teachers import guard

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_INTERNAL_LOGGING_LEVEL": "CRITICAL",
}
"""Set unless the user has. Prefect's log tears the live view and shows tracebacks of what we say in one line; its
server keeps that log. Its 20 s for starting a server are short on a busy machine.
"""
GRACE = 3.0  # seconds for the server to end by itself
COMMAND = [
    sys.executable, "-m", "prefect", "server", "start", "--no-ui", "--no-scheduler", "--no-late-runs",
    "--host", "127.0.0.1", "--port",
]  # fmt: skip


def quieten() -> None:
    """Apply `QUIET`; takes effect only before the first import of prefect. A chosen PREFECT_LOGGING_LEVEL wins."""
    loud = "PREFECT_LOGGING_LEVEL" in os.environ
    for name, value in QUIET.items():
        if not (loud and "LOGGING" in name):
            os.environ.setdefault(name, value)


def hush() -> None:
    """For `atexit` in a process that is a run's own: Prefect's threads outlive the clean-up, and DuckDB would print 60
    lines about it.
    """
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def configured() -> bool:
    """Whether PREFECT_API_URL is set, in the environment or in the active Prefect profile."""
    from prefect.settings import PREFECT_API_URL

    return bool(PREFECT_API_URL.value())


def reach() -> None:
    """Greet the configured server. Raises `RunStopped` when it does not answer as one of this version would."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL

    try:
        with get_client(sync_client=True) as client:
            client.hello()
            client.raise_for_api_version_mismatch()
    except (httpx.HTTPError, httpx.InvalidURL, RuntimeError, ValueError) as error:
        url, why = PREFECT_API_URL.value(), str(error) or type(error).__name__
        raise RunStopped(f"no Prefect server answers at PREFECT_API_URL={url} ({why}); is it running?") from None


def run_flow(load: Callable[[], Callable[..., dict[str, Any]]], parameters: dict[str, Any]) -> dict[str, Any]:
    """Call the flow that `load` imports against a server that answers; what it returns.

    Meant to be called once in a process, before prefect is imported. Raises `RunStopped` for trouble with Prefect.
    """
    atexit.register(hush)
    at_end = ExitStack()
    atexit.register(at_end.close)  # after Prefect's own handlers, which send their last events to the server
    quieten()
    if configured():
        reach()
    else:
        at_end.enter_context(own_server(load))
    flow = load()
    with _trouble_in_one_line():
        return flow(**parameters)


@contextmanager
def _trouble_in_one_line() -> Iterator[None]:
    """Prefect's own failures become `RunStopped`, SIGTERM what Ctrl-C is."""
    import httpx
    from prefect.exceptions import PrefectException, TerminationSignal

    try:
        yield
    except TerminationSignal:
        raise KeyboardInterrupt from None
    except (httpx.HTTPError, PrefectException) as error:
        raise RunStopped(f"Prefect failed ({type(error).__name__}: {error}); what was done is kept") from None


@contextmanager
def own_server(meanwhile: Callable[[], object]) -> Iterator[None]:
    """A server for the block, on Prefect's usual database; `meanwhile` is called while it starts.

    It ends with this process, even by kill -9. Raises `RunStopped` when it does not come up.
    """
    from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS, temporary_settings

    with tempfile.TemporaryFile() as log, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        free.close()
        with _guarded([*COMMAND, port], log) as server:
            meanwhile()
            api = f"http://127.0.0.1:{port}/api"
            _await(server, api, log, PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value())
            with temporary_settings({PREFECT_API_URL: api}):
                yield


@contextmanager
def _guarded(command: list[str], log: IO[bytes]) -> Iterator["subprocess.Popen[bytes]"]:
    guarded = [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), str(GRACE), *command]
    env = {name: value for name, value in os.environ.items() if name not in QUIET or "LOGGING" not in name}
    process = subprocess.Popen(guarded, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        with suppress(KeyboardInterrupt):  # told to hurry: the guard ends the server without us
            process.wait(GRACE + 2)


def _await(server: "subprocess.Popen[bytes]", api: str, log: IO[bytes], seconds: float) -> None:
    import httpx

    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            if httpx.get(f"{api}/health", timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    why = f"not ready after {seconds:g} s" if server.poll() is None else _last_error(log)
    raise RunStopped(
        f"Prefect could not start a server for this run ({why}); run it with --no-prefect, "
        "or start one with `prefect server start` and export PREFECT_API_URL=http://127.0.0.1:4200/api"
    )


def _last_error(log: IO[bytes]) -> str:
    log.seek(0)
    lines = [line.strip() for line in log.read().decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if "Error" in line), "it ended at once")
