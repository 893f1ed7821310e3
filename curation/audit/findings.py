"""A finding: what an audit saw, how grave it is, the rows it is about, the SQL that shows them and what mends it."""

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

Severity = Literal["info", "warning", "serious"]
SPELLED = 4
"""Other rows named in a row's detail."""
SEVERITIES: tuple[Severity, ...] = ("serious", "warning", "info")


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result over a corpus.

    `rows` are (sample id, detail) of every sample concerned; `of` is how many samples the check looked at; `measures`
    are its figures, shares and accuracies from 0 to 1. `sql` shows the rows in the store, `fix` is a line for a shell:
    the command that mends them, `STORE` standing for the store, and after a `#` what else there is to do.
    """

    check: str
    severity: Severity
    title: str
    rows: tuple[tuple[str, str], ...] = ()
    of: int = 0
    measures: Mapping[str, float] = field(default_factory=dict)
    sql: str = ""
    fix: str = ""

    @property
    def count(self) -> int:
        """Samples concerned; one sample may be named for several reasons."""
        return len({id for id, _ in self.rows})


def named(ids: Iterable[str]) -> str:
    """The first few of many ids; a group of thousands must not be spelled out in each of its rows."""
    first = list(islice(ids, SPELLED + 1))
    return ", ".join([*first[:SPELLED], *(["…"] if len(first) > SPELLED else [])])


def excluding(check: str, remark: str = "", *, split: str = "") -> str:
    """A fix: the command that takes a finding's samples out of the splits, with another way after a `#`."""
    of_split = f" --split {shlex.quote(split)}" if split else ""
    return f"vistill audit --store STORE --exclude {check}{of_split}" + (f"  # {remark}" if remark else "")


def reviewing(check: str) -> str:
    """A fix: look at the samples one by one, or take them all out."""
    return f"vistill review --store STORE  # or: {excluding(check)}"


def sparing(finding: Finding, sizes: Mapping[str, int], split_of: Mapping[str, str]) -> Finding:
    """The finding without the command that takes its samples out, where that is more than half of the samples: words
    instead.

    `sizes` are the samples audited by split, with those of all under ""; `split_of` is each sample's split by id.
    """
    command, _, remark = finding.fix.partition("  # ")
    if "--exclude" not in finding.fix:
        return finding
    words = shlex.split(command)
    split = words[words.index("--split") + 1] if "--split" in words else ""
    concerned = {id for id, _ in finding.rows if id in split_of and (not split or split_of[id] == split)}
    of = sizes.get(split, 0)
    looked_at = of if split else min(of, finding.of or of)
    if 2 * len(concerned) <= looked_at:
        return finding
    most = f"{len(concerned):,} of {looked_at:,} samples are meant: do not take them out, mend what made them"
    if "--exclude" not in command:
        return replace(finding, fix=f"{command}  # {most}")
    return replace(finding, fix=f"# {most}" + (f": {remark.removeprefix('or ')}" if remark else ""))


def graded(count: int, of: int, *, warn: float = 0.0, serious: float | None = None) -> Severity:
    """The severity of `count` samples in `of`: more than the share `warn` is a warning, than `serious` is serious."""
    share = count / of if of else 0.0
    if serious is not None and share > serious:
        return "serious"
    return "warning" if share > warn else "info"


def wilson_low(right: int, of: int, *, z: float = 2.576) -> float:
    """Lower end of Wilson's interval of a share (z = 2.576: 99 %), so that small corpora are not accused by chance.

    Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    if not of:
        return 0.0
    share = right / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, (middle - spread) / (1 + z * z / of))


def worst(findings: Sequence[Finding]) -> Severity:
    """The gravest severity there is; `info` when nothing was found."""
    return next((level for level in SEVERITIES if any(finding.severity == level for finding in findings)), "info")
