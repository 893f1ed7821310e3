"""Whether a reply breaks off before its answer, or ends by saying that there is none.

`broken`: the last thing is an expression without its end (a trailing operator, a bracket left open): nothing in it is
an answer and nothing is worked out. `unfinished`: the text stops in a sentence ("so the total is") or in a list; a
number that agrees there may be any, so it is undecided. `refused`: "unable to provide a definite answer", "cannot be
determined". What a box or an "Answer:" says counts all the same (`curation.answers.extract`).
"""

import re

OPERATOR = re.compile(
    r"(?:\s[-+−–*/<>]|[=×÷≈^]|\\(?:times|div|cdot|frac|dfrac|sqrt|approx|pm|left|left[(\[])(?:\s?\{)?)[\s$]*\Z"
)
ASIDE = re.compile(r"(?<=[\w%°$})])\s\((?!.*\))[^()]{0,200}\Z", re.DOTALL)  # "is 8 (5 +": the value stands before it
BRACKET = re.compile(r"\\?[()\[\]{}]")
SENTENCE = re.compile(
    r"\b(?:is|are|was|were|equals?|plus|minus|times|divided\sby|of|the|and|than|because|which|gives"
    r"|we\s(?:can\s|need\sto\s)?(?:divide|multiply|add|subtract|get|find|have|need|use))[:\s]*\Z",
    re.IGNORECASE,
)
SHORT = re.compile(r"\W*(?:yes|no)\b", re.IGNORECASE)
ITEM = re.compile(r"\s*(?:[-*•]|\d{1,2}[.)])\s+\S")
BOLD_LABEL = re.compile(r"\*\*([^*\n]{1,60})(?::\*\*|\*\*\s?:)")  # "**Stem 6**: …" is no result for being bold
RESULT = re.compile(
    r"total|answer|sum|differ|result|mean|average|=|\*\*|\bso\b|therefore|altogether|[.!?]\W*\Z", re.IGNORECASE
)
REFUSAL = re.compile(
    r"\b(?:(?:unable|not\spossible|impossible)\sto\s(?:provide|determine|give|answer|tell|say|see|view|identify|calculate)"
    r"|(?:cannot|can't|can\snot|could\snot|couldn't)\s(?:be\s)?(?:accurately\s|definitively\s|reliably\s)?"
    r"(?:determined?|answer(?:ed)?|provide\san?\s|tell\b|see\sthe|view\sthe|identify|identified)"
    r"|(?:not\senough|insufficient)\s(?:information|data)|no\sdefinite\sanswer|do\snot\shave\senough|don't\shave\senough)",
    re.IGNORECASE,
)
NO_DIAGNOSIS = re.compile(
    r"\b(?:not\sable|unable|cannot|can't)\s(?:to\s)?(?:provide|offer|give|make)\s(?:an?\s)?(?:medical\s)?(?:diagnos[ei]s|interpretations?)",
    re.IGNORECASE,
)
BLIND = re.compile(  # "I don't see an image attached": only with a request for one no answer
    r"\b(?:do\snot|don't|did\snot|didn't|cannot|can't|can\snot|not\sable\sto|unable\sto)\s(?:actually\s|currently\s|directly\s)?"
    r"(?:see|view|access|open)\s"
    r"|\bno\s(?:image|picture|photo|figure|diagram|table|chart|graph|plot|file|attachment)s?\s(?:is|was|were|are|has\sbeen|have\sbeen)\s"
    r"(?:\w+\s)?(?:attached|provided|included|uploaded|shared|visible)",
    re.IGNORECASE,
)
REQUEST = re.compile(
    r"\b(?:(?:could|can|would)\syou\s(?:please\s|kindly\s)?|please\s|if\syou\s(?:could\s|can\s)?)(?:try\s(?:to\s)?)?"
    r"(?:re-?)?(?:share|upload|provide|attach|send|paste|describe|post)(?:ing)?\b",
    re.IGNORECASE,
)
YET = re.compile(r"\b(?:however|but)\b|\b(?:yes|no)[.,]|\bI\s(?:can\s)?see\b|\bappears?\sto\b", re.IGNORECASE)
GOES_ON = re.compile(
    r"\b(?:but|however|so|therefore|approximately|about|estimated?|assum\w+|likely|probably|if|unless|from\sthe\spicture"
    r"\salone,)\b|=",
    re.IGNORECASE,
)


def broken(text: str) -> bool:
    """Whether a text ends inside an expression; what a bracket opened after a finished value is left out."""
    text = whole(text)
    if text.endswith("**") or re.search(r"\w\*\Z", text):
        return False
    return bool(OPERATOR.search(text)) or _open(text.rsplit("\n", 1)[-1])


def whole(text: str) -> str:
    """The text without a parenthesis that begins after a value and never ends."""
    return ASIDE.sub("", text.rstrip()) if "(" in text[-220:] else text.rstrip()


def _open(line: str) -> bool:
    """Whether the line's last bracket is left open and stands in figures; `[2, 5)` closes, whatever the sort."""
    depth = 0
    for bracket in BRACKET.finditer(line):
        depth = depth + 1 if bracket[0][-1] in "([{" else max(0, depth - 1)
    tail = line[max(line.rfind("("), line.rfind("["), line.rfind("{")) :]
    return depth > 0 and "boxed" not in line and bool(re.search(r"\d", tail)) and not re.search(r"[a-z]{4}", tail)


def unfinished(text: str) -> bool:
    """Whether a text stops in a sentence, or in a list none of whose items is said to be the result."""
    lines = [line for line in text.rstrip().split("\n") if line.strip()]
    last = lines[-1] if lines else ""
    if len(last.split()) > 3 and SENTENCE.search(last) and not SHORT.match(last):
        return True
    listed = len(lines) > 1 and ITEM.match(last) and ITEM.match(lines[-2])
    return bool(listed) and not RESULT.search(BOLD_LABEL.sub(r"\1:", last))


def refused(text: str) -> bool:
    """Whether the last paragraph says that there is no answer, and gives none behind that."""
    if NO_DIAGNOSIS.search(text[:300].replace("’", "'")):
        return not YET.search(text)
    if asks_for_picture(text):
        return True
    found = list(REFUSAL.finditer(text[-600:].replace("’", "'").rsplit("\n\n", 1)[-1]))
    if found and "**" in found[-1].string[: found[-1].start()] and "**" not in found[-1].string[found[-1].end() :]:
        return False  # "It is **leaf-like structures**. The colour of the stem cannot be determined."
    return bool(found) and not GOES_ON.search(found[-1].string[found[-1].end() :])


def asks_for_picture(text: str) -> bool:
    """Whether a text says that it sees no picture, or too little of it, and asks for one instead of answering."""
    said = text.replace("’", "'")
    blind = BLIND.search(said[:120])
    if not blind or re.search(r"\d|\*\*|\b[A-H]\b", said[: blind.start()]):
        return False
    asked = REQUEST.search(said, blind.end())
    return asked is not None and not GOES_ON.search(said[blind.end() : asked.start()])
