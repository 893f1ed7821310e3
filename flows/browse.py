"""Starts the page that shows a store: Streamlit as a process of its own, on this machine only, until Ctrl-C.

Flows do not import the page or Streamlit; they know where its file lies and hand it the store by VISTILL_STORE.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from curation.errors import ConfigError, RunStopped

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "ui" / "app.py"
SERVE = ROOT / "ui" / "serve.py"
HOST = "127.0.0.1"
PORT = 8501
PATIENCE = 60.0  # seconds until the page must answer
TRIES = 5  # ports, when the one that was free is taken by the time the page listens
LISTENING = "0A"  # state of a socket in /proc/net/tcp

OPTIONS = (
    "--server.headless=true",
    f"--server.address={HOST}",
    f"--server.allowedHosts={HOST}",  # against DNS rebinding: another name for this address is refused
    "--server.allowedHosts=localhost",
    "--server.fileWatcherType=none",
    "--browser.gatherUsageStats=false",
    "--client.toolbarMode=minimal",
    "--theme.light.primaryColor=#1d4ed8",
    "--theme.dark.primaryColor=#2563eb",
    "--logger.level=warning",
)


def browse(
    store: Path,
    port: int | None,
    say: Callable[[str], Any],
    *,
    extra: Mapping[str, str] | None = None,
    hosts: Sequence[str] = (),
    what: str = "shows {}, read-only",
) -> int:
    """Serve the page of `store` until interrupted; `say` is told the URL once it answers.

    `extra` is added to the page's environment, `hosts` are names a proxy may ask for. Without a port, 8501 or any
    free one. ConfigError for a port that is taken, RunStopped when the page ends by itself.
    """
    if find_spec("streamlit") is None:
        raise ConfigError("browse", "streamlit", "is not installed; install with: pip install vistill")
    for _ in range(TRIES):
        chosen = free_port(port)
        with _serving(store, chosen, extra or {}, hosts) as server:
            if not _answers(server, chosen):  # between our look at the port and the page's somebody else took it
                continue
            say(f"http://{HOST}:{chosen}\n{what.format(store)}; Ctrl-C stops it")
            code = server.wait()
        raise RunStopped(f"the page ended by itself (exit code {code})")
    raise RunStopped("the page did not start: every port it was given was taken by another program meanwhile")


def free_port(wanted: int | None) -> int:
    """The wanted port if it is free; without a wish, 8501 or one that the system picks."""
    if wanted is not None and not 1 <= wanted <= 65535:
        raise ConfigError("--port", wanted, "must be between 1 and 65535")
    for port in (wanted,) if wanted is not None else (PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConfigError("--port", wanted, "cannot be used (taken, or not allowed): choose another, or leave it out")


def command(port: int, hosts: Sequence[str] = ()) -> list[str]:
    """What starts the page."""
    allowed = [f"--server.allowedHosts={host}" for host in hosts]
    return [sys.executable, "-P", str(SERVE), "run", str(PAGE), f"--server.port={port}", *OPTIONS, *allowed]


@contextmanager
def _serving(
    store: Path, port: int, extra: Mapping[str, str], hosts: Sequence[str]
) -> "Iterator[subprocess.Popen[bytes]]":
    """The page's process for the block; it ends with the block, also on Ctrl-C and SIGTERM, and with this process."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "VISTILL_STORE": str(store), "PYTHONPATH": path, **extra}
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = subprocess.Popen(
        command(port, hosts), env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield server
    finally:
        signal.signal(signal.SIGTERM, before)
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()


def _answers(server: "subprocess.Popen[bytes]", port: int) -> bool:
    """Whether the page answers; False when another process has its port. RunStopped when it ends or stays silent."""
    url = f"http://{HOST}:{port}"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (code := server.poll()) is not None:
            if _taken(port):
                return False
            raise RunStopped(f"the page did not start (exit code {code}); its message stands above")
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:
                if answer.status == 200 and listens(server.pid, port):
                    return True
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    raise RunStopped(f"the page did not answer at {url} within {PATIENCE:g} s")


def _taken(port: int) -> bool:
    try:
        free_port(port)
    except ConfigError:
        return True
    return False


def listens(pid: int, port: int) -> bool:
    """Whether this process, and no other, listens on the port; taken for granted where the system does not tell."""
    try:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        sockets = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == LISTENING}
        handles = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return True
    return any(_target(handle) in sockets for handle in handles)


def _target(handle: Path) -> str:
    try:
        return os.readlink(handle)
    except FileNotFoundError:  # closed since
        return ""
