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
HOST = "127.0.0.1"
PORT = 8501
PATIENCE = 60.0  # seconds until the page must answer

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
    port = free_port(port)
    url = f"http://{HOST}:{port}"
    with _serving(store, port, extra or {}, hosts) as server:
        _await(server, url)
        say(f"{url}\n{what.format(store)}; Ctrl-C stops it")
        code = server.wait()
    raise RunStopped(f"the page ended by itself (exit code {code})")


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
    return [sys.executable, "-m", "streamlit", "run", str(PAGE), f"--server.port={port}", *OPTIONS, *allowed]


@contextmanager
def _serving(
    store: Path, port: int, extra: Mapping[str, str], hosts: Sequence[str]
) -> "Iterator[subprocess.Popen[bytes]]":
    """The page's process for the block; it ends with the block, also on Ctrl-C and SIGTERM."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "VISTILL_STORE": str(store), "PYTHONPATH": path, **extra}
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = subprocess.Popen(command(port, hosts), env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield server
    finally:
        signal.signal(signal.SIGTERM, before)
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()


def _await(server: "subprocess.Popen[bytes]", url: str) -> None:
    """Return once the page answers; RunStopped when it ends or stays silent."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (code := server.poll()) is not None:
            raise RunStopped(f"the page did not start (exit code {code}); its message stands above")
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RunStopped(f"the page did not answer at {url} within {PATIENCE:g} s")
