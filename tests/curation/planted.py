"""A clean corpus of rows, and the same with defects planted in known rows: what an audit must report exactly."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from curation.audit import Row
from curation.records import Option

COLOURS = ("red", "green", "blue", "black")
FRUIT = ("pears", "figs", "plums", "limes", "dates", "kiwis", "grapes", "melons", "apples", "cherries")


def clean(count: int, seed: int = 0) -> list[Row]:
    """Counting and multiple-choice rows with fair answers, every picture its own, half SFT and half RL."""
    chance = random.Random(seed)
    return [_choice(i, chance) if i % 2 else _counting(i, chance) for i in range(count)]


def _common(i: int, chance: random.Random) -> dict[str, object]:
    return {
        "source": "shop", "split": "sft" if i % 4 < 2 else "rl", "image": f"{i:064x}", "pixels": f"{i:032x}",
        "phash": chance.getrandbits(64), "format": "png", "width": chance.choice((320, 400, 480)),
        "height": chance.choice((240, 300)), "size": chance.randint(4000, 9000), "licence": "cc0",
        "path": f"images/{i}.png", "caption": f"A shelf with fruit, number {i}.",
    }  # fmt: skip


def _counting(i: int, chance: random.Random) -> Row:
    answer = str(chance.randint(1, 9))
    return Row(
        id=f"shop-{i}", kind="digit", question=f"How many {chance.choice(COLOURS)} {chance.choice(FRUIT)} are there?",
        reference=answer, answer=answer, **_common(i, chance),
        trace=f"<think>I count along the shelf. So the answer is {answer}.</think>\n<answer>{answer}</answer>",
    )  # type: ignore[arg-type] # fmt: skip


def _choice(i: int, chance: random.Random) -> Row:
    texts = chance.sample(FRUIT, 4)
    letter = chance.choice("ABCD")
    return Row(
        id=f"shop-{i}", kind="mcq", question="Which fruit is the cheapest?", reference=letter, answer=letter,
        options=tuple(Option(name, text) for name, text in zip("ABCD", texts, strict=True)), **_common(i, chance),
        trace=f"<think>I read the prices. So the answer is {letter}.</think>\n<answer>{letter}</answer>",
    )  # type: ignore[arg-type] # fmt: skip


Change = Callable[[Row, Sequence[Row]], Row]
"""Plants a defect into a row; the other rows are those of the other split."""


def _trace(text: str) -> Change:
    return lambda row, _: replace(row, trace=text.replace("{answer}", row.answer))


PLANTS: dict[str, Change] = {
    "image_across_splits": lambda row, others: replace(row, pixels=others[0].pixels),
    "closing_tag_last": _trace("<think>I count. So the answer is {answer}.</think>"),
    "leftover_note": _trace("<think>Here is the revised chain: I count.</think>\n<answer>{answer}</answer>"),
    "error_as_text": lambda row, _: replace(row, caption="Error code: 429 - rate limit reached"),
    "other_image": _trace("<think>The image does not show any fruit, so I guess.</think>\n<answer>{answer}</answer>"),
    "options_missing": lambda row, _: replace(row, kind="mcq", options=(), question="Which is it?", reference="A"),
    "marker_count": lambda row, _: replace(row, question=f"<image><image> {row.question}"),
    "trace_truncated": _trace("<think>I count the fruit and the</think>\n<answer>{answer}</answer>"),
    "caption_leak": _trace("<think>According to the description there is fruit.</think>\n<answer>{answer}</answer>"),
    "trace_contradicts": lambda row, _: replace(
        row, kind="digit", options=(), reference="4", answer="4",
        trace="<think>I count. So the answer is 7.</think>\n<answer>4</answer>",
    ),
    "language_mix": _trace("<think>Я считаю яблоки на полке.</think>\n<answer>{answer}</answer>"),
    "licence_missing": lambda row, _: replace(row, licence=""),
    "box_malformed": lambda row, _: replace(row, kind="box", options=(), reference="[0.6, 0.1, 0.2, 0.5]", answer=""),
    "tags_broken": _trace("<think>One.</think>\n<answer>{answer}</answer><answer>{answer}</answer>"),
}  # fmt: skip


def planted(check: str, rows: Sequence[Row], each: int = 12) -> tuple[list[Row], set[str]]:
    """The rows with a defect in `each` of them, and the ids an audit must name for it."""
    targets = [row for row in rows if row.split == "rl" and row.kind == "digit"][:each]
    partners = [row for row in rows if row.split == "sft"]
    changed = {row.id: PLANTS[check](row, partners[at * 3 :]) for at, row in enumerate(targets)}
    named = set(changed)
    if check == "image_across_splits":
        named |= {partners[at * 3].id for at in range(len(targets))}
    return [changed.get(row.id, row) for row in rows], named
