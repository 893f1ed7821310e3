"""TRL's GRPO with attachments: dynamic sampling, replay, forced rethinking, critical-token entropy; each off unless
given.

Four methods of TRL 1.16 are overridden and nothing is forked. What the methods mean is in `replay`, `rethink` and
`config`; here they only meet the trainer. Axis names: B completions, T completion tokens.
"""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from trl import GRPOTrainer

from curation.trainer.config import Critical, Rethink
from curation.trainer.critical import first_ids
from curation.trainer.guard import Guarded, drawing
from curation.trainer.hearing import Hearing
from curation.trainer.replay import Buffer
from curation.trainer.rethink import Splice, spliced
from curation.trainer.rewards import ACCURACY, SHARE
from curation.trainer.rows import Row, from_rows, to_rows

STATE = "attachments.pt"


class Attached(Guarded, GRPOTrainer):  # type: ignore[misc]
    """`GRPOTrainer` with the variations that are given; without any it trains as TRL does."""

    def __init__(
        self, *args: Any, resample: int = 0, replay: Buffer | None = None, rethink: Rethink | None = None,
        critical: Critical | None = None, span: tuple[int, int] | None = None,
        say: Callable[[str], None] = print, **settings: Any,
    ) -> None:  # fmt: skip
        """`span` is how many steps earlier stages took, and how many all stages take together."""
        super().__init__(*args, **settings)
        self.resample, self.replay, self.rethink, self.span = resample, replay, rethink, span
        self._trigger = self._ids(rethink.trigger) if rethink else []
        self._critical_ids = first_ids(self._tokenizer, critical.words if critical else ())
        self._accuracy = torch.zeros(0)
        self._asked: list[dict[str, Any]] = []
        self._splices: dict[int, Splice] = {}
        self._next = 0
        self._chance = random.Random(self.args.seed)
        self._hearing = Hearing(self.reward_func_names, self.reward_weights.tolist(), say)

    @property
    def _mode(self) -> str:
        return "train" if self.model.training else "eval"

    def note(self, name: str, value: float) -> None:
        """Log a metric of this step."""
        self._metrics[self._mode][name].append(float(value))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> torch.Tensor:
        """TRL's, with the share of all stages that is done, and each completion's accuracy for dynamic sampling."""
        if self.span:
            before, steps = self.span
            inputs = [{**row, SHARE: (before + self.state.global_step) / steps} for row in inputs]
        rewards_B_R: torch.Tensor = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        if ACCURACY in self.reward_func_names:
            self._accuracy = rewards_B_R[:, self.reward_func_names.index(ACCURACY)].detach().cpu()
        trained = bool(self.state.global_step or (self.span and self.span[0]))
        silent_R = torch.isnan(rewards_B_R).all(0).tolist()
        self._hearing.batch(silent_R, [row.get("kind") for row in inputs], trained=trained)
        return rewards_B_R

    def put_down(self, folder: Path) -> None:
        """Write what the attachments know into a checkpoint."""
        state: dict[str, Any] = {"next": self._next, "chance": json.dumps(self._chance.getstate())}
        if self.replay is not None:
            state |= self.replay.state()
        torch.save(state, folder / STATE)

    def take_up(self, folder: Path) -> None:
        """The state that `put_down` wrote."""
        state = torch.load(folder / STATE, weights_only=True)
        version, numbers, gauss = json.loads(state["chance"])
        self._next = state["next"]
        self._chance.setstate((version, tuple(numbers), gauss))
        if self.replay is not None:
            self.replay.restore(state)

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's batch, its groups that teach nothing drawn anew or replaced from the buffer."""
        batch = self._scored(inputs)
        if self._mode == "eval" or not (self.resample or self.replay):
            return batch
        rows, mixed = to_rows(batch), self._mixed()
        if self.resample:
            rows = self._resampled(inputs, rows, mixed)
        if self.replay is not None:
            rows, drawn = self.replay.fill(rows, len(inputs) // self.num_generations)
            self.note("replay/drawn", drawn)
            self.note("replay/size", len(self.replay.rows))
        return from_rows(rows, self._tokenizer.pad_token_id)

    def _scored(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        self._asked, self._splices = inputs, {}
        batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
        if self.rethink is not None and self._mode == "train":
            kept = torch.zeros(len(batch["advantages"]), device=batch["advantages"].device)
            kept[list(self._splices)] = 1.0
            batch["imitate"] = kept
        return batch

    def _mixed(self) -> list[bool]:
        """For every completion whether its group has right and wrong answers; unscored ones count for nothing."""
        groups_P_G = self._accuracy.view(-1, self.num_generations)
        mixed_P = [len({round(v, 6) for v in group if v == v}) > 1 for group in groups_P_G.tolist()]
        return [mixed for mixed in mixed_P for _ in range(self.num_generations)]

    def _resampled(self, inputs: list[dict[str, Any]], rows: list[Row], mixed: list[bool]) -> list[Row]:
        """Rows of mixed groups, from at most `resample` more rounds of other prompts; the rest as they were."""
        wanted, size = len(rows), self.num_generations
        kept = [row for row, good in zip(rows, mixed, strict=True) if good]
        self.note("sampling/mixed_share", len(kept) / wanted)
        rounds = 0
        while len(kept) < wanted and rounds < self.resample:
            rounds += 1
            fresh = to_rows(self._scored([row for row in self._more(len(inputs) // size) for _ in range(size)]))
            kept += [row for row, good in zip(fresh, self._mixed(), strict=True) if good]
        self.note("sampling/rounds", rounds)
        idle = [row for row, good in zip(rows, mixed, strict=True) if not good]
        return [*kept, *idle][:wanted]

    def _more(self, count: int) -> list[dict[str, Any]]:
        """Further prompts of the training set, in order from its end, round and round."""
        size = len(self.train_dataset)
        places = [size - 1 - (self._next + at) % size for at in range(count)]
        self._next += count
        return [self.train_dataset[place] for place in places]

    def _generate_single_turn(
        self, prompt_ids: Any, images: Any, multimodal_fields: Any, num_generations: int, **settings: Any
    ) -> Any:
        """First responses, and for a share of them what follows once they are made to look again."""
        with drawing():
            ids, logps = super()._generate_single_turn(
                prompt_ids, images, multimodal_fields, num_generations, **settings
            )
        if self.rethink is None or self._mode == "eval":
            return ids, logps
        if logps is not None:
            raise ValueError("forced rethinking needs the transformers engine: vLLM's log-probabilities end where the "
                             "first response does")  # fmt: skip
        chosen = self._chosen(ids, self.rethink.share)
        first = {at: [i for i in ids[at] if i not in self.eos_token_ids] + self._trigger for at in chosen}
        again = [prompt + first.get(at, []) for at, prompt in enumerate(prompt_ids)]
        fields = {name: _lengthened(value, again) for name, value in multimodal_fields.items()}
        more, _ = super()._generate_single_turn(again, images, fields, num_generations, **settings)
        attempts = [Splice(at, (first[at] + more[at])[: self.max_completion_length], len(first[at])) for at in chosen]
        self._splices = spliced(attempts, self._asked, self._say, num_generations, self.rethink.most)
        self.note("rethink/tried", len(chosen) / len(ids))
        self.note("rethink/kept", len(self._splices) / len(ids))
        return [self._splices[at].ids if at in self._splices else each for at, each in enumerate(ids)], logps

    def _chosen(self, ids: Sequence[Sequence[int]], share: float) -> list[int]:
        """The places of this share of the responses, of those that ended and leave room after the trigger."""
        room = self.max_completion_length - len(self._trigger)
        able = [at for at, each in enumerate(ids) if each and each[-1] in self.eos_token_ids and len(each) <= room]
        return sorted(self._chance.sample(able, min(len(able), round(share * len(ids)))))

    def _say(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True)
        return text

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor, logits_to_keep: int, *args: Any,
        **settings: Any,
    ) -> Any:  # fmt: skip
        """TRL's, with the mean entropy of the tokens at which a critical word begins as a metric."""
        logps, entropies_B_T, extra = super()._get_per_token_logps_and_entropies(
            model, input_ids, attention_mask, logits_to_keep, *args, **settings
        )
        if entropies_B_T is not None and len(self._critical_ids):
            tail = slice(-logits_to_keep, None)
            hit = (
                torch.isin(input_ids[:, tail], self._critical_ids.to(input_ids.device)) & attention_mask[:, tail].bool()
            )
            if hit.any():
                self.note("entropy/critical", entropies_B_T[hit].mean().item())
        return logps, entropies_B_T, extra

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """TRL's loss, with the likelihood of kept rethinking (advantage above 0) added by the imitation weight."""
        imitate = inputs.pop("imitate", None)
        loss: torch.Tensor = super()._compute_loss(model, inputs)
        if self.rethink is None or imitate is None or not self.rethink.imitation:
            return loss
        rows = (imitate > 0) & (inputs["advantages"].reshape(-1) > 0)
        if not rows.any():
            return loss
        nll = self._likelihood(model, inputs, rows)
        self.note("rethink/imitation_loss", nll.item())
        return loss + self.rethink.imitation * nll

    def _likelihood(self, model: Any, inputs: dict[str, Any], rows: torch.Tensor) -> torch.Tensor:
        """Mean negative log-likelihood of the completion tokens of these rows."""
        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
        mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
        seen = {name: inputs[name] for name in PICTURES if inputs.get(name) is not None}
        logps_B_T, _, _ = super()._get_per_token_logps_and_entropies(
            model, ids, mask, inputs["completion_ids"].size(1), **seen
        )
        said = inputs["completion_mask"].bool() & rows[:, None]
        return -logps_B_T[said].mean()


PICTURES = (
    "pixel_values", "image_grid_thw", "num_images", "num_tiles", "pixel_attention_mask", "spatial_shapes",
    "image_sizes", "token_type_ids", "mm_token_type_ids", "image_position_ids",
)  # fmt: skip


def _lengthened(value: Any, longer: Sequence[Sequence[int]]) -> Any:
    """Per-token fields of a prompt (Qwen's `mm_token_type_ids`) padded with text type to the longer prompts."""
    if not (isinstance(value, list) and value and isinstance(value[0], list) and value[0]):
        return value
    return [row + [0] * (len(ids) - len(row)) for row, ids in zip(value, longer, strict=True)]
