"""The command line. Only parsing lives here; each command imports what it needs when it runs, so `--help` is quick.

Exit codes: 0 done, 1 the work failed or was stopped by a limit, 2 bad use, 130 interrupted with Ctrl-C.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from curation.errors import ConfigError, VistillError
from flows.interrupts import is_interrupt

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
    _browse(commands)
    _review(commands)
    _keep(commands)
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
        help="figures, folder:DIR, jsonl:FILE, json:FILE, parquet:FILE, huggingface:REPO",
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
        help="local, vllm:MODEL, or https://host/v1#model; may be given once a role (default local)",
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
        commands, "deploy", "Deploy the build flow with these parameters to a Prefect process work pool.",
        "example:\n  vistill deploy vlaa-thinking --source figures --limit 24 --name nightly\n"
        "  prefect worker start --pool vistill",
    )  # fmt: skip
    _job(command)
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


def _browse(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(
        commands,
        "browse",
        "Look at a store in the browser (read-only, this machine only).",
        "example:\n  vistill browse --store demo-store --port 8502",
    )
    _store(command)
    command.add_argument("--port", type=int, metavar="N", help="default 8501, or a free one when that is taken")


def _review(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _command(
        commands, "review", "Judge samples in the browser; decisions change the splits.",
        "examples:\n  vistill review --store demo-store\n"
        "  vistill review --annotators-a-record 2 --ask-name\n"
        "  vistill review --user-header X-Forwarded-User --allow-host review.lab.example --lead ann@lab.example",
    )  # fmt: skip
    _store(command)
    command.add_argument("--port", type=int, metavar="N", help="default 8501, or a free one when that is taken")
    who = command.add_mutually_exclusive_group()
    who.add_argument("--annotator", metavar="NAME", help="who decides (default: your login name)")
    who.add_argument("--ask-name", action="store_true", help="let each browser say a name; for people you trust")
    who.add_argument("--user-header", metavar="H", help="take names from this header, which only your proxy may set")
    who.add_argument("--oidc", action="store_true", help="sign in by OpenID Connect, set up in .streamlit/secrets.toml")
    command.add_argument("--role", choices=("viewer", "annotator", "lead"), help="of people not named below")
    command.add_argument(
        "--lead", action="append", default=[], metavar="NAME", help="may settle conflicts, act in bulk"
    )
    command.add_argument("--viewer", action="append", default=[], metavar="NAME", help="may look and not decide")
    command.add_argument("--allow-host", action="append", default=[], metavar="H", help="host name a proxy asks for")
    command.add_argument("--annotators-a-record", type=int, default=1, metavar="K", help="people a sample (default 1)")
    command.add_argument(
        "--seed", type=int, default=0, metavar="S", help="of random order and of the audit (default 0)"
    )


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
    args = parser().parse_args(argv)
    if args.version:
        from importlib.metadata import version

        print(f"vistill {version('vistill')}")
        return 0
    if args.command is None:
        parser().print_help()
        return 2
    try:
        return _dispatch(args)
    except ConfigError as error:
        return _say(error, 2)
    except VistillError as error:
        return _say(error, 1)
    except (KeyboardInterrupt, RuntimeError) as error:
        if not is_interrupt(error):
            raise
        return _say("interrupted; what was done is kept, and the same command continues from here", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _say(what: object, code: int) -> int:
    print(f"vistill: {' '.join(str(what).split())}", file=sys.stderr)
    return code


def _dispatch(args: argparse.Namespace) -> int:
    from flows import commands

    handler = {
        "run": commands.run, "deploy": commands.deploy, "recipes": commands.recipes, "status": commands.status,
        "sql": commands.sql, "calls": commands.calls, "browse": commands.browse, "review": commands.review,
        "compact": commands.compact, "fsck": commands.fsck,
    }[args.command]  # fmt: skip
    return handler(args)


if __name__ == "__main__":
    sys.exit(main())
