"""Exported splits as TRL wants them, read from disk with `datasets`: no private generator, no hub.

A folder is what `vistill export grpo` or `vistill export sft_trl` wrote. GRPO rows need `prompt`, `images` and
`answer`; SFT rows `messages`, or `prompt` and `completion`, and `images`.
"""

import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import ConfigError

if TYPE_CHECKING:
    from datasets import Dataset

GRPO_NEEDS = ("prompt", "images")
SFT_NEEDS = ("images",)


def split_of(folder: str, split: str, field: str) -> "Dataset":
    """One split of an export. Raises `ConfigError` naming the field for a missing folder or split."""
    import datasets

    files = sorted(glob.glob(f"{glob.escape(folder)}/**/{glob.escape(split)}-*.parquet", recursive=True))
    files += sorted(glob.glob(f"{glob.escape(folder)}/**/{glob.escape(split)}.parquet", recursive=True))
    if not Path(folder).is_dir():
        raise ConfigError(field, folder, "is no folder: `vistill export grpo DIR` makes one")
    if not files:
        there = sorted({path.stem.split("-")[0] for path in Path(folder).rglob("*.parquet")})
        raise ConfigError(f"{field}_split", split, f"{folder} has no file of that split; it has {there}")
    datasets.disable_progress_bars()
    return datasets.load_dataset("parquet", data_files={split: files}, split=split)


def grpo_rows(folder: str, split: str, field: str = "data.grpo") -> "Dataset":
    """Rows for GRPO and for evaluation. Raises `ConfigError` for an empty split or missing columns."""
    rows = split_of(folder, split, field)
    _need(rows, GRPO_NEEDS, folder, field)
    return rows


def sft_rows(folder: str, split: str) -> "Dataset":
    """Rows for the cold start, with the columns TRL trains on and no others."""
    rows = split_of(folder, split, "data.sft")
    _need(rows, SFT_NEEDS, folder, "data.sft")
    if "messages" not in rows.column_names and not {"prompt", "completion"} <= set(rows.column_names):
        raise ConfigError("data.sft", folder, "needs `messages`, or `prompt` and `completion`")
    if "messages" not in rows.column_names:
        return rows.select_columns(["prompt", "completion", "images"])
    return rows.select_columns(["messages", "images"]).map(_taught, remove_columns=["messages"])


def _taught(row: dict[str, Any]) -> dict[str, Any]:
    """A conversation as what is given and what is learnt, its last turn: TRL's loss is then on that turn alone."""
    return {"prompt": row["messages"][:-1], "completion": row["messages"][-1:]}


def _need(rows: "Dataset", columns: tuple[str, ...], folder: str, field: str) -> None:
    if missing := [name for name in columns if name not in rows.column_names]:
        raise ConfigError(field, folder, f"lacks the columns {missing}; it has {rows.column_names}")
    if not len(rows):
        raise ConfigError(field, folder, "the split has no row")
