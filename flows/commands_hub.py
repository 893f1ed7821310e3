"""What `vistill push` does, once parsed."""

import argparse
import json
import sys
from typing import Any

from curation.errors import ConfigError


def push(args: argparse.Namespace) -> int:
    """`vistill push`: exit code 1 when it must not be sent or could not be."""
    from flows.commands import _open, _pairs
    from flows.push import MESSAGE, Push, push_text
    from flows.push import push as publish

    wanted = Push(
        repo=args.repo, store=args.store, formats=tuple(dict.fromkeys(args.format)), recipe=args.recipe, run=args.run,
        public=args.public, revision=args.revision, tag=args.tag, pull_request=args.pr, dry_run=args.dry_run,
        message=args.message or MESSAGE, title=args.title, language=tuple(args.language),
        licences=_pairs("--licence", args.licence), settings=_settings(args), shard_rows=args.shard_rows,
        placeholders=args.placeholders, allow_overlap=args.allow_overlap, skip_missing=args.skip_missing,
        older=args.older, work=args.work,
    )  # fmt: skip
    _open(args.store)
    report = publish(wanted, lambda line: print(line, file=sys.stderr, flush=True))
    print(json.dumps(report) if args.json else push_text(report, dry_run=args.dry_run))
    return 0


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
