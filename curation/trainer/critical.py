"""Critical tokens: those at which one of some words begins, and the entropy of the distribution they were drawn from.

Skywork-R1V3 (arXiv 2507.06167) watches it to tell reasoning from imitation and to choose checkpoints. It gives neither
words nor aggregation: a word is found by its first token, and the mean over its places is in nats.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor


def first_ids(tokenizer: Any, words: Sequence[str]) -> torch.Tensor:
    """The first token of each word, as it begins a text and as it follows a space, lower case and capitalised."""
    forms = [form for word in words for form in (word, word.capitalize(), f" {word}", f" {word.capitalize()}")]
    found = set()
    for form in forms:
        ids = [i for i in tokenizer(form, add_special_tokens=False)["input_ids"] if tokenizer.decode([i]).strip()]
        found |= set(ids[:1])
    return torch.tensor(sorted(found - {tokenizer.unk_token_id}), dtype=torch.long)


def absent(tokenizer: Any, words: Sequence[str]) -> list[str]:
    """The words for which the vocabulary has no token, so that nothing can be seen of them."""
    return [word for word in words if not len(first_ids(tokenizer, [word]))]


class Entropies(LogitsProcessor):  # type: ignore[misc]
    """Put last, it changes nothing and keeps the entropy of every step's distribution, `steps_T_B` in nats."""

    def __init__(self) -> None:
        self.steps_T_B: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        logps_B_V = scores.float().log_softmax(-1)
        self.steps_T_B.append(-(logps_B_V.exp() * logps_B_V.nan_to_num(neginf=0.0)).sum(-1))
        return scores

    def at(self, completions_B_T: torch.Tensor, wanted: torch.Tensor) -> list[float]:
        """The entropies where one of the `wanted` tokens was drawn."""
        entropies_B_T = torch.stack(self.steps_T_B, dim=1)[:, : completions_B_T.shape[1]]
        found: list[float] = entropies_B_T[torch.isin(completions_B_T, wanted.to(completions_B_T.device))].tolist()
        return found
