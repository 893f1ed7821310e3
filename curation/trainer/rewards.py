"""Rewards as TRL calls them: `curation.rewards` by name, over the columns of an export, with every component logged.

A reward returns None where nobody could tell, which TRL leaves out of the sum; None never counts as 0. Rows are routed
by their own `kind`.
"""

import asyncio
import string
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from curation.answers import check
from curation.errors import ConfigError
from curation.records import Option, Verdict
from curation.rewards import REWARDS, Judge, Reward, Scorer, checked, declared, score, score_async
from curation.rewards.columns import response_text
from curation.rewards.format import laid_out
from curation.trainer.config import Judged, Overlong, Progressive, Training

Completion = Sequence[Mapping[str, str]]
Scores = list[float | None]
REFERENCES = ("answer", "solution", "reference")
ACCURACY = "accuracy"
SHARE = "training_share"
"""A column of how much of a training is done (0 to 1), over its stages; TRL's own state knows one stage."""
LETTERS = string.ascii_uppercase
KEPT = 50_000
"""Judged rewards that are remembered in memory; older ones are still in the ledger."""


def said(completion: Completion | str) -> str | None:
    """The text of a completion, which TRL gives as messages or as a string; None where it has none."""
    try:
        return response_text(completion)
    except ValueError:
        return None


def reference_of(row: Mapping[str, Any]) -> str:
    """The reference answer of an exported row, under whichever name the format has."""
    return str(next(row[name] for name in REFERENCES if row.get(name) is not None))


def verdict(text: str, row: Mapping[str, Any]) -> Verdict:
    """How the answer of a completion compares with the row's reference; the same check as in curation."""
    return check(text, reference_of(row), kind=row.get("kind") or None, options=options_of(row),
                 question=question_of(row) or None)  # fmt: skip


def right(text: str, row: Mapping[str, Any]) -> bool:
    """Whether a completion's answer is right; False where it could not be told."""
    return verdict(text, row).correct is True


def options_of(row: Mapping[str, Any]) -> tuple[Option, ...]:
    """The options of a row: texts, or letter and text; one without a letter gets that of its place, A to Z."""
    found = []
    for letter, each in zip(LETTERS, row.get("options") or (), strict=False):
        said = each if isinstance(each, Mapping) else {"text": each}
        found.append(Option(str(said.get("letter") or letter), str(said.get("text") or "")))
    return tuple(found)


def question_of(row: Mapping[str, Any]) -> str:
    """The question of a row: its own column, or the text of the last user turn of its prompt."""
    if row.get("question"):
        return str(row["question"])
    turns = [turn["content"] for turn in row.get("prompt") or () if turn["role"] == "user"]
    parts = turns[-1] if turns else ""
    if isinstance(parts, str):
        return parts
    return "".join(part.get("text") or "" for part in parts)


def well_formed(text: str) -> bool:
    """Whether a completion is exactly one think block and one answer block."""
    return not laid_out(text)[1]


def rows_of(columns: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """The data set's columns as one dict a completion."""
    lists = {name: value for name, value in columns.items() if isinstance(value, list) and len(value) == count}
    return [{name: value[at] for name, value in lists.items()} for at in range(count)]


def named(
    name: str, settings: Mapping[str, Any] | None = None, *, judge: Judge | None = None, scorer: Scorer | None = None
) -> Any:
    """The function TRL calls for a reward of `curation.rewards`. Raises `ConfigError` for a name, setting or model.

    Judged rewards are asynchronous and remember their verdicts by reference and completion, so that a completion drawn
    twice is asked about once.
    """
    if name not in REWARDS:
        raise ConfigError("rewards.names", name, f"no such reward; there are {', '.join(sorted(REWARDS))}")
    given = checked(name, settings or {})
    if asyncio.iscoroutinefunction(REWARDS[name]):
        if judge is None and scorer is None:
            raise ConfigError("rewards.names", name, "asks a model: give it with rewards.judge")
        return _judged(name, given, judge, scorer)

    def reward(completions: Sequence[Completion], *, log_metric: Any = None, **columns: Any) -> Scores:
        rows = _rows(completions, columns)
        found = [score(name, c, row, **given) for c, row in zip(completions, rows, strict=True)]
        return _logged(name, found, log_metric)

    reward.__name__ = name
    return reward


def _judged(name: str, given: Mapping[str, Any], judge: Judge | None, scorer: Scorer | None) -> Any:
    known: dict[tuple[str, str, str], Reward] = {}

    async def reward(completions: Sequence[Completion], *, log_metric: Any = None, **columns: Any) -> Scores:
        async def one(completion: Completion, row: Mapping[str, Any]) -> Reward:
            key = (str(row.get("question", "")), str([row.get(each) for each in REFERENCES]), str(completion))
            if key not in known or known[key].total is None:
                if len(known) >= KEPT:
                    known.clear()
                found = await score_async(name, completion, row, judge=judge, scorer=scorer, **given)
                known[key] = found
                return found
            return known[key]

        rows = _rows(completions, columns)
        jobs = [one(c, row) for c, row in zip(completions, rows, strict=True)]
        return _logged(name, await asyncio.gather(*jobs), log_metric)

    reward.__name__ = name
    return reward


def _rows(completions: Sequence[Completion], columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows with what rewards read beside their own columns: the length in tokens and the share of training done."""
    state, ids = columns.get("trainer_state"), columns.get("completion_ids")
    done = state.global_step / max(1, state.max_steps) if state is not None else 0.0
    rows = rows_of(columns, len(completions))
    prompts = columns.get("prompts") or [()] * len(completions)
    for at, row in enumerate(rows):
        row["question"] = question_of({"prompt": prompts[at], **row})
        row |= {"progress": row.get(SHARE, done), "completion_tokens": len(ids[at]) if ids else 0}
    return rows


def _logged(name: str, found: Sequence[Reward], log_metric: Any) -> Scores:
    if log_metric:
        parts: dict[str, list[float]] = defaultdict(list)
        for reward in found:
            for part, value in reward.components.items():
                if value is not None:
                    parts[part].append(value)
        for part, values in parts.items():
            log_metric(f"components/{name}/{part}", sum(values) / len(values))
        log_metric(f"components/{name}/unscored", sum(reward.total is None for reward in found) / len(found))
    return [reward.total for reward in found]


def overlong(settings: Overlong) -> Any:
    """DAPO's soft overlong punishment by the completion's tokens."""
    free = settings.tokens - settings.buffer
    return named("soft_overlong", {"expected": free, "buffer": settings.buffer})


def progressive(settings: Progressive) -> Any:
    """Box rewards whose IoU must reach a threshold that rises over training (arXiv 2503.18013 §3.3): 1, or 0 below.

    Rows that are no boxes get None; plain accuracy is a reward of its own.
    """
    from curation.answers import parse
    from curation.answers.by_box import boxes, iou

    def progressive_iou(completions: Sequence[Completion], *, log_metric: Any = None, **columns: Any) -> Scores:
        scores: Scores = []
        for completion, row in zip(completions, _rows(completions, columns), strict=True):
            least = threshold(settings, row["progress"])
            text = said(completion)
            wanted, found = boxes(reference_of(row)), boxes(parse(text or "").answer)
            told = bool(wanted) and text is not None
            scores.append(float(bool(found) and iou(found[-1], wanted[0]) >= least) if told else None)
            if log_metric:
                log_metric("reward_threshold", least)
        if log_metric:
            log_metric("components/progressive_iou/unscored", scores.count(None) / max(1, len(scores)))
        return scores

    return progressive_iou


def threshold(settings: Progressive, share: float) -> float:
    """The threshold in force at this share (0 to 1) of training."""
    return next(value for start, value in reversed(settings.at) if share >= start)


def of_training(training: Training, judge: Judge | None = None) -> tuple[list[Any], list[float]]:
    """All reward functions of a run with their weights. Dynamic sampling looks at accuracy, so it is there for that,
    with weight 0 where it is not wanted as a reward.
    """
    names, weights = list(training.rewards.names), list(training.rewards.weights)
    if training.resample is not None and ACCURACY not in names:
        names, weights = [*names, ACCURACY], [*weights, 0.0]
    functions = [named(name, _timed(name, training.judge), judge=judge) for name in names]
    if training.overlong is not None:
        functions.append(overlong(training.overlong))
        weights.append(training.overlong.weight)
    if training.progressive is not None:
        functions.append(progressive(training.progressive))
        weights.append(1.0)
    return functions, weights


def _timed(name: str, settings: Judged | None) -> dict[str, Any]:
    """What the [judge] table sets of a reward that asks one."""
    if settings is None or declared(name).model != "judge":
        return {}
    wanted = {"judge_seconds": settings.timeout, "tiers": list(settings.tiers)}
    return {setting: value for setting, value in wanted.items() if setting in declared(name).settings}
