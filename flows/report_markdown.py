"""The report of a run as Markdown; stored text goes through `curation.markdown`, which never obeys it."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from curation.markdown import block, cell, table

Row = Mapping[str, Any]

PLOTS: Mapping[str, str] = {
    "funnel.png": "Samples by step and what became of them",
    "reasons.png": "Samples lost by reason",
    "lengths.png": "Words of each text a step wrote",
    "cues.png": "Share of traces with each cue",
    "kinds.png": "Samples by kind of answer",
    "abilities.png": "Samples by ability",
    "pass_rates.png": "Samples by share of right draws",
    "tokens.png": "Tokens by role",
}
"""File name to what it shows, in the order of the report."""


def markdown(report: Mapping[str, Any]) -> str:
    """The whole report."""
    parts = [_head(report), *_sections(report), *_examples(report["examples"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(report: Row) -> str:
    run, totals = report["run"], report["totals"]
    took = f"{run['seconds']:,.1f} s" if run["seconds"] is not None else "not ended when this was written"
    settings = json.dumps(run["settings"], ensure_ascii=False) if run["settings"] else "defaults"
    facts = [
        ("run", run["run_id"]), ("source", run["source"]), ("status", run["status"]), ("started (UTC)", _when(run)),
        ("seconds since it was last started", took), ("seed", run["seed"]), ("settings", settings),
        ("teachers", ", ".join(f"{role}: {model}" for role, model in run["teachers"].items()) or "none"),
    ]  # fmt: skip
    counts = ", ".join(f"{totals[name]:,} {name}" for name in ("kept", "dropped", "failed", "pending"))
    made = f" {totals['expanded']:,} rows of the source became questions." if totals.get("expanded") else ""
    title = f"# Report: {cell(run['recipe'])}\n\nSamples: {totals['samples']:,} ({counts}).{made}"
    return f"{title}\n\n{table(('', ''), facts)}"


def _sections(report: Row) -> Iterable[str]:
    yield _section("Steps", report, ("funnel.png",), _funnel(report["funnel"]))
    yield _section("Reasons", report, ("reasons.png",), _listed(report["reasons"], "step", "fate", "reason", "samples"))
    yield _section("Splits", report, (), _listed(report["splits"], "name", "samples"))
    yield _section("Verdicts", report, (), _listed(report["verdicts"], "correct", "decided_by", "samples"))
    yield _section("Lengths, in words", report, ("lengths.png",),
                   _listed(report["words"], "step", "samples", "p5", "median", "p95", "longest"))  # fmt: skip
    yield _section("Reflection cues", report, ("cues.png",), _cues(report))
    counts = ("name", "samples", "kept", "dropped", "failed", "pending")
    yield _section("Kinds of answers", report, ("kinds.png",), _listed(report["kinds"], *counts))
    yield _section("Sources", report, (), _listed(report["sources"], *counts))
    yield _section("Abilities", report, ("abilities.png",), _listed(report["abilities"], "name", "samples", "kept"))
    yield _section("Made questions", report, (), _agreement(report.get("agreement", ())))
    yield _section("Pass rates", report, ("pass_rates.png",),
                   _listed(report["pass_rates"], "model", "k", "stopped", "correct", "samples"))  # fmt: skip
    yield _section("Cost and tokens", report, ("tokens.png",), _cost(report))
    yield _section("Seconds in steps", report, (),
                   _listed(report["seconds"], "step", "outcomes", "seconds", "median", "p95"))  # fmt: skip


def _section(title: str, report: Row, plots: Sequence[str], body: str) -> str:
    """A heading, its pictures and its table; nothing when there is nothing to tell."""
    pictures = [f"![{PLOTS[name]}]({name})" for name in plots if name in report.get("plots", ())]
    return "\n\n".join([f"## {title}", *pictures, body]) if body else ""


def _listed(rows: Sequence[Row], *names: str) -> str:
    header = [name.replace("_", " ") for name in names]
    return table(header, ([row[name] for name in names] for row in rows)) if rows else ""


def _funnel(rows: Sequence[Row]) -> str:
    """Where samples went; how many rows were made of how many, in a run that makes rows."""
    made = ("expanded", "born") if any(row.get("born") or row.get("expanded") for row in rows) else ()
    return _listed(rows, "step", "input", "kept", "dropped", "failed", "pending", *made)


def _agreement(rows: Sequence[Row]) -> str:
    names = ("per", "what", "made", "rejection_rate", "compared", "agreement_rate", "adjudication_rate", "kept")
    return _listed(rows, *names)


def _cues(report: Row) -> str:
    told = report["reflective"]
    if not told["samples"]:
        return ""
    some, all_of_them = told["reflective"], told["samples"]
    share = f"{some:,} of {all_of_them:,} traces ({some / all_of_them:.1%}) have a cue."
    rows = [
        (row["cue"], row["samples"], f"{row['samples'] / row['of']:.1%}", row["occurrences"]) for row in report["cues"]
    ]
    return f"{share}\n\n{table(('cue', 'traces', 'share', 'occurrences'), rows)}" if rows else share


def _cost(report: Row) -> str:
    if not report["cost"]:
        return ""
    roles = _listed(report["by_role"], "role", "calls", "failed", "prompt_tokens", "completion_tokens", "cost",
                    "unknown_cost_calls", "seconds")  # fmt: skip
    steps = _listed(report["cost"], "step", "role", "teacher", "model", "calls", "of_earlier_runs", "prompt_tokens",
                    "completion_tokens", "median_completion_tokens", "p95_completion_tokens", "cost")  # fmt: skip
    note = "Cost is in US dollars, without the calls whose price is unknown; seconds are those of the calls, added up."
    return f"{note}\n\n{roles}\n\nBy step:\n\n{steps}"


def _examples(examples: Mapping[str, Any]) -> Iterable[str]:
    for which, title in (("kept", "Kept"), ("dropped", "Dropped or failed")):
        for row in examples[which]:
            yield f"## {title}: {cell(row['sample_id'])}\n\n{_example(row)}"


def _example(row: Row) -> str:
    """Question, reference, why it was lost, and what each step wrote; equal texts in a row are shown once."""
    facts = [(name, row[name]) for name in ("source", "kind", "reference", "image") if row.get(name)]
    facts += [("left at", f"{row['step']}: {row['reason']}"), ("detail", row["detail"])] if row["step"] else []
    parts = [table(("", ""), facts)] if facts else []
    parts += [f"Question:\n\n{block(row['question'])}"] if row.get("question") else []
    before = None
    for said in row["steps"]:
        same = said["text"] == before
        parts.append(f"{cell(said['step'])} ({said['status']}):" + (" the same text" if same else ""))
        parts += [] if same else [block(said["text"], said["characters"])]
        before = said["text"]
    return "\n\n".join(parts)


def _when(run: Row) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(run["started"])) if run["started"] else ""
