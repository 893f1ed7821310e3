"""An audit as a page a reviewer would sign: Markdown and HTML, findings by gravity, with their SQL and what mends them.

Ids, details and texts come from the corpus and are hostile: Markdown is escaped, HTML is escaped whole.
"""

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from curation.audit.findings import SEVERITIES, Finding, worst

EXAMPLES = 8
"""Rows shown under a finding; all of them are in the store."""
VERDICTS = {
    "serious": "Do not release or train on this before the serious findings are mended.",
    "warning": "Usable, with the warnings mended or stated on the card.",
    "info": "Nothing above information was found by the checks that ran.",
}


@dataclass(frozen=True, slots=True)
class Head:
    """What was audited: `scope` in words, `samples` in it, its generation, when (UTC) and how long (seconds)."""

    audit_id: str
    scope: str
    samples: int
    generation: str
    at: str
    seconds: float
    left_out: tuple[str, ...] = ()


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """Gravest first, then those with the most rows."""
    return sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), -f.count, f.check))


def markdown(head: Head, findings: Sequence[Finding]) -> str:
    """The report as Markdown."""
    lines = [f"# Audit of {_md(head.scope)}", "", *_summary(head, findings), ""]
    lines += ["| severity | check | what | samples | of | figures |", "|---|---|---|---:|---:|---|"]
    for f in ordered(findings):
        lines.append(
            f"| {f.severity} | `{f.check}` | {_md(f.title)} | {f.count:,} | {f.of:,} | {_md(figures(f.measures))} |"
        )
    for f in (f for f in ordered(findings) if f.severity != "info"):
        lines += ["", f"## {f.severity}: {_md(f.title)}", "", f"`{f.check}`: {f.count:,} of {f.of:,} samples. "
                  f"{_md(figures(f.measures))}", "", *_examples_md(f), "", "```sql", f.sql, "```", "",
                  "What mends it:", "", "```sh", f.fix, "```"]  # fmt: skip
    return "\n".join([*lines, "", "Reviewed by: ____________________   Date: ____________", ""])


def _summary(head: Head, findings: Sequence[Finding]) -> list[str]:
    counts = Counter(f.severity for f in findings)
    said = ", ".join(f"{counts[level]} {level}" for level in SEVERITIES)
    left_out = [f"Not run: {_md(reason)}." for reason in head.left_out]
    return [
        f"{head.samples:,} samples, generation {_md(head.generation or 'none')}, audit `{head.audit_id}`, "
        f"{head.at} UTC, {head.seconds:.0f} s.",
        "",
        f"**{VERDICTS[worst(findings)]}** {len(findings)} checks: {said}.",
        *left_out,
    ]


def _examples_md(finding: Finding) -> list[str]:
    shown = [f"- `{_code(id)}`: {_md(detail)}" for id, detail in finding.rows[:EXAMPLES]]
    more = len(finding.rows) - len(shown)
    return [*shown, *([f"- and {more:,} more"] if more > 0 else [])]


def figures(measures: Mapping[str, float]) -> str:
    """Measures in a few words: shares and accuracies with three digits, counts whole."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value:,}" if isinstance(value, int)
        else f"{name.replace('_', ' ')} {value:.3f}" for name, value in list(measures.items())[:10]
    )  # fmt: skip


def _md(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    flat = " ".join(text.split())
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>#|!$~&" else char for char in flat)


def _code(text: str) -> str:
    return " ".join(text.replace("`", "'").split())


STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .35rem .6rem; vertical-align: top;
border-bottom: 1px solid #8885; } .n { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; padding: .6rem; border: 1px solid #8885; border-radius: 4px; white-space: pre-wrap; }
li, h1, h2, p, td:last-child { overflow-wrap: anywhere; } th, td.n, td code { white-space: nowrap; }
.serious { color: #b3261e; font-weight: 600; } .warning { color: #8a5300; font-weight: 600; } .info { color: #55606b; }
@media (prefers-color-scheme: dark) {
li, h1, h2, p, td:last-child { overflow-wrap: anywhere; } th, td.n, td code { white-space: nowrap; }
.serious { color: #ff8a80; } .warning { color: #ffca7a; } .info { color: #a9b4c0; } }
"""


POLICY = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">"


def page(head: Head, findings: Sequence[Finding]) -> str:
    """The report as one HTML file without scripts or outside resources."""
    rows = "".join(_table_row(i, f) for i, f in enumerate(ordered(findings)) if f.severity != "info")
    quiet = "".join(_table_row(i, f) for i, f in enumerate(ordered(findings)) if f.severity == "info")
    sections = "".join(_section(i, f) for i, f in enumerate(ordered(findings)) if f.severity != "info")
    summary = "".join(f"<p>{_h(line)}</p>" for line in _plain(_summary(head, findings)))
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'>{POLICY}<title>Audit of {_h(head.scope)}</title>"
        f"<style>{STYLE}</style><h1>Audit of {_h(head.scope)}</h1>{summary}"
        f"{_table(rows) if rows else ''}{sections}"
        f"<h2>Checks that say nothing above information</h2>{_table(quiet)}"
        "<p>Reviewed by: ____________________ &nbsp; Date: ____________</p></html>\n"
    )


def _table(rows: str) -> str:
    names = "<th>severity<th>check<th>what<th class='n'>samples<th class='n'>of<th>figures"
    return f"<table><thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table>"


def _table_row(at: int, f: Finding) -> str:
    name = f"<code>{_h(f.check)}</code>"
    linked = name if f.severity == "info" else f"<a href='#{_h(f.check)}-{at}'>{name}</a>"
    return (
        f"<tr><td class='{f.severity}'>{f.severity}</td><td>{linked}</td><td>{_h(f.title)}</td>"
        f"<td class='n'>{f.count:,}</td><td class='n'>{f.of:,}</td><td>{_h(figures(f.measures))}</td></tr>"
    )


def _section(at: int, f: Finding) -> str:
    items = "".join(f"<li><code>{_h(id)}</code>: {_h(detail)}</li>" for id, detail in f.rows[:EXAMPLES])
    more = f"<li>and {len(f.rows) - EXAMPLES:,} more</li>" if len(f.rows) > EXAMPLES else ""
    return (
        f"<h2 id='{_h(f.check)}-{at}' class='{f.severity}'>{f.severity}: {_h(f.title)}</h2>"
        f"<p><code>{_h(f.check)}</code>: {f.count:,} of {f.of:,} samples. {_h(figures(f.measures))}</p>"
        f"<ul>{items}{more}</ul><pre>{_h(f.sql)}</pre><p>What mends it:</p><pre>{_h(f.fix)}</pre>"
    )


def _plain(lines: Sequence[str]) -> list[str]:
    return [line.replace("**", "").replace("\\", "").replace("`", "") for line in lines if line]


def _h(text: str) -> str:
    return html.escape(text, quote=True)
