"""`vistill decontaminate`: find what a store shares with benchmarks, record it as one reversible pass, report it.

A benchmark is read through the sources of `vistill run`, or is a file of fingerprints that somebody saved. A row that
cannot become a sample is used as far as it can be read, and counted.
"""

import os
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from curation.dedup import benchmark as bench
from curation.dedup.benchmark import Fingerprints, Item, Match, Settings
from curation.dedup.embedders import LOCAL, picture_embedder, readable, text_embedder
from curation.dedup.likeness import SIDE, Grey, look, same_picture
from curation.errors import ConfigError, SampleError
from curation.intake import Taken, prepare
from curation.pictures import DEFAULT_LIMITS, grey
from curation.records import Rejected
from curation.sources import RawRow, open_source
from flows.report import table
from flows.whole import Whole, read_whole, undoing
from storage.exclusions import Exclusion, record_pass
from storage.files import os_errors, write_durably
from storage.store import Store

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was told beyond the settings of the search."""

    against: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    fingerprints: tuple[Path, ...] = ()
    save: Path | None = None
    out: Path | None = None
    semantic: bool = False
    embedder: str = LOCAL
    image_embedder: str = ""
    every: bool = False
    dry_run: bool = False


@dataclass(slots=True)
class Benchmark:
    """A benchmark's fingerprints and, when its rows were read, their questions and picture files."""

    prints: Fingerprints
    questions: list[str] = field(default_factory=list)
    pictures: list[bytes | None] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    partial: Counter[str] = field(default_factory=Counter)

    def grey(self, of: int) -> Grey:
        """A row's picture for comparing; SampleError when there is none."""
        data = self.pictures[of]
        if data is None:
            raise SampleError("image_missing")
        return grey(data, SIDE)


@dataclass(frozen=True, slots=True)
class Hit:
    """A match with the names a report needs."""

    match: Match
    benchmark: Benchmark

    @property
    def benchmark_id(self) -> str:
        return self.benchmark.prints.ids[self.match.of]


def decontaminate(store: Store, settings: Settings, asked: Asked) -> dict[str, Any]:
    """Compare the pool with every benchmark and, unless it is a dry run, record a pass; a report as JSON."""
    settings = settings.checked()
    embed = _embedders(asked)
    benchmarks = [read_benchmark(spec, asked.maps, settings.shingle) for spec in asked.against]
    if asked.save:
        save_fingerprints(asked.save, [one.prints for one in benchmarks])
    benchmarks += [Benchmark(prints) for path in asked.fingerprints for prints in load_fingerprints(path)]
    with store.snapshot() as snapshot:
        whole = read_whole(store, snapshot, every=asked.every)
    hits, unverified = [], 0
    for benchmark in benchmarks:
        found, doubtful = compare(whole, benchmark, settings, embed)
        hits += found
        unverified += doubtful
    report = _report(whole, benchmarks, hits, unverified)
    if asked.out:
        from flows.decontaminate_report import write_report

        report["report"] = write_report(asked.out, whole, hits, report)
    if hits and not asked.dry_run:
        said = {**asdict(settings), **asdict(replace(asked, save=None, out=None, fingerprints=()))}
        said["fingerprints"] = [str(path) for path in asked.fingerprints]
        counts = {name: report[name] for name in ("samples", "contaminated")} | report["matches"]
        report["pass_id"] = record_pass(store, "decontaminate", exclusions(whole, hits), settings=said, counts=counts)
        report["undo"] = undoing(store, "decontaminate", report["pass_id"])
    return report


def read_benchmark(spec: str, maps: tuple[str, ...], shingle: int) -> Benchmark:
    """Read a benchmark's rows; ConfigError when it cannot be opened or has no usable row."""
    source = open_source(spec, maps=maps)
    items, found = [], Benchmark(Fingerprints(source.name, (), (), (), (), (), ()))
    for row in source.rows():
        taken = taken_in(row, found.partial)
        if isinstance(taken, Rejected):
            found.rejected[taken.reason] += 1
            continue
        sample, data = taken
        image = sample.image
        pixels, phash = (image.pixels, image.phash) if image else ("", 0)
        items.append(Item(sample.id, sample.question, sample.reference or "", pixels, phash))
        found.questions.append(sample.question)
        found.pictures.append(data)
    if not items:
        raise ConfigError("--against", spec, f"no row could be read: {dict(found.rejected)}")
    found.prints = bench.fingerprint(source.name, items, shingle=shingle)
    return found


def taken_in(row: RawRow | Rejected, partial: Counter[str]) -> Taken:
    """A benchmark's row as far as it can be used: whole, else without answer and options, else its question alone.

    A benchmark is not ours to mend, and a row left out would be a leak not seen. `partial` counts why less was used.
    """
    whole = taken = prepare(row, need_answer=False, limits=DEFAULT_LIMITS)
    if isinstance(row, Rejected) or not isinstance(whole, Rejected) or "question" not in row.values:
        return whole
    own = {name: row.values[name] for name in ("id", "question") if name in row.values}
    for values in ({**own, "image": row.values.get("image")}, {**own, "text_question": own["question"]}):
        taken = prepare(replace(row, values=values, missing={}), need_answer=False, limits=DEFAULT_LIMITS)
        if not isinstance(taken, Rejected):
            partial[whole.reason] += 1
            return taken
    return whole


def save_fingerprints(path: Path, prints: list[Fingerprints]) -> None:
    """Write benchmarks as hashes."""
    if not prints:
        raise ConfigError("--save-fingerprints", str(path), "name the benchmark to save with --against")
    data = orjson.dumps({"vistill_fingerprints": [one.to_json() for one in prints]})
    with os_errors("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, data)


def load_fingerprints(path: Path) -> list[Fingerprints]:
    """Benchmarks somebody saved; ConfigError for a file that is something else."""
    try:
        value = orjson.loads(path.read_bytes())
        rows = value["vistill_fingerprints"]
        assert isinstance(rows, list), "not a list"
    except OSError as error:
        raise ConfigError("--fingerprints", str(path), f"cannot be read: {os.strerror(error.errno or 0)}") from None
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise ConfigError("--fingerprints", str(path), f"is no file of fingerprints ({error})") from None
    return [bench.from_json(row, str(path)) for row in rows]


def compare(whole: Whole, benchmark: Benchmark, settings: Settings, embed: "Embed") -> tuple[list[Hit], int]:
    """(matches of the pool with one benchmark, near picture hashes that nothing could confirm)."""
    items = [
        Item(row["sample_id"], row["question"], row["reference"] or "", row["pixels"] or "", row["phash"] or 0)
        for row in whole.rows
    ]
    matches = bench.match(items, benchmark.prints, settings)
    theirs = benchmark.grey if benchmark.pictures else None
    matches = bench.confirmed(matches, whole.grey, theirs, lambda one, other: same_picture(look(one), look(other)))
    matches.found += embed.matches(whole, benchmark, settings)
    return [Hit(match, benchmark) for match in matches.found], matches.unverified


@dataclass(frozen=True, slots=True)
class Embed:
    """The embedding models asked for, if any."""

    texts: Any = None
    pictures: Any = None

    def matches(self, whole: Whole, benchmark: Benchmark, settings: Settings) -> list[Match]:
        """Matches by meaning and by look; none with fingerprints only, which hold no embedding."""
        found: list[Match] = []
        if self.texts and benchmark.questions:
            found += self._meanings(whole, benchmark, settings)
        if self.pictures and any(benchmark.pictures):
            found += self._looks(whole, benchmark, settings)
        return found

    def _meanings(self, whole: Whole, benchmark: Benchmark, settings: Settings) -> list[Match]:
        mine = [at for at, row in enumerate(whole.rows) if _tells(row["question"])]
        theirs = [of for of, question in enumerate(benchmark.questions) if _tells(question)]
        if not mine or not theirs:
            return []
        found = bench.by_meaning(
            self.texts([whole.rows[at]["question"] for at in mine]),
            self.texts([benchmark.questions[of] for of in theirs]),
            settings.cosine, "meaning", "contaminated_meaning",
        )  # fmt: skip
        return [replace(match, at=mine[match.at], of=theirs[match.of]) for match in found]

    def _looks(self, whole: Whole, benchmark: Benchmark, settings: Settings) -> list[Match]:
        mine = [at for at, row in enumerate(whole.rows) if row["pixels"]]
        theirs = [of for of, data in enumerate(benchmark.pictures) if data]
        if not mine:
            return []
        found = bench.by_meaning(
            self.pictures(readable(whole.picture, mine)), self.pictures(benchmark.pictures[of] for of in theirs),
            settings.look, "look", "contaminated_look",
        )  # fmt: skip
        return [replace(match, at=mine[match.at], of=theirs[match.of]) for match in found]


def _tells(question: str) -> bool:
    return len(question.split()) >= bench.FEWEST_WORDS


def _embedders(asked: Asked) -> Embed:
    return Embed(
        text_embedder(asked.embedder) if asked.semantic else None,
        picture_embedder(asked.image_embedder) if asked.image_embedder else None,
    )


def exclusions(whole: Whole, hits: list[Hit]) -> list[Exclusion]:
    """A row for every match; the benchmark row's id says why."""
    return [
        Exclusion(
            whole.rows[hit.match.at]["sample_id"], whole.rows[hit.match.at]["sample_key"], hit.match.method,
            hit.benchmark_id, False, hit.benchmark_id, round(hit.match.score, 4), hit.match.reason,
            f"{hit.benchmark.prints.name}: {hit.benchmark_id}",
        )
        for hit in hits
    ]  # fmt: skip


def _report(whole: Whole, benchmarks: list[Benchmark], hits: list[Hit], unverified: int) -> dict[str, Any]:
    by_sample = {whole.rows[hit.match.at]["sample_id"] for hit in hits}
    return {
        "samples": len(whole.rows),
        "contaminated": len(by_sample),
        "matches": dict(Counter(hit.match.reason for hit in hits)),
        "benchmarks": [
            {"name": one.prints.name, "rows": len(one.prints.ids), "with_picture": sum(map(bool, one.prints.pixels)),
             "rejected": dict(one.rejected), "partly_used": dict(one.partial),
             "matched_rows": len({h.match.of for h in hits if h.benchmark is one})}
            for one in benchmarks
        ],
        "unverified_near_pictures": unverified,
        "unreadable": whole.unreadable,
        "found": [
            {"sample_id": whole.rows[hit.match.at]["sample_id"], "benchmark_id": hit.benchmark_id,
             "reason": hit.match.reason, "score": round(hit.match.score, 4)}
            for hit in hits
        ],
        "pass_id": None,
        "report": None,
    }  # fmt: skip


def decontaminate_text(report: dict[str, Any], *, dry_run: bool) -> str:
    """The report for people."""
    lines = [f"{report['samples']:,} samples looked at, {report['contaminated']:,} contaminated"]
    for one in report["benchmarks"]:
        lines.append(
            f"  {one['name']}: {one['rows']:,} rows, {one['with_picture']:,} with a picture, "
            f"{one['matched_rows']:,} found in the corpus"
            + (f"; unusable rows: {one['rejected']}" if one["rejected"] else "")
        )
    lines += [f"  {reason:<22} {count:,}" for reason, count in sorted(report["matches"].items())]
    if report["unverified_near_pictures"]:
        lines.append(
            f"  {report['unverified_near_pictures']:,} pairs of pictures hash alike; fingerprints cannot tell whether "
            "they are copies, --against can"
        )
    if report["found"]:
        shown = [[f["reason"], f"{f['score']:.3f}", f["sample_id"], f["benchmark_id"]] for f in report["found"][:SHOWN]]
        lines.append(table(["reason", "score", "sample", "benchmark row"], shown))
    if report["report"]:
        lines.append(f"report: {report['report']}")
    if report["pass_id"]:
        lines.append(f"recorded as {report['pass_id']}; take it back: {report['undo']}")
    elif report["found"] and dry_run:
        lines.append("nothing was recorded (--dry-run)")
    return "\n".join(lines)
