"""The pictures of a report, as PNG bytes by file name, drawn with matplotlib and without a screen.

matplotlib rather than Pillow: axes, ticks, units and fonts that print well are its trade, and it is only imported here.
`Figure` is used directly, so neither pyplot's state nor a display is needed. Labels are never read as formulas, and no
date or version is written into the file, so the same figures give the same bytes.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

Row = Mapping[str, Any]

FATES = {"kept": "#2f7d4f", "dropped": "#d9903d", "failed": "#b8403a", "pending": "#b5b5b5"}
BLUE, GREY = "#33658a", "#9fb6c8"
WIDTH, ROW, DPI = 8.0, 0.32, 150  # inches, inches a bar, dots an inch: fit for print at half a page
MOST_BARS = 16
LONGEST_LABEL = 32  # characters
_PLAIN = re.compile(r"[^\x20-\x7e\u00a0-\u024f\u0370-\u03ff\u0400-\u04ff]")  # what the bundled font can draw


def drawn(report: Mapping[str, Any]) -> dict[str, bytes]:
    """Every plot that the report has figures for."""
    plots: Mapping[str, Callable[[Mapping[str, Any]], Figure | None]] = {
        "funnel.png": _funnel, "reasons.png": _reasons, "lengths.png": _lengths, "cues.png": _cues,
        "kinds.png": _kinds, "abilities.png": _abilities, "pass_rates.png": _pass_rates, "tokens.png": _tokens,
    }  # fmt: skip
    made = ((name, plot(report)) for name, plot in plots.items())
    return {name: _png(figure) for name, figure in made if figure is not None}


def label(text: object) -> str:
    """A name as it can be drawn: one short line, signs that the font lacks as `?`."""
    line = _PLAIN.sub("?", " ".join(str(text).split()))
    return line if len(line) <= LONGEST_LABEL else f"{line[: LONGEST_LABEL - 1]}…"


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DPI, facecolor="white", bbox_inches="tight", metadata={"Software": None})
    return out.getvalue()


def _bars(names: Sequence[object], parts: Mapping[str, tuple[str, Sequence[float]]], unit: str) -> Figure:
    """Horizontal bars from top to bottom, stacked by part (name to colour and values), with a legend for several."""
    figure = Figure(figsize=(WIDTH, 1.2 + ROW * max(len(names), 2)), layout="constrained")
    axes = figure.subplots()
    left = [0.0] * len(names)
    for part, (colour, values) in parts.items():
        axes.barh(range(len(names)), values, left=left, color=colour, label=part, height=0.72)
        left = [a + b for a, b in zip(left, values, strict=True)]
    axes.set_yticks(range(len(names)), [label(name) for name in names], parse_math=False)
    axes.set_ylim(max(len(names), 2) - 0.5, -0.5)
    for place, total in enumerate(left):
        axes.annotate(f"{total:,.10g}", (total, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_xlim(0, 1.12 * max(left, default=0) or 1)
    _dress(axes, unit, "", whole=all(float(value).is_integer() for value in left))
    if len(parts) > 1:
        figure.legend(loc="outside lower center", ncols=len(parts), frameon=False, fontsize=9)
    return figure


def _dress(axes: Axes, x: str, y: str, *, whole: bool = True) -> None:
    """Axis labels with units, thousands separated, ticks at whole numbers where values are."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=whole, nbins=8))
    axes.xaxis.set_major_formatter(_thousands)
    if y:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        axes.yaxis.set_major_formatter(_thousands)


def _thousands(value: float, _: object = None) -> str:
    return f"{value:,.10g}"


def _funnel(report: Mapping[str, Any]) -> Figure | None:
    rows = report["funnel"]
    if not rows or not rows[0]["input"]:
        return None
    parts = {fate: (colour, [row[fate] for row in rows]) for fate, colour in FATES.items()}
    return _bars([row["step"] for row in rows], _present(parts), "samples that entered the step")


def _present(parts: dict[str, tuple[str, list[float]]]) -> dict[str, tuple[str, list[float]]]:
    """Without parts that are zero everywhere, but for the first."""
    return {name: part for at, (name, part) in enumerate(parts.items()) if at == 0 or any(part[1])}


def _reasons(report: Mapping[str, Any]) -> Figure | None:
    rows = report["reasons"][:MOST_BARS]
    names = [f"{row['step']}: {row['reason']}" for row in rows]
    parts = {
        fate: (FATES[fate], [row["samples"] if row["fate"] == fate else 0 for row in rows])
        for fate in ("dropped", "failed")
    }
    return _bars(names, _present(parts), "samples") if rows else None


def _lengths(report: Mapping[str, Any]) -> Figure | None:
    """A histogram for each step that wrote text; the last bar holds everything beyond the 99th percentile."""
    steps = list(dict.fromkeys(row["step"] for row in report["words"]))
    if not steps:
        return None
    figure = Figure(figsize=(WIDTH, 2.1 * len(steps)), layout="constrained")
    for axes, step in zip(figure.subplots(len(steps), 1, squeeze=False)[:, 0], steps, strict=True):
        rows = [row for row in report["word_bins"] if row["step"] == step]
        width = rows[0]["width"]
        axes.bar([row["bin"] * width + 1 for row in rows], [row["samples"] for row in rows], width=width * 0.94,
                 align="edge", color=BLUE)  # fmt: skip
        median = next(row["median"] for row in report["words"] if row["step"] == step)
        axes.set_xlim(left=0)
        axes.axvline(median, color="#222222", linewidth=1, linestyle="--")
        axes.set_title(f"{label(step)}: median {median:,} words", loc="left", fontsize=10, parse_math=False)
        _dress(axes, f"words (bars of {width:,})", "samples")
    return figure


def _cues(report: Mapping[str, Any]) -> Figure | None:
    rows = report["cues"][:MOST_BARS]
    share = [round(100 * row["samples"] / row["of"], 2) for row in rows]
    return _bars([row["cue"] for row in rows], {"share": (BLUE, share)}, "traces with the cue (%)") if rows else None


def _kinds(report: Mapping[str, Any]) -> Figure | None:
    rows = report["kinds"][:MOST_BARS]
    parts = {fate: (colour, [row[fate] for row in rows]) for fate, colour in FATES.items()}
    return _bars([row["name"] for row in rows], _present(parts), "samples") if rows else None


def _abilities(report: Mapping[str, Any]) -> Figure | None:
    rows = report["abilities"][:MOST_BARS]
    parts = {
        "kept": (FATES["kept"], [row["kept"] for row in rows]),
        "not kept": (FATES["pending"], [row["samples"] - row["kept"] for row in rows]),
    }
    return _bars([row["name"] for row in rows], _present(parts), "samples that name the ability") if rows else None


def _pass_rates(report: Mapping[str, Any]) -> Figure | None:
    """Eleven bars: none right, ten tenths above it, with all right in the last."""
    tenths = [0] * 11
    for row in report["pass_rates"]:
        tenths[0 if not row["correct"] else -(-10 * row["correct"] // row["k"])] += row["samples"]
    if not any(tenths):
        return None
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axes = figure.subplots()
    axes.bar(range(11), tenths, color=BLUE, width=0.86)
    _dress(axes, "pass rate (share of draws that were right)", "samples")
    axes.set_xticks(range(11), ["0", *(f"≤ {n / 10:g}" for n in range(1, 11))])
    return figure


def _tokens(report: Mapping[str, Any]) -> Figure | None:
    rows = [row for row in report["by_role"] if row["prompt_tokens"] or row["completion_tokens"]]
    parts = {
        "prompt": (GREY, [row["prompt_tokens"] for row in rows]),
        "completion": (BLUE, [row["completion_tokens"] for row in rows]),
    }
    return _bars([row["role"] or "(unknown)" for row in rows], parts, "tokens") if rows else None
