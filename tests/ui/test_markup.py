"""Marked text keeps its words, and no text becomes markup."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from ui.markup import LONGEST, box, chips, difference, label, shortened

TEXTS = st.text(st.sampled_from("<>&\"'`$ab wait\n[]()!*"), max_size=60)
OURS = re.compile(r"</?(?:div|span|mark|del|ins)(?: class=\"[a-z -]+\")?(?: tabindex=\"0\")?>")


@given(TEXTS, TEXTS)
def test_a_difference_drawn_is_both_texts_escaped(before: str, after: str) -> None:
    runs = difference(before, after)
    assert runs is not None
    drawn = box(runs, ["wait", "<b"])
    bare = OURS.sub("", drawn)
    assert "<" not in bare
    assert ">" not in bare
    assert html.unescape(bare) == "".join(text for _, text in runs)
    kept = "".join(text for kind, text in runs if kind != "removed")
    assert kept.split() == after.split()


@given(TEXTS)
def test_labels_and_chips_show_their_text(text: str) -> None:
    for drawn in (label(text), chips([("good", text)])):
        assert html.unescape(OURS.sub("", drawn)) == text


def test_cues_match_parts_of_words_or_whole_ones_as_the_run_asked() -> None:
    assert "<mark>check</mark>ered" in box([("same", "checkered")], ["check"])
    assert "<mark>" not in box([("same", "checkered")], ["check"], whole_words=True)


def test_text_beyond_the_longest_is_counted_not_drawn() -> None:
    drawn = box([("same", "a" * LONGEST), ("added", "b" * 5)])
    assert "b" * 5 not in drawn
    assert "5 more characters" in drawn


def test_texts_too_long_to_compare_have_no_difference() -> None:
    assert difference("a " * 4000, "b " * 4000) is None


def test_a_text_too_long_says_that_there_is_more() -> None:
    assert shortened("how many", 8) == "how many"
    assert shortened("how many are", 9) == "how many…"
