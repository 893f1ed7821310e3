"""docs/answers.md lists the extraction rules of the code, in its order, and the rules are followed in that order."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from curation.answers import candidates
from curation.answers.extract import RULES
from curation.answers.frames import FRAMES
from curation.records import KINDS

PAGE = (Path(__file__).parents[2] / "docs/answers.md").read_text(encoding="utf-8")
# Boxes and statements are one rank, the last of both first.
ORDER = {name: place for place, (name, _) in enumerate(RULES)} | {"stated": 1}
PIECES = [
    "\\boxed{5}", "Final Answer: B", "**12**", "So it is 7.", "\n\n", "\n", "$x^2$", "wait, no", "<answer>",
    "</answer>",
    "</think>", "3 apples", "答案是 B", ". ",
]  # fmt: skip


def test_the_page_lists_the_rules_in_order() -> None:
    listed = re.findall(r"^\d+\. `(\w+)`: (.+)$", PAGE, re.MULTILINE)
    assert listed == list(RULES)


def test_the_page_names_every_kind_and_frame() -> None:
    assert [name for name in (*KINDS, *FRAMES) if f"`{name}`" not in PAGE and f"**{name}**" not in PAGE] == []


@given(st.lists(st.sampled_from(PIECES), max_size=9).map(" ".join))
def test_places_come_in_the_order_of_the_rules(response: str) -> None:
    places = [ORDER[each.how] for each in candidates(response)]
    assert places == sorted(places)
