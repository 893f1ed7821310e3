"""A training run from its configuration: load, cold start, gate, GRPO stage after stage, evaluate, save, record.

Everything that happened goes to `out`: `run.json` (settings, scores before and after, versions), `curve.jsonl` (a line
a logged step), checkpoints, and the model as a folder that Auto classes load. A killed run goes on from its last
checkpoint when it is started again with the same configuration (`record`).
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import ConfigError, RunStopped
from curation.rewards import Judge
from curation.teachers.protocol import Ledger
from curation.trainer import beforehand, models, parts, rewards, rounds
from curation.trainer.choice import Choice
from curation.trainer.config import Grpo, Training
from curation.trainer.critical import absent
from curation.trainer.data import checked, digest_of, grpo_rows, markers_of, sft_rows, shared, usable
from curation.trainer.evaluate import evaluate
from curation.trainer.judging import open_judge
from curation.trainer.record import Record, opened

if TYPE_CHECKING:
    from datasets import Dataset

Say = Callable[[str], None]
__all__ = ["Record", "train"]


def train(training: Training, say: Say = print, *, ledger: Ledger | None = None) -> Record:
    """Run it; the record. Raises `ConfigError` before anything is trained, `RunStopped` when it must not go on.

    `ledger` keeps what a judge said; a run with a [judge] table needs one (`vistill train` gives it). Whoever calls
    has looked at `out` and holds it (`curation.trainer.folder`).
    """
    if training.judge is not None and ledger is None:
        raise ConfigError("judge", training.judge.teacher, "needs a ledger: train with `vistill train`")
    found = {name: digest_of(getattr(training.data, name), getattr(training.data, f"{name}_split"), f"data.{name}")
             for name in ("sft", "grpo", "held_out", "seed") if _wanted(training, name)}  # fmt: skip
    if weights := models.digest_of(training.model.path):
        found["model"] = weights
    record, line = opened(Path(training.out), asdict(training), found)
    record.say = say
    if line:
        say(line)
    if record.finished:
        return record
    asked = open_judge(training.judge, ledger) if training.judge and ledger else nullcontext()
    try:
        beforehand.look(training)
        with asked as judge:
            Run(training, record, say, judge).all()
    except RunStopped as error:
        record.stopped = str(error)
        record.write()
        raise
    record.finished, record.stopped = time.time(), ""
    record.write()
    return record


def _wanted(training: Training, name: str) -> bool:
    tables = {"sft": training.sft, "grpo": training.grpo, "seed": training.rounds}
    return bool(getattr(training.data, name)) and tables.get(name, training) is not None


class Run:
    """One run under way: its data, its model, and where it has got to."""

    def __init__(self, training: Training, record: Record, say: Say, judge: Judge | None) -> None:
        self.training, self.record, self.say = training, record, say
        self.scored = rewards.of_training(training, judge) if training.grpo else ([], [])
        self.model, self.processor = models.load(training.model)
        if training.sft is None:
            models.finite(self.model, training.model)
        if training.grpo and not training.model.lora_rank:
            models.guard_connector(self.model, training.model)
        if lost := absent(self.processor.tokenizer, training.critical.words if training.critical else ()):
            say(f"critical.words: the model's vocabulary has no token for {', '.join(map(repr, lost))}: no entropy is "
                "logged there")  # fmt: skip
        markers = markers_of(self.processor)
        models.check_targets(self.model, training.model)
        data = training.data
        self.sft = self._usable("sft", sft_rows(data.sft, data.sft_split), markers) if training.sft else None
        self.grpo = self._rows("grpo", markers) if training.grpo else None
        self.seed = self._rows("seed", markers) if training.rounds else None
        held_out = self._rows("held_out", markers) if data.held_out else None
        if held_out is not None and data.held_out_rows:
            held_out = held_out.select(range(min(data.held_out_rows, len(held_out))))
        self.held_out = held_out
        if held_out is not None:
            self._unseen(held_out)
        self._enough()
        record.write()

    def _rows(self, name: str, markers: list[str]) -> "Dataset":
        data = self.training.data
        return self._usable(name, grpo_rows(getattr(data, name), getattr(data, f"{name}_split"), f"data.{name}"),
                            markers)  # fmt: skip

    def _usable(self, name: str, rows: "Dataset", markers: list[str]) -> "Dataset":
        rows, lost = usable(rows, markers, f"data.{name}", whole=not checked(getattr(self.training.data, name)))
        if lost:
            self.record.left_out[name] = lost
            said = ", ".join(f"{count:,} {reason}" for reason, count in lost.items())
            self.say(f"data.{name}: rows left out: {said}; {len(rows):,} are left")
        return rows

    def _unseen(self, held_out: "Dataset") -> None:
        """Say and record where held-out rows are also taught: accuracy on them says nothing of unseen ones."""
        for name in ("sft", "grpo"):
            if _wanted(self.training, name):
                folder, split = (getattr(self.training.data, each) for each in (name, f"{name}_split"))
                if count := shared(held_out, folder, split, f"data.{name}"):
                    self.record.seen[name] = count
                    self.say(f"data.held_out: {count:,} of {len(held_out):,} rows are also in data.{name}: accuracy on "
                             "them is no measure of unseen rows")  # fmt: skip

    def _enough(self) -> None:
        """TRL drops an incomplete batch, so a split smaller than one batch would train on nothing."""
        grpo, size = self.training.grpo, len(self.grpo) if self.grpo is not None else 0
        if grpo is not None and size < (batch := grpo.prompts * grpo.steps_per_generation):
            raise ConfigError("grpo.prompts", grpo.prompts, f"{batch} questions are drawn at once, and data.grpo has "
                              f"{size} rows")  # fmt: skip

    def all(self) -> None:
        """Every part that is not done yet, round after round."""
        if self.training.rounds is None:
            self.parts("", self.sft)
            return
        sft = self.sft
        for number in range(1, self.training.rounds.count + 1):
            prefix = f"round-{number}-"
            if number > 1:
                self.model, self.processor = models.load(self.training.model)
            self.parts(prefix, sft)
            if number < self.training.rounds.count:
                assert self.seed is not None, "config_checks asks for data.seed"
                sft = rounds.regenerated(self.training, self.record.out, number + 1, self.model, self.processor,
                                         self.seed, f"{prefix}model")  # fmt: skip
                self.say(f"round {number + 1}: {len(sft):,} of {len(self.seed):,} seed questions answered rightly")
        rounds.write_manifest(self.training, self.record)

    def parts(self, prefix: str, sft: "Dataset | None") -> None:
        """A cold start where there is one, the gate, and the stages of GRPO."""
        training, out = self.training, self.record.out
        if training.sft is not None:
            self._part(f"{prefix}sft", training.sft.steps, out / f"{prefix}sft", lambda part: parts.cold_start(
                training, self.model, self.processor, sft, self.record, part))  # fmt: skip
        else:
            self._start(f"{prefix}start")
        if training.grpo is None:
            return
        grpo, choice = training.grpo, Choice(training.critical, self.record, prefix)
        _gate(grpo, self.record, f"{prefix}sft" if training.sft is not None else f"{prefix}start", self.say)
        for number, stage in enumerate(grpo.stages, 1):
            part = f"{prefix}grpo-{number}"

            def look(model: Any, step: int, part: str = part) -> None:
                choice.offer(model, self.processor, self.look(model, part, step))

            def staged(part: str, number: int = number, stage: Any = stage, look: Any = look) -> Any:
                before = sum(each.steps for each in grpo.stages[: number - 1])
                return parts.stage_of(training, grpo, stage, part, self.model, self.processor, self.grpo, self.record,
                                      self.scored, look, before)  # fmt: skip

            self._part(part, stage.steps, out / f"{prefix}model", staged, choice)
        if choice.take(out / f"{prefix}model", self.say):
            self.model, self.processor = models.load(replace(training.model, path=str(out / f"{prefix}model")))

    def _start(self, part: str) -> None:
        if part not in self.record.done and self.held_out is not None:
            self.look(self.model, part, 0)
            self.record.ended(part)

    def _part(
        self, part: str, steps: int, folder: Path, train: Callable[[str], Any], choice: Choice | None = None
    ) -> None:
        """Train a part, evaluate and save it; or take up what an earlier process left of it."""
        saved = models.part_in(folder) == part  # a kill may have come between saving it and noting that
        if part in self.record.done or saved:
            if folder.is_dir():
                self.model, self.processor = models.load(replace(self.training.model, path=str(folder)))
            if part not in self.record.done:
                self.record.ended(part)
            return
        self.model = train(part)
        models.choose(self.model, self.training.model)
        entry = self.look(self.model, part, steps)
        if choice is not None:
            choice.offer(self.model, self.processor, entry)
        models.save(self.model, self.processor, folder, part)
        self.model.config._name_or_path = str(folder)  # where TRL finds the reference of the next stage
        self.record.ended(part)

    def look(self, model: Any, part: str, step: int) -> dict[str, Any]:
        """Evaluate and record: greedy, and sampled with the entropy of critical tokens; {} without held-out rows."""
        if self.held_out is None:
            return {}
        how, seed = self.training.evaluation, self.training.seed
        words = self.training.critical.words if self.training.critical else ()
        greedy = evaluate(model, self.processor, self.held_out, how, sampled=False, seed=seed)
        sampled = evaluate(model, self.processor, self.held_out, how, sampled=True, seed=seed, words=words)
        told = f"{part}, step {step}: held-out accuracy {greedy.accuracy:.3f} greedy, {sampled.accuracy:.3f} sampled; "
        self.say(f"{told}format {sampled.format:.3f} sampled; {greedy.rows} rows")
        return self.record.score(part, step, {"greedy": greedy, "sampled": sampled})


def _gate(grpo: Grpo, record: Record, before: str, say: Say) -> None:
    """Stop before GRPO when too few sampled completions have the form: no reward would ever be seen.

    What counts is how the part `before` ended, also in a run that is taken up in the middle of GRPO.
    """
    sampled = next((each.get("sampled") for each in reversed(record.scores) if each["at"] == before), None)
    if sampled is None:
        say("no held-out rows: whether the model's form is good enough for GRPO was not looked at")
    elif sampled["format"] < grpo.least_format:
        raise RunStopped(
            f"only {sampled['format']:.2f} of sampled completions have one think and one answer block, below "
            f"grpo.least_format = {grpo.least_format}: train the cold start longer, or lower the limit"
        )
