"""The report of `vistill decontaminate` as Markdown and HTML, with the pictures of each match side by side.

Texts and pictures come from strangers: text is escaped in both forms, pictures are decoded and written anew as small
PNG files under names of ours, and the HTML carries a policy that runs no script and loads nothing from elsewhere.
"""

import html
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.errors import ConfigError, SampleError
from curation.pictures import decode
from flows.decontaminate import Hit
from flows.whole import Whole
from storage.files import os_errors

MOST = 200  # pairs of rows shown; the counts and the store have all
SIDE = 320  # pixels of the longer side
LONGEST = 600  # characters of a question
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" 
 content="default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'">
<title>Contamination report</title><style>
:root {{ color-scheme: light dark }} h1, h2 {{ overflow-wrap: anywhere }} td {{ width: 50% }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }} td, th {{ border: 1px solid #bbb; padding: .5rem; text-align: left;
vertical-align: top }} img {{ max-width: 100%; height: auto }} p {{ overflow-wrap: anywhere }}
</style></head><body>
{body}
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One sample and benchmark row as a report shows them; the pictures are file names or empty."""

    title: str
    why: str
    mine: str
    theirs: str
    my_picture: str
    their_picture: str


def write_report(folder: Path, whole: Whole, hits: Sequence[Hit], report: dict[str, Any]) -> str:
    """Write report.md, report.html and pictures/ into the folder; the path of the Markdown file."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError("--out", str(folder), "is a file; give a folder")
    with os_errors("write", folder):
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        pairs = _pairs(hits)
        shown = [_shown(folder, number, whole, pair) for number, pair in enumerate(pairs[:MOST])]
        (folder / "report.html").write_text(
            PAGE.format(body=_html(shown, _summary(report, len(pairs)))), encoding="utf-8", errors="backslashreplace"
        )
        (folder / "report.md").write_text(
            _markdown(shown, _summary(report, len(pairs))), encoding="utf-8", errors="backslashreplace"
        )
    return str(folder / "report.md")


def _pairs(hits: Sequence[Hit]) -> list[list[Hit]]:
    """The matches by sample and benchmark row: one that matches in three ways is shown once."""
    pairs: dict[tuple[int, str, str], list[Hit]] = {}
    for hit in hits:
        pairs.setdefault((hit.match.at, hit.benchmark.prints.name, hit.benchmark_id), []).append(hit)
    return list(pairs.values())


def _shown(folder: Path, number: int, whole: Whole, pair: Sequence[Hit]) -> Shown:
    hit = pair[0]
    row, benchmark = whole.rows[hit.match.at], hit.benchmark
    theirs = benchmark.questions[hit.match.of] if benchmark.questions else "(fingerprints hold no question)"
    their_data = benchmark.pictures[hit.match.of] if benchmark.pictures else None
    return Shown(
        title=f"{row['sample_id']} is {benchmark.prints.name} {hit.benchmark_id}",
        why=", ".join(f"{one.match.reason} {one.match.score:.3f}" for one in pair),
        mine=row["question"][:LONGEST],
        theirs=theirs[:LONGEST],
        my_picture=_picture(folder, f"{number:04d}-corpus.png", lambda: whole.picture(hit.match.at)),
        their_picture=_picture(folder, f"{number:04d}-benchmark.png", lambda: their_data or b""),
    )


def _picture(folder: Path, name: str, read: Callable[[], bytes]) -> str:
    """The picture as a small PNG; its name, or nothing when there is none or it cannot be read."""
    try:
        picture = decode(read())
    except SampleError:
        return ""
    picture.thumbnail((SIDE, SIDE))
    data = io.BytesIO()
    picture.save(data, "PNG")
    (folder / "pictures" / name).write_bytes(data.getvalue())
    return f"pictures/{name}"


def _summary(report: dict[str, Any], pairs: int) -> list[str]:
    lines = [f"{report['samples']:,} samples looked at, {report['contaminated']:,} contaminated."]
    lines += [f"{one['name']}: {one['rows']:,} rows, {one['matched_rows']:,} found." for one in report["benchmarks"]]
    lines += [f"{reason}: {count:,}" for reason, count in sorted(report["matches"].items())]
    if (left := pairs - MOST) > 0:
        lines.append(f"{left:,} more pairs of rows are not shown; the view `contaminated` has all.")
    return lines


def _html(shown: Sequence[Shown], summary: Sequence[str]) -> str:
    parts = ["<h1>Contamination report</h1>", *(f"<p>{html.escape(line)}</p>" for line in summary)]
    for one in shown:
        parts.append(
            f"<h2>{html.escape(one.title)}</h2><p>{html.escape(one.why)}</p><table><tr><th>corpus</th><th>benchmark</th></tr><tr>"
            f"<td>{_img(one.my_picture, 'picture of the corpus')}<p>{html.escape(one.mine)}</p></td>"
            f"<td>{_img(one.their_picture, 'picture of the benchmark')}<p>{html.escape(one.theirs)}</p></td>"
            "</tr></table>"
        )
    return "\n".join(parts)


def _img(name: str, what: str) -> str:
    return f'<img src="{name}" alt="{what}">' if name else ""


def _markdown(shown: Sequence[Shown], summary: Sequence[str]) -> str:
    lines = ["# Contamination report", "", *(f"- {_plain(line)}" for line in summary)]
    for one in shown:
        lines += ["", f"## {_plain(one.title)}", "", _plain(one.why), "", "| corpus | benchmark |", "|---|---|"]
        lines.append(f"| {_md_picture(one.my_picture)} | {_md_picture(one.their_picture)} |")
        lines.append(f"| {_plain(one.mine)} | {_plain(one.theirs)} |")
    return "\n".join(lines) + "\n"


def _md_picture(name: str) -> str:
    return f"![]({name})" if name else ""


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: on one line, every character with a meaning escaped, no HTML."""
    text = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]()#+!|~$<>^=:-])", r"\\\1", text)
