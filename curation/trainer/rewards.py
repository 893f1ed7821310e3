"""Rewards as TRL calls them, over the columns of an export: one function a name, routed by each row's kind.

A reward returns None where nobody could tell, which TRL leaves out of the sum; None never counts as 0.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from curation.answers import check, parse
from curation.errors import ConfigError
from curation.records import Kind, Option, Verdict
from curation.trainer.config import Overlong, Progressive

Completion = Sequence[Mapping[str, str]]
Scores = list[float | None]


class RewardFunction(Protocol):
    """What TRL calls; every column of the data set comes as a list."""

    __name__: str

    def __call__(self, completions: Sequence[Completion], **columns: Any) -> Scores: ...


def said(completion: Completion | str) -> str:
    """The text of a completion, which TRL gives as messages or as a string."""
    return completion if isinstance(completion, str) else str(completion[0]["content"])


def verdict(text: str, row: Mapping[str, Any]) -> Verdict:
    """How the answer of a completion compares with the row's reference; the same check as in curation."""
    return check(text, str(row["answer"]), kind=_kind(row), options=options_of(row), question=row.get("question"))


def right(text: str, row: Mapping[str, Any]) -> bool:
    """Whether a completion's answer is right; False where it could not be told."""
    return verdict(text, row).correct is True


def _kind(row: Mapping[str, Any]) -> Kind | None:
    kind: Kind | None = row.get("kind") or None
    return kind


def options_of(row: Mapping[str, Any]) -> tuple[Option, ...]:
    """The options of a row: texts in order, or letter and text."""
    given = row.get("options") or ()
    return tuple(
        Option(each["letter"], each["text"]) if isinstance(each, Mapping) else Option("ABCDEFGHIJ"[at], str(each))
        for at, each in enumerate(given)
    )


def accuracy(completions: Sequence[Completion], **columns: Any) -> Scores:
    """1 for a right answer, 0 for a wrong or missing one, None where the rules cannot tell."""
    rows = rows_of(columns, len(completions))
    found = [verdict(said(completion), row).correct for completion, row in zip(completions, rows, strict=True)]
    return [None if correct is None else float(correct) for correct in found]


def form(completions: Sequence[Completion], **columns: Any) -> Scores:
    """1 for one think block followed by one answer block and nothing else (DeepSeek-R1, arXiv 2501.12948 §2.2.2)."""
    return [float(well_formed(said(completion))) for completion in completions]


form.__name__ = "format"


def well_formed(text: str) -> bool:
    """Whether a completion is exactly one think block and one answer block."""
    parsed = parse(text)
    return parsed.tagged and not parsed.faults


def rows_of(columns: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """The data set's columns as one dict a completion."""
    lists = {name: value for name, value in columns.items() if isinstance(value, list) and len(value) == count}
    return [{name: value[at] for name, value in lists.items()} for at in range(count)]


def overlong(settings: Overlong) -> RewardFunction:
    """DAPO's soft overlong punishment (arXiv 2503.14476, Eq. 13), by the completion's tokens."""
    free = settings.tokens - settings.buffer

    def soft_overlong(
        completions: Sequence[Completion], *, completion_ids: Sequence[Sequence[int]], **_: Any
    ) -> Scores:
        return [-min(1.0, max(0.0, (len(ids) - free) / settings.buffer)) for ids in completion_ids]

    return soft_overlong


def progressive(settings: Progressive) -> RewardFunction:
    """Box rewards whose IoU must reach a threshold that rises over training (arXiv 2503.18013 §3.3): 1, or 0 below.

    Rows that are no boxes get None; plain accuracy is a reward of its own.
    """
    from curation.answers.by_box import boxes, iou

    def progressive_iou(
        completions: Sequence[Completion], *, trainer_state: Any = None, log_metric: Any = None, **columns: Any
    ) -> Scores:
        share = trainer_state.global_step / max(1, trainer_state.max_steps) if trainer_state else 0.0
        least = threshold(settings, share)
        if log_metric:
            log_metric("reward_threshold", least)
        scores: Scores = []
        for completion, row in zip(completions, rows_of(columns, len(completions)), strict=True):
            wanted, found = boxes(str(row["answer"])), boxes(parse(said(completion)).answer)
            scores.append(float(bool(found) and iou(found[-1], wanted[0]) >= least) if wanted else None)
        return scores

    return progressive_iou


def threshold(settings: Progressive, share: float) -> float:
    """The threshold in force at this share (0 to 1) of training."""
    return next(value for start, value in reversed(settings.at) if share >= start)


Judge = Callable[[str, str, str], Awaitable[float | None]]
"""(question, reference, answer) to a score from 0 to 1, or None for no verdict."""


def judged(judge: Judge, *, at_once: int = 8, seconds: float = 60.0) -> Any:
    """A reward from a judge: asked once for each answer, at most `at_once` together, None when it fails or is late."""
    known: dict[tuple[str, str, str], float | None] = {}

    async def judge_reward(completions: Sequence[Completion], **columns: Any) -> Scores:
        gate = asyncio.Semaphore(at_once)

        async def one(completion: Completion, row: Mapping[str, Any]) -> float | None:
            key = (str(row.get("question", "")), str(row["answer"]), parse(said(completion)).answer)
            if known.get(key) is None:
                async with gate:
                    try:
                        known[key] = await asyncio.wait_for(judge(*key), seconds)
                    except (TimeoutError, OSError, ValueError):
                        return None
            return known[key]

        rows = rows_of(columns, len(completions))
        return list(await asyncio.gather(*(one(c, row) for c, row in zip(completions, rows, strict=True))))

    return judge_reward


KNOWN: Mapping[str, RewardFunction] = {"accuracy": accuracy, "format": form}


def named(name: str) -> RewardFunction:
    """A reward by its name. Raises `ConfigError` naming the known ones."""
    if name not in KNOWN:
        raise ConfigError("rewards.names", name, f"no such reward; there are {', '.join(sorted(KNOWN))}")
    return KNOWN[name]
