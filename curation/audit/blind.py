"""How much of a corpus can be answered without looking: three baselines that never see a picture.

In Med-R1's in-domain test a prior over option strings alone scores 95.1 % (`specs/rewards.md` §3.1, measured): such a
corpus does not measure seeing. Every baseline is cross-validated over folds of whole pictures, and its accuracy stands
beside what chance gives.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Protocol

from curation.audit.findings import Finding, Severity, excluding, wilson_low
from curation.audit.rows import Row
from curation.audit.texts import grams, template

FOLDS = 5
FEWEST = 50
"""A kind with fewer rows is not judged: five folds of ten rows say nothing."""
MOST_CLASSES = 200
PSEUDO = 10.0
"""Questions as usual that every option is thought to have been right for, beside those it was."""
WARN, SERIOUS = 0.15, 0.35
"""By how much the 99 % lower bound of a blind accuracy may pass chance."""

DOMINANT = 0.8
"""An answer right in this share of a kind's rows, or more, is reported."""


class Baseline(Protocol):
    """Learns from rows, then answers one row from its text alone; None when it has nothing to say."""

    def learn(self, row: Row) -> None: ...
    def answer(self, row: Row) -> str | None: ...


class OptionPrior:
    """Picks the option whose text was right most often of the times it was listed."""

    def __init__(self) -> None:
        self.listed: Counter[str] = Counter()
        self.right: Counter[str] = Counter()

    def learn(self, row: Row) -> None:
        self.listed.update(_texts(row))
        self.right[row.label] += 1

    def answer(self, row: Row) -> str | None:
        """Unseen options score as one listed twice and right once would in a fair corpus: 1 of the options."""
        prior = 1 / len(row.options)
        return max(_texts(row), key=lambda text: (self.right[text] + prior) / (self.listed[text] + 1))


class AnswerPrior:
    """Gives the commonest answer to questions of the same template, else the commonest of all; among options that were
    never right before it guesses.
    """

    def __init__(self) -> None:
        self.by_template: dict[str, Counter[str]] = defaultdict(Counter)
        self.all: Counter[str] = Counter()

    def learn(self, row: Row) -> None:
        self.by_template[template(row.question)][row.label] += 1
        self.all[row.label] += 1

    def answer(self, row: Row) -> str | None:
        counts = self.by_template.get(template(row.question)) or self.all
        said = [label for label, _ in counts.most_common()]
        if not row.options:
            return said[0] if said else None
        return next((label for label in said if label in _texts(row)), _texts(row)[_digest(row.id) % len(row.options)])


class WordBayes:
    """Naive Bayes over the words and word pairs of the question. Of a question with options: over those of each option
    (right or wrong), and over the question's as far as that option has been right before (`_Asked`).
    """

    def __init__(self) -> None:
        self.grams: dict[str, Counter[str]] = defaultdict(Counter)
        self.totals: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.known: set[str] = set()
        self.asked = _Asked()

    def learn(self, row: Row) -> None:
        if row.options:
            self.asked.learn(row)
        for name, found in self._documents(row):
            self.grams[name].update(found)
            self.totals[name] += len(found)
            self.classes[name] += 1
            self.known.update(found)

    def _documents(self, row: Row) -> Iterator[tuple[str, Sequence[str]]]:
        if not row.options:
            yield row.label, grams(row.question)
            return
        for text in _texts(row):
            yield ("right" if text == row.label else "wrong"), grams(text)

    def answer(self, row: Row) -> str | None:
        if row.options:
            return max(
                _texts(row),
                key=lambda text: (
                    self._score("right", grams(text)) - self._score("wrong", grams(text))
                    + self.asked.speaks_for(text, row.question)
                ),
            )  # fmt: skip
        if not self.classes:
            return None
        found = [gram for gram in grams(row.question) if gram in self.known]
        return max(self._likely(), key=lambda name: self._score(name, found))

    def _likely(self) -> list[str]:
        return [name for name, _ in self.classes.most_common(MOST_CLASSES)]

    def _score(self, name: str, found: Sequence[str]) -> float:
        counts, total = self.grams[name], self.totals[name] + len(self.known) + 1
        prior = math.log((self.classes[name] + 1) / (sum(self.classes.values()) + 2))
        return prior + sum(math.log((counts[gram] + 1) / total) for gram in found)


class _Asked:
    """How much more often a question's words are asked where an option is right than where any is."""

    def __init__(self) -> None:
        self.among: dict[str, Counter[str]] = defaultdict(Counter)
        self.times: Counter[str] = Counter()
        self.all: Counter[str] = Counter()
        self.told: dict[tuple[str, str], float] = {}

    def learn(self, row: Row) -> None:
        found = grams(row.question)
        self.among[row.label].update(found)
        self.all.update(found)
        self.times[row.label] += 1

    def speaks_for(self, text: str, question: str) -> float:
        """The log of that ratio over all words, 0 for an option that was never right; asked after learning only."""
        if not self.times[text]:
            return 0.0
        if (text, question) not in self.told:
            self.told[text, question] = sum(self._ratio(text, gram) for gram in grams(question))
        return self.told[text, question]

    def _ratio(self, text: str, gram: str) -> float:
        usual = self.all[gram] / self.times.total()
        if not usual:
            return 0.0
        here = (self.among[text][gram] + PSEUDO * usual) / (self.times[text] + PSEUDO)
        return math.log(here / usual)


def blind(rows: Sequence[Row]) -> list[Finding]:
    """The three baselines on every kind with at least `FEWEST` rows that have a reference."""
    findings = []
    for kind in sorted({row.kind for row in rows}):
        of_kind = [row for row in rows if row.kind == kind and row.label and (kind != "mcq" or len(row.options) > 1)]
        if kind in ("box", "open"):
            continue
        if len(of_kind) < FEWEST:
            title = f"{kind}: too few rows for baselines that do not look (at least {FEWEST})"
            findings.append(Finding("blind_too_few", "info", title, of=len(of_kind)))
            continue
        chance = chance_of(of_kind)
        if kind == "mcq":
            findings.append(_judged("option_prior", kind, of_kind, chance, OptionPrior))
        else:
            findings += _dominant(kind, of_kind)
        findings.append(_judged("answer_prior", kind, of_kind, chance, AnswerPrior))
        findings.append(_judged("question_words", kind, of_kind, chance, WordBayes))
    return findings


def _dominant(kind: str, rows: Sequence[Row]) -> list[Finding]:
    """A warning when one answer is nearly always right: chance is then so high that no baseline can pass it."""
    (label, count), *_ = Counter(row.label for row in rows).most_common(1)
    if count < DOMINANT * len(rows):
        return []
    named = tuple((row.id, f"answers {label[:100]!r}, as most do") for row in rows if row.label == label)
    return [
        Finding(
            "answer_prior", "warning", f"{kind}: one answer is right nearly always", named, len(rows),
            {"share": count / len(rows), "answers": len({row.label for row in rows})},
            fix=excluding("answer_prior", "ask also for what has other answers, or balance the answers"),
        )
    ]  # fmt: skip


TITLES = {
    "option_prior": "multiple choice answered by how often each option text is right",
    "answer_prior": "answered with the commonest answer to the question's template",
    "question_words": "answered by a naive Bayes over the words of question and options",
}


def _judged(check: str, kind: str, rows: Sequence[Row], chance: float, make: type[Baseline]) -> Finding:
    hits = list(cross_validated(rows, make))
    accuracy = len(hits) / len(rows)
    margin = wilson_low(len(hits), len(rows)) - chance
    severity: Severity = "serious" if margin > SERIOUS else "warning" if margin > WARN else "info"
    named = tuple((row.id, f"answered blind: {row.label[:100]}") for row in hits) if severity != "info" else ()
    return Finding(
        check, severity, f"{kind}: {TITLES[check]}", named, len(rows),
        {"accuracy": accuracy, "chance": chance, "margin_low": margin},
        fix=excluding(check, "or draw distractors and answers anew, so that every answer is right equally often"),
    )  # fmt: skip


def cross_validated(rows: Sequence[Row], make: type[Baseline]) -> Iterable[Row]:
    """The rows a baseline answers rightly when it learnt from the other folds; folds hold whole pictures."""
    folds = [fold_of(row) for row in rows]
    for fold in range(FOLDS):
        baseline = make()
        for row, at in zip(rows, folds, strict=True):
            if at != fold:
                baseline.learn(row)
        for row, at in zip(rows, folds, strict=True):
            if at == fold and baseline.answer(row) == row.label:
                yield row


def fold_of(row: Row) -> int:
    """Which of the folds a row is in: rows of one picture share it."""
    return _digest(row.pixels or row.id) % FOLDS


def _digest(text: str) -> int:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=4).digest()[0]


def chance_of(rows: Sequence[Row]) -> float:
    """What guessing gives: one of each row's options; without options the share of the commonest answer.

    An option text that is right more often than its turn is a prior, so it must not count as chance.
    """
    listed = [row for row in rows if len(row.options) > 1]
    if listed and rows[0].kind == "mcq":
        return sum(1 / len(row.options) for row in listed) / len(listed)
    return Counter(row.label for row in rows).most_common(1)[0][1] / len(rows)


def _texts(row: Row) -> list[str]:
    return [option.text.casefold().strip() for option in row.options]
