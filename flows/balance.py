"""`vistill balance`: coverage of a store's samples, and a balanced choice of them as one reversible pass."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from curation.balance import Choice, choose, coverage, meaning_clusters
from curation.dedup.embedders import LOCAL, text_embedder
from curation.errors import ConfigError
from flows.report import table
from flows.whole import FACTS, asked_text, undoing
from storage.exclusions import Exclusion, pool, record_pass
from storage.store import Store

DIMENSIONS = ("source", "kind", "ability", "difficulty", "cluster")
UNKNOWN = "unknown"
SHOWN = 12
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was told. `quotas` are ((dimension, value), most)."""

    by: tuple[str, ...] = ("source", "kind")
    size: int | None = None
    quotas: tuple[tuple[tuple[str, str], int], ...] = ()
    ability: str = "ability"
    clusters: int = 50
    embedder: str = LOCAL
    seed: int = 0
    every: bool = False
    dry_run: bool = False


def parse_quotas(texts: Sequence[str]) -> tuple[tuple[tuple[str, str], int], ...]:
    """`source:tabmwp=1000`; ConfigError for anything else."""
    found = []
    for text in texts:
        name, colon, rest = text.partition(":")
        value, equals, most = rest.rpartition("=")
        if not (colon and equals and most.isascii() and most.isdigit()):
            raise ConfigError("--quota", text, "write it as DIMENSION:VALUE=N, for example source:tabmwp=1000")
        found.append(((name, value), int(most)))
    return tuple(found)


def balance(store: Store, asked: Asked) -> dict[str, Any]:
    """Coverage before and, with a size or quotas (then of all samples), a choice, coverage after and what was given up;
    recorded unless a dry run.
    """
    if unknown := [name for name in asked.by if name not in DIMENSIONS] or not asked.by:
        raise ConfigError("--by", ",".join(asked.by), f"{unknown}: one or more of {', '.join(DIMENSIONS)}")
    with store.snapshot() as snapshot:
        rows = pool(snapshot, [*FACTS, "meta", "difficulty"], every=asked.every).to_pylist()
    found = {name: _values(rows, name, asked) for name in asked.by}
    report: dict[str, Any] = {
        "samples": len(rows),
        "before": {name: coverage(values).to_json() for name, values in found.items()},
        "pass_id": None,
    }
    if asked.size is None and not asked.quotas:
        return report
    ids = [row["sample_id"] for row in rows]
    size = max(1, len(rows)) if asked.size is None else asked.size
    choice = choose(ids, found, size, quotas=dict(asked.quotas), seed=asked.seed)
    if asked.size is None:
        choice = replace(choice, short=0)
    report |= _told(choice, found)
    if not choice.kept.all() and not asked.dry_run:
        settings = asdict(asked) | {"quotas": [[*pair, most] for pair, most in asked.quotas]}
        counts = {name: report[name] for name in ("samples", "kept", "stopped", "beyond", "short")}
        report["pass_id"] = record_pass(
            store, "balance", exclusions(rows, choice, found), settings=settings, counts=counts
        )
        report["undo"] = undoing(store, "balance", report["pass_id"])
    return report


def _values(rows: list[Row], name: str, asked: Asked) -> list[str]:
    """One value a sample."""
    if name == "cluster":
        texts = [asked_text(row) for row in rows]
        return meaning_clusters(text_embedder(asked.embedder)(texts), asked.clusters, seed=asked.seed) if rows else []
    if name == "ability":
        return [_text(orjson.loads(row["meta"] or "{}").get(asked.ability)) for row in rows]
    return [_text(row[name]) for row in rows]


def _text(value: Any) -> str:
    return UNKNOWN if value in (None, "") else value if isinstance(value, str) else orjson.dumps(value).decode()


def _told(choice: Choice, found: dict[str, list[str]]) -> dict[str, Any]:
    left = {name: [v for v, keep in zip(values, choice.kept, strict=True) if keep] for name, values in found.items()}
    return {
        "kept": int(choice.kept.sum()),
        "after": {name: coverage(values).to_json() for name, values in left.items()},
        "stopped": choice.stopped,
        "beyond": choice.beyond,
        "short": choice.short,
    }


def exclusions(rows: list[Row], choice: Choice, found: dict[str, list[str]]) -> list[Exclusion]:
    """A row for every sample given up; its cluster is its combination of values."""
    given_up = []
    for at, row in enumerate(rows):
        if not choice.kept[at]:
            stratum = ", ".join(f"{name}:{values[at]}" for name, values in found.items())
            given_up.append(
                Exclusion(
                    row["sample_id"],
                    row["sample_key"],
                    "balance",
                    stratum,
                    False,
                    "",
                    0.0,
                    "over_balance",
                    choice.why[at],
                )
            )
    return given_up


def balance_text(report: dict[str, Any], *, dry_run: bool) -> str:
    """The report for people."""
    lines = [f"{report['samples']:,} samples"]
    if "kept" in report:
        lines[0] += f", {report['kept']:,} chosen"
    for name, before in report["before"].items():
        after = report.get("after", {}).get(name)
        said = f"{name}: evenness {before['evenness']:.3f}, {before['effective']:.1f} effective values"
        lines += ["", said + (f" → {after['evenness']:.3f}, {after['effective']:.1f}" if after else "")]
        shown = list(before["counts"].items())
        rows = [[value, count, *([after["counts"].get(value, 0)] if after else [])] for value, count in shown[:SHOWN]]
        lines.append(table([name, "samples", *(["chosen"] if after else [])], rows, right=(1, 2)))
        if len(shown) > SHOWN:
            lines.append(f"… and {len(shown) - SHOWN} more values")
    if "kept" in report:
        lines += ["", f"given up: {report['beyond']:,} beyond the size"]
        lines += [f"          {count:,} by the quota {what}" for what, count in sorted(report["stopped"].items())]
        if report["short"]:
            lines.append(f"the choice is {report['short']:,} short of the size asked for")
    if report["pass_id"]:
        lines.append(f"recorded as {report['pass_id']}; take it back: {report['undo']}")
    elif dry_run and "kept" in report:
        lines.append("nothing was recorded (--dry-run)")
    return "\n".join(lines)
