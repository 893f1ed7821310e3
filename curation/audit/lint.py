"""Corpus lint: defects of single rows that released sets are known for, each a function from a row to what it saw.

The defects come from `specs/corpora.md` (several think layouts in one file, a closing tag at the very end, notes about
having revised the chain, rows that point to another row's image, multiple choice without its options, error messages
stored as captions) and `specs/rewards.md` (coordinate frames). Rows are looked at one at a time, so texts need not be
held.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from curation.answers import by_box, check, parse
from curation.audit.conclusions import CHECKED_KINDS, conclusion
from curation.audit.errors_in_text import error_in
from curation.audit.findings import Finding, Severity, excluding, graded, reviewing
from curation.audit.rows import Row
from curation.steps.leaks import leaks
from curation.steps.replies import foreign_share

Look = Callable[[Row], str | None]
"""What is wrong with a row, in a few words; None when nothing is."""

MARKER = re.compile(r"<image\s*\d*>|<\|image(?:_pad)?\|>|<\|vision_start\|>", re.IGNORECASE)
LEFTOVER = re.compile(
    r"\b(?:here(?:'s| is| are) (?:the|a|my) (?:revised|rewritten|corrected|edited|refined|modified|updated)\b"
    r"|(?:revised|rewritten|edited|refined) (?:version|text|response|chain|reasoning)\s*[:\n]"
    r"|i(?:'ve| have) (?:revised|rewritten|edited|replaced|removed|changed)\b"
    r"|as (?:an? )?(?:ai|language) (?:language )?model\b|note: (?:the )?(?:chain|reasoning|trace) (?:was|has been)\b)",
    re.IGNORECASE,
)
ELSEWHERE = re.compile(
    r"\b(?:the |this )?(?:image|picture|figure|photo|chart|diagram)(?: provided| given| here)? "
    r"(?:actually |in fact |instead )?(?:does not|doesn't|doesn’t|do not) "
    r"(?:show|contain|depict|include|match|correspond)"
    r"|\b(?:image|picture|figure|photo) (?:seems|appears) (?:to be )?(?:unrelated|different|wrong|incorrect|missing)"
    r"|\b(?:image|picture|figure) (?:actually |instead )shows (?:something|a different|an unrelated)"
    r"|\bno (?:image|picture|figure) (?:is|was|has been) (?:provided|given|attached|visible)",
    re.IGNORECASE,
)
LISTED = re.compile(r"(?:^|[\s(\[])[A-D][).:]\s*\S.*?(?:^|[\s(\[])[B-E][).:]\s*\S", re.DOTALL)
DANGLING = re.compile(
    r"(?:[,;:(\[{=+*/-]|\b(?:and|or|the|a|an|of|to|so|because|is|are|that|which|then|we|with))\s*$", re.I
)
FOREIGN = 0.1
"""Share of letters in a script that neither Latin nor the question uses."""


def layout(trace: str) -> str:
    """How a trace is laid out, as published sets differ: its tags in order, a boxed or `Final Answer` ending."""
    tags = re.findall(r"</?(think|answer|thinking|reasoning|summary|conclusion|caption)>", trace, re.IGNORECASE)
    blocks = [tag.lower() for tag in tags][::2] if len(tags) % 2 == 0 else [tag.lower() for tag in tags]
    ending = "final answer" if re.search(r"final answer\W{0,4}[:：]", trace[-300:], re.I) else ""
    boxed = "boxed" if "\\boxed{" in trace[-300:] else ""
    return " ".join(part for part in (*blocks, ending, boxed) if part) or "no tags"


def _faults(row: Row) -> str | None:
    found = parse(row.trace).faults if row.trace and "<think" in row.trace.lower() else ()
    grave = [
        fault for fault in found if fault in ("think_repeated", "answer_repeated", "answer_unclosed", "think_empty")
    ]
    return ", ".join(grave) or None


def _closing_last(row: Row) -> str | None:
    text = row.trace.rstrip().lower()
    return "nothing follows </think>" if text.endswith("</think>") else None


def _leftover(row: Row) -> str | None:
    return _first(LEFTOVER, row.trace)


def _error(row: Row) -> str | None:
    for name, text in (("caption", row.caption), ("trace", row.trace)):
        if found := error_in(text):
            return f"{name}: {_around(text, found)}"
    return None


def _elsewhere(row: Row) -> str | None:
    return _first(ELSEWHERE, row.trace) or _first(ELSEWHERE, row.caption)


def _options(row: Row) -> str | None:
    if row.kind == "mcq" and len(row.options) < 2 and not LISTED.search(row.question):
        return "multiple choice, but no options in the row or the question"
    return None


def _marker(row: Row) -> str | None:
    count = len(MARKER.findall(row.question))
    if count and count != bool(row.image):
        return f"{count} image markers for {int(bool(row.image))} image"
    found = _first(MARKER, row.trace)
    return f"marker in the trace: {found}" if found else None


def _truncated(row: Row) -> str | None:
    trace = row.trace.rstrip()
    if not trace:
        return None
    if trace.lower().count("<think>") > trace.lower().count("</think>"):
        return "think block never closes"
    think = parse(trace).think or trace
    return f"ends in {think[-40:]!r}" if DANGLING.search(think) else None


def _leak(row: Row) -> str | None:
    found = leaks(row.trace, row.question) if row.trace else []
    return found[0][:100] if found else None


def _contradiction(row: Row) -> str | None:
    """The trace concludes one thing and answers another; only where rules compare both."""
    if not row.answer or row.kind not in CHECKED_KINDS:
        return None
    said = conclusion(parse(row.trace).think)
    if said is None:
        return None
    verdict = check(f"<answer>{said}</answer>", row.answer, kind=row.kind, options=row.options)
    return f"concludes {said[:60]!r}, answers {row.answer[:60]!r}" if verdict.correct is False else None


def _language(row: Row) -> str | None:
    share = foreign_share(row.trace, row.question) if row.trace and not row.trace.isascii() else 0.0
    return f"{share:.0%} of the trace's letters are in another script" if share > FOREIGN else None


def _licence(row: Row) -> str | None:
    return None if row.licence else "no licence"


def _box(row: Row) -> str | None:
    if row.kind != "box":
        return None
    found = by_box.boxes(row.reference)
    if not found:
        return "the reference holds no box"
    x1, y1, x2, y2 = found[0]
    if x2 <= x1 or y2 <= y1:
        return f"corners out of order: {list(found[0])}"
    if max(found[0]) > 1 and row.width and (x2 > row.width or y2 > row.height) and max(found[0]) > 1000:
        return f"outside the picture of {row.width}x{row.height}: {list(found[0])}"
    return "negative coordinate" if min(found[0]) < 0 else None


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return _around(text, found) if found else None


def _around(text: str, found: re.Match[str]) -> str:
    """What was found with a little of what stands around it, on one line."""
    first, last = max(0, found.start() - 20), min(len(text), found.end() + 50)
    shown = " ".join(text[first:last].split())
    return f"{'…' if first else ''}{shown[:160]}{'…' if last < len(text) else ''}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A defect: what it is called, how to see it, from which share of the rows it is what, and what else mends it than
    taking its rows out.
    """

    check: str
    title: str
    look: Look
    remedy: str
    warn: float = 0.0
    serious: float | None = None


REVIEW = ""
"""Only people can mend it."""
IMPORT = "or import again with --map "
RULES: tuple[Rule, ...] = (
    Rule("tags_broken", "think or answer tags repeated, unclosed or empty", _faults, REVIEW, serious=0.01),
    Rule("closing_tag_last", "traces that end with the closing think tag and give no answer", _closing_last, REVIEW,
         serious=0.01),
    Rule("leftover_note", "notes of an editor left in the trace", _leftover, "or run the rewrite step again",
         serious=0.01),
    Rule("error_as_text", "error messages or refusals stored as captions or traces", _error,
         "or ask again: vistill run … --refresh WORD", serious=0.01),
    Rule("other_image", "models that say the image shows something else", _elsewhere, REVIEW, serious=0.01),
    Rule("options_missing", "multiple choice without its options", _options, IMPORT + "options=COLUMN", serious=0.01),
    Rule("marker_count", "image markers that do not match the images", _marker,
         "or take the markers out of the text and import again"),
    Rule("trace_truncated", "traces that stop in the middle", _truncated, "or raise max_tokens and ask again",
         warn=0.01, serious=0.1),
    Rule("caption_leak", "traces that say they read a description", _leak, "or run the rewrite step again", warn=0.01,
         serious=0.1),
    Rule("trace_contradicts", "traces whose conclusion is not their answer", _contradiction, REVIEW, warn=0.01,
         serious=0.1),
    Rule("language_mix", "traces in another script than the question", _language, REVIEW, warn=0.01, serious=0.1),
    Rule("licence_missing", "samples without a licence", _licence, IMPORT + "licence=COLUMN"),
    Rule("box_malformed", "reference boxes that are no boxes", _box, REVIEW, serious=0.01),
)  # fmt: skip


@dataclass
class Lint:
    """Counts as rows go by; ids and details are kept, texts are not."""

    seen: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    layouts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    frames: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    paths: dict[str, str] = field(default_factory=dict)
    of: int = 0

    def add(self, row: Row) -> None:
        """Look at one row."""
        self.of += 1
        for rule in RULES:
            if detail := rule.look(row):
                self.seen[rule.check].append((row.id, detail))
        if row.trace:
            self.layouts[layout(row.trace)].append(row.id)
        if row.kind == "box" and (found := by_box.boxes(row.reference)):
            self.frames[_frame(found[0], row)].append(row.id)
        if row.path:
            self.paths[row.id] = row.path

    def findings(self) -> list[Finding]:
        """One finding a rule, in the order of `RULES`, then the layouts, frames and paths."""
        found = [self._of_rule(rule) for rule in RULES]
        return [*found, _mixed("layouts_mixed", "several trace layouts in one corpus", self.layouts, self.of),
                _mixed("frames_mixed", "boxes in several coordinate frames", self.frames, self.of),
                _swapped(self.paths, self.of)]  # fmt: skip

    def _of_rule(self, rule: Rule) -> Finding:
        rows = tuple(self.seen[rule.check])
        level = graded(len(rows), self.of, warn=rule.warn, serious=rule.serious)
        return Finding(rule.check, level, rule.title, rows, self.of, {"share": len(rows) / self.of if self.of else 0.0},
                       fix=excluding(rule.check, rule.remedy) if rule.remedy else reviewing(rule.check))  # fmt: skip


def _mixed(check: str, title: str, groups: Mapping[str, Sequence[str]], of: int) -> Finding:
    """Rows that are not laid out as most are."""
    counts = Counter({name: len(ids) for name, ids in groups.items()})
    rare = [name for name, _ in counts.most_common()[1:]]
    rows = tuple((id, name) for name in rare for id in groups[name])
    severity: Severity = "warning" if rows else "info"
    return Finding(check, severity, title, rows, of, {f"rows: {name}": count for name, count in counts.most_common(8)},
                   fix=excluding(check, "or export in one layout"))  # fmt: skip


def _swapped(paths: Mapping[str, str], of: int) -> Finding:
    """Rows whose image file is named after another row while their own name names another row's file.

    Only where file names are the rows' own numbers for most rows; a shared or unnumbered file says nothing.
    """
    own = {id: _number(id) for id in paths}
    named = {id: _number(path.rsplit("/", 1)[-1].rsplit(".", 1)[0]) for id, path in paths.items()}
    fits = [id for id in paths if own[id] and own[id] == named[id]]
    files = {number for number in named.values() if number}
    odd = [id for id in paths if own[id] and named[id] and own[id] != named[id] and own[id] in files]
    rows = tuple((id, f"points to {paths[id][-100:]}") for id in odd) if len(fits) > len(paths) / 2 else ()
    return Finding("image_of_another_row", "serious" if rows else "info", "rows that point to another row's image",
                   rows, of, fix=excluding("image_of_another_row",
                                               "or import again with --map image='images/{id}.png'"))  # fmt: skip


def _frame(corners: Sequence[float], row: Row) -> str:
    """Which coordinate frame a box fits: shares of the picture, thousandths of it, else pixels."""
    if max(corners) <= 1:
        return "norm01"
    leaves = row.width and (corners[2] > row.width or corners[3] > row.height)
    return "norm1000" if leaves and max(corners) <= 1000 else "abs"


def _number(name: str) -> str:
    digits = re.findall(r"\d+", name)
    return digits[-1] if digits else ""
