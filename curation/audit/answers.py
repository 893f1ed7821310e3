"""References that contradict one another, repeat, or lean to one letter."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from curation.audit.findings import Finding, graded, named, reviewing
from curation.audit.rows import Row
from curation.dedup import normal_question

CHI_P = 0.001
"""A letter bias is reported when a fair draw would give one as large less often than this …"""
LEAN = 0.10
"""… and when one letter is right by this much more (a share) than its options give it."""

LETTER_SQL = (
    "select reference, count(*) from corpus where kind = 'mcq' and fate = 'kept' and excluded is null "
    "group by 1 order by 1"
)


def answers(rows: Sequence[Row], repeats: Sequence[tuple[Row, str]] = ()) -> list[Finding]:
    """Contradictions, exact repeats and the bias of multiple-choice letters.

    `repeats` are rows that were taken out as duplicates, with the reason. Taking them out hid what they answered, so
    contradictions are looked for among them too.
    """
    return [*_repeats(rows, repeats), _letters([row for row in rows if row.kind == "mcq" and row.options])]


def _repeats(rows: Sequence[Row], repeats: Sequence[tuple[Row, str]]) -> list[Finding]:
    here = {row.id for row in rows}
    gone = {row.id: reason for row, reason in repeats if row.id not in here}
    groups: dict[tuple[str, str, tuple[str, ...]], list[Row]] = defaultdict(list)
    for row in [*rows, *(row for row, _ in repeats if row.id in gone)]:
        texts = tuple(sorted(option.text.casefold() for option in row.options))
        groups[row.pixels or row.image, normal_question(row.question), texts].append(row)
    clash, same = [], []
    for group in (group for group in groups.values() if len(group) > 1):
        left = [row for row in group if row.id not in gone]
        if left and len({row.label for row in group if row.label}) > 1:
            clash += [(row.id, _clash(row, group, gone)) for row in group]
        elif len(left) > 1:
            same += [(row.id, f"the same as {named(o.id for o in left if o is not row)}") for row in left]
    taken_out = len({id for id, _ in clash} & gone.keys())
    return [
        Finding("contradictory_answers", graded(len(clash), len(rows), serious=0.0),
                "the same picture and question with different answers", tuple(clash), len(rows) + len(gone),
                {"taken_out_as_repeats": taken_out} if taken_out else {}, fix=reviewing("contradictory_answers")),
        Finding("repeated_rows", graded(len(same), len(rows)), "the same picture, question and answer again",
                tuple(same), len(rows), fix="vistill dedup --store STORE --by exact"),
    ]  # fmt: skip


def _clash(row: Row, group: Sequence[Row], gone: Mapping[str, str]) -> str:
    others = named(f"{o.id}{' (taken out)' if o.id in gone else ''}" for o in group if o is not row)
    fate = f", taken out as {gone[row.id]}" if row.id in gone else ""
    return f"answers {row.label[:60]!r}{fate}; others differ: {others}"


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
