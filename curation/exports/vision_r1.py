"""Rows in the column layouts of the published Vision-R1 data: cold start in its two styles, and RL.

Source: specs/corpora.md §2.5. The two cold files differ in columns and roles, so one table cannot hold both; neither
has a system prompt or an instruction to think. Pure: files, pictures and the store are the caller's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from curation.answers.by_choice import correct_letter
from curation.errors import ConfigError
from curation.records import Json, Option
from curation.steps.distill import lettered

Style = Literal["llava_cot", "mulberry"]

MARKER = "<image>\n"
MULBERRY_ASKS = 'Give the result at the end as "Final Answer:" followed by the answer.'
"""Questions from Mulberry end with such an instruction; the words are ours."""


@dataclass(frozen=True, slots=True)
class Row:
    """One verified sample: `image` is its path below the folder of pictures, with `/`; `response` is what `assemble`
    made, empty for a row that only trains RL."""

    id: str
    image: str
    question: str
    reference: str
    options: tuple[Option, ...] = ()
    response: str = ""


def row_of(corpus: Mapping[str, Json], assembled: Mapping[str, Json] | None, image: str) -> Row:
    """A row from the view `corpus` (JSON decoded) and the value of its outcome `assemble`; `image` as in `Row`."""
    return Row(
        id=corpus["sample_id"],
        image=image,
        question=corpus["question"],
        reference=corpus["reference"],
        options=tuple(Option(each["letter"], each["text"]) for each in corpus["options"] or ()),
        response=assembled["response"] if assembled else "",
    )


def llava_cot(row: Row, *, folder: str = "llava_cot_images", marker: str = MARKER) -> dict[str, Json]:
    """{id, image, conversations} with the roles human and gpt, as in `vision_r1_llava_cot_full.json`.

    `marker` stands before the question; whether the published rows have one is not known, and LLaMA-Factory wants it.
    Raises `ConfigError` for an image path that leaves the folder.
    """
    return {
        "id": row.id,
        "image": _below(folder, row.image),
        "conversations": [
            {"from": "human", "value": marker + asked(row)},
            {"from": "gpt", "value": unmarked(row.response)},
        ],
    }


def mulberry(
    row: Row, *, folder: str = "mulberry_images", marker: str = MARKER, instruction: str = MULBERRY_ASKS
) -> dict[str, Json]:
    """{images, conversations} with the roles user and assistant, as in `vision_r1_mulberry_sft_full.json`.

    `images` is one path and no list there. Raises `ConfigError` for an image path that leaves the folder.
    """
    return {
        "images": _below(folder, row.image),
        "conversations": [
            {"from": "user", "value": marker + "\n".join(filter(None, (asked(row), instruction)))},
            {"from": "assistant", "value": unmarked(row.response)},
        ],
    }


def rl(row: Row, pictures: Sequence[bytes], *, marker: str = MARKER) -> dict[str, Json]:
    """{problem, images, answer} of `Vision-R1-rl`, which is geometry3k's layout; `pictures` are encoded files.

    `images` are structs of the `datasets` feature `List(Image())`. The answer to lettered options is the letter, where
    the reference names one.
    """
    return {
        "problem": marker * len(pictures) + asked(row),
        "images": [{"bytes": data, "path": None} for data in pictures],
        "answer": (correct_letter(row.reference, row.options) if row.options else None) or row.reference,
    }


COLD: Mapping[Style, Callable[[Row], dict[str, Json]]] = {"llava_cot": llava_cot, "mulberry": mulberry}
"""The two column styles of the cold set."""


def dataset_info(style: Style, file_name: str) -> dict[str, Json]:
    """What LLaMA-Factory's `dataset_info.json` says of one cold file: the published mapping of columns and roles."""
    user, assistant, images = {
        "llava_cot": ("human", "gpt", "image"), "mulberry": ("user", "assistant", "images"),
    }[style]  # fmt: skip
    return {
        "file_name": file_name,
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "images": images},
        "tags": {"role_tag": "from", "content_tag": "value", "user_tag": user, "assistant_tag": assistant},
    }


def asked(row: Row) -> str:
    """The question with its options below it, if there are any."""
    return unmarked("\n".join(filter(None, (row.question, lettered(row.options)))))


def unmarked(text: str) -> str:
    """The text without `<image>`: trainers count these against the pictures, wherever they stand."""
    return text.replace("<image>", "").strip()


def _below(folder: str, path: str) -> str:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        raise ConfigError("image", path, f"a path below {folder}/, without `..`")
    return str(PurePosixPath(folder) / parts)
