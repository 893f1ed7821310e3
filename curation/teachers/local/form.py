"""A grammar (GBNF) that holds a reply to the form of a prompt's worked examples: `<think>` sentences, then `<answer>`.

Left free, two replies of three of the small model had no complete think block, and chains drifted off after one
sentence. Held to the form, a chain opens and closes as some example does, its other sentences begin as sentences of two
examples do, and it is no longer than the longest example. The answer to lettered options is a letter, to "how many" a
number, to "which" or "who" not a bare number. What is said in between is the model's own.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence

THINK = re.compile(r"\A<think>\s*(.+?)\s*</think>\s*<answer>.+</answer>\s*\Z", re.DOTALL)
BETWEEN_SENTENCES = re.compile(r"(?<=[.?!])\s+")
LETTERED = re.compile(r"^([A-J])\. ", re.MULTILINE)
ASKED = re.compile(r"^.*\?.*$", re.MULTILINE)
COUNTING = re.compile(r"\bhow (?:many|much)\b", re.IGNORECASE)
NAMING = re.compile(r"\b(?:which (?!year|of \d)|who\b|whose\b|what kind\b|the name of\b)", re.IGNORECASE)
OPENING_WORDS = 3

# A point inside a number ends no sentence.
RULES = r"""rest ::= [^<\n.?!]{1,70} ("." [0-9] [^<\n.?!]{0,40}){0,3} [.?!]
number ::= [0-9]{1,7} ("." [0-9]{1,4})?
name ::= ([0-9]{1,2} " ")? [^<\n 0-9] [^<\n]{0,39}
free ::= [^<\n ] [^<\n]{0,59}
"""


def grammar(examples: Sequence[str], question: str, *, begun: bool = False) -> str:
    """The grammar for the reply to `question`, empty where the examples do not all think in tags.

    `begun`: the chain's opening words are already given, so the first sentence begins anywhere.
    """
    chains = [BETWEEN_SENTENCES.split(found[1]) for text in examples if (found := THINK.match(text.strip()))]
    if not chains or len(chains) < len(examples):
        return ""
    first = "rest" if begun else f'"<think>" {_one_of(opening_of(chain[0]) for chain in chains)} rest'
    return f'root ::= {first} {_others(chains)} "</think>\\n<answer>" {_answer(question)} "</answer>"\n{RULES}'


def _others(chains: Sequence[Sequence[str]]) -> str:
    """What may follow the first sentence: nothing only where some chain ends there."""
    longest, shortest = max(map(len, chains)), min(map(len, chains))
    if longest == 1:
        return ""
    within = [opening for chain in chains for opening in map(opening_of, chain[1:-1])]
    shared = [opening for opening, times in Counter(within).items() if times > 1]
    middle = f'(" " {_one_of(shared)} rest){{0,{longest - 2}}} ' if shared and longest > 2 else ""
    last = f'" " {_one_of(opening_of(chain[-1]) for chain in chains if len(chain) > 1)} rest'
    return f"({middle}{last}){'?' if shortest == 1 else ''}"


def opening_of(sentence: str) -> str:
    """The first words of a sentence, up to three and up to a number: what may recur in another chain."""
    words = sentence.rstrip(".?!").split()[:OPENING_WORDS]
    return " ".join(words[: next((i for i, word in enumerate(words) if any(c.isdigit() for c in word)), len(words))])


def _one_of(openings: Iterable[str]) -> str:
    kept = sorted({opening for opening in openings if opening})
    return f"({' | '.join(json.dumps(opening, ensure_ascii=False) for opening in kept)})" if kept else '""'


def _answer(question: str) -> str:
    letters = LETTERED.findall(question)
    if len(letters) > 1:
        return f"[{letters[0]}-{letters[-1]}]"
    asked = (ASKED.findall(question) or [""])[-1]
    return "number" if COUNTING.search(asked) else "name" if NAMING.search(asked) else "free"
