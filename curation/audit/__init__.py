"""What a corpus really contains: leaks between splits, shortcuts past the picture, contradictions, defects of rows.

`audit` runs every check that needs no model over rows in one pass for texts and a few for columns; `needs_image` asks a
teacher. Findings carry their rows, so that a store can keep them (`storage.audits`) and a report can show them
(`curation.audit.report`). Nothing here changes a corpus.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from curation.audit.answers import answers
from curation.audit.blind import blind
from curation.audit.files import SAMPLED, look_into, unreadable
from curation.audit.findings import SEVERITIES, Finding, Severity, worst
from curation.audit.leakage import Greys, leakage
from curation.audit.lint import Lint
from curation.audit.needs_image import TESTS, ask_all, needs_image
from curation.audit.rows import Row
from curation.audit.shortcuts import shortcuts

__all__ = [
    "SAMPLED",
    "SEVERITIES",
    "TESTS",
    "Finding",
    "Row",
    "Severity",
    "ask_all",
    "audit",
    "needs_image",
    "worst",
]


def audit(
    rows: Iterable[Row],
    *,
    read: Callable[[Row], bytes] | None = None,
    there: Callable[[Row], bool] | None = None,
    greys: Greys | None = None,
    sampled: int = SAMPLED,
    repeats: Sequence[tuple[Row, str]] = (),
) -> list[Finding]:
    """Every check without a model. Texts are looked at as rows go by; about 1 KB a row is kept.

    `read` gives a picture's bytes for up to `sampled` of them (mean colour, EXIF), `there` says of each whether its
    file is where it should be; `greys` its (SIDE, SIDE) grey copy
    for near pictures in two splits. Without them those checks are left out. `repeats` are rows that were taken out as
    duplicates, with the reason: contradictory answers are looked for among them too.
    """
    lint = Lint()
    kept: list[Row] = []
    for row in rows:
        lint.add(row)
        kept.append(replace(row, caption="", trace="", meta={}))
    looked = look_into(kept, read, sampled) if read else None
    seen = looked.features if looked else {}
    files = [unreadable(kept, there, looked)] if read or there else []
    return [
        *files,
        *leakage(kept, greys),
        *blind(kept),
        *shortcuts(kept, seen),
        *answers(kept, repeats),
        *lint.findings(),
    ]
