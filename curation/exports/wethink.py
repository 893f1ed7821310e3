"""Rows in the layout of the published WeThink file: one JSON object a line, the picture a path in a field.

Source: `specs/corpora.md` §3.5. Field names are the repository's; the strings in `category` and `reward` are not known,
and ours come from the recipe (`curation.steps.route`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from curation.answers import parse
from curation.errors import SampleError
from curation.exports.texts import harmless
from curation.records import Json

FIELDS = ("problem", "answer", "category", "abilities", "refined_cot", "image_path", "reward")


def wethink_row(
    *,
    problem: str,
    answer: str,
    category: str,
    abilities: Sequence[str],
    chain: str,
    image_path: str,
    reward: str,
) -> dict[str, Json]:
    """One published row. `chain` may have think or answer tags around it, as some published rows do: they are stripped.

    Text that looks like a placeholder (`<image>`) is shown and not meant. Raises `SampleError` for an empty chain or
    answer, and for a row without a picture.
    """
    parsed = parse(chain)
    thought = parsed.think if "<think>" in chain.lower() else chain.strip()
    if not thought:
        raise SampleError("think_empty", "nothing is left of the chain without its tags", chain)
    if not answer.strip():
        raise SampleError("answer_missing", "no final answer")
    if not image_path:
        raise SampleError("image_missing", "the published layout has exactly one picture a row")
    texts = (problem, answer.strip(), category, list(abilities), thought, image_path, reward)
    return {
        name: harmless(text)[0] if isinstance(text, str) and name != "image_path" else text
        for name, text in zip(FIELDS, texts, strict=True)
    }


def texts(row: Mapping[str, Any]) -> list[str]:
    """The texts of a row in which no placeholder may stand."""
    return [str(row[name]) for name in ("problem", "answer", "refined_cot")]
