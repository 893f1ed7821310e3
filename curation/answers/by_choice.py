"""Compares multiple-choice answers: which options a text names, by letter, by text, by figure or by number.

A text is read in this order: the whole text is an option's text; it is a letter (`B`, `b`, `(b)`, `B)`, `B.`,
`option B`); it starts with a letter (`B. 6cm`, `B because …`); several letters are listed (`B and C`, wrong
even when one is right); the figure of exactly one option (`6` for `6 cm`), else the option's place (`2` for
B) where no option has digits; letters in explicit form inside a sentence (`… so (B) fits`); exactly one
option's text inside a sentence.

Decided here: a letter outside the options is wrong; a letter with another option's text behind it is
undecided; a sentence that names several options, or denies one ("not B"), is undecided; two that are offered
("B or C", "either A (5 cm) or D (8 cm)") are wrong; when an option's text is another option's letter, a bare
letter is undecided. What a whole text is lies in `curation.answers.choices`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from curation.answers import clauses
from curation.answers.about import real_part, unreal
from curation.answers.by_number import reading as number_stated
from curation.answers.choices import (
    IN_BRACKETS,
    LATEX_SHAPE,
    LONG_FORMULA,
    NAMED,
    OFFERED,
    Choice,
    by_figure,
    by_form,
    by_formula,
    by_latex,
    by_ratio,
    offered,
    quoted,
    with_text,
)
from curation.answers.denied import (
    DENIED,
    NEITHER,
    denies,
    other_of_two,
    spelled_out,
    without_denied,
    without_others,
)
from curation.answers.equality import same
from curation.answers.extract import BOLD, Extracted, sentences
from curation.answers.normal import plain
from curation.answers.options import LABEL, heading, names_of
from curation.answers.polarity import opposed
from curation.answers.quantity import quantity
from curation.answers.shortened import beside_shortened, shortened
from curation.answers.spellings import polar, same_words
from curation.answers.when import moments, when
from curation.records import Option

LINE = re.compile(r"^[\s*\-•]{0,6}(?:[Oo]ption\s)?[(\[]?([A-Z])[).:\]]\s*(.*)$", re.MULTILINE)
CORRECT = re.compile(
    r"(?<!not\s)(?<!isn't\s)\b(?:correct|right|true)\b(?!\s(?:angle|triangle|side|hand|of))|^\W*yes\b|[✓✔✅]",
    re.IGNORECASE,
)
EXPLICIT = ("boxed", "stated", "corrected", "concluded", "answer_tag")
BECAUSE = re.compile(r"^(?:because|since|as|given\sthat|when|if)\b[^,]{1,160},\s*", re.IGNORECASE)
REASON = re.compile(
    r"[,;]?\s(?:because|since|as\s(?:it|they|the)|which|whereas|while|(?<=,\s)(?:followed|ahead|with|compared|unlike|then))\b.*$",
    re.IGNORECASE | re.DOTALL,
)
THAN = re.compile(r"^(.*\b(\w{2,}er|more|less)\b.*?)\sthan\b", re.IGNORECASE | re.DOTALL)
ASKED = re.compile(r"\?\s*$|\?\s+or\b", re.IGNORECASE)  # "Maybe A? Or C?" answers nothing
COLON = re.compile(
    r"^([^:]{12,160}\b(?:is|has|have|had|[a-z]{3,}(?:s|ed))\b[^:]{0,120}):\s(?=\W{0,3}\d)"
)  # "Ann has more: 7 vs. 6 of Bob"
STEP = re.compile(r"^step\s\d{1,2}:\s", re.IGNORECASE)
SUPERLATIVE = re.compile(r"\b(?:most|least|[a-z]{3,}est)\b", re.IGNORECASE)
CLAUSE = re.compile(r",?\s(?:and|while|whereas|but)\s|;\s")
COMPLEMENT = re.compile(  # "The organ next to the liver is the kidney": one verb, one clause
    r"^(?!.*\b(?:not|and|but|or|while|whereas|maybe|perhaps|if|whether|has|have|had|than)\b)(?!.*\b(?:is|are|was|were)\b.*"
    r"\b(?:is|are|was|were)\b)[^;:?]{1,160}\s(?:is|was):?\s+(?:the|an?)?\s*([^,;]{2,80}?)\W*$",
    re.IGNORECASE,
)
BOTH = re.compile(r"\b[Bb]oth\s(?:(?:[Oo]ptions?|[Ss]tatements?)\s)?[(\[]?([A-Z])[)\]]?\sand\s[(\[]?([A-Z])\b")
SOME_OR = re.compile(r"\s+or\s+|\s+或\s+")
COMMON_WORDS = "it is are was be this that these those i they of to in on at by and has have with for so more one"
COMMON = frozenset(COMMON_WORDS.split())
DETERMINER = re.compile(r"(?<=\w\s)no(?=\s[a-z])")
OPPOSITE = re.compile(r"\b(?:more|fewer|less)\b", re.IGNORECASE)
MOST_WORDS = 12
SHORT_REPLY = 3  # sentences
CONCLUDES = re.compile(r"^\W*(?:so|therefore|thus|hence|then|answer|final|but)\b|\banswer\b|\*\*", re.IGNORECASE)


def reading(found: Iterable[Extracted], options: Sequence[Option], question: str | None = None) -> Choice | None:
    """The first place that names an option; a list that marks one option as correct comes before loose sentences."""
    every = list(found)
    if len(every) > 1 and any(each.how == "sentence" and unreal(each.text, question) for each in every):
        every = [each for each in every if each.how != "sentence"]  # "It would be a deficit if …"
        every = [
            each
            if each.how in EXPLICIT and each.how != "concluded"
            else replace(each, text=real_part(each.text, question))
            for each in every
        ]
    texts = every
    marked = _marked(texts[-1].text, options) if texts else None
    if any(each.how == "sentence" and _offers(each.text, options) for each in texts):
        texts = [each for each in texts if each.how != "formula"]  # "Either A ($x$) or D ($y$) is possible"
    if texts and not any(each.how in EXPLICIT for each in texts) and (letter := heading(texts[-1].text, options)):
        return Choice(texts[-1].text.split("\n", 1)[0], frozenset(letter), "letter")
    for each in texts:
        if marked and each.how not in EXPLICIT:
            return marked
        if each.how in EXPLICIT and (other := _another_moment(each.text, options)):
            return other
        kept = without_others(each.text)
        if (kept or len(texts) == 1) and (choice := _place(replace(each, text=kept or each.text), options, question)):
            return choice if each.how in EXPLICIT else _or_opening(choice, texts[-1].text, options)
    return None


def _or_opening(choice: Choice, text: str, options: Sequence[Option]) -> Choice:
    """What a loose last sentence names; undecided where the first sentence of a short reply named another option."""
    pieces = [piece for line in text.split("\n") for piece in sentences(line)]
    if not 1 < len(pieces) <= SHORT_REPLY or CONCLUDES.search(pieces[-1]) or len(choice.letters) != 1:
        return choice
    opening = named(pieces[0], options)
    if opening is None or opening.how != "option_text" or opening.letters == choice.letters:
        return choice
    return Choice(choice.text, choice.letters | opening.letters, "conflict")


def _another_moment(text: str, options: Sequence[Option]) -> Choice | None:
    """A time that is none of the options, where all of them are times: a choice of nothing."""
    if not options or not all(when(one.text) for one in options):
        return None
    said = moments(text)
    if len(said) != 1 or said & {when(one.text) for one in options} or named(text, options):
        return None
    return Choice(text, frozenset(), "conflict")


def _offers(text: str, options: Sequence[Option]) -> bool:
    return bool(offered(text, options)) and (choice := named(text, options)) is not None and choice.how == "several"


def _marked(text: str, options: Sequence[Option]) -> Choice | None:
    """The option whose line says that it is correct, where every option has its line: `B. condensation – correct`."""
    lines = [found for found in LINE.finditer(text) if any(one.letter == found[1] for one in options)]
    right = [line for line in lines if CORRECT.search(line[2])]
    if len(lines) < max(2, len(options)) or len(right) != 1:
        return None
    return Choice(right[0][0], frozenset(right[0][1]), "letter")


def _place(each: Extracted, options: Sequence[Option], question: str | None) -> Choice | None:
    """What one place names; where that is a conflict, what its last sentence does (the first of a statement)."""
    if each.how == "formula" and len(LATEX_SHAPE.sub("", each.text)) > LONG_FORMULA:
        return by_latex(each.text, options) or by_formula(each.text, options)  # its letters are no choices
    whole = named(each.text, options)
    if whole is None or whole.how != "conflict":
        return _turned(whole, each.text, options, question)
    first = sentences(each.text)[0]
    if first != each.text and (said := with_text(first, options)) and said.how == "option_text":
        return said  # "Finch. Its beak is thicker than the heron's."
    clause = clauses.asked_clause(sentences(each.text)[-1], question)
    if clause and re.search(r"\bis\b|\bare\b", clause) and not named(clause, options):
        return Choice(whole.text, whole.letters | {one.letter for one in options}, "conflict")
    last = named(sentences(each.text)[-1], options)
    if last and last.how == "letter" and len(last.letters) == 1 and not DENIED.search(each.text):
        return last  # "∠C = 75°. I choose A."
    asked = (
        _texts_inside(plain(question), options) | _moments_inside(plain(question), options) if question else frozenset()
    )
    if asked and len(rest := whole.letters - asked) == 1 and not DENIED.search(each.text):
        return Choice(whole.text, rest, "option_text")
    if (bold := BOLD.findall(each.text)) and len(bold) == 1 and not DENIED.search("".join(bold[0])):
        marked = named("".join(bold[0]), options)
        if marked and marked.how in ("letter", "option_text"):
            return marked
    if NEITHER.search(each.text) and len(whole.letters) == len(options):
        return Choice(whole.text, whole.letters, "several")
    pieces = sentences(each.text)
    for piece in pieces if each.how == "stated" else reversed(pieces):
        main = _main_clause(piece, question)
        if piece.rstrip().endswith("?"):
            return whole
        choice = named(piece, options) if len(pieces) > 1 else whole
        if choice and choice.how == "conflict" and main != piece:
            choice = named(main, options) or choice
        if choice and choice.how == "conflict":
            choice = _of_clauses(piece, options, question) or choice
        if choice and choice.how == "conflict" and (head := COLON.match(piece)) and not DENIED.search(piece):
            said = named(head[1], options)
            sure = said and len(said.letters) == 1 and said.how != "conflict" and not opposed(head[1], question)
            choice = said if sure else choice
        if choice and choice.how == "conflict" and (found := COMPLEMENT.match(plain(piece))):
            choice = with_text(found[1], options) or choice
        if choice and choice.how == "conflict":
            lettered_too = NAMED.search(main) or LABEL.match(main)
            figure = None if lettered_too else _stated_figure(main, options)
            return figure if figure and figure.how != "conflict" and figure.letters <= whole.letters else whole
        if choice:
            return choice
    return whole


def _turned(choice: Choice | None, text: str, options: Sequence[Option], question: str | None) -> Choice | None:
    """Of two options the other one where a sentence says the opposite of what is asked: "Ann sold more", of fewer."""
    if choice is None or len(options) != 2 or choice.how != "option_text" or len(sentences(text)) > 1:
        return choice
    if any(OPPOSITE.search(one.text) for one in options):
        return choice
    if DENIED.search(text) or "than" in text or not OPPOSITE.search(text) or not opposed(text, question):
        return choice
    return Choice(choice.text, frozenset(one.letter for one in options) - choice.letters, "option_text")


def _of_clauses(piece: str, options: Sequence[Option], question: str | None) -> Choice | None:
    """The option that one clause of several names: the one that takes up the question, or the only one to name any."""
    several = clauses.clauses_of(piece)
    clause = clauses.asked_clause(piece, question)
    found = [choice for one in ([clause] if clause else several) if (choice := named(one, options))]
    sure = len(several) > 1 and len(found) == 1 and found[0].how in ("letter", "option_text")
    return found[0] if sure and not DENIED.search(found[0].text) else None


def _main_clause(sentence: str, question: str | None) -> str:
    """A sentence without the clause that gives the reason, and without what the question's comparison is with."""
    main = REASON.sub("", BECAUSE.sub("", STEP.sub("", plain(sentence))))
    if question and (asked := SUPERLATIVE.search(question)):
        clauses = [one for one in CLAUSE.split(main) if re.search(rf"\b{asked[0]}\b", one, re.IGNORECASE)]
        main = clauses[0] if len(clauses) == 1 else main
    compared = THAN.match(main)
    if compared and question and re.search(_degrees(compared[2].lower()), question, re.IGNORECASE):
        return compared[1]
    return main


def _degrees(comparative: str) -> str:
    """A pattern for a comparative and its superlative: "more" and "most", "taller" and "tallest"."""
    known = {"more": "more|most", "less": "less|least", "better": "better|best", "further": "further|furthest"}
    return rf"\b(?:{known.get(comparative, comparative.removesuffix('er') + '(?:er|est)')})\b"


def named(text: str, options: Sequence[Option]) -> Choice | None:
    """Which option one text names; None when it names none."""
    bare = spelled_out(plain(text).strip(" \n\t*'\""), options)
    if not bare:
        return None
    found = by_form(bare, options) or _polar(bare, options) or by_figure(bare, options) or by_formula(text, options)
    if found := found or by_ratio(bare, options) or by_latex(text, options) or quoted(bare, options):
        return found
    kept = without_denied(bare, options)
    if kept != bare and (positive := _in_sentence(kept, options)) and len(positive.letters) == 1:
        return positive
    if other := other_of_two(bare, kept, _texts_inside(bare, options), options):
        return Choice(bare, frozenset(other), "option_text")
    if inside := _in_sentence(bare, options):
        return beside_shortened(inside, options)
    return _stated_figure(bare, options) or _by_content(bare, options) or shortened(bare, options)


def _by_content(bare: str, options: Sequence[Option]) -> Choice | None:
    """The one option whose words hold all of a short text's, or are all in it: `Fox` for "Red fox"."""
    said = _content(bare)
    if (
        not said
        or len(said) > MOST_WORDS
        or all(":" in one.text for one in options)  # the order of a ratio counts
        or (DENIED.search(bare) and not any(DENIED.search(one.text) for one in options))
    ):
        return None
    words = [(one.letter, mine) for one in options if not all(map(str.isdigit, mine := _content(one.text)))]
    within = frozenset(letter for letter, mine in words if said <= mine)
    around = frozenset(letter for letter, mine in words if len(mine) > 1 and mine <= said)
    for letters in (within, around):
        if letters:
            return Choice(bare, letters, "option_text" if len(letters) == 1 else "conflict")
    return None


def may_name(text: str, options: Sequence[Option]) -> bool:
    """Whether a text that names no option has words that just one of them has: "the used phone"."""
    said = _content(text[-300:])
    words = [[word for word in _content(one.text) if len(word) > 2 and word.isalpha()] for one in options]
    every = [word for mine in words for word in mine]
    return any(word in said and every.count(word) == 1 for word in every)


def _content(text: str) -> frozenset[str]:
    return frozenset(same_words(text).split()) - COMMON


def _polar(bare: str, options: Sequence[Option]) -> Choice | None:
    """Yes or no, when those are the options."""
    sides = {polar(one.text): one.letter for one in options if len(one.text.split()) == 1}
    if len(sides) != len(options) or not sides or None in sides or (said := polar(bare)) not in sides:
        return None
    return Choice(bare, frozenset({sides[said]}), "option_text")


def _stated_figure(bare: str, options: Sequence[Option]) -> Choice | None:
    """The one option with the number a sentence comes to: `6 + 2 = 8`."""
    read = number_stated([Extracted(bare, "whole")]) if options else None
    if read is None or read.listed or read.bounded:
        return None
    letters = frozenset(
        one.letter for one in options if (figure := quantity(one.text)) and same(figure, read.main) is True
    )
    return Choice(bare, letters, "option_text" if len(letters) == 1 else "conflict") if letters else None


def _in_sentence(bare: str, options: Sequence[Option]) -> Choice | None:
    """Letters in explicit form, else option texts, inside a sentence; several or denied ones cannot be told
    apart.
    """
    known = frozenset(one.letter for one in options) or frozenset("ABCDEFGH")
    said = [next(part for part in found.groups() if part) for found in NAMED.finditer(bare)]
    letters = frozenset(said) & known or _letters_as_texts(said, options)
    if len(letters) > 1 and len(whole := _text_with_letters(bare, options)) == 1:
        return Choice(bare, whole, "option_text")
    if len(letters) == 1 and not re.search(r"[(\[][A-Z][)\]]|\b[Oo]ption\s", bare):
        as_texts = _letters_as_texts(said, options)
        if as_texts and as_texts != letters:
            return Choice(bare, letters | as_texts, "conflict")  # "E", of which option D says that it is E
    if (pair := BOTH.search(bare)) and {pair[1], pair[2]} <= known:
        return Choice(bare, frozenset({pair[1], pair[2]}), "several")
    texts = _texts_inside(bare, options) or _moments_inside(bare, options)
    every = letters | texts
    if not every:
        return None
    if ASKED.search(bare):
        return Choice(bare, every, "conflict")
    if every <= (both := offered(bare, options)):
        return Choice(bare, both, "several")
    if len(every) > 1 and _offered(bare, every, letters, options):
        return Choice(bare, every, "several")
    if len(every) > 1 or denies(bare, [one.text for one in options if one.letter in texts]):
        return Choice(bare, every, "conflict")
    return Choice(bare, every, "letter" if letters else "option_text")


def _letters_as_texts(said: Sequence[str], options: Sequence[Option]) -> frozenset[str]:
    """Options whose text is one of these letters, which name no option: "card G" where G is what option E says."""
    return frozenset(one.letter for one in options if one.text.strip() in said)


def _text_with_letters(bare: str, options: Sequence[Option]) -> frozenset[str]:
    """The option in whose text every letter of a sentence stands: "either C or D", of four such options."""
    rest = f" {same_words(bare)} "
    inside = [name for name in names_of(tuple(options)) if f" {name[0]} " in rest and len(name[0].split()) > 1]
    longest = max(inside, key=lambda pair: len(pair[0]), default=None)
    if longest is None or NAMED.search(rest.replace(f" {longest[0]} ", " ", 1).upper()):
        return frozenset()
    return frozenset({longest[1]})


def _offered(bare: str, both: frozenset[str], letters: frozenset[str], options: Sequence[Option]) -> bool:
    """Whether the options named are offered as alternatives: "B or C", "either Paris or Lyon"."""
    if letters:
        found = OFFERED.search(bare) or OFFERED.search(IN_BRACKETS.sub("", bare))
        return bool(found) and both == {found[1], found[2]}  # type: ignore[index]
    parts = [re.sub(r"^either\s+", "", part) for part in SOME_OR.split(bare)]
    parts = [part for part in parts if _texts_inside(part, options)]  # "… depending on this or that"
    return len(parts) == len(both) and all(len(_texts_inside(part, options)) == 1 for part in parts)


def _texts_inside(bare: str, options: Sequence[Option]) -> frozenset[str]:
    """Options whose text stands in the sentence as whole words, longest first, each stretch counted once."""
    bare = DETERMINER.sub(" ", bare)  # "since no value repeats" does not say no
    said, letters = f" {same_words(bare)} ", set()
    for name, letter in sorted(names_of(tuple(options)), key=lambda pair: -len(pair[0])):
        if f" {name} " in said:
            said = said.replace(f" {name} ", " | ")
            letters.add(letter)
    return frozenset(letters)


def _moments_inside(bare: str, options: Sequence[Option]) -> frozenset[str]:
    """Options that are a time, date or duration which the sentence names otherwise."""
    mine = {one.letter: moment for one in options if (moment := when(one.text))}
    said = moments(bare) if mine else set()
    return frozenset(letter for letter, moment in mine.items() if moment in said)


def correct_letter(reference: str, options: Sequence[Option]) -> str | None:
    """The letter a reference means: a letter of the options, an option's text, or both in one; None when it
    is neither.
    """
    choice = named(reference, options)
    if choice is None or len(choice.letters) != 1 or choice.how == "several":
        return None
    letter = next(iter(choice.letters))
    return letter if not options or letter in {one.letter for one in options} else None


def agrees(letter: str, choice: Choice) -> bool | None:
    """Whether a choice is the right letter; see the decisions at the top of this module."""
    if choice.how == "conflict":
        return None if letter in choice.letters else False
    return choice.letters == frozenset({letter})
