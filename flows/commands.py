"""What each command does, once its arguments are parsed. Heavy imports stay inside the command that needs them."""

import argparse
import json
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from curation.errors import ConfigError


def _pairs(flag: str, texts: Sequence[str], form: str = "NAME=VALUE") -> dict[str, str]:
    found = dict[str, str]()
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(flag, text, f"write it as {form}")
        if name in found:
            raise ConfigError(flag, text, f"{name} is given twice (the first is {found[name]!r}): give it once")
        found[name] = value
    return found


def _job(args: argparse.Namespace) -> Any:
    from flows.job import Job, default_teachers, parse_settings

    return Job(
        recipe=args.recipe, source=args.source, store=args.store,
        teachers=tuple(args.teacher) or default_teachers(args.recipe),
        settings=parse_settings(args.recipe, args.set), prompts=_pairs("--prompt", args.prompt, "STEP=FILE"),
        maps=tuple(args.map),
        map_file=args.map_file, limit=args.limit, accepted=args.accepted, seed=args.seed, batch=args.batch,
        max_cost=args.max_cost, max_calls=args.max_calls, max_tokens=args.max_tokens, refresh=tuple(args.refresh),
    )  # fmt: skip


def verify(args: argparse.Namespace) -> int:
    """`vistill verify`: 0 when every line has its verdict, whatever the verdicts are."""
    from flows.verify import summary_json, summary_text
    from flows.verify import verify as judge

    summary = judge(args.file, args.out, args.kind)
    print(json.dumps(summary_json(summary)) if args.json else summary_text(summary, max(0, args.show)))
    return 0


def run(args: argparse.Namespace) -> int:
    """`vistill run`: the flow through Prefect, or the same engine in this process. SIGTERM is taken as Ctrl-C is."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    job = _job(args)
    if args.estimate is not None:
        return _estimate(job, args)
    from storage.funnel import funnel as funnel_of

    ended = run_here(job, args.quiet) if args.no_prefect else _run_flow(job, args.quiet)
    funnel = funnel_of(_open(job.store), ended["run_id"])
    if args.json:
        print(json.dumps({**ended, "funnel": funnel}, default=str))
        return 0
    from flows.calls import failures, failures_text
    from flows.report import funnel_text

    print(funnel_text(funnel))
    if said := failures_text(failures(_open(job.store), ended["run_id"])):
        print(said)
    print(f"run {ended['run_id']} {ended['event']} after {ended['seconds']:.0f} s; store: {job.store}")
    return 0


def _estimate(job: Any, args: argparse.Namespace) -> int:
    from flows.estimate import choose, estimate, estimate_text

    chosen = choose(job, args.estimate)
    ended = run_here(job, args.quiet, chosen)
    found = estimate(_open(job.store), ended["run_id"], chosen.total, seed=job.seed)
    print(json.dumps({**ended, **found}) if args.json else estimate_text(found))
    return 0


def run_here(job: Any, quiet: bool, only: Any = None) -> dict[str, Any]:
    """Run a job in this process, with its progress shown; {run_id, event, seconds}."""
    from flows.progress import Progress, shown
    from flows.run import run as run_job
    from flows.run import steps_of

    with ExitStack() as screen:

        def progress_of(prepared: Any) -> Progress:
            progress = Progress(steps_of(prepared))
            screen.enter_context(shown(progress, quiet=quiet))
            return progress

        ended = run_job(job, progress_of, only=only)
    return {"run_id": ended.run_id, "event": ended.event, "seconds": round(ended.seconds, 1)}


def _run_flow(job: Any, quiet: bool) -> dict[str, Any]:
    from flows import server
    from flows.run import check

    check(job)
    return server.run_flow(_flow, {**job.as_json(), "quiet": quiet})


def _flow() -> Any:
    from flows.build import build

    return build


def recipes(args: argparse.Namespace) -> int:
    """`vistill recipes [show RECIPE]`."""
    from flows.show import recipe_data, recipe_text, recipes_table

    if args.action == "list" and args.recipe is None:
        table = recipes_table()
        print(json.dumps(table) if args.json else "\n".join(f"{row['name']:<18} {row['title']}" for row in table))
        return 0
    if args.recipe is None:
        raise ConfigError("recipe", None, "name one: vistill recipes show vlaa-thinking")
    data = recipe_data(args.recipe, args.set, args.teacher)
    print(json.dumps(data) if args.json else recipe_text(data))
    return 0


def status(args: argparse.Namespace) -> int:
    """`vistill status`."""
    from flows.report import status_text
    from flows.review import without_effect
    from storage import corpus
    from storage.liveness import is_alive

    store = _open(args.store)
    rows = corpus.status(store)
    for row in rows:
        if row["status"] == "running" and not is_alive(store, row["run_id"]):
            row["status"] = "killed"
    if args.json:
        print(json.dumps(rows, default=str))
    else:
        print("\n".join([status_text(rows), *without_effect(store)]))
    return 0


def sql(args: argparse.Namespace) -> int:
    """`vistill sql`."""
    from storage.query import read_only, render

    if (args.query is None) == (args.file is None):
        raise ConfigError("QUERY", args.query, "give a query or --file, one of them")
    text = args.query if args.file is None else _read(args.file)
    output = render(
        read_only(_open(args.store), text, timeout=args.timeout),
        args.format or ("json" if args.json else "table"),
    )
    print(output, end="" if output.endswith("\n") else "\n")
    return 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("--file", path, f"cannot be read ({error})") from None


def calls(args: argparse.Namespace) -> int:
    """`vistill calls [summary|list|show KEY|export FILE|batches]`."""
    from flows import calls as ledger
    from flows.report import table

    store = _open(args.store)
    wanted = ledger.Filter(teacher=args.teacher, model=args.model, status=args.status, run=args.run)
    if args.action in ("show", "export") and args.what is None:
        raise ConfigError("KEY" if args.action == "show" else "FILE", None, f"say which: vistill calls {args.action} …")
    if args.action == "export":
        print(f"{ledger.export(store, Path(args.what), wanted):,} calls written to {args.what}")
        return 0
    if args.action == "show":
        rows = ledger.one(store, args.what)
        print(json.dumps(rows, ensure_ascii=False) if args.json else ledger.one_text(rows))
        return 0
    match args.action:
        case "batches":
            rows = ledger.batches(store)
        case "list":
            rows = ledger.listed(store, wanted, args.limit)
        case _:
            rows = ledger.summary(store, wanted)
    if args.json:
        print(json.dumps(rows))
    elif rows:
        print(table(list(rows[0]), [["" if v is None else v for v in row.values()] for row in rows]))
    else:
        print("no batch is under way" if args.action == "batches" else "no such calls")
    return 0


def cues(args: argparse.Namespace) -> int:
    """`vistill cues`."""
    from flows.cues import cues_text, plot, statistics

    found = statistics(_open(args.store), args.recipe)
    if args.out is not None:
        from storage.files import os_errors

        with os_errors("write", args.out):
            Path(args.out).write_bytes(plot(found))
    print(json.dumps(found) if args.json else cues_text(found))
    return 0


def browse(args: argparse.Namespace) -> int:
    """`vistill browse`: until Ctrl-C, which is a good end."""
    from flows.browse import browse as serve

    try:
        return serve(_open(args.store).root, args.port, lambda text: print(text, flush=True))
    except KeyboardInterrupt:
        return 0


def report(args: argparse.Namespace) -> int:
    """`vistill report`: files into a folder; `--json` prints what report.json holds."""
    from flows.run_report import write_report

    out = Path(args.out)
    found = write_report(_open(args.store), args.run, out, seed=args.seed, count=args.examples, plots=not args.no_plots)
    files = ["report.md", "report.json", *found["plots"]]
    text = f"{found['run']['run_id']}: {found['totals']['samples']:,} samples; wrote {', '.join(files)} to {out}"
    print(json.dumps(found) if args.json else text)
    return 0


def export(args: argparse.Namespace) -> int:
    """`vistill export`: exit code 1 when nothing could be exported, or `--like` gave other files."""
    from curation.exports import format_named
    from flows.export import Export, like, parse_settings, summary
    from flows.export import export as write
    from flows.progress import counted

    _open(args.store)
    settings = parse_settings(format_named(args.format), _pairs("--set", args.set))
    with counted("exporting", "rows") as progress:
        if args.like:
            _refuse_beside_like(args)
            manifest = like(args.format, args.like, args.folder, args.store, progress)
        else:
            manifest = write(
                Export(
                    format=args.format, folder=args.folder, store=args.store, recipe=args.recipe, run=args.run,
                    images=args.images, shard_rows=args.shard_rows, settings=settings, placeholders=args.placeholders,
                    allow_overlap=args.allow_overlap, skip_missing=args.skip_missing, as_of=args.as_of,
                    progress=progress,
                )
            )  # fmt: skip
    print(json.dumps(manifest, ensure_ascii=False) if args.json else summary(manifest, args.folder))
    return 0


def _refuse_beside_like(args: argparse.Namespace) -> None:
    """What a manifest says already cannot be asked for as well."""
    from flows.export_files import SHARD_ROWS

    usual: dict[str, Any] = {
        "recipe": None, "run": None, "images": None, "shard_rows": SHARD_ROWS, "set": [], "placeholders": "escape",
        "allow_overlap": False, "skip_missing": False, "as_of": None,
    }  # fmt: skip
    for name, value in usual.items():
        if getattr(args, name) != value:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(option, getattr(args, name), "is what the manifest of --like says: leave it out")


def review(args: argparse.Namespace) -> int:
    """`vistill review`: until Ctrl-C, which is a good end."""
    from flows.review import review as serve

    try:
        return serve(_open(args.store), args, lambda text: print(text, flush=True))
    except KeyboardInterrupt:
        return 0


def compact(args: argparse.Namespace) -> int:
    """`vistill compact`."""
    report = _open(args.store).compact(force=True)
    done = asdict(report) if report else {"generation": None, "segments": 0, "rows": 0, "remaining": 0, "seconds": 0.0}
    text = (
        f"{done['generation']} took in {done['rows']:,} rows of {done['segments']} segments; {done['remaining']} left"
    )
    print(json.dumps(done) if args.json else text if report else "nothing to do, or another process is at it")
    return 0


def fsck(args: argparse.Namespace) -> int:
    """`vistill fsck`: exit code 1 when something is lost or damaged."""
    report = _open(args.store).fsck(repair=args.repair)
    if args.json:
        print(json.dumps({**asdict(report), "ok": report.ok}))
        return 0 if report.ok else 1
    print("\n".join(f"{name:<16} {count:,}" for name, count in report.counts.items()))
    lines = [f"removed {path}" for path in report.repaired]
    lines += [f"{problem.code}: {problem.path}: {problem.detail}" for problem in report.problems]
    print("\n".join([*lines, "the store is sound" if report.ok else f"{len(report.problems)} problems"]))
    return 0 if report.ok else 1


def _open(path: str) -> Any:
    from storage.store import Store
    from storage.wal import recover

    store = Store.open(path, create=False)
    recover(store)
    return store
