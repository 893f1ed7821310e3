"""Compares short texts: names, places, yes and no, times and dates, lists.

Texts agree when they are equal after folding (case, articles, punctuation, Markdown, LaTeX dress) and spelling
(`curation.answers.spellings`), a lead such as "it is" being dropped, when they name the same time, date or duration,
when they are the same number, when their parts agree (`curation.answers.structured`), or when a sentence gives the
reference as its complement or subject ("The process is called photosynthesis", "Lisa has more than Tom"). A text that
begins with yes or no answers a yes/no reference; `know`, `nothing` and "no answer" do not. Undecided: the reference's
words elsewhere in a longer text, and nearly equal spellings. Everything else is wrong: "red or blue" is not red.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from fractions import Fraction
from functools import lru_cache

from curation.answers import chemistry, clauses, codes, near, structured
from curation.answers.equality import same
from curation.answers.extract import Extracted, sentences
from curation.answers.normal import folded, plain
from curation.answers.order import the_other_way
from curation.answers.other_readings import other_readings
from curation.answers.quantity import Quantity, quantity
from curation.answers.spellings import polar, same_spelling, same_words
from curation.answers.towns import town
from curation.answers.when import When, half, moments, numeric_dates, same_date, when

LEAD = re.compile(
    r"^(?:(?:so|therefore|thus|hence|then|i\s(?:think|believe|guess))\b,?\s*)?(?:the\s+)?(?:(?:final\s+"
    r"|correct\s+)?answer(?:\s+is|\s*:)\s*:?\s*)?"
    r"(?:(?:it|this|that|he|she)(?:\s+(?:is|shows|reads|says|must\sbe)|'s|\s+was)\s+|they\s+(?:are|were)\s+"
    r"|there\s+(?:is|are)\s+)?",
    re.IGNORECASE,
)
TRAIL = re.compile(
    r"\s+(?:is|was)\s+(?:the\s+)?(?:(?:correct|right|final)\s+)?(?:answer|one|correct|right)\s*[.!]?$"
    r"|\s+\([^()]{1,80}\)[.!]?$",
    re.IGNORECASE,
)
COPULA = re.compile(r"^[^.!?\n]{1,60}\s(?:is|are|was|were):?\s+(\S.{0,100})$")
VERB = (
    r"(?:has|have|had|is|are|was|were|be|called|named|shows?|reads?|says?|equals?|becomes?|falls?|fell|happen(?:s|ed)?|occur"
    r"(?:s|red)?|"
    r"belongs?|points?|goes|went|leaves?|arrives?|starts?|begins?|ends?|means?|chose|selected"
    r"|represents?|represented|depicts?|denotes?|indicates?|displays?|illustrates?|measures?|stands?\sfor|refers?\sto|looks?\slike)"
)
ACTION = (
    r"(?:[a-z]{3,}(?:ed|ing)|came|comes?|built|seen|shown|taken|born|kept|known|drawn|took\splace|takes?\splace|found|held"
    r"|made|won|sold|read|met|written|given|chosen|spoken|sent)(?:\s(?:most|fewest|least))?"
)
TOWARDS = r"(?:on|in|at|to|by|from|with|during|over|across|into)\s+"
PLACED = r"(?:(?:on|in|at|to|by|from|during|called|named|about|exactly)\s+){0,3}"
BEHIND = (
    r"(?:-hand\sside|\s+(?:(?:hand\s)?side|scan|direction|colou?r|one|team|shape|street|month|bus|train|corner|region|graph|line|bar"
    r"|category|group|section|class|option|place|triangle|quadrilateral|polygon|function|relation|angle|in\scolou?r"
    r"|(?:on|over|in|for)\s(?:this|that|these|all)\s\w+))?"
)
TITLES = r"(?:(?:dr|mr|mrs|ms|prof|professor|sir)\.?\s+)?"
OF_A = (
    r"(?:(?:game|kind|type|sort|slice|piece|pair|cup|glass|plate|bowl|group|picture|image|photo|map|species)\s+of\s+)?"
)
HOLDS = r"(?:has|have|had|won|scored|ate|sold|read|received|collected|bought|made|drew|is the|was the|are the)"
BRACKETED = re.compile(r"^\(([^(),]{2,60})\)\W*$")
TOWN_LEAD = re.compile(r"^.*\b(?:is|was|in|shows)\s(?=[A-Z])")
KIND_OF = re.compile(BEHIND.removesuffix("?") + r"\W*$", re.IGNORECASE)
WHY = re.compile(
    r",\s(?:with|at|while|(?:both|each|all)\s(?:at|with|of|having))\b(?!.*,\s(?:is|are|was|were)\b).*$"
    r"|[,;]?\s(?:because|since|as (?:it|he|she|they|the)|due to|which|who)\b.*$"
    r"|,?\sas\s(?:(?:is|was|can\sbe)\s)?(?:shown|seen|indicated|stated|written|labell?ed|depicted)\b.*$"
    r"|,?\s(?:from|between|in|during|since)\s(?:1[89]|20)\d\d(?:\s?(?:to|and|-)\s?(?:1[89]|20)\d\d)?\W*$",
    re.IGNORECASE | re.DOTALL,
)
NOT_THAT = re.compile(r",?\s\**(?:and\s)?(?:not|rather\sthan|instead\sof)\s[^,;]{1,60}$", re.IGNORECASE)
UNSURE = re.compile(r"\b(?:not|or|nor|neither|except|instead|unlike|but|isn t|isnt|never|than the|followed)\b")
REFUSED = re.compile(
    r"^(?:(?:there is|there's)\s)?(?:no answer|not enough|i (?:do not|don't|cannot|can't) (?:know|tell|see"
    r"|determine|answer)|unable to|unknown$)"
    r"|^i'?m sorry",
    re.IGNORECASE,
)
ITEMS = re.compile(r"\s+(?:or|and)\s+|\s*/\s*")
SIMILAR = 0.85  # share of equal letters from which two spellings may be one word
LABELLED = re.compile(
    r"^(?:the\s)?(?:side|angle|point|line|segment|ray|vertex|edge)\s(?=∠?[A-Z]{1,4}\W*$)", re.IGNORECASE
)
DEGREE = re.compile(r"more|most|less|least|fewer|fewest|\w{3,}(?:er|est)")
BRACKETS = re.compile(r"[()]")
LONG_ENOUGH = 5
SUBJECTS = re.compile(
    r"^(?:(?:so|thus|therefore|hence),?\s)?((?:[^,;:]{1,40},\s){0,6}[^,;:]{1,40},?\sand\s[^,;:]{1,40}?)"
    r"\s(?:both|all|each|are|were|have|had|shared?|tied?)\s",
    re.IGNORECASE,
)
WHICH = re.compile(r"\b(?:which|what|who)\b", re.IGNORECASE)
YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
YEARS = re.compile(r"\b((?:1[89]|20)\d\d)\s?(?:-|\band\b|\bto\b)\s?((?:1[89]|20)\d\d)\b")
ABBREVIATED = re.compile(
    r"^(.{3,80}?)\s\(([A-Z]{2,6})\)(?:\s(?:of|scan|image|in|on|from|at|taken|showing|with)\b[^()]{0,80})?\W*$"
)
QUOTED = re.compile(  # 'The title is "Emma" by Jane Austen'
    r'\b(?:is|was|titled|called|named|reads|says|states|entitled):?\s"([^"]{2,80})"(?:\W*$|,?\s(?:by|from|written|published|directed|in|on|at|which|with|above|below|over|under|next|beside|along)\b)'
)
ANOTHER = re.compile(r"\b(?:other|another|second|next|no\slonger|once|formerly)\b", re.IGNORECASE)
ACRONYM = re.compile(r"\b[A-Z]{2,5}\b")
RELATIVE = re.compile(r"\b(?:who|which|others|another)\s(?:(?:who|that|which)\s)?(?:is|are|was|were|has|have)\s$")
RATIO = re.compile(
    r"(?:=|\b(?:of|is|to|or|as|gives|becomes|simplifies))\s*(\d+\s?(?::|\bto\b)\s?\d+(?:\s?(?::|\bto\b)\s?\d+)?)\W*$"
)


def text_of(found: Sequence[Extracted]) -> str:
    """The text that stands as the answer: the most explicit place."""
    return found[0].text if found else ""


def agrees(
    reference: str, found: Iterable[Extracted], *, ordered: bool | None = None, question: str | None = None
) -> tuple[bool | None, str]:
    """(verdict, the text it is about) over the places an answer may stand.

    A place that agrees decides. Otherwise the most explicit one does, except that a later place that is
    undecided keeps the whole undecided. `ordered`: whether the order of a list matters.
    """
    first: tuple[bool | None, str] | None = None
    possible = False
    corrected, code = False, codes.is_code(reference, question)
    for each in found:
        written = chemistry.compare(reference, each.text, question)
        coded = codes.compare(reference, each.text) if code else None
        if isinstance(written, str):
            verdict = compare(reference, each.text, ordered=ordered) if coded is None else coded
        else:
            verdict = written
        if code and verdict and coded is None:
            verdict = None
        if not verdict and question and coded is None and isinstance(written, str):
            verdict = _as_asked(reference, each.text, verdict, question)
        if ordered and verdict is not None and the_other_way(question, each.text):
            verdict = None
        if verdict:
            return (None if corrected else True), each.text
        if coded is None and isinstance(written, str):
            if near.hedged(reference, each.text) or (verdict is None and near.another_member(reference, each.text)):
                return False, each.text
            possible = possible or (verdict is False and near.may_mean(reference, each.text, question))
            possible = possible or (verdict is False and chemistry.otherwise(reference, each.text, question))
            possible = possible or (verdict is False and _holds_all(reference, each.text, ordered))
        corrected = corrected or (each.how == "corrected" and verdict is False)
        if first is None or (verdict is None and first[0] is False):
            first = (verdict, each.text)
        if each.how in ("boxed", "answer_tag", "stated"):
            break
    verdict, text = first or (False, "")
    return (None if possible and not corrected else verdict), text


def _as_asked(reference: str, text: str, verdict: bool | None, question: str) -> bool | None:
    """What the question makes of a text that by itself does not agree."""
    pieces = sentences(plain(text))
    if _is_subject(reference, text, question) or near.same_person(reference, text, question):
        return True
    if _are_subjects(reference, pieces[-1], question):
        return True
    if any(clauses.answers(reference, piece, question) for piece in {pieces[0], pieces[-1]}):
        return True
    if verdict is None and (
        clauses.denied(reference, pieces[-1], question) or clauses.elsewhere(reference, pieces[-1], question)
    ):
        return False
    clause = clauses.asked_clause(pieces[-1], question)
    return True if clause and compare(reference, clause) else verdict


def compare(reference: str, text: str, *, ordered: bool | None = None) -> bool | None:
    """Whether one text says what the reference says."""
    if (site := codes.address(reference)) and (sites := codes.addresses(text)):
        return sites == {site}
    views = _views(text)
    if any(_equal(reference, view) for view in views):
        return True
    if REFUSED.match(views[0]):
        return False
    if _quoted(reference, views[0]):
        return True
    if numeric_dates(reference) or (numeric_dates(text) and (moment := when(reference)) and moment[0] == "date"):
        return same_date(reference, text)
    if (yes := polar(reference)) and len(folded(reference).split()) == 1 and (said := polar(text)):
        return yes == said
    if (moment := when(reference)) and not _ratio(reference, views):
        return _at(reference, moment, text, views)
    if (years := YEARS.search(plain(reference))) and (spans := set(YEARS.findall(plain(text)))):
        return spans == {years.groups()}
    if any(structured.rounded_ratio(reference, view) for view in (text, *views)):
        return None
    parts = [structured.compare(reference, view, _equal, ordered=ordered) for view in views]
    if any(part is not None for part in parts):
        return any(part is True for part in parts)
    number = quantity(reference)
    if number and (numbers := [one for view in views if (one := quantity(view))]):
        return same(number, numbers[0])
    if any(says(reference, view) for view in views):
        return True
    if _one_of_several(reference, text):
        return False
    return None if any(_close(reference, view) for view in views) else False


def _quoted(reference: str, bare: str) -> bool:
    """Whether a text says that something is called or reads the reference, in quotes and with an adjunct behind it."""
    found = QUOTED.search(bare) if bare.count('"') == 2 else None
    if found is None or not _equal(reference, found[1]):
        return False
    before = bare[: found.start(1)]
    return not UNSURE.search(f"{before} {bare[found.end(1) :]}".lower()) and not ANOTHER.search(before)


def _ratio(reference: str, views: Iterable[str]) -> bool:
    """Whether `9:16` is met as a ratio, which it may be as well as a time."""
    return structured.RATIO.match(reference) is not None and any(
        structured.compare(reference, view, _equal) for view in views
    )


def _at(reference: str, moment: When, text: str, views: tuple[str, ...]) -> bool | None:
    """A time or date in a sentence: the only one there, or undecided."""
    named = {one for one in moments(text) if one[0] == moment[0]} or moments(text)
    if len(named) == 1 and not UNSURE.search(text.lower()):
        only = next(iter(named))
        one_sided = _may_be(moment, only) and moment[0] == "clock" and not (half(reference) and half(text))
        if only == moment or one_sided:
            return True  # "3:45" for "3:45 PM"
        if only[0] == moment[0] and not _may_be(moment, only):
            return False
    if any(when(view) or quantity(view) for view in views):
        return None if any(_contained(folded(reference), folded(view)) for view in views) else False
    return None if moment in named or any(_close(reference, view) for view in views) else False


def _may_be(one: When, other: When) -> bool:
    """Two clock times twelve hours apart, or two dates of which one has no year: a person would look."""
    left, right = one[1], other[1]
    if isinstance(left, Fraction) or isinstance(right, Fraction) or left[1:] != right[1:]:
        return False
    return left[0] % 12 == right[0] % 12 if one[0] == "clock" else 0 in (left[0], right[0])


def _views(text: str) -> tuple[str, ...]:
    """The text, its first sentence, both without a lead, and what follows "is"; long texts only as they are."""
    bare = plain(text)
    if len(bare) > 400:
        return (bare,)
    pieces = dict.fromkeys((bare, sentences(bare)[0]))
    views = dict.fromkeys(
        view
        for piece in pieces
        for view in (
            piece,
            LABELLED.sub("", piece),
            piece.rsplit(": ", 1)[-1],
            BRACKETED.sub(r"\1", piece.rsplit(": ", 1)[-1]),
            TRAIL.sub("", LEAD.sub("", piece)),
            KIND_OF.sub("", piece),
            WHY.sub("", LEAD.sub("", piece)),
            NOT_THAT.sub("", LEAD.sub("", piece)),
        )
    )
    views |= dict.fromkeys(short for view in views if (short := _abbreviation(view) or town(TOWN_LEAD.sub("", view))))
    if ratio := RATIO.search(bare):
        return (*views, ratio[1])
    return (*views, *(found[1] for view in views if (found := _complement(view))))


def _complement(text: str) -> re.Match[str] | None:
    found = COPULA.match(text) if not clauses.several_subjects(text) else None
    return found if found and not RELATIVE.search(text[: found.start(1)].lower()) else None


def _abbreviation(text: str) -> str | None:
    """`MRI` of "Magnetic resonance imaging (MRI)"."""
    found = None if UNSURE.search(text.lower()) else ABBREVIATED.match(text)
    initials = "".join(word[0] for word in re.findall(r"\w+", found[1])).upper() if found else ""
    return found[2] if found and initials.endswith(found[2]) else None


def _equal(reference: str, text: str) -> bool:
    left, right = folded(reference), folded(text)
    if (left == right and left) or same_spelling(reference, text):
        return True
    moment = when(reference)
    if moment and moment == when(text):
        return True
    number = quantity(reference)
    if number is None:
        return any(same(comma, got) is True for comma in _with_comma(reference) if (got := quantity(text)))
    got = quantity(text)
    readings = (got, *other_readings(text)) if got else other_readings(text)
    return any(same(number, one) is True for one in readings)


def _with_comma(reference: str) -> Sequence[Quantity]:
    return other_readings(reference) if re.fullmatch(r"-?\d+,\d+\s?\S{0,4}", reference) else ()


@lru_cache(maxsize=512)
def _sentence_forms(said: str) -> tuple[re.Pattern[str], ...]:
    name = re.escape(said)
    before = rf"(?:.*\b{VERB}\s+{PLACED}|.*\b{ACTION}\s+{TOWARDS}|(?:on|in|at|to|by|from)\s+)"
    complement = f"{before}{OF_A}{TITLES}{name}{BEHIND}"
    opened = rf"(?:in|on|at|during)\s(?:the\s)?{name},\s|(?:the\s)?{name}'s\s\w+\s(?:is|was)\b|"
    subject = rf"{opened}(?:[^.]{{0,80}},\s)?(?:the\s)?{name}\s+{HOLDS}\b(?!.*\b(?:fewer|less|least|no)\b)"
    seen = rf"(?:it|this|that|there) (?:is|was) {name} (?:[a-z]+ing|on|in|with|at|near)\b(?!.*\band\b).*"
    return re.compile(complement), re.compile(subject), re.compile(seen)


def says(reference: str, text: str) -> bool:
    """Whether a sentence gives the reference as its complement (last words) or, holding something, as its subject."""
    said, sentence = same_words(reference), same_words(text)
    if not said or len(sentence) > 300 or UNSURE.search(sentence):
        return False
    if reference[:1].isupper() and re.fullmatch(rf"[a-z]+ {re.escape(reference)}\.?", text.removeprefix("the ")):
        return True  # "planet Mercury"
    if RELATIVE.search(sentence[: sentence.rfind(said)]):
        return False
    complement, subject, seen = _sentence_forms(said)
    return (
        bool(complement.fullmatch(sentence) and not clauses.several_subjects(text))
        or bool(seen.fullmatch(sentence))
        or bool(subject.match(plain(text).lower()))
    )


def _is_subject(reference: str, text: str, question: str) -> bool:
    """Whether the last sentence says of the reference what the question asks: "The Bears won more games than …"."""
    name, sentence = re.escape(same_words(reference)), sentences(plain(text))[-1]
    found = re.match(rf"{name}\s(.*)$", same_words(re.sub(r"^[^,]{1,80},\s", "", sentence)))
    if not found or UNSURE.search(found[1].replace("than the", "")):
        return False
    said, asked = found[1].split(), same_words(question)
    shared = [word for word in said[:4] if re.search(rf"\b{re.escape(word)}\b", asked)]
    enough = len(shared) >= 2 and not clauses.FUNCTION.issuperset(shared)
    return enough and all(word in shared for word in said[:4] if DEGREE.fullmatch(word))


def _are_subjects(reference: str, sentence: str, question: str) -> bool:
    """Whether a last sentence is about just the items of a list that is asked for: "Italy and Spain both had 14.2"."""
    found, items = SUBJECTS.match(sentence), structured.items(reference)
    if not found or len(items) < 2 or not WHICH.search(question) or UNSURE.search(sentence):
        return False
    strange = set(YEAR.findall(sentence)) - set(YEAR.findall(question))
    return not strange and structured.compare(reference, found[1], _equal, ordered=False) is True


def _one_of_several(reference: str, text: str) -> bool:
    """`red or blue` (or `red and blue`) for `red`: offering several answers is not answering."""
    parts = [part for part in ITEMS.split(LEAD.sub("", plain(text))) if part.strip()]
    if (
        len(parts) < 2
        or len(ITEMS.split(plain(reference))) > 1
        or " and " in reference
        or not all(len(part.split()) <= 4 for part in parts)
    ):
        return False
    return any(_equal(reference, part) or says(reference, part) for part in parts)


def _close(reference: str, text: str) -> bool:
    """Whether a person would have to look: contained words, or nearly the same letters."""
    left, right = folded(reference), folded(text)
    if not left or not right:
        return False
    if _contained(left, right):
        return True
    if max(len(left), len(right)) > 200:
        return False
    if not reference.isupper() and any(one not in text.upper().split() for one in ACRONYM.findall(reference)):
        return False  # another acronym is another name
    alike = min(len(left), len(right)) >= LONG_ENOUGH and not any(char.isdigit() for char in left + right)
    return alike and SequenceMatcher(None, left, right, autojunk=False).ratio() >= SIMILAR


def _holds_all(reference: str, text: str, ordered: bool | None) -> bool:
    """Whether a text that cannot be read as a list names every item of a reference that is one."""
    parts = structured.items(reference)
    if len(parts) < 3 or any(
        structured.compare(reference, view, _equal, ordered=ordered) is not None for view in _views(text)
    ):
        return False
    return all(f" {same_words(part)} " in f" {same_words(BRACKETS.sub(' ', text))} " for part in parts)


def _contained(left: str, right: str) -> bool:
    left, right = BRACKETS.sub(" ", left).strip(), BRACKETS.sub(" ", right).strip()
    return f" {left} " in f" {right} " or f" {right} " in f" {left} "
