"""`vistill audit`: reads a store's samples, runs every check, keeps the findings and writes the report.

The report goes to `--out` as `audit.md`, `audit.html` and `audit.json`; the findings and the samples they name go into
the store as `findings` and `finding_rows`, so that SQL and the review pages can reach them. Checks that ask a model run
only when a teacher is given.
"""

import asyncio
import json
import random
import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from curation.audit import SAMPLED, Finding, Row, ask_all, audit, needs_image
from curation.audit.blind import chance_of
from curation.audit.findings import sparing
from curation.audit.report import Head, markdown, page
from curation.dedup import SIDE
from curation.errors import ConfigError, SampleError, StoreError
from curation.pictures import grey
from curation.records import Image, Option
from curation.teachers import open_teachers
from curation.teachers.spec import assign, parse_teacher
from storage import audits
from storage.ledger import CallLedger
from storage.store import Store

ASKED = 200
"""Samples the needs-the-image tests ask about unless told otherwise."""
PATHS = ("image_path", "image", "path", "file")
ORIGINS = ("parent", "origin", "source_id", "document", "original_id")
TEXTS = (
    "source", "question", "reference", "caption", "trace", "answer", "image", "format", "pixels", "licence",
)  # fmt: skip
NUMBERS = ("width", "height", "size", "phash")
STORE_SQL = (
    "select c.*, r.detail from finding_rows r join corpus c using (sample_id) "
    "where r.audit_id = '{audit}' and r.check_name = '{check}' and r.title = '{title}'"
)


@dataclass(frozen=True, slots=True)
class Audit:
    """What to audit and how: `recipe` None for every recipe's latest run, `everything` for dropped samples too."""

    recipe: str | None = None
    everything: bool = False
    teacher: str | None = None
    ask: int = ASKED
    pictures: int = SAMPLED
    seed: int = 0


def run(store: Store, wanted: Audit, out: Path | None) -> dict[str, Any]:
    """Audit, record, write the report; the result as JSON types. Raises `ConfigError` where there is nothing to do."""
    started = time.monotonic()
    if out is not None:
        _check_folder(out)
    rows, repeats, generation = _read(store, wanted)
    read = _reader(store)
    findings = audit(
        rows, read=read if wanted.pictures else None, there=lambda row: _there(store, row),
        greys=lambda row: grey(read(row), SIDE), sampled=wanted.pictures, repeats=repeats,
    )  # fmt: skip
    left_out = ["the needs-the-image tests, which need --teacher"] if wanted.teacher is None else []
    if wanted.teacher is not None:
        findings += _asked(store, wanted, rows)
    sizes = {"": len(rows), **Counter(row.split for row in rows if row.split)}
    split_of = {row.id: row.split for row in rows}
    findings = [sparing(f, sizes, split_of) for f in findings]
    audit_id = f"audit-{datetime.now(UTC):%Y%m%d-%H%M%S}-{random.SystemRandom().randrange(16**4):04x}"
    root = shlex.quote(str(store.root))
    findings = [replace(f, sql=f.sql or _sql(audit_id, f), fix=f.fix.replace("STORE", root)) for f in findings]
    scope = f"{wanted.recipe or 'every recipe'}, {'all samples' if wanted.everything else 'samples kept'}"
    audits.record(store, audit_id, scope, [_noted(f) for f in findings])
    head = Head(audit_id, scope, len(rows), generation, f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
                time.monotonic() - started, tuple(left_out))  # fmt: skip
    result = {"head": asdict(head), "findings": [_as_json(f) for f in findings]}
    if out is not None:
        _write(out, head, findings, result)
    return result


def _check_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError("--out", str(out), f"cannot be made ({error.strerror})") from None


def _read(store: Store, wanted: Audit) -> tuple[list[Row], list[tuple[Row, str]], str]:
    with store.snapshot() as snapshot:
        rows = [_row(values) for values in audits.rows_to_audit(snapshot, wanted.recipe, everything=wanted.everything)]
        again = () if wanted.everything else audits.repeats(snapshot, wanted.recipe)
        repeats = [(_repeat(values), values["reason"]) for values in again]
        known = [row["recipe"] for row in snapshot.query("select distinct recipe from runs order by 1").to_pylist()]
        generation = snapshot.generation
    if wanted.recipe is not None and wanted.recipe not in known:
        raise ConfigError("--recipe", wanted.recipe, f"no run of that recipe is in the store; it has {known}")
    if not rows:
        fix = "no run has a sample" if wanted.everything else "no sample was kept: --all audits dropped ones too"
        raise ConfigError("--store", str(store.root), fix)
    return rows, repeats, generation


def _repeat(values: Mapping[str, Any]) -> Row:
    """A row taken out as a duplicate: what it asks and answers."""
    options = tuple(Option(**option) for option in orjson.loads(values["options"] or "[]"))
    said: dict[str, Any] = {name: values[name] or "" for name in ("source", "question", "reference", "image", "pixels")}
    return Row(id=values["sample_id"], kind=values["kind"] or "text", options=options, **said)


def _row(values: Mapping[str, Any]) -> Row:
    options = tuple(Option(**option) for option in orjson.loads(values["options"] or "[]"))
    meta = orjson.loads(values["meta"] or "{}") or {}
    said: dict[str, Any] = {name: values[name] or "" for name in TEXTS}
    said |= {name: values[name] or 0 for name in NUMBERS}
    split = values["split"] if values["split"] not in (None, "none") else ""
    return Row(
        id=values["sample_id"], kind=values["kind"] or "text", options=options, split=split, meta=meta,
        path=_first(meta, PATHS), origin=_first(meta, ORIGINS), **said,
    )  # fmt: skip


def _first(meta: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((value for name in names if isinstance(value := meta.get(name), str) and value), "")


def _reader(store: Store) -> Callable[[Row], bytes]:
    def read(row: Row) -> bytes:
        try:
            return store.read_image(row.image, row.format)
        except StoreError as error:
            raise SampleError("image_missing", str(error)) from error

    return read


def _there(store: Store, row: Row) -> bool:
    return bool(row.format) and store.image_path(row.image, row.format).exists()


def _asked(store: Store, wanted: Audit, rows: Sequence[Row]) -> list[Finding]:
    """The needs-the-image findings over a seeded choice of rows."""
    [spec] = assign([parse_teacher(wanted.teacher or "", default_models={})], ["auditor"]).values()
    chosen = random.Random(wanted.seed).sample(list(rows), min(wanted.ask, len(rows)))
    with store.snapshot() as snapshot:
        images = images_of(snapshot, [row.image for row in chosen if row.image])

    async def ask() -> list[Finding]:
        ledger = CallLedger(store, run_id="audit")
        try:
            async with open_teachers(
                {"auditor": spec}, ledger=ledger, read_image=lambda image: store.read_image(image.sha256, image.format)
            ) as teachers:
                return needs_image(
                    await ask_all([(row, images.get(row.image)) for row in chosen], teachers["auditor"]),
                    _chances(rows),
                )
        finally:
            ledger.close()

    return asyncio.run(ask())


def _chances(rows: Sequence[Row]) -> dict[str, float]:
    """What guessing gives, by kind."""
    of_kind = {kind: [row for row in rows if row.kind == kind and row.label] for kind in {row.kind for row in rows}}
    return {kind: chance_of(group) for kind, group in of_kind.items() if group}


def images_of(snapshot: Any, wanted: Sequence[str]) -> dict[str, Image]:
    """The pictures with these SHA-256, as steps and teachers take them."""
    sql = "select sha256, format, width, height, size, pixels, phash from images where sha256 in (select unnest($1))"
    return {row["sha256"]: Image(**row) for row in snapshot.query(sql, [list(wanted)]).to_pylist()}


def _sql(audit_id: str, finding: Finding) -> str:
    return STORE_SQL.format(audit=audit_id, check=finding.check, title=finding.title.replace("'", "''"))


def _noted(f: Finding) -> audits.Noted:
    return audits.Noted(f.check, f.severity, f.title, f.count, f.of, dict(f.measures), f.sql, f.fix, f.rows)


def _as_json(f: Finding) -> dict[str, Any]:
    return {
        "check": f.check, "severity": f.severity, "title": f.title, "samples": f.count, "of": f.of,
        "measures": dict(f.measures), "rows": [list(row) for row in f.rows], "sql": f.sql, "fix": f.fix,
    }  # fmt: skip


def _write(out: Path, head: Head, findings: Sequence[Finding], result: Mapping[str, Any]) -> None:
    files = {
        "audit.md": markdown(head, findings),
        "audit.html": page(head, findings),
        "audit.json": json.dumps(result, ensure_ascii=False, indent=1) + "\n",
    }
    for name, text in files.items():
        try:
            (out / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise ConfigError("--out", str(out / name), f"cannot be written ({error.strerror})") from None


def lines(result: Mapping[str, Any], *, verbose: bool = False) -> Iterator[str]:
    """The findings as lines for a terminal: all above information, and how many others there were."""
    from curation.audit.report import figures

    shown = [f for f in result["findings"] if verbose or f["severity"] != "info"]
    for f in sorted(shown, key=lambda f: (("serious", "warning", "info").index(f["severity"]), -f["samples"])):
        yield f"{f['severity']:<8} {f['check']:<26} {f['samples']:>7,} of {f['of']:,}  {f['title']}"
        yield f"{'':<8} {figures(f['measures'])}"
    quiet = len(result["findings"]) - len(shown)
    yield f"{len(result['findings'])} checks of {result['head']['samples']:,} samples; {quiet} say nothing above info"
