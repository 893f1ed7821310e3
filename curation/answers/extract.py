"""Finds what a response states as its answer, by the ordered rules in `RULES` (printed in docs/answers.md).

Everything is searched in the last complete answer block, or else in the text after the think block
(`curation.answers.parse`). The comparison of each kind takes the first place it can read: a number, a letter or an
option's text, a box. What no kind can read is "not found", which is wrong and never undecided: VLAA-Thinking's
implicit format (arXiv 2504.11468).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from curation.answers import cut
from curation.answers.normal import spaced
from curation.answers.parse import Parsed, parse

RULES: tuple[tuple[str, str], ...] = (
    ("corrected", "the last sentence after a correction ('wait', 'I made a mistake', 'I mean', 'sorry') behind all "
     "boxes and statements"),
    ("boxed", "`\\boxed{…}` and `\\fbox{…}`, nested, one left open at the end; of boxes and statements the last"),
    ("stated", "`Final Answer: …`, `Answer: …`, `correct option is …`, 'the answer is …' in the first or last "
     "paragraph, a heading 'Final Answer' and the line below it, `<CONCLUSION>…</CONCLUSION>`, `答案是…`, `选…`, "
     "`Antwort: …` and the like; of boxes and statements the last"),
    ("concluded", "what follows \"therefore\", \"so\", \"we get\" inside the last paragraph, the last first"),
    ("first_line", "a first line or sentence that is nothing but an answer, when more follows (`**5**`, then the "
     "explanation)"),
    ("answer_tag", "the whole answer block"),
    ("whole", "the whole text, when it is one short line and no answer block"),
    ("bold", "bold text in the last paragraph, the last first, headings aside"),
    ("formula", "the last formula between dollars"),
    ("sentence", "the last sentence of the last line"),
    ("line", "the last line"),
    ("list", "the bulleted or numbered lines at the end, together"),
    ("text", "the whole text; of a long one its end"),
)  # fmt: skip
LONGEST = 4000  # characters of answer text that are searched, from the end
MOST = 12  # places of one rule that are looked at, from the end: a text that repeats "so" a thousand times says nothing
SHORT = 160
STATED = re.compile(
    r"(?:\b(?:(?:final|correct|right|my)\s+)?(?:answer|ans|result|option|choice|solution)\b|\b(?:right|correct"
    r"|best)\s(?:one|match|statement)\b|†\s?answer|答案)"
    r"(?:\s(?:to|for)\s(?:the|this)\s(?:question|problem))?[*_\s]{0,4}(?:(?:is|are|would\sbe|should\sbe"
    r"|must\sbe)(?!\w)|[:：=])"
    r"(?:\s?(?:therefore|thus|clearly|simply|option|choice)(?=[\s:]))?[*_\s]{0,4}[:：]?"
    r"|,\swhich\sis\s(?=(?:option|choice)\s[(\[]?[A-Z]\b)",
    re.IGNORECASE,
)
STRONG = re.compile(r"final|correct|[:：]\s*$|答案|†", re.IGNORECASE)
FOREIGN = re.compile(
    r"(?:(?:最终|正确|正確)?(?:答案|选项|選項|答え|回答)\s?(?:应该是|应为|應為|是|为|為|选|選|は|[:：])[:：]?"
    r"|(?:选择|选|選)\s?[:：]?(?=\s?[(（]?[A-H](?![A-Za-z]))|정?답\s?(?:은|는)?\s?[:：]?"
    r"|\b(?:antwort|respuesta|r[ée]ponse|resposta|risposta|ответ|antwoord)\b(?:\s(?:final|correcta|finale|correcte))?"
    r"\s?(?:ist|es|est|é|è|[:：])\s?:?)[*_\s]{0,4}",
    re.IGNORECASE,
)
CORRECTED = re.compile(
    r"\b(?:wait\b(?!\s+(?:for|until|time|at))|hold\son\b|oops\b|scratch\sthat\b|correction\b|actually,?\sno\b"
    r"|no,\swait\b|(?<=[.…,;:—–-]\s)I\smean\b(?!\s(?:to|by|that)\b)|(?<=[^\w'’]\s)sorry[,:]"
    r"|I\smade\san?\s(?:mistake|error)\b|I\smiscounted\b|let\sme\s(?:correct|redo|recount|recalculate|reconsider)\b)",
    re.IGNORECASE,
)
REMARK = re.compile(
    r"(?:(?<=[.!?*$}\])])[ \t]+|\n\s*)\**(?:Note\b|[*_]?Disclaimer\b"
    r"|[*_]?This is not medical advice\b|Remark\b|(?:You|We) can (?:verify|check)\b"
    r"|I hope\b|Hope (?:this|that)\b|Let me know\b|Please let me\b"
    r"|If you (?:have|need|want)\b"
    r"|Feel free\b|(?:My )?[Cc]onfidence\b|For (?:comparison|reference)\b"
    r"|(?:It(?:['’]s| is) worth (?:noting|mentioning)|Worth noting|Interestingly)\b(?![^\n]*\banswer\b)"
    r"|If (?:one|we|you|it|they)\b[^\n.]{0,120}\binstead\b)[^\n]{0,300}\s*\Z"
    r"|\n\s*\*{0,2}\((?:[A-Z][a-z]*|not|check|and\snot|i\.e\.|note|because|since)[,:]?\s[^()\n]{1,60}[^\n]{0,300}\)\.?\*{0,2}\s*\Z"
    r"|(?<=[.!?*])[ ]+\((?:If|On|For|In|This|That|These|The|Note|Careful|Check)\b[^()\n]{8,300}\)\.?\s*\Z"
)
HEADING = re.compile(
    r"^[#*_\s]{0,8}(?:the\s)?(?:final\s)?answer[*_\s]{0,4}[:：]?[*_]{0,4}[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
CONCLUDED = re.compile(
    r"\b(?:therefore|thus|hence|so|in conclusion|we get|this gives|which gives|(?<=, )giving|equals)\b[,:]?",
    re.IGNORECASE,
)
BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*|__([^_\n]{1,200})__")
DENIED = re.compile(r"\b(?:not|n't|rather\sthan|instead\sof|than)(?:\s(?:in|at|on|by|to|an?|the))*\s$", re.IGNORECASE)
FORMULA = re.compile(
    r"\$\$([^$]{1,500})\$\$|(?<!\$)\$(?=[^\s$])([^$\n]{1,500})(?<=\S)\$(?!\d)|\$\s([^$\n]{1,500})\s\$(?!\d)|\\\(([^\n]{1,500}?)\\\)|\\\[\s*([^\n]{1,500}?)\s*\\\]"
)
AXIS = re.compile(r"[\s-](?:axis|axes|coordinates?|intercepts?|direction|values?)\b")
ALSO = re.compile(r"\s*(?:,|and|or|,\s*and)\s*")
ASSIGNED = re.compile(r"\s*([a-zA-Z](?:_\{?\w+\}?)?)\s*=")
SENTENCE = re.compile(
    r"(?<=[a-z][a-z)][.!?])(?<!\b[Nn]o\.)(?<!ig\.)(?<!rox\.)(?<!eq\.)\s+(?=\d)|(?<=\d\d\.)(?<!\n\d\d\.)\s+(?=\d[\d.,]*\s?[-+*/×÷−=])|(?<=[^.\s][.!?])(?<!\b[MD]r\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bSt\.)(?<!\bvs\.)(?<!\b[A-Z]\.[A-Z]\.)(?<!\b[A-Z]\.\s[A-Z]\.)\s+(?![A-Z]\.\s[A-Z])(?=[A-Z*$\\(\[])"
)
PLACES = (
    r"(?:decimal\s(?:places?|points?)|d\.?\s?p\.?|decimals?|s\.?\s?f\.?"
    r"|sig(?:nificant|\.)?\s(?:figures?|digits?|figs?\.?))"
)
ROUNDED = re.compile(  # "2.67 (rounded to 2 d.p.)": how a value was rounded, and its number is no answer
    rf"\s*\\?\(\s?(?:(?:rounded|approx(?:\.|imately)?|correct|about|exact|nearest)\b[^()\n]{{0,60}}"
    rf"|(?:to\s)?(?:\d|one|two|three|four)\s?{PLACES}|to\sthe\snearest[^()\n]{{1,40}}|to\s\d\s?{PLACES})\s?\)"
    rf"|,?\s(?:(?:when|if)\s)?(?:rounded|correct|accurate)\s(?:off\s)?to\s(?:the\snearest\s[\w-]+(?:\s(?:percent|cent|dollar))?"
    rf"|(?:\d|one|two|three|four)\s{PLACES})",
    re.IGNORECASE,
)
PARAGRAPH = re.compile(r"\n[ \t]*\n")
SOMETHING = re.compile(r"[^\s*_#:$>\[\]`\\]")
FIRST = re.compile(
    r"\*\*(?!(?:step|part|case|problem|question)\b)[^*:\n]{1,40}\*\*[.!]?|[-+$€]?\d[\w.,/%]{0,20}(?: [a-z]{1,12})?"
    r"|\(?[A-H]\)?\.?|yes\.?|no\.?",
    re.IGNORECASE,
)
NUMBERED = re.compile(r"\W{0,8}1[.)]\s.{1,3000}?\n\W{0,8}2[.)]\s", re.DOTALL)
OPENING = re.compile(r"[-+$€£]?\d[\d.,/]{0,20}(?:[%°]| ?[a-z²³°^]{1,12})\.|(?:yes|no)\.", re.IGNORECASE)
HEADED = re.compile(r"(?<![^\n])(?:\*\*|__)[^*_\n]{1,200}(?:\*\*|__)[ \t:.]*\n")  # alone on a line, with more below it
BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
UNCLOSED = re.compile(r"\\(?:boxed|fbox)\s*\{([^{}\n]{1,80})$")
LATIN = re.compile(r"\b(?:antwort|respuesta|reponse|resposta|risposta|antwoord)\b", re.IGNORECASE)
BULLETS = re.compile(r"(?:^[ \t]*(?:[-*•+]|\d{1,2}[.)])[ \t]+[^\n]{1,80}\n?)*\Z", re.MULTILINE)
ENVIRONMENT = re.compile(r"\\(?:begin|end)\{(?:align|aligned|equation|gather|gathered|split)\*?\}|&(?=\s?[=<>\\])")
BLOCK = re.compile(r"<(conclusion|final_?answer|ans|result|output)>\s*(.{0,600}?)\s*</\1>", re.IGNORECASE | re.DOTALL)
LABELS = re.compile(r"\s?:\s*\S")  # "**Stem 3**: 1 train"
JOINED = re.compile(r"[\s$,;]*(?:and|or|,|;)[\s$]*")


@dataclass(frozen=True, slots=True)
class Extracted:
    """A text that may be the answer, and the name in `RULES` of where it stood."""

    text: str
    how: str


def candidates(response: str) -> Iterator[Extracted]:
    """Every place the answer may stand, most explicit first; see `RULES`."""
    return places(parse(response))


def places(parsed: Parsed) -> Iterator[Extracted]:
    """The same for a response already taken apart."""
    region = without_remark(spaced(ENVIRONMENT.sub("", parsed.answer[-LONGEST:]).strip()))
    if not region:
        return
    stated = [one for one in _explicit(region) if not (cut.broken(one[1].text) and region.endswith(one[1].text))]
    region = cut.whole(region)
    corrections = [found.end() for found in CORRECTED.finditer(region)]
    if corrections and (not stated or stated[0][0] < corrections[-1]):
        yield Extracted(sentences(region[corrections[-1] :].strip())[-1], "corrected")
    yield from (each for _, each in stated)
    if cut.broken(region):
        return
    paragraph = PARAGRAPH.split(region)[-1]
    concluded = [found for found in CONCLUDED.finditer(paragraph) if found.start()]
    for found in reversed(concluded[-MOST:]):
        yield Extracted(_line(paragraph, found.end()), "concluded")
    first = region.split("\n", 1)[0].strip()
    opening = sentences(first)[0]
    if NUMBERED.match(region):
        pass  # "1." begins a list of steps
    elif first != region and FIRST.fullmatch(first):
        yield Extracted(first, "first_line")
    elif opening != region and OPENING.fullmatch(opening):
        yield Extracted(opening, "first_line")
    if parsed.tagged or (len(region) <= SHORT and "\n" not in region):
        yield Extracted(region, "answer_tag" if parsed.tagged else "whole")
    for found in reversed(list(BOLD.finditer(paragraph))[-MOST:]):
        text = found[1] or found[2]
        denied = DENIED.search(paragraph[max(0, found.start() - 30) : found.start()])
        label = text.rstrip().endswith(":") or (len(text) > 1 and LABELS.match(paragraph, found.end()))
        if not (label or denied or HEADED.match(paragraph, found.start())):
            yield Extracted(text, "bold")
    yield from _ends(region)


def last_sentence(text: str) -> str:
    """The last sentence of the last line."""
    return sentences(text.rstrip().rsplit("\n", 1)[-1])[-1]


def explicit(parsed: Parsed) -> list[Extracted]:
    """The boxes and statements alone, the last first."""
    return [each for each in places(parsed) if each.how in ("boxed", "stated")]


def without_remark(region: str) -> str:
    """A text without the courtesies after its answer: "I hope this helps!", "Note that …"."""
    shorter = REMARK.sub("", region).strip()
    return shorter if SOMETHING.search(shorter) else region


def _explicit(region: str) -> list[tuple[int, Extracted]]:
    """(offset, text) of boxes and statements, the last first.

    "The answer is" counts in the first and last paragraph only.
    """
    found = [(start, Extracted(text, "boxed")) for start, text in boxes(region)]
    gaps = list(PARAGRAPH.finditer(region))
    opening, last = (gaps[0].start(), gaps[-1].end()) if gaps else (len(region), 0)
    foreign = () if region.isascii() and not LATIN.search(region) else FOREIGN.finditer(region)
    for mark in (*STATED.finditer(region), *HEADING.finditer(region), *foreign):
        if mark[0].lower().startswith("solution") and re.search(r"\n", mark[0] + region[mark.end() : mark.end() + 2]):
            continue  # the heading of a worked solution
        strong = mark.re is not STATED or STRONG.search(mark[0]) or not opening <= mark.start() < last
        if strong and (line := _line(region, mark.end())):
            found.append((mark.start(), Extracted(line, "stated")))
    found += [(block.start(), Extracted(block[2], "stated")) for block in BLOCK.finditer(region) if block[2]]
    if open_box := UNCLOSED.search(region):
        found.append((open_box.start(), Extracted(open_box[1], "boxed")))
    return sorted(found, key=lambda pair: pair[0], reverse=True)[:MOST]


def _line(text: str, at: int) -> str:
    """The rest of this line, or the next line that says something."""
    for line in text[at : at + 1000].split("\n"):
        if SOMETHING.search(line):
            return line.strip().removeprefix("**").strip()
    return ""


def _ends(region: str) -> Iterator[Extracted]:
    if written := formulas(region):
        yield Extracted(written[-1], "formula")
    line = region.rsplit("\n", 1)[-1].strip()
    yield Extracted(sentences(line)[-1], "sentence")
    yield Extracted(line, "line")
    block = BULLETS.search(region)
    if block and "\n" in (listed := block[0].strip()):
        yield Extracted(listed, "list")
    yield Extracted(region, "text")


def formulas(text: str) -> list[str]:
    """The formulas between dollars and the like, without denied ones and axes; `$x = 1$ and $x = 2$` as one."""
    found: list[str] = []
    end = 0
    for one in FORMULA.finditer(text):
        formula = next(part for part in one.groups() if part)
        if DENIED.search(text[max(0, one.start() - 30) : one.start()]) or AXIS.match(text, one.end()):
            continue
        name = ASSIGNED.match(formula) if found and ALSO.fullmatch(text[end : one.start()]) else None
        if name and (before := ASSIGNED.match(found[-1])) and before[1] == name[1]:
            formula = f"{found.pop()} and {formula}"
        found.append(formula)
        end = one.end()
    return found


def sentences(text: str) -> list[str]:
    """A line cut after full stops that end a sentence; at least one piece."""
    return [piece for piece in SENTENCE.split(text) if piece.strip()] or [text]


def boxes(text: str) -> list[tuple[int, str]]:
    """(offset, content) of each `\\boxed{…}` with balanced braces; neighbours joined by "and" or a comma are
    one answer.
    """
    found: list[tuple[int, int, str]] = []
    for mark in BOXED.finditer(text):
        end = _closing(text, mark.end())
        if end is None or (found and mark.start() < found[-1][1]):
            continue
        content, start = text[mark.end() : end], mark.start()
        if found and JOINED.fullmatch(between := text[found[-1][1] : mark.start()]):
            start, _, before = found.pop()
            content = f"{before}{between.replace('$', '')}{content}"
        found.append((start, end + 1, content))
    return [(start, content) for start, _, content in found]


def _closing(text: str, at: int) -> int | None:
    """Where the brace opened just before `at` closes."""
    depth = 1
    for brace in re.compile(r"\\?[{}]").finditer(text, at):
        if len(brace[0]) == 1:
            depth += 1 if brace[0] == "{" else -1
            if depth == 0:
                return brace.start()
    return None


def reference_text(reference: str) -> str:
    """What a source's reference answer says: without tags, box, `Final Answer:` and the worked solution
    before it.
    """
    text = parse(reference).answer.strip()
    for _, found in _explicit(text[-LONGEST:]):
        if found.how == "boxed" or len(text) > SHORT or STATED.match(text) or HEADING.match(text):
            return found.text.strip()
    return text
