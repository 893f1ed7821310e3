"""Makes formats of the published Vision-R1 layouts: the rows are those of `curation.exports.vision_r1`.

What the recipe assembled is exported as it is; of other recipes' traces the published think and answer text is made.
"""

from collections.abc import Mapping, Sequence

from curation.errors import SampleError
from curation.exports import vision_r1
from curation.exports.formats import IMAGE, Format, Part
from curation.exports.item import Item
from curation.exports.verl import problem_texts
from curation.records import Json
from curation.steps.assemble import LAYOUTS, bare


def _row(item: Item, pictures: Sequence[Json], layout: str) -> vision_r1.Row:
    if len(pictures) != 1:
        raise SampleError("image_missing", "the published layout has exactly one picture a row")
    made = LAYOUTS[layout].format(think=item.think, answer=bare(item.answer))
    return vision_r1.Row(
        item.id, pictures[0].removeprefix("images/"), item.prompt, item.reference, response=item.response or made
    )  # the prompt lists the options already, once


def llava_cot_row(item: Item, pictures: Sequence[Json], *, layout: str = "paper") -> dict[str, Json]:
    """{id, image, conversations}: human and gpt, as in `vision_r1_llava_cot_full.json`."""
    return vision_r1.llava_cot(_row(item, pictures, layout), folder="images")


def mulberry_row(item: Item, pictures: Sequence[Json], *, layout: str = "paper") -> dict[str, Json]:
    """{images, conversations}: user and assistant, as in `vision_r1_mulberry_sft_full.json`."""
    return vision_r1.mulberry(_row(item, pictures, layout), folder="images")


def rl_row(item: Item, pictures: Sequence[Json]) -> dict[str, Json]:
    """{problem, images, answer} of `Vision-R1-rl`: one `<image>` a picture before the problem, a letter for options."""
    row = vision_r1.Row(item.id, "", item.prompt, item.reference)
    return vision_r1.rl(row, [picture["bytes"] for picture in pictures])


def texts(row: Mapping[str, Json]) -> list[str]:
    """What is said in a conversation, whatever the roles are called."""
    return [turn["value"] for turn in row["conversations"]]


def _format(name: str, style: vision_r1.Style) -> Format:
    def info(files: Mapping[str, str], embedded: bool) -> Json:
        return {part: vision_r1.dataset_info(style, name) for part, name in files.items()}

    rows = {
        "llava_cot": ("vision_r1_llava_cot_full", llava_cot_row),
        "mulberry": ("vision_r1_mulberry_sft_full", mulberry_row),
    }
    file, row = rows[style]
    part = Part(file, "sft", row, traced=True)
    return Format(
        name, f"the published layout of Vision-R1-cold, {style} part", (part,), "text", texts,
        containers={"files": "array"}, info=info,
    )  # fmt: skip


COLD = _format("vision-r1-cold", "llava_cot")
COLD_MULBERRY = _format("vision-r1-cold-mulberry", "mulberry")
RL = Format(
    "vision-r1-rl", "the published layout of Vision-R1-rl", (Part("train", "rl", rl_row),), "text", problem_texts,
    {"problem": "string", "images": [IMAGE], "answer": "string"}, {"embed": "parquet"},
)  # fmt: skip
