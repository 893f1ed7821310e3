"""`vistill audit --exclude CHECK`: the samples an audit named leave the splits, as one reversible pass.

It acts on what an audit wrote down and does not look at the corpus anew, so what leaves is what the report showed.
"""

from dataclasses import dataclass
from typing import Any, NoReturn

from curation.errors import ConfigError
from flows.whole import undoing
from storage.exclusions import Exclusion, record_pass
from storage.store import Store

LATEST = "SELECT audit_id FROM findings ORDER BY created DESC, audit_id DESC LIMIT 1"
NAMED = """
SELECT c.sample_id, c.sample_key, min(r.detail) AS detail, bool_or(c.fate = 'kept') AS kept
FROM finding_rows r JOIN corpus c USING (sample_id)
WHERE r.audit_id = $1 AND r.check_name = $2 AND ($3 = '' OR c.split = $3) AND c.excluded IS NULL
GROUP BY c.sample_id, c.sample_key ORDER BY c.sample_id, c.sample_key
"""
KEPT = """
SELECT count(DISTINCT (sample_id, sample_key)) FROM corpus
WHERE fate = 'kept' AND excluded IS NULL AND ($1 = '' OR split = $1)
"""
SPLITS = "SELECT DISTINCT split FROM corpus WHERE split <> 'none' ORDER BY 1"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which finding: `audit` "" is the latest audit, `split` "" every split; `most` allows more than half of them."""

    check: str
    audit: str = ""
    split: str = ""
    dry_run: bool = False
    most: bool = False


def exclude(store: Store, wanted: Wanted) -> dict[str, Any]:
    """Take a finding's samples out of the splits; a report as JSON. ConfigError when there is no such finding."""
    audit_id = wanted.audit or _latest(store)
    titles = store.query(
        "SELECT check_name, title FROM findings WHERE audit_id = $1 ORDER BY 1, 2", [audit_id]
    ).to_pylist()  # fmt: skip
    if not titles:
        raise ConfigError("--audit", audit_id, 'is no audit of this store: vistill sql "select * from findings"')
    if wanted.check not in {row["check_name"] for row in titles}:
        known = ", ".join(sorted({row["check_name"] for row in titles}))
        raise ConfigError("--exclude", wanted.check, f"is no check of {audit_id}; it has {known}")
    _check_split(store, wanted.split)
    rows = store.query(NAMED, [audit_id, wanted.check, wanted.split]).to_pylist()
    kept = int(store.query(KEPT, [wanted.split]).column(0)[0].as_py())
    if not (wanted.most or wanted.dry_run) and 2 * sum(row["kept"] for row in rows) > kept:
        _refuse(wanted, sum(row["kept"] for row in rows), kept)
    report: dict[str, Any] = {
        "audit": audit_id,
        "check": wanted.check,
        "split": wanted.split,
        "samples": len(rows),
        "kept": kept,
        "pass_id": None,
    }
    if rows and not wanted.dry_run:
        excluded = [_excluded(row, audit_id, wanted.check) for row in rows]
        settings = {"audit": audit_id, "check": wanted.check, "split": wanted.split}
        report["pass_id"] = record_pass(store, "audit", excluded, settings=settings, counts={"samples": len(rows)})
        report["undo"] = undoing(store, "audit", report["pass_id"])
    return report


def _check_split(store: Store, split: str) -> None:
    known = [row["split"] for row in store.query(SPLITS).to_pylist()] if split else []
    if split and split not in known:
        raise ConfigError("--split", split, f"no sample is in it; the store has {', '.join(known) or 'no splits'}")


def _refuse(wanted: Wanted, leaving: int, kept: int) -> NoReturn:
    of_split = f" of split {wanted.split}" if wanted.split else ""
    raise ConfigError(
        "--exclude", wanted.check,
        f"would take out {leaving:,} of {kept:,} kept samples{of_split}: mend what made them, or say --most if that "
        "is meant; --dry-run only counts",
    )  # fmt: skip


def _latest(store: Store) -> str:
    found = store.query(LATEST).to_pylist()
    if not found:
        raise ConfigError("--exclude", None, "no audit of this store is on record: run `vistill audit` first")
    audit_id: str = found[0]["audit_id"]
    return audit_id


def _excluded(row: dict[str, Any], audit_id: str, check: str) -> Exclusion:
    return Exclusion(
        row["sample_id"], row["sample_key"], "audit", check, False, audit_id, 1.0, "audit_finding",
        f"{check}: {row['detail']}",
    )  # fmt: skip


def exclude_text(report: dict[str, Any], *, dry_run: bool) -> str:
    """The report for people."""
    of_split = f" in split {report['split']}" if report["split"] else ""
    said = f"{report['samples']:,} samples{of_split} that {report['audit']} named for {report['check']}"
    if report["pass_id"]:
        return f"{said} are out of the splits\nrecorded as {report['pass_id']}; take it back: {report['undo']}"
    if dry_run and report["samples"]:
        return f"{said} would leave the splits, of {report['kept']:,} kept\nnothing was recorded (--dry-run)"
    return f"{said}: nothing to take out of the splits"
