"""Whether a question fixes the order of a list, and whether a response runs through it the other way.

"From top to bottom", "in ascending order", "rank", "first to last", "respectively": then a list is a sequence. "In
order to", "did Tom order" and "what sort of" ask for no order. A response that says itself that it goes the other way
("from bottom to top") is left undecided.
"""

import re

ENDS = (
    r"top|bottom|left|right|first|last|north|south|east|west|front|back|inside|outside|inner|outer|start|finish|beginning"
    r"|end|low|high|old|new|young|small|large|big|short|tall|light|dark|early|late|upper|lower|dawn|dusk"
    r"|best|worst|most|least|fewest|(?:north|south)(?:east|west)"
)
END = rf"(?:the\s|its\s)?(?:(?:{ENDS})(?:er)?(?:most)?|[a-z]{{3,9}}est|(?:most|least|fewest)\s[a-z]{{3,12}})"
TOWARDS = re.compile(rf"\b(?P<start>{END})(?:\s\w+)?\s?(?:-\s?)?(?:to|→)(?:\s|-)\s?(?P<stop>{END})\b", re.IGNORECASE)
ORDERED = re.compile(
    r"\border\b(?!\s(?:to|for|from\sthe\smenu|at|a|an|the\s(?:pizza|food|meal))\b)"
    r"|\brank(?:ed|ing)?\b|\bsort\b(?!\sof\b)|\bsorted\b|\barranged?\b|\bascending|\bdescending|\bincreasingly"
    r"|\b(?:increasing|decreasing)\sorder|\bchronological|\balphabetical|\bsequence\b|\bclockwise\b|\brespectively\b",
    re.IGNORECASE,
)
LEAST = r"(?:least|smallest|lowest|shortest|lightest|slowest|youngest|coldest|cheapest|thinnest|narrowest|fewest)"
MOST = r"(?:greatest|largest|biggest|highest|longest|tallest|heaviest|fastest|oldest|hottest|most|thickest|widest)"
DIRECTIONS = (
    ("<", re.compile(rf"\bascending|\bincreasing\sorder|\b{LEAST}(?:\s\w+)?\sto\s(?:the\s)?{MOST}\b", re.IGNORECASE)),
    (">", re.compile(rf"\bdescending|\bdecreasing\sorder|\b{MOST}(?:\s\w+)?\sto\s(?:the\s)?{LEAST}\b", re.IGNORECASE)),
)
BOUGHT = re.compile(
    r"\b(?:did|does|do|can|could|will|would|should|to|who|and|i|we|they|you)\s(?:[\w']+\s){0,2}order\b(?!\s(?:from|by|the))"
    r"|\b(?:an|each|per|his|her|their|your)\s(?:\w+\s)?order\b|\border\s(?:number|form|total|date|id|no\.)",
    re.IGNORECASE,
)


def in_order(question: str | None) -> bool | None:
    """Whether a question asks for an order; None without a question."""
    if not question:
        return None
    return bool(ORDERED.search(BOUGHT.sub(" ", question)) or _ways(question))


def the_other_way(question: str | None, text: str) -> bool:
    """Whether a text says it lists from bottom to top what the question wants from top to bottom."""
    asked = _ways(question or "")
    return bool(asked) and any((stop, start) in asked for start, stop in _ways(text))


def chain(question: str | None, text: str) -> str:
    """`1/3 < 1/2 < 3/4` as a list, where the question wants the least first (with `>`: the greatest); else the text."""
    sides = {sign for sign, asks in DIRECTIONS if asks.search(question or "")}
    signs = set(re.findall(r"[<>=≤≥]+", text))
    if len(sides) != 1 or signs != sides or text.count(*signs) < 2:
        return text
    return re.sub(r"\s*[<>]\s*", ", ", re.sub(r"^(?:so|thus|therefore|hence)\b,?\s*", "", text, flags=re.IGNORECASE))


def _ways(text: str) -> set[tuple[str, str]]:
    return {(_bare(found["start"]), _bare(found["stop"])) for found in TOWARDS.finditer(text)}


def _bare(end: str) -> str:
    return end.lower().removeprefix("the ").removeprefix("its ").removesuffix("most")
