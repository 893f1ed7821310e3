"""`vistill browse`: which port it takes, and what it refuses."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from curation.errors import ConfigError, RunStopped
from flows import browse
from flows.browse import HOST, PAGE, PORT, command, free_port, listens
from storage.store import Store
from tests.ui.built import ROOT


def test_a_taken_port_is_refused_and_left_alone_when_not_asked_for() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="--port"):
            free_port(port)
    with pytest.raises(ConfigError, match="between 1 and 65535"):
        free_port(70000)
    assert 1024 < free_port(None) < 65536


def test_it_listens_on_this_machine_only_and_tells_nobody() -> None:
    given = command(PORT)
    assert PAGE.is_file()
    assert f"--server.address={HOST}" in given
    assert "--browser.gatherUsageStats=false" in given
    assert "--server.headless=true" in given


def test_a_store_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "browse", f"--store={tmp_path / 'none'}"],
        cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("vistill: no store at")
    assert "Traceback" not in done.stderr


ANSWERS = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

HTTPServer((sys.argv[1], int(sys.argv[2])), Page).serve_forever()
"""


def test_a_port_that_another_page_took_meanwhile_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stands_in(port: int, hosts: Sequence[str] = ()) -> list[str]:
        return [sys.executable, "-c", ANSWERS, HOST, str(port)]

    def seen(text: str) -> None:
        raise RunStopped(text)

    taken = free_port(None)
    with subprocess.Popen(stands_in(taken)) as other:
        try:
            while not listens(other.pid, taken):
                assert other.poll() is None
            asked = iter([taken, free_port(None)])
            monkeypatch.setattr(browse, "free_port", lambda port: free_port(port) if port else next(asked))
            monkeypatch.setattr(browse, "command", stands_in)
            with pytest.raises(RunStopped) as told:
                browse.browse(tmp_path, None, seen)
        finally:
            other.terminate()
    assert str(told.value).startswith(f"http://{HOST}:")
    assert not str(told.value).startswith(f"http://{HOST}:{taken}\n")


def test_a_page_ends_with_a_command_that_was_killed(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store", create=True)
    port = free_port(None)
    command = [sys.executable, "-m", "flows.cli", "browse", f"--store={store.root}", f"--port={port}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == f"http://{HOST}:{port}"
        [page] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert listens(int(page), port)
        process.kill()
    for _ in range(200):
        if not browse._taken(port):
            break
        time.sleep(0.1)
    assert free_port(port) == port
