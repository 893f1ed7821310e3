"""Runs the row-wise parts of a plan over samples: async, resumable by outcome, and a failing sample is data.

The engine knows nothing of storage: it is given the outcomes already known and hands new ones to `emit`. Whatever a
step raises belongs to its sample, except `RunStopped` and cancellation, which end the run.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from curation.children import as_value
from curation.errors import RunStopped, SampleError
from curation.recipe import Bound, BoundDraws
from curation.records import Json, Outcome, Sample
from curation.step import Drop, Pictures
from curation.teachers.protocol import STEP, Message, Reply, Sampling, Teacher

OutcomeKey = tuple[str, str, str, int]
Known = Mapping[OutcomeKey, Outcome]
Emit = Callable[[Outcome, bool], None]

_calls: ContextVar[list[str]] = ContextVar("calls")
_draw: ContextVar[int] = ContextVar("draw", default=0)


@dataclass(frozen=True, slots=True)
class Watched:
    """A teacher as a step sees it: the draw is the engine's to choose, and the calls are noted for the outcome."""

    teacher: Teacher

    @property
    def name(self) -> str:
        return self.teacher.name

    @property
    def model(self) -> str:
        return self.teacher.model

    @property
    def prompts(self) -> str:
        return self.teacher.prompts

    @property
    def sees(self) -> bool:
        return self.teacher.sees

    async def ask(
        self,
        messages: Sequence[Message],
        *,
        sampling: Sampling = Sampling(),
        draw: int = 0,
        schema: Json = None,
    ) -> Reply:
        reply = await self.teacher.ask(messages, sampling=sampling, draw=draw or _draw.get(), schema=schema)
        _calls.get().append(reply.key)
        return reply


@dataclass(frozen=True, slots=True)
class Result:
    """Where one sample stands after a stage: its last outcome, and its columns when it was kept."""

    sample: Sample
    last: Outcome
    columns: Mapping[str, Any]

    @property
    def kept(self) -> bool:
        return self.last.status == "ok"


@dataclass(frozen=True, slots=True)
class Engine:
    """A row-wise stage with its teachers; `carried` are the columns it reads of earlier stages, with fingerprints.

    What those held must be among the known outcomes.
    """

    parts: tuple[Bound | BoundDraws, ...]
    teachers: Mapping[str, Teacher]
    carried: Mapping[str, str] = field(default_factory=dict)

    async def run(self, samples: Sequence[Sample], known: Known, emit: Emit) -> list[Result]:
        """One result a sample, in order; `emit(outcome, fresh)` hears of every outcome as it is there."""
        return await gather([self._row(sample, known, emit) for sample in samples])

    async def _row(self, sample: Sample, known: Known, emit: Emit) -> Result:
        columns: Mapping[str, Any] = columns_of(sample) | {
            name: known[sample.id, sample.key, fingerprint, 0].value for name, fingerprint in self.carried.items()
        }
        outcome: Outcome | None = None
        for part in self.parts:
            if isinstance(part, BoundDraws):
                outcome, columns = await self._draws(part, sample, columns, known, emit)
            else:
                outcome = await self._step(part, sample, columns, 0, known, emit)
                columns = {**columns, part.name: outcome.value}
            if outcome.status != "ok":
                break
        assert outcome is not None, "a stage has at least one step"
        return Result(sample, outcome, columns)

    async def _draws(
        self, part: BoundDraws, sample: Sample, before: Mapping[str, Any], known: Known, emit: Emit
    ) -> tuple[Outcome, Mapping[str, Any]]:
        attempts: list[tuple[int, Outcome, Mapping[str, Any]]] = []
        for draw in range(part.k):
            attempt = await self._attempt(part, sample, before, draw, known, emit)
            attempts.append(attempt)
            if attempt[1].status == "ok" and part.stop == "first_verified":
                break
        chosen = max(range(len(attempts)), key=lambda i: (attempts[i][0], attempts[i][1].status == "ok", -i))
        outcome = _summary(part, sample, attempts, chosen)
        emit(outcome, known.get(outcome.key) != outcome)  # a draw tried again may have changed it
        return outcome, {**attempts[chosen][2], part.name: outcome.value}

    async def _attempt(
        self, part: BoundDraws, sample: Sample, before: Mapping[str, Any], draw: int, known: Known, emit: Emit
    ) -> tuple[int, Outcome, Mapping[str, Any]]:
        """How many steps this draw passed or reached, its last outcome, and the columns it made."""
        columns, reached = before, -1
        for step in part.steps:
            reached += 1
            outcome = await self._step(step, sample, columns, draw, known, emit)
            columns = {**columns, step.name: outcome.value}
            if outcome.status != "ok":
                break
        return reached, outcome, columns

    async def _step(
        self, bound: Bound, sample: Sample, columns: Mapping[str, Any], draw: int, known: Known, emit: Emit
    ) -> Outcome:
        if (old := known.get((sample.id, sample.key, bound.fingerprint, draw))) is not None:
            emit(old, False)
            return old
        calls: list[str] = []
        _calls.set(calls)
        _draw.set(draw)
        STEP.set(bound.name)
        start = time.perf_counter()
        status, value, reason, detail = await self._attempted(bound, columns)
        outcome = Outcome(
            sample.id, sample.key, bound.name, bound.fingerprint, status, value, reason, detail, draw,
            tuple(calls), round(time.perf_counter() - start, 4),
        )  # fmt: skip
        emit(outcome, True)
        return outcome

    async def _attempted(self, bound: Bound, columns: Mapping[str, Any]) -> tuple[Any, Json, str, str]:
        """(status, value, reason, detail) of one step on one sample; the only broad `except` of the project."""
        needed: dict[str, Any] = {role: Watched(t) for role in bound.step.roles if (t := self.teachers.get(role))}
        needed |= {role: None for role in bound.step.roles if role not in needed}
        try:
            value = bound.step(*(columns[name] for name in bound.step.reads), **needed)
            if inspect.isawaitable(value):
                value = await value
            if bound.step.scope == "many" and not isinstance(value, Drop):
                value = as_value(value)
        except SampleError as error:
            return "failed", {"raw": error.raw} if error.raw else None, error.reason, error.detail
        except RunStopped:
            raise
        except Exception as error:  # noqa: BLE001 the boundary: whatever a step raises belongs to its sample
            return "failed", None, "step_error", f"{type(error).__name__}: {error}"[:2000]
        if isinstance(value, Drop):
            return "dropped", value.value, value.reason, value.detail
        return ("expanded", value, "", "") if bound.step.scope == "many" else ("ok", value, "", "")


def _summary(
    part: BoundDraws, sample: Sample, attempts: Sequence[tuple[int, Outcome, Mapping[str, Any]]], chosen: int
) -> Outcome:
    last = attempts[chosen][1]
    value = {
        "chosen": chosen,
        "drawn": len(attempts),
        "k": part.k,
        "correct": sum(outcome.status == "ok" for _, outcome, _ in attempts),
        "undecided": sum(outcome.status == "failed" for _, outcome, _ in attempts),
        "stop": part.stop,
    }
    return Outcome(sample.id, sample.key, part.name, part.fingerprint, last.status, value, last.reason, last.detail)


def columns_of(sample: Sample) -> dict[str, Any]:
    """The columns a sample starts with."""
    return {
        "id": sample.id, "source": sample.source, "question": sample.question, "reference": sample.reference,
        "kind": sample.kind, "image": sample.image, "options": sample.options, "context": sample.context,
        "text_question": sample.text_question, "given_caption": sample.given_caption, "solution": sample.solution,
        "difficulty": sample.difficulty, "licence": sample.licence, "meta": sample.meta, "parent": sample.parent,
    }  # fmt: skip


async def gather(rows: Sequence[Awaitable[Result]]) -> list[Result]:
    """Like `asyncio.gather`, but the first error cancels the rest and waits for them, so nothing runs on unseen."""
    tasks = [asyncio.ensure_future(row) for row in rows]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def run_all(
    bound: Bound,
    fingerprint: str,
    keys: Sequence[tuple[str, str]],
    columns: Mapping[str, list[Any]],
    pictures: Pictures,
) -> Iterator[Outcome]:
    """One outcome a row for a step over all rows; `keys` are (sample id, sample key), `columns` one list a column read.

    The step has seen every row before the first outcome is there. An error here stops the run, since no single row is
    to blame.
    """
    needed = {bound.step.pictures: pictures} if bound.step.pictures else {}
    values = bound.step(*(columns[name] for name in bound.step.reads), **needed)
    return (
        Outcome(id, key, bound.name, fingerprint, "dropped", value.value, value.reason, value.detail)
        if isinstance(value, Drop)
        else Outcome(id, key, bound.name, fingerprint, "ok", value)
        for (id, key), value in zip(keys, values, strict=True)
    )
