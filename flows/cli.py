"""The command line. Only parsing lives here; each command imports what it needs when it runs, so `--help` is quick.

Exit codes: 0 done, 1 the work failed or was stopped by a limit, 2 bad use, 130 interrupted with Ctrl-C.
"""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence

from curation.errors import ConfigError, StoreMissing, VistillError
from flows.cli_hub import add_chain, add_hub
from flows.cli_review import add_review
from flows.cli_whole import add_whole
from flows.interrupts import end_waiting, is_interrupt

INTERRUPTED = 130
RUN_EXAMPLE = """examples:
  vistill run vlaa-thinking --source figures --limit 24 --teacher local --set draws=4
  vistill run vlaa-thinking --source 'json:data/problems.json' --map image='images/{key}.png' --map options=choices \\
      --teacher captioner=https://api.openai.com/v1#gpt-4o --teacher https://api.deepseek.com/v1#deepseek-reasoner
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="vistill", description="Build multimodal reasoning corpora; every artefact is in DuckDB."
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    _run(commands)
    _deploy(commands)
    _recipes(commands)
    _status(commands)
    _sql(commands)
    _calls(commands)
    _cues(commands)
    _browse(commands)
    _verify(commands)
    _report(commands)
    _export(commands)
    add_review(commands, _command, _store)
    _keep(commands)
    add_whole(commands, _command, _store, _json)
    add_hub(commands, _command, _store, _json)
    return top


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, example: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _store(command: argparse.ArgumentParser) -> None:
    command.add_argument("--store", default="store", metavar="DIR", help="folder of the store (default ./store)")


def _json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="machine-readable output")


def _job(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", metavar="RECIPE", help="name of a recipe; `vistill recipes` lists them")
    command.add_argument(
        "--source",
        required=True,
        metavar="S",
        help="figures, folder:DIR, jsonl:FILE, json:FILE, parquet:FILE, huggingface:REPO; published corpora "
        "(docs/importing.md): vlaa-thinking:FILE, vision-r1-cold:FILE, vision-r1-rl:FILE, wethink:FILE, "
        "llava-cot:FILE, mulberry:FILE",
    )
    command.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="FIELD=COLUMN",
        help="where a field of a sample comes from; a column, a template with {column}, or 'text'",
    )
    command.add_argument("--map-file", metavar="FILE", help="the same mapping in a TOML file")
    command.add_argument(
        "--teacher",
        action="append",
        default=[],
        metavar="[ROLE=]T",
        help="local, vllm:MODEL, or https://host/v1#model; may be given once a role "
        "(default local; nobody where the recipe needs nobody)",
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the recipe; `vistill recipes show RECIPE` lists them",
    )
    command.add_argument(
        "--prompt",
        action="append",
        default=[],
        metavar="STEP=FILE",
        help="your own prompt template for a step",
    )
    _store(command)
    _how_much(command)


def _how_much(command: argparse.ArgumentParser) -> None:
    command.add_argument("--limit", type=int, metavar="N", help="take at most N rows of the source")
    command.add_argument("--accepted", type=int, metavar="N", help="stop once exactly N verified samples exist")
    command.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="S",
        help="seed of every choice that is not a model's (default 0)",
    )
    command.add_argument(
        "--refresh", action="append", default=[], metavar="[ROLE=]WORD",
        help="ask again although answers are there, as a round of that name; repeat the word to continue the round",
    )  # fmt: skip
    command.add_argument("--batch", type=int, default=64, metavar="N", help="samples a batch (default 64)")
    for name, kind in (("cost", float), ("calls", int), ("tokens", int)):
        command.add_argument(
            f"--max-{name}",
            type=kind,
            metavar="N",
            help=f"stop before the call that would pass this many {'dollars' if name == 'cost' else name}",
        )


def _run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(commands, "run", "Run a recipe over a source; run it again to continue.", RUN_EXAMPLE)
    _job(command)
    command.add_argument(
        "--no-prefect", action="store_true", help="run in this process without Prefect: quicker to start"
    )
    command.add_argument(
        "--estimate", nargs="?", type=int, const=16, metavar="N",
        help="run N rows (default 16) drawn from the source, and say what all of them would take; "
        "what was asked is kept, so the run itself will not ask it again",
    )  # fmt: skip
    command.add_argument("--quiet", action="store_true", help="show no progress")
    _json(command)


def _deploy(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(
        commands, "deploy", "Deploy the build flow to a Prefect work pool, and publish and train behind it.",
        "examples:\n  vistill deploy vlaa-thinking --source figures --limit 24 --name nightly\n"
        "  vistill deploy vlaa-thinking --source figures --export exports --push me/charts --train grpo.toml\n"
        "  prefect worker start --pool vistill",
    )  # fmt: skip
    _job(command)
    add_chain(command)
    command.add_argument("--name", default="build", help="name of the deployment (default build)")
    command.add_argument(
        "--pool", default="vistill", help="name of the process work pool, made when missing (default vistill)"
    )
    command.add_argument("--cron", metavar="EXPR", help="schedule, for example '0 2 * * *'")


def _recipes(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(
        commands,
        "recipes",
        "List recipes, or show one.",
        "examples:\n  vistill recipes\n  vistill recipes show vlaa-thinking --set draws=4",
    )
    command.add_argument("action", nargs="?", choices=("list", "show"), default="list")
    command.add_argument("recipe", nargs="?", metavar="RECIPE")
    command.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="show it with this setting")
    command.add_argument(
        "--teacher",
        action="append",
        default=[],
        metavar="[ROLE=]T",
        help="show the fingerprints with these teachers",
    )
    _json(command)


def _status(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(
        commands,
        "status",
        "Runs in a store and how far they are.",
        "example:\n  vistill status --store demo-store",
    )
    _store(command)
    _json(command)


def _sql(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(
        commands,
        "sql",
        "Ask the store a question in SQL (read-only).",
        'examples:\n  vistill sql "select * from funnel"\n  vistill sql --file query.sql --format csv',
    )
    command.add_argument("query", nargs="?", metavar="QUERY")
    command.add_argument("--file", metavar="FILE", help="read the query from a file")
    command.add_argument("--format", choices=("table", "csv", "json"), help="default table")
    command.add_argument(
        "--timeout", type=float, default=60, metavar="S", help="give up after this many seconds (default 60)"
    )
    _store(command)
    _json(command)


def _calls(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(
        commands, "calls", "Model calls in a store: a summary, a list, one, all as JSON lines; or batches under way.",
        "examples:\n  vistill calls\n  vistill calls list --status call_failed\n  vistill calls show 3f9a\n"
        "  vistill calls export calls.jsonl --teacher api.openai.com\n"
        "  vistill calls batches",
    )  # fmt: skip
    actions = ("summary", "list", "show", "export", "batches")
    command.add_argument("action", nargs="?", choices=actions, default="summary")
    command.add_argument("what", nargs="?", metavar="KEY|FILE", help="the start of a key, or the file to write")
    for name in ("teacher", "model", "status", "run"):
        command.add_argument(f"--{name}", metavar="X", help=f"only calls of this {name}")
    command.add_argument("--limit", type=int, default=20, metavar="N", help="list so many (default 20)")
    _store(command)
    _json(command)


def _cues(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(
        commands, "cues", "How often kept traces show self-reflection: occurrences and rows by cue word.",
        "examples:\n  vistill cues\n  vistill cues --out cues.png --json",
    )  # fmt: skip
    command.add_argument("--recipe", metavar="NAME", help="count the newest run of this recipe (default: of all)")
    command.add_argument("--out", metavar="FILE", help="also draw them into this PNG")
    _store(command)
    _json(command)


def _verify(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(
        commands, "verify", "Check a JSONL file of {response, answer, options?, kind?, question?} by the rules.",
        "example:\n  vistill verify replies.jsonl --out verdicts.jsonl",
    )  # fmt: skip
    command.add_argument("file", metavar="FILE", help="JSONL; one row a line")
    command.add_argument("--out", metavar="FILE", help="write one verdict a line here, in the input's order")
    kinds = ("digit", "number", "math", "mcq", "text", "box", "open")
    command.add_argument("--kind", choices=kinds, help="kind of rows that name none (default: seen from the answer)")
    command.add_argument("--show", type=int, default=20, metavar="N", help="print so many undecided rows (default 20)")
    _json(command)


def _browse(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(
        commands,
        "browse",
        "Look at a store in the browser (read-only, this machine only).",
        "example:\n  vistill browse --store demo-store --port 8502",
    )
    _store(command)
    command.add_argument("--port", type=int, metavar="N", help="default 8501, or a free one when that is taken")


def _report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(
        commands, "report", "Write the statistics of a run, or of a recipe's latest run: JSON, Markdown and plots.",
        "example:\n  vistill report vlaa-thinking --store demo-store --out demo-report",
    )  # fmt: skip
    command.add_argument("run", metavar="RECIPE-or-RUN", help="a recipe (its latest run is taken) or the id of a run")
    command.add_argument("--out", required=True, metavar="DIR", help="folder to write into; made when missing")
    command.add_argument(
        "--examples", type=int, default=3, metavar="N", help="kept and dropped samples shown (default 3)"
    )
    command.add_argument("--seed", type=int, default=0, metavar="S", help="seed that picks the examples (default 0)")
    command.add_argument("--no-plots", action="store_true", help="write no PNG; matplotlib is then not needed")
    _store(command)
    _json(command)


def _export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(
        commands, "export", "Write the splits of a run in the columns of a trainer or of a published corpus.",
        "examples:\n  vistill export grpo exports/grpo --store store\n"
        "  vistill export sft exports/sft --store store --images files --skip-missing\n"
        "  vistill export grpo again --store store --like exports/grpo/manifest.json",
    )  # fmt: skip
    command.add_argument("format", metavar="FORMAT", help="grpo, sft, sft_trl, verl, easyr1, preference, vlaa, raw, …")
    command.add_argument("folder", metavar="DIR", help="a new folder, or that of an earlier export of this format")
    _store(command)
    command.add_argument("--recipe", metavar="RECIPE", help="the latest run of this recipe")
    command.add_argument("--run", metavar="ID", help="this run, instead of the latest of its recipe")
    command.add_argument("--images", choices=("embed", "files"), help="pictures inside the rows, or as files")
    command.add_argument("--shard-rows", type=int, default=5000, metavar="N", help="rows a Parquet shard (5000)")
    command.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the format")
    command.add_argument(
        "--placeholders", choices=("escape", "refuse"), default="escape",
        help="what becomes of <image> and the like in texts: shown as ‹image›, or the sample left out",
    )  # fmt: skip
    command.add_argument("--allow-overlap", action="store_true", help="although splits share images or parents")
    command.add_argument("--skip-missing", action="store_true", help="leave out samples whose picture is lost")
    command.add_argument("--as-of", type=float, metavar="T", help="rows created up to then (seconds since the epoch)")
    command.add_argument("--like", metavar="FILE", help="as this manifest says, and compare every file with it")
    _json(command)


def _keep(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(
        commands,
        "compact",
        "Fold the store's segments into a new generation.",
        "example:\n  vistill compact --store store",
    )
    _store(command)
    _json(command)
    command = _command(
        commands,
        "fsck",
        "Check the store: hashes, orphans, counts, damage.",
        "example:\n  vistill fsck --store store",
    )
    command.add_argument("--repair", action="store_true", help="remove left-over temporary files")
    _store(command)
    _json(command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    # Arrow's own allocator keeps what it once had: a quarter of a long run's memory (445 MB against 354 on 10,000
    # samples, 2026-11-25), for no gain in time.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    args = parser().parse_args(argv)
    if args.version:
        from importlib.metadata import version

        print(f"vistill {version('vistill')}")
        return 0
    if args.command is None:
        parser().print_help()
        return 2
    try:
        code = _dispatch(args)
        sys.stdout.flush()
        return code
    except (ConfigError, StoreMissing) as error:
        return _say(error, 2)
    except VistillError as error:
        return _say(error, 1)
    except (KeyboardInterrupt, RuntimeError) as error:
        if not is_interrupt(error):
            raise
        return _say("interrupted; what was done is kept, and the same command continues from here", INTERRUPTED)
    except BrokenPipeError:
        _drop_output()
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _drop_output()
        return _say(f"{os.strerror(error.errno)}: the output could not be written whole; what is stored is kept", 1)


def run() -> None:
    """The program: `main`, which after Ctrl-C does not wait for threads that a silent peer keeps."""
    code = main()
    if code == INTERRUPTED:
        end_waiting(code)
    sys.exit(code)


def _drop_output() -> None:
    """What is still to be printed goes nowhere, so that the interpreter does not try again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(what: object, code: int) -> int:
    print(f"vistill: {' '.join(str(what).split())}", file=sys.stderr)
    return code


def _dispatch(args: argparse.Namespace) -> int:
    from flows import commands, commands_hub, commands_whole

    place = next((each for each in (commands_whole, commands_hub) if hasattr(each, args.command)), commands)
    handler: Callable[[argparse.Namespace], int] = getattr(place, args.command)
    return handler(args)


if __name__ == "__main__":
    run()
