"""What `vistill audit`, `dedup`, `decontaminate`, `balance` and `passrate` do, once parsed."""

import argparse
import json
from pathlib import Path
from typing import Any

from curation.errors import ConfigError


def _given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The settings that were given; the others keep their defaults."""
    return {name: value for name in names if (value := getattr(args, name)) is not None}


def _undone(args: argparse.Namespace, purpose: Any) -> int:
    from flows.commands import _open
    from storage.exclusions import undo_pass

    count = undo_pass(_open(args.store), args.undo, purpose)
    done = {"undone": args.undo, "samples": count}
    print(json.dumps(done) if args.json else f"{args.undo} is undone: it keeps {count:,} samples out no longer")
    return 0


def audit(args: argparse.Namespace) -> int:
    """`vistill audit`: exit code 1 when `--fail-on` says so."""
    if args.undo:
        return _undone(args, "audit")
    if args.exclude:
        return _take_out(args)
    from curation.audit import SEVERITIES
    from flows.audit import Audit, lines, run
    from flows.commands import _open

    for name in ("split", "audit", "dry_run", "most"):
        if getattr(args, name):
            raise ConfigError(f"--{name.replace('_', '-')}", getattr(args, name), "goes with --exclude CHECK")
    for name, least in (("ask", 1), ("pictures", 0)):
        if getattr(args, name) < least:
            raise ConfigError(f"--{name}", getattr(args, name), f"must be at least {least}")
    wanted = Audit(args.recipe, args.all, args.teacher, args.ask, args.pictures, args.seed)
    result = run(_open(args.store), wanted, Path(args.out) if args.out else None)
    print(json.dumps(result, ensure_ascii=False) if args.json else "\n".join(lines(result)))
    if args.out and not args.json:
        print(f"report: {Path(args.out) / 'audit.html'}")
    grave = SEVERITIES[: SEVERITIES.index(args.fail_on) + 1] if args.fail_on else ()
    return 1 if any(finding["severity"] in grave for finding in result["findings"]) else 0


def _take_out(args: argparse.Namespace) -> int:
    from flows.audit_exclude import Wanted, exclude, exclude_text
    from flows.commands import _open

    report = exclude(_open(args.store), Wanted(args.exclude, args.audit, args.split, args.dry_run, args.most))
    print(json.dumps(report) if args.json else exclude_text(report, dry_run=args.dry_run))
    return 0


def dedup(args: argparse.Namespace) -> int:
    """`vistill dedup`."""
    if args.undo:
        return _undone(args, "dedup")
    from curation.dedup import Settings
    from flows.commands import _open
    from flows.dedup import Asked, dedup_text
    from flows.dedup import dedup as search

    methods = tuple(name.strip() for name in args.by.split(",") if name.strip())
    settings = Settings(
        methods=methods,
        any_picture=args.any_picture,
        **_given(args, "threshold", "shingle", "cosine", "look", "radius"),
    )
    asked = Asked(args.text, args.embedder, args.image_embedder, args.every, args.dry_run)
    report = search(_open(args.store), settings.checked(), asked)
    print(json.dumps(report) if args.json else dedup_text(report, dry_run=args.dry_run))
    return 0


def decontaminate(args: argparse.Namespace) -> int:
    """`vistill decontaminate`."""
    if args.undo:
        return _undone(args, "decontaminate")
    from curation.dedup.benchmark import Settings
    from flows.commands import _open
    from flows.decontaminate import Asked, decontaminate_text
    from flows.decontaminate import decontaminate as search

    if not args.against and not args.fingerprints:
        raise ConfigError("--against", None, "name a benchmark, as in --against json:FILE, or give --fingerprints FILE")
    settings = Settings(**_given(args, "overlap", "shingle", "cosine", "look", "radius"))
    asked = Asked(
        against=tuple(args.against), maps=tuple(args.map), fingerprints=tuple(map(Path, args.fingerprints)),
        save=Path(args.save_fingerprints) if args.save_fingerprints else None,
        out=Path(args.out) if args.out else None, semantic=args.semantic, embedder=args.embedder,
        image_embedder=args.image_embedder, every=args.every, dry_run=args.dry_run,
    )  # fmt: skip
    report = search(_open(args.store), settings.checked(), asked)
    print(json.dumps(report) if args.json else decontaminate_text(report, dry_run=args.dry_run))
    return 0


def balance(args: argparse.Namespace) -> int:
    """`vistill balance`."""
    if args.undo:
        return _undone(args, "balance")
    from flows.balance import Asked, balance_text, parse_quotas
    from flows.balance import balance as choose
    from flows.commands import _open

    asked = Asked(
        by=tuple(name.strip() for name in args.by.split(",") if name.strip()), size=args.size,
        quotas=parse_quotas(args.quota), ability=args.ability, clusters=args.clusters, embedder=args.embedder,
        seed=args.seed, every=args.every, dry_run=args.dry_run,
    )  # fmt: skip
    report = choose(_open(args.store), asked)
    print(json.dumps(report) if args.json else balance_text(report, dry_run=args.dry_run))
    return 0


def passrate(args: argparse.Namespace) -> int:
    """`vistill passrate`."""
    if args.undo:
        return _undone(args, "passrate")
    import sys

    from flows.commands import _open
    from flows.passrate import Asked, passrate_text
    from flows.passrate import passrate as sample

    if args.teacher is None:
        raise ConfigError("--teacher", None, "say which model to sample, as in --teacher vllm:MODEL")
    asked = Asked(
        teacher=args.teacher, recipe=args.recipe, split=args.split, draws=args.draws, band=_band(args.band),
        temperature=args.temperature, max_tokens=args.max_tokens, limit=args.limit, **_given(args, "system"),
    )  # fmt: skip
    report = sample(_open(args.store), asked, lambda line: print(line, file=sys.stderr, flush=True))
    print(json.dumps(report) if args.json else passrate_text(report))
    return 0


def _band(text: str | None) -> Any:
    from curation.passrate import Band

    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError("--band", text, "write it as LOW,HIGH, for example 0.1,0.9") from None
    return Band(low, high)
