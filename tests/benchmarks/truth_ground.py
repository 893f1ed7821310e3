"""What the truth table stands on: a small source, a steady fake mind, a finished store, and runs of the command line.

The mind is right every time, so that the calls of a run can be told beforehand: one of each model for each row. What it
says depends on all it was sent, so that a stale text shows.
"""

import contextlib
import io
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from curation.records import digest
from flows.cli import main as command_line
from storage.store import Store
from tests.benchmarks.pipeline import draw_picture
from tests.fakes.mind import text_of
from tests.fakes.model_server import ModelServer

ROOT = Path(__file__).resolve().parents[2]
MODELS = {"captioner": "eyes", "reasoner": "thinker", "rewriter": "editor", "judge": "judge"}
PROMPTS = Path("curation/prompts/vlaa_thinking")


def steady(request: Mapping[str, Any]) -> str:
    """A reply that keeps every step going, marked with a digest (letters only) of the whole request."""
    mark = digest(request)[:10].translate(str.maketrans("0123456789", "ghijklmnop"))
    text = text_of(request)
    match request["model"]:
        case "eyes":
            return f"A drawn picture with blocks, seen {mark}."
        case "editor":
            inside = text.split("-----\n", 1)[-1].rsplit("\n-----", 1)[0]
            return inside.replace("</think>", f"Edited {mark}.\n</think>")
        case "judge":
            return "Yes."
        case _:
            number = text.split("in picture ", 1)[1].split("?", 1)[0]
            return f"<think>\nI count the blocks one by one {mark}.\n</think>\n\n<answer>{answer(int(number))}</answer>"


def answer(number: int) -> int:
    """Another answer for each question: the judge is sent the answers alone, and equal calls are made once."""
    return 100 + 7 * number


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One `vistill run`: what a change changes. `name` is what teachers are called, `root` where our code lies."""

    source: Path
    url: str
    name: str = "fake@"
    models: Mapping[str, str] = field(default_factory=lambda: MODELS)
    options: str = "concurrency=8"
    more: tuple[str, ...] = ()
    root: Path = ROOT

    def arguments(self, store: Path) -> list[str]:
        """What follows `vistill` on the command line."""
        teachers = [f"--teacher={r}={self.name}{self.url}?{self.options}#{m}" for r, m in self.models.items()]
        settings = ["--set", "ask_rewriter=always", "--set", "verify_by=judge"]
        return [
            "run", "vlaa-thinking", f"--source=jsonl:{self.source}", *teachers, f"--store={store}", *settings,
            "--no-prefect", "--quiet", *self.more,
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """What a second run did: calls by model, rows kept at its end, and how many of those were never seen before."""

    calls: Mapping[str, int]
    kept: int
    new_texts: int = 0
    note: str = field(default="", compare=False)


def run_process(setup: Setup, store: Path) -> None:
    """`vistill run` as a user starts it."""
    command = [sys.executable, "-m", "flows.cli", *setup.arguments(store)]
    done = subprocess.run(command, cwd=setup.root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr}")


def run_here(setup: Setup, store: Path) -> None:
    """The same command line in this process, four times as quick to start; other code needs another process."""
    if setup.root != ROOT:
        return run_process(setup, store)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        code = command_line(setup.arguments(store))
    if code:
        raise RuntimeError(f"exit code {code}: {said.getvalue()}")


@dataclass(frozen=True, slots=True)
class Ground:
    """A finished run over `size` rows, and the servers it and its repetitions ask."""

    folder: Path
    size: int
    setup: Setup
    server: ModelServer
    other: ModelServer
    run: Callable[[Setup, Path], None]
    known_texts: Counter[str] = field(default_factory=Counter)

    @property
    def base(self) -> Path:
        return self.folder / "base"

    def texts(self, store: Path) -> Counter[str]:
        """The rewritten responses of the rows kept by the store's latest run."""
        rows = Store.open(store, create=False).query("SELECT rewrite FROM corpus WHERE fate = 'kept'")
        return Counter(rows.column(0).to_pylist())

    def asked(self) -> Counter[str]:
        """Calls by model so far, at both servers."""
        return Counter(request["model"] for server in (self.server, self.other) for request in server.requests)

    def copy(self, name: str) -> Path:
        """The finished store, once more."""
        return Path(shutil.copytree(self.base, self.folder / "stores" / name))

    def again(self, name: str, setup: Setup) -> Seen:
        """What a run with a changed setup does to a copy of the finished store."""
        store, before = self.copy(name), self.asked()
        self.run(setup, store)
        texts = self.texts(store)
        return Seen(dict(self.asked() - before), texts.total(), (texts - self.known_texts).total())

    def prompt(self, step: str, old: str, new: str) -> tuple[str, str]:
        """Arguments that give a step its own template with one change made."""
        text = (ROOT / PROMPTS / f"{step}.txt").read_text(encoding="utf-8")
        assert old in text, f"{old!r} is no longer in the prompt of {step}"
        file = self.folder / f"{step}-{digest([old, new])[:8]}.txt"
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        return ("--prompt", f"{step}={file}")

    def code(self, name: str, file: str = "", old: str = "", new: str = "") -> Path:
        """A copy of our packages with one line of one file changed."""
        root = self.folder / "code" / name
        for package in ("curation", "storage", "flows"):
            shutil.copytree(ROOT / package, root / package)
        if file:
            text = (root / file).read_text(encoding="utf-8")
            assert old in text, f"{old!r} is no longer in {file}"
            (root / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return root

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the finished run's source."""
        return [json.loads(line) for line in self.setup.source.read_text().splitlines()]

    def source(self, name: str, rows: list[dict[str, Any]]) -> Setup:
        """The setup with other rows, next to the same pictures."""
        file = self.setup.source.with_name(f"{name}.jsonl")
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return replace(self.setup, source=file)


def row(number: int) -> dict[str, Any]:
    """A row without an id, so that nothing but its content names it."""
    return {
        "image": f"images/{number}.png", "question": f"How many blocks are in picture {number}?",
        "answer": answer(number),
    }  # fmt: skip


@contextlib.contextmanager
def finished_ground(folder: Path, size: int, run: Callable[[Setup, Path], None] = run_process) -> Iterator[Ground]:
    """A ground whose first run is over. Raises `RuntimeError` when that run did not ask 4 models once a row."""
    (folder / "source" / "images").mkdir(parents=True)
    for number in range(size + 2):
        draw_picture(number + 1).save(folder / "source" / "images" / f"{number}.png")
    models = [*MODELS.values(), "thinker-2"]
    with ModelServer(steady, models=models) as server, ModelServer(steady, models=models) as other:
        setup = Setup(source=folder / "source" / "rows.jsonl", url=server.url)
        ground = Ground(folder, size, setup, server, other, run)
        run(ground.source("rows", [row(number) for number in range(size)]), ground.base)
        if (asked := ground.asked()) != Counter(dict.fromkeys(MODELS.values(), size)):
            raise RuntimeError(f"the first run over {size} rows asked {dict(asked)}")
        yield replace(ground, known_texts=ground.texts(ground.base))
