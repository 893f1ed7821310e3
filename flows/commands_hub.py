"""What `vistill push`, `deploy` and `train` do, once parsed."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from curation.errors import ConfigError


def push(args: argparse.Namespace) -> int:
    """`vistill push`: exit code 1 when it must not be sent or could not be."""
    from flows.commands import _open, _pairs
    from flows.push import MESSAGE, Push
    from flows.push import push as publish
    from flows.push_report import push_text

    wanted = Push(
        repo=args.repo, store=args.store, formats=tuple(dict.fromkeys(args.format)), recipe=args.recipe, run=args.run,
        public=args.public, revision=args.revision, tag=args.tag, pull_request=args.pr, dry_run=args.dry_run,
        message=args.message or MESSAGE, title=args.title, language=tuple(args.language),
        licences=_pairs("--licence", args.licence, "SOURCE=ID"), settings=_settings(args), shard_rows=args.shard_rows,
        placeholders=args.placeholders, allow_overlap=args.allow_overlap, skip_missing=args.skip_missing,
        older=args.older, work=args.work,
    )  # fmt: skip
    _open(args.store)
    report = publish(wanted, lambda line: print(line, file=sys.stderr, flush=True))
    print(json.dumps(report) if args.json else push_text(report, dry_run=args.dry_run))
    return 0


def train(args: argparse.Namespace) -> int:
    """`vistill train`: exit code 1 when training must not go on (too little format, a loss that is no number)."""
    from flows.training import train as run

    def say(line: str) -> None:
        print(line, file=sys.stderr if args.json else sys.stdout, flush=True)

    record = run(args.config, args.seed, args.store, say)
    print(json.dumps({"out": str(record.out), "scores": record.scores}) if args.json else f"done: {record.out}")
    return 0


def deploy(args: argparse.Namespace) -> int:
    """`vistill deploy`: register flows with a process work pool of the configured Prefect server."""
    from flows.commands import _job
    from flows.deploy import deploy as register

    print(register(_job(args), name=args.name, pool=args.pool, cron=args.cron, chain=_chain(args)))
    return 0


def _chain(args: argparse.Namespace) -> Any:
    """What comes behind the build, refused now where it could not run later."""
    from curation.exports import format_named
    from curation.trainer.config import read
    from flows.commands import _pairs
    from flows.deploy import Chain
    from flows.hub_names import check_repo
    from flows.push import Push

    publish = None
    exported, pushed = args.export is not None, args.push is not None
    if not exported and not pushed:
        _only_with("--format", args.format, "says what --export and --push write: give one of them")
    if not pushed:
        _only_with("--licence", args.licence, "states a licence for --push: give that too")
    if exported or pushed:
        licences = _pairs("--licence", args.licence, "SOURCE=ID")
        for name in args.format:
            format_named(name)
        _check_folder(args.export, args.store)
        if pushed:
            check_repo(args.push, "--push")
            Push(repo=args.push, formats=tuple(args.format), licences=licences)
        publish = {
            "folder": args.export, "repo": args.push, "formats": args.format or None, "licences": licences or None,
        }  # fmt: skip
    if args.train:
        if not Path(args.train).is_file():
            raise ConfigError("--train", args.train, "is no file; docs/training.md says what to write into one")
        read(Path(args.train))
    return Chain(publish=publish, train={"config": args.train} if args.train else None)


def _check_folder(folder: str | None, store: str) -> None:
    """Where splits are to be written must be a folder, or nothing yet, outside the store."""
    if folder is None:
        return
    if not folder:
        raise ConfigError("--export", "", "name the folder to write the splits into")
    path = Path(folder).resolve()
    if path.exists() and not path.is_dir():
        raise ConfigError("--export", folder, "is a file: name a folder")
    if path.is_relative_to(Path(store).resolve()):
        raise ConfigError("--export", folder, "lies in the store's own folder: name another")


def _only_with(flag: str, given: list[str], fix: str) -> None:
    if given:
        raise ConfigError(flag, given[0], fix)


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """Settings that at least one of the formats has."""
    from curation.exports import format_named
    from flows.commands import _pairs
    from flows.export import parse_settings
    from flows.push import DEFAULT_FORMATS

    formats = [format_named(name) for name in args.format or DEFAULT_FORMATS]
    found: dict[str, Any] = {}
    for name, text in _pairs("--set", args.set).items():
        having = next((one for one in formats if name in one.settings), None)
        if having is None:
            raise ConfigError("--set", name, "is no setting of these formats")
        found |= having.accepted(parse_settings(having, {name: text}))
    return found
