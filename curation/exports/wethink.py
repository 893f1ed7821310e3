"""Rows in the layout of the published WeThink file: one JSON object a line, the picture a path in a field.

Source: `specs/corpora.md` §3.5. Field names are the repository's. The strings in `category` and `reward` are not
published: ours come from the recipe (`curation.steps.route`), those of an imported corpus stay as they were.
"""

from collections.abc import Mapping, Sequence

from curation.errors import SampleError
from curation.exports.formats import Format, Part
from curation.exports.item import Item
from curation.exports.texts import harmless
from curation.records import Json
from curation.steps.route import REWARDS

FIELDS = ("problem", "answer", "category", "abilities", "refined_cot", "image_path", "reward")
CATEGORIES = {"mcq": "MC", "open": "DES"}
"""For samples of other recipes, by kind; every other kind is filled in."""


def row(item: Item, pictures: Sequence[Json]) -> dict[str, Json]:
    """{problem, answer, category, abilities, refined_cot, image_path, reward}; the chain stands without tags.

    Raises `SampleError` for a sample without a picture.
    """
    if len(pictures) != 1:
        raise SampleError("image_missing", "the published layout has exactly one picture a row")
    about = {**(item.record["meta"] or {}), **(item.record.get("routed") or {})}
    category = harmless(str(about.get("category") or CATEGORIES.get(item.kind, "FIB")))[0]
    reward = harmless(str(about.get("reward") or REWARDS.get(category, "rule")))[0]
    named = about.get("abilities")
    abilities = [harmless(str(ability))[0] for ability in named] if isinstance(named, list) else []
    values = (item.prompt, item.reference, category, abilities, item.think, pictures[0], reward)
    return dict(zip(FIELDS, values, strict=True))


def texts(row: Mapping[str, Json]) -> list[str]:
    """The texts of a row in which no placeholder may stand: the picture is a field."""
    return [row["problem"], row["answer"], row["refined_cot"]]


WETHINK = Format(
    "wethink", "the published layout of WeThink", (Part("WeThink_Multimodal_Reasoning", "", row, traced=True),),
    "none", texts, containers={"files": "lines"},
)  # fmt: skip
