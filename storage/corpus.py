"""Samples, runs and outcomes of the store as records: what flows call instead of writing SQL.

Everything appended is an event under a name that a repeat gives again, so writing twice changes nothing.
Reading goes through a snapshot the caller holds. Model calls are the business of `storage.ledger`, how a sample
fares of `storage.views`.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
import orjson
import pyarrow as pa

from curation.errors import ConfigError, StoreError
from curation.records import Image, Json, Option, Outcome, Sample, Status
from storage.schema import TABLES
from storage.snapshot import Snapshot
from storage.store import Store
from storage.views import FUNNEL, picking

Event = Literal["started", "finished", "interrupted", "failed"]
StepRow = tuple[str, str, str, bool]

FLOW_RUN = "flow_run"
"""In the settings of a run that Prefect scheduled: the id of its flow run."""
IMAGE_FIELDS = ("format", "width", "height", "size", "pixels", "phash")
SAMPLE_FIELDS = tuple(name for name in TABLES["samples"] if name not in ("sample_id", "sample_key", "created"))

ONE_OUTCOME_A_KEY = """
QUALIFY row_number() OVER (
    PARTITION BY sample_id, sample_key, fingerprint, draw ORDER BY status = 'failed', created DESC, run_id DESC
) = 1
"""


@dataclass(frozen=True, slots=True)
class PassRate:
    """How many of `k` draws were right, and under what: never a bare float. `low` and `high` bound the rate.

    `stopped` says why drawing ended (`first_verified` biases the rate: the interval says by how much at least).
    """

    sample_id: str
    sample_key: str
    model: str
    k: int
    temperature: float | None
    verifier: str
    correct: int
    stopped: str
    low: float
    high: float


def start_run(
    store: Store,
    *,
    run_id: str,
    recipe: str,
    recipe_fingerprint: str,
    source: str,
    seed: int,
    settings: Json,
    teachers: Json,
    steps: Sequence[StepRow],
) -> None:
    """Record that a run starts or goes on; `steps` are (step, fingerprint, scope, in_draws) in order, intake first."""
    names = ("step", "fingerprint", "scope", "in_draws")
    rows = [{"run_id": run_id, "idx": idx, **dict(zip(names, step, strict=True))} for idx, step in enumerate(steps)]
    store.append("run_steps", rows)
    event = {"run_id": run_id, "event": "started", "recipe": recipe, "recipe_fingerprint": recipe_fingerprint}
    store.append(
        "runs",
        [_now(event | {"source": source, "seed": seed, "settings": settings, "teachers": teachers, "detail": ""})],
    )


def end_run(store: Store, run_id: str, *, event: Event, detail: str = "") -> None:
    """Record how the run ended, for now: an interrupted run may be started again under its id."""
    store.append("runs", [_now({"run_id": run_id, "event": event, "detail": detail})])


def run_named(store: Store, name: str) -> str:
    """The run of this id, or the last one that the flow run of this id has finished. Raises `ConfigError` for none."""
    sql = """
        SELECT run_id FROM runs
        WHERE run_id = $1 OR (settings ->> $2 = $1 AND status = 'finished') ORDER BY started DESC LIMIT 1
    """
    found = store.query(sql, [name, f"$.{FLOW_RUN}"]).to_pylist()
    if not found:
        raise ConfigError("run", name, f"is no run of {store.root}, and no flow run that has finished one")
    return str(found[0]["run_id"])


def add_samples(
    store: Store, samples: Sequence[Sample], pictures: Sequence[tuple[Image, bytes]] = (), *, inspected: str = ""
) -> None:
    """Store samples with their images; `pictures` are the images with bytes not stored yet, written first.

    `inspected` names the code that looked at them: what it saw is good as long as that stays the same.
    """
    store.put_images(pictures)
    images = {sample.image.sha256: sample.image for sample in samples if sample.image}
    images |= {image.sha256: image for image, _ in pictures}
    store.append("images", [asdict(images[sha256]) | {"inspected": inspected} for sha256 in sorted(images)])
    versions = {(sample.id, sample.key): sample for sample in samples}
    store.append("samples", [_sample_row(versions[key]) for key in sorted(versions)])


class KnownImages:
    """What earlier runs saw in pictures, by SHA-256, as far as `inspected` is the same: 150 bytes each."""

    def __init__(self, store: Store, inspected: str) -> None:
        names = ", ".join(("sha256", *IMAGE_FIELDS))
        sql = f"""
            SELECT {names} FROM raw_images WHERE inspected = $1
            QUALIFY row_number() OVER (PARTITION BY sha256) = 1 ORDER BY sha256
        """  # noqa: S608 names are constants
        self._rows = store.query(sql, [inspected]).combine_chunks()
        self._starts = np.array([int(sha256[:16], 16) for sha256 in self._rows["sha256"].to_pylist()], np.uint64)

    def __call__(self, sha256: str) -> Image | None:
        at = int(self._starts.searchsorted(np.uint64(int(sha256[:16], 16))))
        if at == len(self._starts):
            return None
        [row] = self._rows.slice(at, 1).to_pylist()
        return Image(**row) if row["sha256"] == sha256 else None


def add_members(store: Store, run_id: str, members: Iterable[tuple[str, str, int]]) -> None:
    """Record which (sample id, sample key, position) the run's source gave; the key of a rejected row is ''."""
    rows = [
        {"run_id": run_id, "sample_id": id, "sample_key": key, "position": position}
        for id, key, position in sorted(set(members), key=lambda member: member[2])
    ]
    store.append("members", rows)


def add_outcomes(store: Store, run_id: str, outcomes: Sequence[Outcome]) -> None:
    """Record what steps made of samples; on return the outcomes survive kill -9 and power loss."""
    store.append("outcomes", [_outcome_row(outcome) | {"run_id": run_id} for outcome in outcomes])


def add_pass_rates(store: Store, run_id: str, rates: Sequence[PassRate]) -> None:
    """Record pass rates with their provenance."""
    store.append("pass_rates", [asdict(rate) | {"run_id": run_id} for rate in rates])


def known_fingerprints(snapshot: Snapshot, fingerprints: Sequence[str]) -> set[str]:
    """Those of the fingerprints that any outcome has: for the others nothing needs looking up."""
    sql = "SELECT DISTINCT fingerprint FROM raw_outcomes WHERE fingerprint IN (SELECT unnest($1::VARCHAR[]))"
    return set(snapshot.query(sql, [list(fingerprints)]).column(0).to_pylist())


def known_outcomes(snapshot: Snapshot, sample_ids: Sequence[str], fingerprints: Sequence[str]) -> list[Outcome]:
    """What these steps made of these samples, whichever run computed it, one outcome a key."""
    names = "sample_id, sample_key, step, fingerprint, status, value, reason, detail, draw, calls, seconds"
    sql = (
        f"SELECT {names} FROM raw_outcomes WHERE sample_id IN (SELECT unnest($1::VARCHAR[]))"  # noqa: S608 names are constants
        f" AND fingerprint IN (SELECT unnest($2::VARCHAR[])) {ONE_OUTCOME_A_KEY}"
    )
    return [_outcome(row) for row in snapshot.query(sql, [list(sample_ids), list(fingerprints)]).to_pylist()]


def read_samples(
    snapshot: Snapshot, run_id: str, *, after: int = -1, count: int = 1000, positions: Sequence[int] | None = None
) -> list[Sample]:
    """At most `count` samples of the run beyond position `after`, in order; `positions` narrows it."""
    images = ", ".join(f"i.{name} AS image_{name}" for name in IMAGE_FIELDS)
    sql = f"""
        WITH page AS (
            SELECT sample_id, sample_key, min(position) AS position FROM raw_members
            WHERE run_id = $1 AND position > $2 AND sample_key <> ''
                AND ($4::BIGINT[] IS NULL OR position IN (SELECT unnest($4::BIGINT[])))
            GROUP BY sample_id, sample_key ORDER BY position LIMIT $3
        ),
        wanted AS (
            SELECT s.*, p.position FROM raw_samples s JOIN page p USING (sample_id, sample_key)
            QUALIFY row_number() OVER (PARTITION BY sample_id, sample_key ORDER BY s.created DESC) = 1
        )
        SELECT w.*, {images} FROM wanted w LEFT JOIN images i ON i.sha256 = w.image ORDER BY w.position
    """  # noqa: S608 names are constants
    rows = snapshot.query(sql, [run_id, after, count, None if positions is None else list(positions)])
    return [_sample(row) for row in rows.to_pylist()]


def columns(snapshot: Snapshot, run_id: str, fields: Sequence[str]) -> pa.Table:
    """sample_id, sample_key, position and the asked fields of every sample of the run, in order of position.

    `fields` are columns of `samples` or of `images` (`width`, `height`, `format`, `size`, `pixels`, `phash`).
    """
    if unknown := [name for name in fields if name not in SAMPLE_FIELDS + IMAGE_FIELDS]:
        raise StoreError(f"samples have no field {unknown}; they have {', '.join(SAMPLE_FIELDS + IMAGE_FIELDS)}")
    asked = "".join(f', {"i" if name in IMAGE_FIELDS else "s"}."{name}"' for name in fields)
    sql = f"""
        SELECT m.sample_id, m.sample_key, m.position{asked} FROM members m
        JOIN sample_versions s USING (sample_id, sample_key) LEFT JOIN images i ON i.sha256 = s.image
        WHERE m.run_id = $1 ORDER BY m.position
    """  # noqa: S608 names were checked above
    return snapshot.query(sql, [run_id])


def status(store: Store, limit: int = 10) -> list[dict[str, Any]]:
    """The latest runs, newest first, each with how many samples it has and what became of them (`funnel` a step)."""
    latest = "SELECT * FROM runs ORDER BY resumed DESC, run_id LIMIT $1"
    with store.snapshot() as snapshot:
        runs = snapshot.query(latest, [limit]).to_pylist()
        steps = snapshot.query(picking(latest, FUNNEL), [limit]).to_pylist()
    return [_progress(run, [step for step in steps if step["run_id"] == run["run_id"]]) for run in runs]


def failures(store: Store, run_id: str, limit: int = 100) -> list[dict[str, Any]]:
    """The run's failed samples in order of position: position, sample_id, step, reason, detail."""
    wanted = (
        "SELECT position, sample_id, step, reason, detail FROM {fates} WHERE fate = 'failed' ORDER BY position LIMIT $2"
    )
    rows: list[dict[str, Any]] = store.query(
        picking("SELECT * FROM runs WHERE run_id = $1", wanted), [run_id, limit]
    ).to_pylist()
    return rows


def _progress(run: dict[str, Any], steps: list[dict[str, Any]]) -> dict[str, Any]:
    for step in steps:
        for name in ("dropped_by_reason", "failed_by_reason"):
            step[name] = orjson.loads(step[name])
    lost = {name: sum(step[name] for step in steps) for name in ("dropped", "failed", "pending", "expanded", "born")}
    run |= {name: orjson.loads(run[name]) if run[name] else None for name in ("settings", "teachers")}
    ends = {"samples": steps[0]["input"] if steps else 0, "kept": steps[-1]["kept"] if steps else 0}
    return run | ends | lost | {"funnel": steps}


def _sample_row(sample: Sample) -> dict[str, Json]:
    row = {name: getattr(sample, name) for name in SAMPLE_FIELDS if name not in ("image", "options", "meta")}
    return row | {
        "sample_id": sample.id,
        "sample_key": sample.key,
        "image": sample.image and sample.image.sha256,
        "options": [asdict(option) for option in sample.options],
        "meta": dict(sample.meta),
    }


def _sample(row: dict[str, Any]) -> Sample:
    plain = {name: row[name] for name in SAMPLE_FIELDS if name not in ("image", "options", "meta")}
    plain |= {"parent": row["parent"] or ""}  # NULL in stores from before rows were made of rows
    return Sample(
        id=row["sample_id"],
        image=_image(row) if row["image"] else None,
        options=tuple(Option(**option) for option in orjson.loads(row["options"])),
        meta=orjson.loads(row["meta"]),
        position=row["position"],
        **plain,
    )


def _image(row: dict[str, Any]) -> Image:
    if row["image_format"] is None:
        raise StoreError(
            f"sample {row['sample_id']} names image {row['image']}, which the store does not have (vistill fsck)"
        )
    return Image(row["image"], **{name: row[f"image_{name}"] for name in IMAGE_FIELDS})


def _outcome_row(outcome: Outcome) -> dict[str, Json]:
    return {field.name: getattr(outcome, field.name) for field in fields(outcome)}


def _now(row: dict[str, Json]) -> dict[str, Json]:
    return row | {"created": time.time()}


def _outcome(row: dict[str, Any]) -> Outcome:
    found: Status = row.pop("status")
    value, calls = row.pop("value"), row.pop("calls")
    return Outcome(status=found, value=None if value is None else orjson.loads(value), calls=tuple(calls or ()), **row)
