"""Row surgery on TRL's batches: one dict a completion without padding, and back; what replay and resampling share.

The keys are those of TRL 1.16's `_generate_and_score_completions`; a test of each override holds the pin.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import pad
from trl.trainer.utils import split_pixel_values_by_grid

Row = dict[str, Any]
LEFT = ("prompt_ids", "prompt_mask")
RIGHT = (
    "completion_ids", "completion_mask", "old_per_token_logps", "ref_per_token_logps", "sampling_per_token_logps",
    "tool_mask",
)  # fmt: skip
TYPES = ("mm_token_type_ids", "token_type_ids")


def to_rows(batch: dict[str, Any]) -> list[Row]:
    """One row a completion; image tensors keep their leading axis, so that rows of several batches can be joined."""
    batch = split_pixel_values_by_grid(dict(batch))
    return [_row(batch, at) for at in range(len(batch["advantages"]))]


def _row(batch: dict[str, Any], at: int) -> Row:
    prompt, length = batch["prompt_mask"][at].bool(), int(batch["completion_mask"][at].sum())
    row: Row = {}
    for name, value in batch.items():
        if name == "num_items_in_batch" or value is None:
            continue
        if name in LEFT:
            row[name] = value[at][prompt]
        elif name in RIGHT:
            row[name] = value[at][:length]
        elif name in TYPES:
            row[name] = torch.cat([value[at][: len(prompt)][prompt], value[at][len(prompt) :][:length]])
        elif isinstance(value, torch.Tensor):
            row[name] = value[at : at + 1]
        else:
            row[name] = value[at]
    return row


def from_rows(rows: Sequence[Row], pad_id: int) -> dict[str, Any]:
    """A batch again, padded to the longest prompt (left) and completion (right). Rows must have the same keys."""
    prompt = max(len(row["prompt_ids"]) for row in rows)
    completion = max(len(row["completion_ids"]) for row in rows)
    batch = {name: _joined(name, rows, prompt, completion, pad_id) for name in rows[0]}
    batch["num_items_in_batch"] = batch["completion_mask"].sum()
    return batch


def _joined(name: str, rows: Sequence[Row], prompt: int, completion: int, pad_id: int) -> Any:
    values = [row[name] for row in rows]
    fill = pad_id if name in ("prompt_ids", "completion_ids") else 0
    if name in LEFT:
        return torch.stack([pad(value, (prompt - len(value), 0), value=fill) for value in values])
    if name in RIGHT:
        return torch.stack([pad(value, (0, completion - len(value)), value=fill) for value in values])
    if name in TYPES:
        return torch.stack([
            pad(value, (prompt - len(row["prompt_ids"]), completion - len(row["completion_ids"])))
            for value, row in zip(values, rows, strict=True)
        ])  # fmt: skip
    return torch.cat(values) if isinstance(values[0], torch.Tensor) else values


def advantage(row: Row) -> float:
    """Its advantage; rows that teach nothing have 0."""
    return float(row["advantages"])


def informative(rows: Sequence[Row]) -> list[Row]:
    """Rows with an advantage."""
    return [row for row in rows if abs(advantage(row)) > 1e-6]
