"""What a reply to a choice says besides its choice.

"The right choice is A; B comes from using the slant height": a last clause or sentence about other options is a remark
where the one before it names an option. "No x-value is repeated" is not the answer no where the question asks for
something else. Of ratios to one ("(2 + √3) : 1") the quotient alone names the option.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from curation.answers.by_choice import named
from curation.answers.extract import last_sentence, sentences
from curation.answers.normal import plain
from curation.answers.polarity import without_other_nouns
from curation.answers.spellings import polar
from curation.records import Option

CONTRAST = re.compile(
    r"^[^.;?]{1,80}?\s(?:would|comes?\sfrom|came\sfrom|results?\sfrom|is\swhat"
    r"|(?:(?:is|are)\s)?(?:usually|typically|generally|normally)|tends?\sto)\s",
    re.IGNORECASE,
)
CHOOSES = re.compile(
    r"\b(?:best|better|right|correct|likely|answers?|also|but|choice|instead|only|so|therefore"
    r"|however|explains?|fits?|match(?:es)?|accounts?|consistent)\b|\?",
    re.IGNORECASE,
)
REJECTED = re.compile(  # "It looks like B at first", "B is too large"
    r"\b(?:at\sfirst|may|might|could|looks?\slike|seems?|perhaps|possibly|maybe|not|n't|wrong|incorrect|rules?d?\sout"
    r"|excluded?s?|eliminated?s?|fails?|too\s(?:large|small|big|high|low|many|few|long|short))\b|n't\b",
    re.IGNORECASE,
)
ITEM = re.compile(r"\s*(?:[-*•]|\d{1,2}[.)])\s")
PART = re.compile(r";\s|\s[–—-]\s")
TO_ONE = re.compile(r"^(.+?)\s?:\s?1$")
TURNED = re.compile(r"(?<![\w.:])1\s?:\s?(?!1\b)")  # "1 : (2 + √3)"
RATIO = re.compile(r"(?<!\w)([a-z])\s?(?::|/|\bto\b)\s?([a-z])(?!\w)", re.IGNORECASE)
FRACTION = re.compile(r"\\[dt]?frac\{([a-z])\}\{([a-z])\}", re.IGNORECASE)
ASKED = re.compile(r"\b(?:would|could|might|may|if)\b", re.IGNORECASE)  # what a remark says is what is asked for
MOST = 3  # remarks at the end


def without_remarks(answer: str, options: Sequence[Option], question: str | None) -> str:
    """A reply without what it says of other options behind its choice, and without what another noun is denied."""
    if options and all(polar(one.text) for one in options) and len(options) == 2:
        return without_other_nouns(answer, question)
    if ASKED.search(question or ""):
        return answer
    for _ in range(MOST):
        shorter = _without_contrast(answer.rstrip(), options)
        if shorter == answer.rstrip():
            break
        answer = shorter
    return answer


def _without_contrast(answer: str, options: Sequence[Option]) -> str:
    """Without its last sentence or clause, where that speaks of other options than the one before it."""
    last = last_sentence(answer)
    part = list(PART.finditer(last))
    remark = last[part[-1].end() :] if part else last
    if not CONTRAST.match(remark) or CHOOSES.search(remark):
        return answer
    rest = answer[: len(answer) - len(last)] + (last[: part[-1].start()] if part else "")
    line = rest.rstrip().rsplit("\n", 1)[-1]
    before = sentences(line)[-1]
    if not before or ITEM.match(line) or REJECTED.search(before) or not (others := named(remark, options)):
        return answer
    chosen = named(before, options)
    if not chosen or len(chosen.letters) != 1 or chosen.how not in ("letter", "option_text"):
        return answer
    return answer if chosen.letters & others.letters else rest.rstrip()


def quotients(answer: str, options: Sequence[Option], question: str | None) -> tuple[Option, ...]:
    """Options `X : 1` as `X`; none where there are others, or where a reply turns the ratio of the question round."""
    found = [TO_ONE.match(plain(one.text)) for one in options]
    asked = {pair for pair in _pairs(question or "") if pair[0] != pair[1]}
    if not all(found) or TURNED.search(plain(answer[-300:])):
        return ()
    if any((below, above) in asked for above, below in _pairs(answer[-300:])):
        return ()
    return tuple(replace(one, text=one.text.strip().strip("$").rsplit(":", 1)[0].strip()) for one in options)


def _pairs(text: str) -> list[tuple[str, str]]:
    """The ratios of letters in a text: `a:b`, `\\frac{a}{b}`."""
    return [*FRACTION.findall(text), *RATIO.findall(plain(text))]
