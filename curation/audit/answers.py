"""References that contradict one another, repeat, or lean to one letter."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from curation.audit.findings import Finding, graded, named, reviewing
from curation.audit.rows import Row
from curation.dedup import normal_question

CHI_P = 0.001
"""A letter bias is reported when a fair draw would give one as large less often than this …"""
LEAN = 0.10
"""… and when one letter is right by this much more (a share) than its options give it."""

SAME_SQL = (
    "select i.pixels, lower(s.question) as question, list(distinct s.reference) as answers, list(s.sample_id) "
    "from samples s join images i on i.sha256 = s.image group by 1, 2 having count(distinct s.reference) > 1"
)
LETTER_SQL = "select reference, count(*) from samples where kind = 'mcq' group by 1 order by 1"


def answers(rows: Sequence[Row]) -> list[Finding]:
    """Contradictions, exact repeats and the bias of multiple-choice letters."""
    return [*_repeats(rows), _letters([row for row in rows if row.kind == "mcq" and row.options])]


def _repeats(rows: Sequence[Row]) -> list[Finding]:
    groups: dict[tuple[str, str, tuple[str, ...]], list[Row]] = defaultdict(list)
    for row in rows:
        texts = tuple(sorted(option.text.casefold() for option in row.options))
        groups[row.pixels or row.image, normal_question(row.question), texts].append(row)
    several = [group for group in groups.values() if len(group) > 1]
    clash, same = [], []
    for group in several:
        labels = {row.label for row in group if row.label}
        for row in group:
            others = named(other.id for other in group if other is not row)
            if len(labels) > 1:
                clash.append((row.id, f"answers {row.label[:60]!r}; others differ: {others}"))
            else:
                same.append((row.id, f"the same as {others}"))
    return [
        Finding("contradictory_answers", graded(len(clash), len(rows), serious=0.0),
                "the same picture and question with different answers", tuple(clash), len(rows), sql=SAME_SQL,
                fix=reviewing("contradictory_answers")),
        Finding("repeated_rows", graded(len(same), len(rows)), "the same picture, question and answer again",
                tuple(same), len(rows), fix="vistill dedup --store STORE --by exact"),
    ]  # fmt: skip


def _letters(rows: Sequence[Row]) -> Finding:
    """Pearson's chi-square of the right letters against what each row's number of options gives."""
    from scipy.special import gammaincc  # quick to import, unlike scipy.stats

    expected: Counter[str] = Counter()
    for row in rows:
        for option in row.options:
            expected[option.letter] += 1 / len(row.options)  # type: ignore[assignment]
    seen = Counter(row.reference for row in rows)
    chi = sum((seen[letter] - times) ** 2 / times for letter, times in expected.items())
    p = float(gammaincc(max(len(expected) - 1, 1) / 2, chi / 2)) if rows else 1.0
    lean = max(((seen[letter] - times) / len(rows) for letter, times in expected.items()), default=0.0)
    biased = bool(rows) and p < CHI_P and lean > LEAN
    shares = {f"share_{letter}": seen[letter] / len(rows) for letter in sorted(expected)}
    return Finding(
        "letter_bias", "warning" if biased else "info", "multiple-choice letters that are right too often",
        of=len(rows), measures={"p": p, "lean": lean, **shares}, sql=LETTER_SQL,
        fix="# shuffle the options of every row with a seed and re-letter the answers",
    )  # fmt: skip
