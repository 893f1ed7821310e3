"""`vistill dedup`: find what repeats in a store, record it as one reversible pass, say what was found."""

from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal

from curation.dedup import Columns, Found, Settings, find_all, rank_of
from curation.dedup.embedders import LOCAL, picture_embedder, text_embedder
from curation.errors import ConfigError
from flows.report import table
from flows.whole import Whole, asked_text, read_whole, undoing
from storage.exclusions import Exclusion, pool_texts, record_pass
from storage.snapshot import Snapshot
from storage.store import Store

Text = Literal["question", "trace"]
SHOWN = 5  # examples printed


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was told beyond the settings of the search."""

    text: Text = "question"
    embedder: str = LOCAL
    image_embedder: str = ""
    every: bool = False
    dry_run: bool = False


def dedup(store: Store, settings: Settings, asked: Asked) -> dict[str, Any]:
    """Search the pool and, unless it is a dry run or nothing repeats, record a pass; a report as JSON."""
    settings = settings.checked()
    embed = text_embedder(asked.embedder) if "semantic" in settings.methods else None
    embed_pictures = picture_embedder(asked.image_embedder) if asked.image_embedder and embed else None
    with store.snapshot() as snapshot:
        whole = read_whole(store, snapshot, every=asked.every)
        order = rank_of(*([row[name] for row in whole.rows] for name in ("verified", "length", "sample_id")))
        texts = _texts(snapshot, whole, order, asked)
        whole.rows = [whole.rows[at] for at in order]
        found = find_all(_columns(whole, texts), settings, embed=embed, embed_pictures=embed_pictures)
    rows = exclusions(whole, found)
    counts = {"samples": len(whole.rows), "removed": int((~found.left).sum()), **found.counts}
    report: dict[str, Any] = {
        **counts, "unreadable": whole.unreadable, "notes": found.notes, "pass_id": None,
        "examples": _examples(whole, rows),
    }  # fmt: skip
    if rows and not asked.dry_run:
        report["pass_id"] = record_pass(
            store, "dedup", rows, settings={**asdict(settings), **asdict(asked)}, counts=counts
        )
        report["undo"] = undoing(store, "dedup", report["pass_id"])
    return report


def _texts(snapshot: Snapshot, whole: Whole, order: list[int], asked: Asked) -> list[str]:
    """The texts best first. Questions are in memory already; traces are read once and put in order."""
    if asked.text == "question":
        return [asked_text(whole.rows[at]) for at in order]
    traces = list(pool_texts(snapshot, lambda row: row["trace"], ["trace"], every=asked.every))
    if len(traces) != len(order):
        raise ConfigError("--text", "trace", "the store changed while it was read; run the command again")
    return [traces[at] for at in order]


def _columns(whole: Whole, texts: list[str]) -> Columns:
    rows = whole.rows
    return Columns(
        ids=[row["sample_id"] for row in rows],
        pixels=[row["pixels"] or "" for row in rows],
        phashes=[row["phash"] or 0 for row in rows],
        questions=[asked_text(row) for row in rows],
        texts=lambda: texts,
        grey=whole.grey,
        picture=whole.picture,
    )


def exclusions(whole: Whole, found: Found) -> list[Exclusion]:
    """A row for every removed sample and for the one that stays of its cluster."""
    cluster = found.cluster().tolist()
    gone = [at for at, of in enumerate(found.of.tolist()) if of >= 0]
    rows = []
    for at in gone:
        row, of, stays = whole.rows[at], whole.rows[found.of[at]], whole.rows[cluster[at]]
        rows.append(
            Exclusion(
                row["sample_id"], row["sample_key"], found.method[at] or "", stays["sample_id"], False,
                of["sample_id"], round(float(found.score[at]), 4), found.reason[at], f"repeats {of['sample_id']}",
            )
        )  # fmt: skip
    for at in sorted({cluster[at] for at in gone}):
        row = whole.rows[at]
        rows.append(
            Exclusion(row["sample_id"], row["sample_key"], "", row["sample_id"], True, row["sample_id"], 1.0, "")
        )
    return rows


REASONS = ("exact_question", "near_image", "near_text", "near_meaning", "near_look")


def _examples(whole: Whole, rows: list[Exclusion]) -> list[dict[str, Any]]:
    """A few of the removed rows, least alike first, with both questions: where a wrong removal would show."""
    question = {row["sample_id"]: row["question"] for row in whole.rows}
    gone = sorted((row for row in rows if not row.kept), key=lambda row: (row.score, row.sample_id))
    return [
        {"sample_id": row.sample_id, "of": row.of, "reason": row.reason, "score": row.score,
         "question": question[row.sample_id], "repeats": question[row.of]}
        for row in islice(gone, SHOWN)
    ]  # fmt: skip


def dedup_text(report: dict[str, Any], *, dry_run: bool) -> str:
    """The report for people."""
    lines = [f"{report['samples']:,} samples looked at, {report['removed']:,} repeat another"]
    lines += [f"  {reason:<16} {report[reason]:,}" for reason in REASONS if reason in report]
    for name, note in report["notes"].items():
        lines.append(f"  {name}: {note['index']} index, recall {note['recall']:.3f}, {note['refused']} refused")
    if report["unreadable"]:
        lines.append(f"  {len(report['unreadable'])} pictures could not be read and were compared with none")
    if report["examples"]:
        shown = [[e["reason"], f"{e['score']:.3f}", e["sample_id"], e["of"]] for e in report["examples"]]
        lines += ["least alike of what was found:", table(["reason", "score", "sample", "repeats"], shown)]
    if report["pass_id"]:
        lines.append(f"recorded as {report['pass_id']}; take it back: {report['undo']}")
    elif report["removed"] and dry_run:
        lines.append("nothing was recorded (--dry-run)")
    if not report["samples"]:
        lines.append("no sample is kept in the latest runs; --every also looks at those that were lost")
    return "\n".join(lines)
