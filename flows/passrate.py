"""`vistill passrate`: samples a model k times on a split, keeps the rates, and drops what is too easy or too hard.

Calls go through the ledger, so a repeated run asks nothing again. Rates are rows of `pass_rates`; what lies outside the
band becomes one reversible pass over the corpus, as duplicates do, and is in no split while that pass stands.
"""

import asyncio
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from curation.errors import ConfigError, RunStopped, SampleError
from curation.exports.item import Item, item
from curation.exports.trl import SYSTEM
from curation.passrate import Band, Place, Rated, rate
from curation.records import Image, Json
from curation.statistics import pass_rate_interval
from curation.teachers import open_teachers
from curation.teachers.protocol import Sampling, Teacher
from curation.teachers.spec import assign, parse_teacher
from flows.audit import images_of
from storage import corpus, exports
from storage.exclusions import Exclusion, alike, positions, record_pass
from storage.ledger import CallLedger
from storage.snapshot import Snapshot
from storage.store import Store

ROLE = "sampler"
MOST_DRAWS = 1000  # as in the trainer's [rounds]
REASONS: Mapping[str, str] = {"too_hard": "too_hard", "too_easy": "too_easy"}
SHOWN: tuple[Place, ...] = ("too_hard", "within", "too_easy", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to sample and how. Without a `band` rates are kept and nobody is dropped."""

    teacher: str
    recipe: str | None = None
    split: str = "rl"
    draws: int = 8
    band: Band | None = None
    temperature: float = 1.0
    max_tokens: int = 1024
    limit: int | None = None
    system: str = SYSTEM

    def __post_init__(self) -> None:
        for name, value in (("--draws", self.draws), ("--max-tokens", self.max_tokens), ("--limit", self.limit)):
            if value is not None and value < 1:
                raise ConfigError(name, value, "must be at least 1")
        if self.draws > MOST_DRAWS:
            raise ConfigError("--draws", self.draws, f"must be at most {MOST_DRAWS:,}, for each sample")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise ConfigError("--temperature", self.temperature, "must be a finite number of at least 0")
        if self.temperature == 0 and self.draws > 1:
            raise ConfigError("--draws", self.draws, "must be 1 at temperature 0, where all draws are equal")


@dataclass(slots=True)
class _Told:
    rated: list[Rated] = field(default_factory=list)
    unwritable: Counter[str] = field(default_factory=Counter)
    before: list[str] = field(default_factory=list)
    """Standing passes of the same settings, and where the samples are that they dropped: `--limit` counts these too, so
    that the same command finds the same samples."""
    dropped: list[int] = field(default_factory=list)


def passrate(store: Store, asked: Asked, say: Callable[[str], None]) -> dict[str, Any]:
    """Sample, record, drop; what came of it as JSON types. Raises `ConfigError`; `RunStopped` for an empty split."""
    [spec] = assign([parse_teacher(asked.teacher, default_models={})], [ROLE]).values()
    with exports.frozen(store) as snapshot:
        run = exports.chosen_run(snapshot, asked.recipe, None)
        told = _Told()
        told.before = alike(snapshot, "passrate", _settings(asked, spec.model))
        told.dropped = positions(snapshot, run["run_id"], told.before)
        items = _items(snapshot, run["run_id"], asked, told)
        images = images_of(snapshot, [one.record["image"] for one in items if one.record["image"]])
    if not items and not told.dropped:
        left = "".join(f"; {count} {reason}" for reason, count in told.unwritable.items())
        raise RunStopped(f"run {run['run_id']} has no sample in the split {asked.split} to be sampled{left}")
    if images and not spec.sees:
        raise ConfigError("--teacher", asked.teacher, "takes no pictures, and the samples have some")
    say(f"{len(items):,} samples, at most {len(items) * asked.draws:,} draws of {spec.model}; what the store already "
        "has of them is not asked again")  # fmt: skip
    told.rated = asyncio.run(_drawn(store, run["run_id"], {ROLE: spec}, asked, items, images))
    say(f"{len(told.rated):,} samples drawn from {spec.model}")
    if told.rated and not any(one.k for one in told.rated):
        lost = sum((one.lost for one in told.rated), Counter[str]())
        raise RunStopped(f"no draw of {spec.model} says anything: {_counted(lost)} (vistill calls list shows why)")
    corpus.add_pass_rates(store, run["run_id"], [_row(one, spec.model, asked) for one in told.rated if one.k])
    return _report(store, run["run_id"], spec.model, asked, told)


def _items(snapshot: Snapshot, run_id: str, asked: Asked, told: _Told) -> list[Item]:
    found: list[Item] = []
    for chunk in exports.rows(snapshot, run_id, asked.split):
        for row in chunk:
            gone = bisect_left(told.dropped, row["position"])
            if asked.limit is not None and len(found) + gone >= asked.limit:
                return found
            try:
                found.append(item(row, traced=False))
            except SampleError as error:
                told.unwritable[error.reason] += 1
    return found


async def _drawn(
    store: Store, run_id: str, specs: Mapping[str, Any], asked: Asked, items: list[Item], images: Mapping[str, Image]
) -> list[Rated]:
    """All samples at once; the dispatcher keeps to what the endpoint bears. An answered call survives any crash."""
    ledger = CallLedger(store, run_id=run_id)
    sampling = Sampling(temperature=asked.temperature, max_tokens=asked.max_tokens)

    async def one(each: Item, model: Teacher) -> Rated:
        image = images.get(each.record["image"] or "")
        band = asked.band or Band()
        return await rate(each, image, model, draws=asked.draws, band=band, sampling=sampling, system=asked.system)

    try:
        async with open_teachers(
            specs, ledger=ledger, read_image=lambda image: store.read_image(image.sha256, image.format)
        ) as teachers:
            return list(await asyncio.gather(*(one(each, teachers[ROLE]) for each in items)))
    finally:
        ledger.close()


def _row(one: Rated, model: str, asked: Asked) -> corpus.PassRate:
    low, high = pass_rate_interval(one.correct, one.k)
    return corpus.PassRate(
        sample_id=one.item.id, sample_key=one.item.record["sample_key"], model=model, k=one.k,
        temperature=asked.temperature, verifier="rule", correct=one.correct, stopped=one.stopped, low=low, high=high,
    )  # fmt: skip


def _report(store: Store, run_id: str, model: str, asked: Asked, told: _Told) -> dict[str, Any]:
    band = asked.band or Band()
    places: Counter[Place] = Counter(band.place(one.correct, one.k) for one in told.rated)
    lost = sum((one.lost for one in told.rated), Counter[str]())
    report: dict[str, Any] = {
        "run_id": run_id, "model": model, "split": asked.split, "samples": len(told.rated),
        "draws": sum(one.k for one in told.rated), "right": sum(one.correct for one in told.rated),
        "places": {name: places[name] for name in SHOWN}, "lost_draws": dict(lost),
        "unwritable": dict(told.unwritable), "stopped_early": sum(one.stopped == "band" for one in told.rated),
        "pass_id": None, "before": told.before, "dropped_before": len(told.dropped),
    }  # fmt: skip
    dropped = [_exclusion(one, place, model) for one in told.rated
               if (place := band.place(one.correct, one.k)) in REASONS]  # fmt: skip
    if asked.band is not None and dropped:
        counts = {name: report[name] for name in ("samples", "draws", "right", "places")}
        settings = _settings(asked, model)
        report["pass_id"] = record_pass(store, "passrate", dropped, settings=settings, counts=counts)
    return report


def _settings(asked: Asked, model: str) -> dict[str, Json]:
    """What a pass is known by."""
    return {**asdict(asked), "model": model}


def _counted(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in found.items())


def _dropped_before(passes: Sequence[str], count: int) -> str:
    return f"{count:,} were dropped by {', '.join(passes)}, with the same settings"


def _exclusion(one: Rated, place: Place, model: str) -> Exclusion:
    said = f"{one.correct} of {one.k} draws of {model} were right"
    key = one.item.record["sample_key"]
    return Exclusion(one.item.id, key, "passrate", place, False, "", one.correct / one.k, REASONS[place], said)


def passrate_text(report: Mapping[str, Any]) -> str:
    """The report for people."""
    share = report["right"] / report["draws"] if report["draws"] else 0.0
    lines = [
        f"{report['samples']:,} samples of the split {report['split']}: {report['right']:,} of {report['draws']:,} "
        f"draws of {report['model']} were right ({share:.0%})",
        ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in report["places"].items()),
    ]
    for title, found in (("draws that say nothing", "lost_draws"), ("samples left out", "unwritable")):
        lines += [f"{title}: {count:,} {reason}" for reason, count in report[found].items()]
    if report["stopped_early"]:
        lines.append(f"drawing stopped early for {report['stopped_early']:,}: the interval had left the band")
    if report["dropped_before"]:
        lines.append(_dropped_before(report["before"], report["dropped_before"]))
    if report["pass_id"]:
        lines.append(f"recorded as {report['pass_id']}; take it back: vistill passrate --undo {report['pass_id']}")
    return "\n".join(lines)
