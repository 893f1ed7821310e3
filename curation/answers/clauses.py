"""Reads a sentence as an answer to its question: which clause takes it up, and whether it names the reference.

A model repeats the question and puts the answer in the gap: "He is holding a black umbrella in his right hand". So a
sentence gives a reference where nothing but the question's own words, in the question's order, stands before it (a few
adjectives apart) and nothing but an adjunct behind it; or where it stands first and they follow. The order matters:
"The box is left of the ball" does not answer "What is left of the box?". Of several clauses the one that shares most
words with the question counts: of "The car is white, and the bus is red" the first answers what colour the car is.
References that the question itself names are left alone: "Norway or Sweden?" is taken up by any sentence with both.
"""

import re

from curation.answers.normal import folded, plain
from curation.answers.spellings import same_words

FUNCTION_WORDS = (
    "it he she they we i this that these those there here is are was were be been being am do doe did has have had can "
    "could will would of in on at to by from for with as between during about around and the a an its his her their "
    "image picture photo figure diagram chart graph shown show seen appear labeled labelled see located given answer "
    "so thus therefore hence then which what who where when how found called named occur occurred happen happened take "
    "took place according based indicate indicated correspond represent refer denote identified sitting lying standing "
    "resting placed positioned parked say read state written currently clearly simply also typically usually "
    "wear wearing word text"
)
ADJECTIVE_WORDS = (
    "small large big little tall short long old young new bright dark light pale deep single plain red blue green "
    "yellow orange purple pink black white brown gray silver golden "
    "wooden metal plastic standard likely specific modern traditional typical common simple"
)
STEM = re.compile(r"(?<=\w{3})(?:ing|ed|e|s)$")
VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|does|do|did|can|will|shows?|remain|[a-z]{3,}(?:ed|s|ing))\b",
    re.IGNORECASE,
)
JOINED = re.compile(r"(?:;|,?\s(?:and|but|while|whereas))\s", re.IGNORECASE)
APART = re.compile(
    r"(?:;|,\s(?:and|while|whereas))\s(?!(?:it|its|they|he|she|this|that|is|are|was|were|has|had)\b)", re.IGNORECASE
)
SUBJECTLESS = re.compile(r"(?:is|are|was|were|has|have|had|[a-z]{3,}(?:s|ed))\s(?!(?:is|are|was|were|has|have|had)\b)")
FINITE = re.compile(r"\b(?:is|are|was|were|has|have|had)\b", re.IGNORECASE)
DENIES = re.compile(
    r"\b(?:not|no|nor|neither|or|either|except|instead|unlike|but|never|than|isn't|aren't|wasn't|maybe|perhaps|possibly"
    r"|might|(?-i:may)|could|unclear|if|whether|rather)\b|\?",
    re.IGNORECASE,
)
NOUN = (
    r"(?:\s(?:CT|MRI|X-ray|ultrasound))?\s(?:(?:hand\s)?side|direction|colou?r|shape|scan|image|picture|one|slice|segment"
    r"|sector|section|wedge|portion|bar|line|plane|view|hemisphere|lung|half|corner|area|room)"
)
PREPOSITION = (
    r"(?:in|on|at|of|with|from|by|for|near|next\sto|behind|beside|under|over|down|up|along|across|through|around|into|onto|towards?|inside|outside|against|during|because|since|as|standing|sitting"
    r"|lying)"
)
TAIL = re.compile(
    rf"(?:{NOUN})?(?:\s{PREPOSITION}\s[^,;]*|,\s(?:which|who|because|since|as|in|on|at|with|from|so|likely|probably|next|typically|usually|generally|between|around"
    r"|consistent|located|and\s(?:it|they|he|she|this|that))\s.*|,\sthe\s[^,]*\sof\s[^,]*){0,2}\W*",
    re.IGNORECASE | re.DOTALL,
)
NOUN_FIRST = re.compile(NOUN, re.IGNORECASE)
OBJECT = re.compile(r"^\s(?:an?|the|his|her|their|some)(?:\s[a-z]+){1,3}\b(?=\W*$|\s(?:in|on|at|with|to)\b)")
REJECTED = re.compile(
    r"\b(?:not(?!\sonly)|rather\sthan|instead\sof|as\sopposed\sto)\s(?:(?:an?|the|in|at|on)\s){0,2}$", re.IGNORECASE
)
THAN = re.compile(r"\b(\w{3,}er|more)\b[^,;]*\sthan\s(?:the\s)?$", re.IGNORECASE)  # "Ann is taller than Beth"
DENIED = re.compile(r"^[^,;]*\b(?:is|are|was|were)\snot\s(?:(?:an?|the|in|at|on)\s){0,2}$", re.IGNORECASE)
BESIDES = re.compile(
    r"^(.*),?\s(?:closely\s)?(followed\sby|ahead\sof|next\sto|beside|against|compared\s(?:to|with))\s(?:the\s|an?\s)?$",
    re.IGNORECASE,
)
VISIBLE = re.compile(
    r"\s(?:is|are)\s(?:shown|seen|depicted|visible|pictured)(?:\s(?:in|on)\sthe\s\w+)?\W*", re.IGNORECASE
)
NEGATIVE = re.compile(r"\b(?:not|except|isn't|aren't|doesn't|don't|never|least|no)\b", re.IGNORECASE)
LABEL = re.compile(r"\blabell?ed\s(?:as\s)?[\"'(]?[A-Z]\b[\"')]?")
ASIDE = re.compile(r"\s\([^()]{1,80}\)")
COMPOUND = re.compile(r"\b\w+-(?!shaped|colou?red|sided)[a-z]+ed\b")  # "T2-weighted"
SHAPED = re.compile(r"(?<=\w)-(?:shaped|colou?red|sided)\b", re.IGNORECASE)
FRONTED = re.compile(r"^(?:in|on|at|during|by|from|based|according|as|looking|of)\b[^,]{1,60},\s", re.IGNORECASE)
OF_ANOTHER = re.compile(r"^,.*,\s(?:is|was)\s(?:that\s)?of\b", re.IGNORECASE)
THERE = re.compile(r"(?:there|it|this)\s.{1,80}\s(?:in|on|at|within)\s(?:the\s)?", re.IGNORECASE)
LONGEST = 300  # characters of a sentence


def stem(word: str) -> str:
    return STEM.sub("", word)


FUNCTION = frozenset(stem(word) for word in FUNCTION_WORDS.split()) | frozenset(FUNCTION_WORDS.split())
ADJECTIVES = frozenset(stem(word) for word in ADJECTIVE_WORDS.split())


def asked_clause(sentence: str, question: str | None) -> str | None:
    """The clause of several that shares most words with the question; None when there is one clause or a tie."""
    if not question or len(sentence) > LONGEST or len(clauses := clauses_of(sentence)) < 2:
        return None
    wanted = frozenset(_content(question))
    shared = [wanted & frozenset(_content(one)) for one in clauses]
    if SUBJECTLESS.match(clauses[-1]):  # "It opens at 9 and closes at 5": the last clause has the first one's subject
        if len(clauses) > 2:
            return None
        if shared[1] - shared[0]:
            return clauses[1]
        return clauses[0] if not shared[1] and shared[0] == wanted else None
    scores = [
        len(words) + (at == 0 and _pronoun(one)) for at, (words, one) in enumerate(zip(shared, clauses, strict=True))
    ]
    best = max(scores)
    return clauses[scores.index(best)] if best and scores.count(best) == 1 else None


def clauses_of(sentence: str) -> list[str]:
    """A sentence cut at "and", "but", "while" where both sides have a verb; one piece when it is a single clause."""
    bare, out, start = plain(sentence), [], 0
    for found in JOINED.finditer(bare):
        rest = bare[found.end() :]
        rest = rest if found[0].strip(", ").lower() in ("while", "whereas") else rest.split(",")[0]
        if VERB.search(bare[start : found.start()]) and VERB.search(rest):
            out.append(bare[start : found.start()])
            start = found.end()
    return [*out, bare[start:]]


def several_subjects(sentence: str) -> bool:
    """Whether each of two clauses says what something is, so that one of them may be about something else."""
    parts = clauses_of(sentence)
    apart = len(parts) > 1 and APART.search(plain(sentence)) is not None
    apart = apart or (len(parts) > 1 and SUBJECTLESS.match(parts[-1]) is not None)
    return apart or sum(bool(FINITE.search(one)) for one in parts) > 1


def answers(reference: str, sentence: str, question: str | None) -> bool:
    """Whether a sentence repeats the question with the reference in the gap."""
    if not question or len(sentence) > LONGEST or _names(question, reference):
        return False
    bare = ASIDE.sub("", LABEL.sub(" ", plain(sentence).replace('"', "")))
    bare = FRONTED.sub("", SHAPED.sub("", COMPOUND.sub(" ", bare)))
    found = _only_place(reference, bare)
    if found is None or DENIES.search(bare):
        return False
    before, after = bare[: found.start()], bare[found.end() :]
    if OF_ANOTHER.search(after):
        return False  # "The name X, at the top, is that of the sender"
    if before.endswith(" and "):
        return False  # "black and white" is not white
    noun = re.match(r"\s(\w+)", after)
    if noun and stem(same_words(noun[1])) in _content(question):
        after = after[noun.end() :]  # "She is wearing a blue dress", where the dress is asked about
    if VISIBLE.fullmatch(after) and not _content(before):
        return True
    tail = OBJECT.sub("", after) if reference.lower().endswith("ing") else after
    if APART.search(before):
        return False
    if TAIL.fullmatch(tail):
        seen = THERE.fullmatch(before) and _names(question, reference.split()[-1])
        return bool(seen) or _repeats(before, question)
    following = NOUN_FIRST.sub("", after, count=1).split(",")[0] if NOUN_FIRST.match(after) else after.split(",")[0]
    bare_subject = not [word for word in _content(before) if word not in ADJECTIVES]
    return bare_subject and bool(VERB.match(following.strip())) and _repeats(following, question, needed=1)


def elsewhere(reference: str, sentence: str, question: str | None) -> bool:
    """Whether the main clause answers the question with something else, and the reference is said of another thing."""
    if not question or len(sentence) > LONGEST or NEGATIVE.search(question) or not (cut := APART.search(sentence)):
        return False
    main, rest = plain(sentence[: cut.start()]), plain(sentence[cut.end() :])
    if _only_place(reference, main) or not _only_place(reference, rest) or DENIES.search(main):
        return False
    wanted, said = frozenset(_content(question)), _content(main)
    subject = VERB.split(main, maxsplit=1)[0]
    own = all(word in wanted for word in _content(subject)) and bool(wanted & frozenset(said))
    return own and VERB.search(rest) is not None and wanted & frozenset(_content(rest)) <= frozenset(said)


def denied(reference: str, sentence: str, question: str | None) -> bool:
    """Whether a sentence names the reference only to reject it: "This is an X-ray, not an MRI"."""
    bare = plain(sentence)
    found = _only_place(reference, bare)
    if found is None or (question and NEGATIVE.search(question)):
        return False
    before = bare[: found.start()]
    if bare[found.end() :].strip(" .!"):
        return False
    if question and (said := BESIDES.match(before)) and said[2].split()[0].lower() not in question.lower():
        return bool(set(_content(said[1])) - set(_content(question))) and not DENIES.search(said[1])
    compared = THAN.search(before)
    if compared and question and re.search(rf"\b{re.escape(compared[1])}\b", question, re.IGNORECASE):
        return True
    return bool(DENIED.search(before)) or (bool(REJECTED.search(before)) and bool(re.search(r"\w{2,}.*,", before)))


def _repeats(part: str, question: str, needed: int = 0) -> bool:
    """Whether a part of a sentence has only words of the question, in its order, and at least `needed` of them."""
    asked = _content(question)
    said = [word for word in _content(part) if word in asked or word not in ADJECTIVES]
    return len(said) >= needed and all(word in asked for word in said) and said == sorted(said, key=asked.index)


def _only_place(reference: str, bare: str) -> re.Match[str] | None:
    """Where the reference stands in a sentence, when it stands there once and as whole words."""
    words = re.sub(r"^(?:an?|the)\s", "", plain(reference), flags=re.IGNORECASE)
    name = re.escape(words).replace(r"\ ", r"\s+")
    found = list(re.finditer(rf"(?<![\w'-]){name}(?![\w'])(?!-\w)", bare, re.IGNORECASE))
    return found[0] if len(found) == 1 else None


def _names(question: str, reference: str) -> bool:
    return f" {same_words(reference)} " in f" {same_words(question)} "


def _content(text: str) -> list[str]:
    """The words that carry the meaning, stemmed, each once, in order."""
    words = dict.fromkeys(stem(word) for word in same_words(text).split() if word not in FUNCTION)
    return [word for word in words if word not in FUNCTION]


def _pronoun(clause: str) -> bool:
    return folded(clause).split(" ")[0] in ("it", "he", "she", "they")
