"""What a training would miss only after its cold start, found before it; no torch."""

import asyncio
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from curation.errors import ConfigError, RunStopped
from curation.trainer import beforehand
from curation.trainer.config import Data, Generation, Grpo, Judged, Model, Training
from curation.trainer.judging import open_judge
from tests.fakes.memory_ledger import MemoryLedger
from tests.fakes.model_server import ModelServer

AWAY = "http://127.0.0.1:9"


def a_run(**more: Any) -> Training:
    return Training(out="o", model=Model(path="m"), data=Data(), grpo=Grpo(stages=()), **more)


def installed(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    found = importlib.util.find_spec("json") if there else None
    monkeypatch.setattr(beforehand, "find_spec", lambda name: found if name == "vllm" else None)


@pytest.mark.parametrize("engine", ["vllm-server", "vllm-colocate"])
def test_an_engine_that_is_not_installed_is_told_before_anything_is_trained(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    installed(monkeypatch, there=False)
    with pytest.raises(ConfigError, match=f"generation.engine = '{engine}': needs vLLM: pip install"):
        beforehand.look(a_run(generation=Generation(engine=engine, server=AWAY)))
    beforehand.look(a_run())


@contextmanager
def health(status: int) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_server_of_vllm_that_is_away_or_another_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, there=True)
    with health(200) as url:
        beforehand.look(a_run(generation=Generation(engine="vllm-server", server=url)))
    with health(404) as url, pytest.raises(RunStopped, match="HTTP 404"):
        beforehand.look(a_run(generation=Generation(engine="vllm-server", server=url)))
    with pytest.raises(RunStopped, match=f"generation.server = '{AWAY}' does not answer .*refused"):
        beforehand.look(a_run(generation=Generation(engine="vllm-server", server=AWAY)))
    with pytest.raises(ConfigError, match="write it as http"):
        beforehand.look(a_run(generation=Generation(engine="vllm-server", server="host:8000")))


def test_a_judge_that_is_away_or_has_another_model_is_told_by_the_key_of_the_file() -> None:
    with pytest.raises(RunStopped, match=r"connection refused; start the server, or mend the URL of judge\.teacher"):
        beforehand.look(a_run(judge=Judged(teacher=f"{AWAY}/v1#m")))
    with ModelServer() as server:
        beforehand.look(a_run(judge=Judged(teacher=f"{server.url}#fake")))
        with pytest.raises(ConfigError, match=r"^judge\.teacher = .*no such model there; it has fake"):
            beforehand.look(a_run(judge=Judged(teacher=f"{server.url}#fakr")))


def test_a_judge_that_goes_away_later_is_told_by_the_key_of_the_file() -> None:
    says = r"nothing answers at .* mend judge\.teacher, then run again"
    with (
        open_judge(Judged(teacher=f"{AWAY}/v1#m"), MemoryLedger()) as judge,
        pytest.raises(RunStopped, match=says),
    ):
        asyncio.run(judge(question="q", reference="r", answer="a"))


def test_a_judge_without_its_key_is_told_by_the_key_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    asked = open_judge(Judged(teacher="https://nowhere.invalid/v1#m"), MemoryLedger())
    with pytest.raises(ConfigError, match=r"^judge\.teacher = .*no key for"), asked:
        pass
