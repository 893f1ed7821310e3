"""Answers in other words: what keeps a text that does not agree from being plainly wrong, and what makes it so.

`may_mean`: the reference's words in another order or form (`racing` for `race`, "the 1998 budget review" for "Budget
review for 1998"), or a word that people use for it (`sofa` for `couch`): undecided, a judge's. `hedged`: "possibly in
London or Edinburgh" is no answer. `another_member`: of closed classes (colours, directions, days, months …) the last
sentence names another member, so the reference elsewhere in the text says nothing.

Synonyms are a short list of household words, since of 94 graded rows with a common noun for a reference and another
word for an answer 92 are wrong: a rule that left them all to a judge would decide too little.
"""

import re
from functools import lru_cache

from curation.answers.clauses import DENIES, FUNCTION
from curation.answers.extract import sentences
from curation.answers.normal import plain
from curation.answers.spellings import DAYS, MONTHS, same_words

SYNONYMS = """
couch sofa settee; sphere ball; cube block box;
cup mug; bike bicycle cycle; car automobile vehicle; tv television; photo photograph picture;
plane airplane aeroplane aircraft jet; phone telephone cellphone smartphone mobile; fridge refrigerator;
stove oven cooker; child kid toddler; baby infant; man guy gentleman male; woman lady female;
rock stone boulder; cab taxi; street road; trash garbage rubbish; bin dustbin; sneaker trainer shoe;
doctor physician; glass eyeglass spectacle; cloudy overcast; truck lorry; fall autumn; big large;
small little tiny; soccer football; motorbike motorcycle; rainy raining rain; sunny clear; snowy snow snowing;
store shop; pants trousers jeans; sweater jumper pullover; cookie biscuit; purse handbag; bag backpack rucksack;
boat ship vessel; hat cap; coat jacket; dog puppy; cat kitten kitty; cow cattle; rabbit bunny; sea ocean;
beach shore seaside; forest wood woodland; carpet rug; curtain drape; house home; kid boy; kid girl;
sidewalk pavement; elevator lift; flashlight torch; apartment flat; subway metro underground;
gas petrol gasoline; movie film; meal dinner supper; bread loaf; fries chips; soda pop;
drug medicine medication; ill sick; happy glad joyful; angry mad; fast quick rapid; begin start; end finish;
rise increase grow; fall decrease decline drop; jog run; shut closed; laptop computer; suitcase luggage;
skiing ski; stop halt; purple violet; teal turquoise cyan; gold golden; maroon burgundy; heart cardiac;
lung pulmonary; kidney renal; liver hepatic; brain cerebral; tumor tumour neoplasm mass; cardiomegaly enlarged;
stroke infarct infarction; bleeding hemorrhage haemorrhage; edema oedema swelling; x-ray radiograph xray;
fracture break broken; circle circular round; rectangle rectangular; triangle
triangular; up upward upwards; down downward downwards; wood wooden; metal metallic; jogging running; wool woolen
"""
CLASSES = (
    "red orange yellow green blue purple pink brown black white gray violet cyan magenta turquoise teal beige",
    "north south east west northeast northwest southeast southwest",
    "left right", "up down", "clockwise counterclockwise", DAYS, MONTHS, "spring summer autumn winter",
    "yes no", "true false", "increasing decreasing constant", "positive negative neutral",
)  # fmt: skip
STEM = re.compile(r"(?<=\w{2})(?:ing|ed|e|s|y)$")
PARTED = re.compile(r"[,;:()\[\]/=]|\d\s?-\s?\d")
NAME = re.compile(r"[A-Z][\w'’-]*[a-z]")
PERSON = re.compile(r"\b(?:who|whose|whom|author|painter|composer|director|president|winner)\b", re.IGNORECASE)
POSSIBLY = re.compile(
    r"\b(?:could|might|possibly|perhaps|maybe|either|probably|can't|cannot|not\ssure|unclear|or\seven)\b", re.IGNORECASE
)


def may_mean(reference: str, text: str, question: str | None) -> bool:
    """Whether a person would have to look: the same words otherwise put, or a synonym, not denied."""
    last = sentences(plain(text))[-1]
    if len(last) > 300 or DENIES.search(last):
        return False
    mine, words = same_words(reference), same_words(last)
    if PARTED.search(reference) or not mine or f" {mine} " in f" {words} ":
        return False
    wanted, said = _stems(reference), _stems(last)
    letters = [one for one in wanted if one.isalpha()]
    enough = len(letters) > 1 or (len(letters) == len(wanted) == 1 and " " not in mine and reference.islower())
    if (
        enough
        and all(any(_alike(one, other) for other in said) for one in wanted)
        and not wanted <= _stems(question or "")
    ):
        return True
    if " " in mine and reference.islower() and _head(mine, words, question):
        return True
    return " " not in mine and bool(_synonyms().get(mine, frozenset()) & frozenset(words.split()))


def same_person(reference: str, text: str, question: str | None) -> bool:
    """Whether a text ends on the reference's name with the family name first, where the question asks who."""
    names = reference.split()
    if not 2 <= len(names) <= 3 or not all(NAME.fullmatch(one) for one in names) or not PERSON.search(question or ""):
        return False
    last = sentences(plain(text))[-1]
    turned = rf"{re.escape(names[-1])},?\s{re.escape(' '.join(names[:-1]))}"
    return re.search(rf"(?:^|\b(?:is|was|by|are):?\s){turned}\W*$", last) is not None and not DENIES.search(last)


def _head(name: str, sentence: str, question: str | None) -> bool:
    """Whether a sentence ends on the noun of the reference without what qualifies it: "a racket", "tennis racket"."""
    found = re.search(rf"(?:^|(\w+)\s){re.escape(name.split()[-1])}\W*$", sentence)
    if not found or name.split()[-1] in same_words(question or "").split():
        return False
    return not found[1] or found[1] in FUNCTION or bool(_stems(found[1]) & _stems(question or ""))


def hedged(reference: str, text: str) -> bool:
    """Whether a text offers the reference as one of two possibilities: "possibly in London or Edinburgh"."""
    name, gap = re.escape(same_words(reference)), r"(?:(?:in|at|on|from|possibly|perhaps|maybe|even) ){0,2}"
    offered = re.compile(rf"\b{name} or {gap}\w|\bor {gap}{name}\b")
    return any(
        POSSIBLY.search(piece) is not None and offered.search(same_words(piece)) is not None
        for piece in sentences(plain(text))
    )


def another_member(reference: str, text: str) -> bool:
    """Whether the last sentence names one other member of the reference's closed class, and not the reference."""
    mine = same_words(reference)
    members = next((one for one in _classes() if mine in one), frozenset())
    last = sentences(plain(text).rsplit("\n", 1)[-1])[-1]
    named = members & frozenset(same_words(last).split())
    return len(named) == 1 and mine not in named and not DENIES.search(last) and "\n" in plain(text)


@lru_cache(maxsize=1)
def _synonyms() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for group in SYNONYMS.split(";"):
        words = [same_words(word) for word in group.split()]
        for word in words:
            found.setdefault(word, set()).update(words)
    return {word: frozenset(others) - {word} for word, others in found.items()}


@lru_cache(maxsize=1)
def _classes() -> tuple[frozenset[str], ...]:
    return tuple(frozenset(group.split()) for group in CLASSES)


def _stems(text: str) -> frozenset[str]:
    """The words that carry the meaning, without their endings; numbers as they are."""
    words = re.sub(r"[^\w\s]", " ", same_words(text)).split()
    return frozenset(STEM.sub("", word) for word in words if word not in FUNCTION or word.isdigit())


def _alike(one: str, other: str) -> bool:
    return one == other or (len(one) > 4 and not one.isdigit() and other.startswith(one) and len(other) - len(one) <= 3)
