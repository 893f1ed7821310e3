"""Exported splits as TRL wants them, read from disk with `datasets`: no private generator, no hub.

A folder is what `vistill export grpo` or `vistill export sft_trl` wrote. GRPO rows need `prompt`, `images` and
`solution`; SFT rows `messages`, or `prompt` and `completion`, and `images`. Rows that would stop TRL in the middle of a
run are left out before it starts, counted by reason: a picture that is not there or is none, the model's own image
token in a text, a choice without letters.
"""

import glob
import io
import shlex
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, UnidentifiedImageError

from curation.errors import ConfigError
from curation.trainer.rewards import LETTERS, REFERENCES

if TYPE_CHECKING:
    from datasets import Dataset

MANIFEST = "manifest.json"
GRPO_NEEDS = ("prompt", "images")
SFT_NEEDS = ("images",)
SFT_TEXTS = ("messages", "prompt", "completion")


def files_of(folder: str, split: str, field: str) -> list[str]:
    """The Parquet files of a split. Raises `ConfigError` naming the field for a missing folder or split."""
    if not Path(folder).is_dir():
        raise ConfigError(field, folder, f"is no folder: `{_command(field, 'DIR')}` makes one")
    base = f"{glob.escape(folder)}/**/{glob.escape(split)}"
    files = sorted({*glob.glob(f"{base}-*.parquet", recursive=True), *glob.glob(f"{base}.parquet", recursive=True)})
    if not files:
        there = sorted({path.stem.split("-")[0] for path in Path(folder).rglob("*.parquet")})
        if not there:
            what = "has its pictures as files" if any(Path(folder).rglob("*.jsonl")) else "has no Parquet file"
            raise ConfigError(field, folder, f"{what}, and training reads Parquet with the pictures in the rows: "
                              f"`{_command(field, shlex.quote(folder))} --images embed` writes it")  # fmt: skip
        raise ConfigError(f"{field}_split", split, f"{folder} has no file of that split; it has {there}")
    return files


def _command(field: str, folder: str) -> str:
    """What writes the data of this field."""
    return f"vistill export {'sft_trl' if field == 'data.sft' else 'grpo'} {folder}"


def digest_of(folder: str, split: str, field: str) -> str:
    """What the data of a run is known by: its manifest, or the names and sizes of its files."""
    files = files_of(folder, split, field)
    manifest = Path(folder) / MANIFEST
    if checked(folder):
        return sha256(manifest.read_bytes()).hexdigest()
    return sha256(repr([(Path(name).name, Path(name).stat().st_size) for name in files]).encode()).hexdigest()


def split_of(folder: str, split: str, field: str) -> "Dataset":
    """One split of an export. Raises `ConfigError` naming the field for a missing, damaged or empty split."""
    import datasets
    import pyarrow
    import pyarrow.parquet

    datasets.disable_progress_bars()
    files = files_of(folder, split, field)
    try:
        if not sum(pyarrow.parquet.read_metadata(name).num_rows for name in files):
            raise ConfigError(field, folder, f"the split {split} has no row")
        rows = datasets.load_dataset("parquet", data_files={split: files}, split=split)
    except (datasets.exceptions.DatasetGenerationError, pyarrow.ArrowException, OSError, ValueError) as error:
        cause = error.__cause__ or error
        raise ConfigError(field, folder, f"cannot be read ({str(cause).splitlines()[0]}): export it again") from error
    return rows


def grpo_rows(folder: str, split: str, field: str = "data.grpo") -> "Dataset":
    """Rows for GRPO and for evaluation. Raises `ConfigError` for an empty split or missing columns."""
    rows = split_of(folder, split, field)
    _need(rows, GRPO_NEEDS, folder, field)
    if not set(REFERENCES) & set(rows.column_names):
        raise ConfigError(field, folder, f"has no column of answers ({', '.join(REFERENCES)})")
    return rows


def sft_rows(folder: str, split: str) -> "Dataset":
    """Rows for the cold start, with the columns TRL trains on and no others."""
    rows = split_of(folder, split, "data.sft")
    _need(rows, SFT_NEEDS, folder, "data.sft")
    if "messages" not in rows.column_names and not {"prompt", "completion"} <= set(rows.column_names):
        raise ConfigError("data.sft", folder, "needs `messages`, or `prompt` and `completion`")
    return rows.select_columns([name for name in (*SFT_TEXTS, "images") if name in rows.column_names])


def shared(held_out: "Dataset", folder: str, split: str, field: str) -> int:
    """How many held-out rows are among those of another split, by their `id`; 0 where either has none."""
    rows = split_of(folder, split, field)
    if not all("id" in each.column_names for each in (held_out, rows)):
        return 0
    return len(set(held_out["id"]) & set(rows["id"]))


def taught(rows: "Dataset") -> "Dataset":
    """Conversations as `prompt` and `completion`, their last turn: TRL's loss is then on that turn alone.

    A small model that was taught its questions too learnt slower, and GRPO from there fell (docs/training.md).
    """
    return rows.map(_last_turn, remove_columns=["messages"]) if "messages" in rows.column_names else rows


def _last_turn(row: dict[str, Any]) -> dict[str, Any]:
    return {"prompt": row["messages"][:-1], "completion": row["messages"][-1:]}


def _need(rows: "Dataset", columns: tuple[str, ...], folder: str, field: str) -> None:
    if missing := [name for name in columns if name not in rows.column_names]:
        raise ConfigError(field, folder, f"lacks the columns {missing}; it has {rows.column_names}")


def checked(folder: str) -> bool:
    """Whether a manifest says what its files are: `vistill train` has then compared them."""
    return (Path(folder) / MANIFEST).is_file()


def usable(
    rows: "Dataset", markers: Sequence[str], field: str, *, whole: bool = True
) -> tuple["Dataset", dict[str, int]]:
    """The rows that can be trained on, and how many were left out by reason. Raises `ConfigError` when none is left.

    `markers` are the processor's image tokens: TRL adds its own to a prompt, so one in a text asks for another picture.
    Pictures are decoded to their end, or with `whole` false their heads alone are read.
    """
    import datasets

    bare = rows.cast_column("images", datasets.List(datasets.Image(decode=False)))
    reasons = [fault(row, markers, whole=whole) for row in bare]
    lost = Counter(reason for reason in reasons if reason)
    if not lost:
        return rows, {}
    kept = [at for at, reason in enumerate(reasons) if not reason]
    if not kept:
        raise ConfigError(field, dict(lost), "no row is left to train on")
    return rows.select(kept), dict(lost)


def fault(row: Mapping[str, Any], markers: Sequence[str], *, whole: bool = True) -> str:
    """Why a row cannot be trained on, "" when it can."""
    for image in row["images"] or ():
        if reason := _picture(image, whole):
            return reason
    said = str([row.get(name) for name in SFT_TEXTS])
    if any(marker in said for marker in markers):
        return "image token in the text"
    if "messages" in row or "completion" in row:
        return ""
    if all(row.get(name) is None for name in REFERENCES):
        return "no answer"
    if row.get("kind") == "mcq" and not 2 <= len(row.get("options") or ()) <= len(LETTERS):
        return "a choice without options, or with more than the alphabet has letters"
    return ""


def _picture(image: Mapping[str, Any] | None, whole: bool) -> str:
    if image is None or (image["bytes"] is None and not (image["path"] and Path(image["path"]).is_file())):
        return "picture missing"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            source = io.BytesIO(image["bytes"]) if image["bytes"] is not None else image["path"]
            with Image.open(source) as opened:
                if whole:
                    opened.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError,
            Image.DecompressionBombWarning):  # fmt: skip
        return "picture unreadable"
    return ""


def markers_of(processor: Any) -> list[str]:
    """The texts that a processor takes for a picture."""
    names = ("image_token", "fake_image_token", "global_image_token", "video_token")
    return [str(token) for name in names if (token := getattr(processor, name, None))]
