"""Markdown that shows stored text and never obeys it.

Names in tables are escaped character by character; longer text stands in a code fence longer than any run of backticks
in it, cut at `LONGEST_SHOWN` characters. So HTML, pipes, links and fences of a trace stay text in any renderer.
"""

import re
from collections.abc import Iterable, Sequence

LONGEST_SHOWN = 1_500  # characters of one text of an example
LONGEST_CELL = 120
MOST_ROWS = 40  # of one table

_SPECIAL = re.compile(r"([\\`*_{}\[\]!|~$]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_TICKS = re.compile(r"`+")


def cell(value: object, longest: int = LONGEST_CELL) -> str:
    """Any value as one line of plain text in a table: nothing in it is markup, HTML, a link or a mention."""
    text = " ".join(_UNPRINTABLE.sub("·", _shown(value)).split())
    text = text if len(text) <= longest else f"{text[: longest - 1]}…"
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
    return plain if isinstance(value, int | float) else _SPECIAL.sub(r"\\\1", plain)


def block(text: str, characters: int | None = None) -> str:
    """Text in a code fence that it cannot close; `characters` is its whole length where it was cut before."""
    shown = _UNPRINTABLE.sub("·", text[:LONGEST_SHOWN])
    whole = characters or len(text)
    fence = "`" * max(3, 1 + max((len(run) for run in _TICKS.findall(shown)), default=0))
    more = f"\n\n({LONGEST_SHOWN:,} of {whole:,} characters)" if whole > LONGEST_SHOWN else ""
    return f"{fence}text\n{shown}\n{fence}{more}"


def table(header: Sequence[str], rows: Iterable[Sequence[object]], rest: str = "report.json") -> str:
    """A table; more than `MOST_ROWS` rows are told by their number; `rest` is where they all are."""
    listed = list(rows)
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    lines += [f"| {' | '.join(map(cell, row))} |" for row in listed[:MOST_ROWS]]
    more = f"\n\n{len(listed) - MOST_ROWS:,} more in {rest}." if len(listed) > MOST_ROWS else ""
    return "\n".join(lines) + more


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.2g}" if abs(value) < 0.01 else f"{value:,.3f}".rstrip("0").rstrip(".")
    return str(value)
