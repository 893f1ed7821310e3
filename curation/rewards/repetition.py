"""A punishment for repeating oneself, by n-grams of words or by boxes listed twice (arXiv 2502.03373, VLM-R1)."""

from curation.answers import parse
from curation.rewards.boxes import LONGEST, listed
from curation.rewards.reward import Count, Reward, Weight

WORDS = 6
"""VLM-R1's n."""


def repetition(response: str, *, n: Count = WORDS, boxes: bool = True, most: Weight = 1.0) -> Reward:
    """R = -most·(1 - distinct / all) over n-grams of white-space words, -most to 0.

    With `boxes`, a response whose answer lists at least one well-formed box is judged by its items (box and label, n =
    1) instead: long lists of different boxes share many words. Fewer than n words, or an empty response, are 0. Case
    counts not; the think block counts.
    """
    found = listed(parse(response).answer, salvage=True) if boxes else None
    if found and found.items:
        return _punished([(one.box, one.label) for one in found.items], most)
    words = response[:LONGEST].lower().split()
    return _punished([tuple(words[at : at + n]) for at in range(len(words) - n + 1)], most)


def _punished(grams: list[tuple[object, ...]], most: float) -> Reward:
    repeated = 1 - len(set(grams)) / len(grams) if grams else 0.0
    value = -most * repeated if repeated else 0.0
    return Reward(value, {"repetition": value, "grams": len(grams)})
