"""Rows for LLaMA-Factory and ms-swift: `messages` with `<image>` in the text, and LLaMA-Factory's `dataset_info.json`.

Both put the pictures of `images` where the markers are, in order, and want as many of one as of the other
(`specs/exports.md` §5.3, source read at LLaMA-Factory ff6d4d12e and ms-swift 3602360a5).
"""

from collections.abc import Mapping, Sequence

from curation.exports.formats import IMAGE, MESSAGES, Format, Part, prompt_texts
from curation.exports.item import Item
from curation.exports.texts import MARKER, response
from curation.exports.trl import KNOWN, SYSTEM, turns
from curation.records import Json


def sft_row(item: Item, pictures: Sequence[Json], *, system: str = SYSTEM, answer_tags: bool = True) -> dict[str, Json]:
    """{messages, images}: the markers stand before the question, each on a line of its own."""
    said = response(item.think, item.answer, answer_tags=answer_tags)
    question = f"{MARKER}\n" * len(pictures) + item.prompt
    return {
        "messages": turns(("system", system), ("user", question), ("assistant", said)),
        "images": list(pictures), "id": item.id, "source": item.source,
    }  # fmt: skip


def dataset_info(files: Mapping[str, str], embedded: bool) -> Json:
    """What LLaMA-Factory must be told of the files; `files` maps a part to its file, or to the folder of its shards.

    With pictures as files, LLaMA-Factory looks for them below its `media_dir`.
    """
    tags = {
        "role_tag": "role", "content_tag": "content",
        "user_tag": "user", "assistant_tag": "assistant", "system_tag": "system",
    }  # fmt: skip
    columns = {"messages": "messages", "images": "images"}
    return {
        f"vistill_{part}": {"file_name": file, "formatting": "sharegpt", "columns": columns, "tags": tags}
        for part, file in files.items()
    }


SFT = Format(
    "sft", "conversations with traces for LLaMA-Factory and ms-swift", (Part("train", "sft", sft_row, traced=True),),
    "text", prompt_texts, {"messages": MESSAGES, "images": [IMAGE], **KNOWN},
    {"embed": "parquet", "files": "lines"}, dataset_info,
)  # fmt: skip
