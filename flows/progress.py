"""What people see while a run goes on: counts a step, rate, ETA, tokens, cost, and failures by reason.

On a terminal it is one live table; elsewhere one line every few seconds. Counting is here, drawing too; nothing else
knows about the screen.
"""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from curation.records import Call, Outcome

LINE_SECONDS = 5.0
LOST = ("dropped", "failed")


class Progress:
    """Counters of one run; safe to update from any thread."""

    def __init__(self, steps: Sequence[str]) -> None:
        self.steps = list(steps)
        self.counts: dict[str, Counter[str]] = {step: Counter() for step in steps}
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.calls = Counter[str]()
        self.tokens = Counter[str]()
        self.cost, self.unpriced = 0.0, 0
        self.notices: list[str] = []
        self.phase, self.total, self.done, self.reused = "starting", 0, 0, 0
        self.started = self._phase_started = time.monotonic()
        self._lock = threading.Lock()

    def start_phase(self, name: str, total: int = 0) -> None:
        with self._lock:
            self.phase, self.total, self.done = name, total, 0
            self._phase_started = time.monotonic()

    def finished(self, samples: int) -> None:
        with self._lock:
            self.done += samples

    def outcome(self, outcome: Outcome, fresh: bool) -> None:
        with self._lock:
            self.reused += not fresh
            self.counts.setdefault(outcome.step, Counter())[outcome.status] += 1
            if outcome.status in LOST and outcome.step != "draws":
                self.reasons[outcome.step, outcome.reason] += 1

    def known(self, counts: Iterable[tuple[str, str, str, int]]) -> None:
        """Outcomes of earlier runs, counted by the store: (step, status, reason, samples)."""
        with self._lock:
            for step, status, reason, count in counts:
                self.reused += count
                self.counts.setdefault(step, Counter())[status] += count
                if status in LOST and step != "draws":
                    self.reasons[step, reason] += count

    def call(self, call: Call) -> None:
        with self._lock:
            self.calls["answered" if call.status == "ok" else call.status] += 1
            self.tokens["prompt"] += call.prompt_tokens or 0
            self.tokens["completion"] += call.completion_tokens or 0
            if call.cost is None:
                self.unpriced += 1
            else:
                self.cost += call.cost

    def notice(self, line: str) -> None:
        """A line for people, such as an endpoint gone quiet."""
        with self._lock:
            self.notices = [*self.notices[-2:], line]

    @property
    def rate(self) -> float:
        """Samples a second in this phase."""
        return self.done / max(time.monotonic() - self._phase_started, 1e-9)

    def summary(self) -> str:
        """Progress as one line."""
        with self._lock:
            eta = f", {_clock((self.total - self.done) / self.rate)} left" if self.total and self.done else ""
            of = f"{self.done:,}/{self.total:,}" if self.total else f"{self.done:,}"
            return f"{self.phase}: {of} samples, {self.rate:.1f}/s{eta} · {self._spent()}"

    def _spent(self) -> str:
        failed = sum(n for status, n in self.calls.items() if status != "answered")
        calls = f"{self.calls['answered']:,} calls" + (f" ({failed:,} failed)" if failed else "")
        cost = f"${self.cost:,.4f}" + (f" + {self.unpriced:,} calls of unknown price" if self.unpriced else "")
        return f"{calls} · {self.tokens['prompt']:,} + {self.tokens['completion']:,} tokens · {cost}"

    def table(self) -> Group:
        """The live view."""
        table = Table(box=None, padding=(0, 2), header_style="bold")
        for column in ("step", "kept", "dropped", "failed", "why"):
            table.add_column(column, justify="left" if column in ("step", "why") else "right")
        with self._lock:
            for step in self.steps:
                counts = self.counts[step]
                why = Counter({reason: n for (at, reason), n in self.reasons.items() if at == step}).most_common(3)
                table.add_row(
                    step, *(f"{counts[status]:,}" if counts[status] else "·" for status in ("ok", "dropped", "failed")),
                    Text(", ".join(f"{reason} {n:,}" for reason, n in why), style="dim"),
                )  # fmt: skip
        return Group(table, Text(self.summary(), style="bold"), *(Text(line, style="yellow") for line in self.notices))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def shown(progress: Progress, *, quiet: bool = False) -> Iterator[None]:
    """Draw `progress` on standard error until the block ends."""
    console = Console(stderr=True)
    if quiet:
        yield
    elif console.is_terminal:
        with Live(get_renderable=progress.table, console=console, refresh_per_second=4, transient=True):
            yield
    else:
        with _lines(progress):
            yield


@contextmanager
def counted(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal, with rate and time left, which the block tells how many of how many are done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), _Rate(),
               TimeRemainingColumn())  # fmt: skip
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Rate(ProgressColumn):
    """Rows a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def _lines(progress: Progress) -> Iterator[None]:
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(LINE_SECONDS):
            print(progress.summary(), file=sys.stderr, flush=True)

    thread = threading.Thread(target=write, name="vistill-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        for line in (*progress.notices, progress.summary()):
            print(line, file=sys.stderr, flush=True)
