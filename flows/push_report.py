"""What a push changes or would change, as JSON types and for people."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.card import About, Configuration
from curation.records import Json
from flows import hub as hubs

CHANGES = ("add", "change", "remove")
"""Kinds of files of a plan that make a commit necessary."""


def report_of(
    remote: hubs.Remote, about: About, ready: Sequence[Configuration], add: Mapping[str, Path | bytes],
    plan: Mapping[str, list[str]], new_branch: str,
) -> dict[str, Any]:  # fmt: skip
    """What a push changes, as JSON types; `commit` and `tag` are "" until they are there, `new_branch` is one it
    makes.
    """
    new = add["README.md"]
    assert isinstance(new, bytes)
    lines = difflib.unified_diff(
        remote.readme.splitlines(), new.decode().splitlines(), "README.md on the Hub", "README.md", lineterm="", n=1
    )
    return {
        "repo": remote.repo, "url": about.url, "commit": "", "tag": "", "exists": remote.exists, "parent": remote.sha,
        "new_branch": new_branch, "licence": list(about.licences), "rows": {one.name: one.rows for one in ready},
        "rows_before": {one.name: _rows(remote.exports.get(one.name)) for one in ready}, "files": dict(plan),
        "bytes": sum(_size(add[path]) for path in (*plan["add"], *plan["change"])), "card": list(lines),
    }  # fmt: skip


def _rows(manifest: Mapping[str, Json] | None) -> int:
    counts = (manifest or {}).get("counts")
    return sum(n for n in counts.values() if isinstance(n, int)) if isinstance(counts, dict) else 0


def _size(content: Path | bytes) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def push_text(report: Mapping[str, Any], *, dry_run: bool) -> str:
    """What was sent, or would be, for people."""
    files, repo = report["files"], report["repo"]
    lines = [f"{repo}: {name} {report['rows_before'][name]:,} -> {rows:,} rows" for name, rows in
             report["rows"].items()]  # fmt: skip
    lines.append(f"licence: {', '.join(report['licence'])}")
    if dry_run:
        marks = {"add": "+", "change": "~", "remove": "-"}
        lines += [f"{mark} {path}" for kind, mark in marks.items() for path in files[kind]]
        lines += [*report["card"], f"nothing was sent; {_would(report)}"]
        return "\n".join("".join(char if char.isprintable() else " " for char in line) for line in lines)
    if report["new_branch"]:
        lines.append(f"new branch: {report['new_branch']}")
    if report["tag"]:
        lines.append(f"tag: {report['tag']} is at {report['commit'][:12]}")
    if not any(files[kind] for kind in CHANGES):
        return "\n".join([*lines, f"nothing to send: the Hub has it all at {report['commit'][:12]}"])
    words = {"add": "new", "change": "changed", "remove": "removed", "keep": "as they were"}
    counts = ", ".join(f"{len(files[kind])} {word}" for kind, word in words.items())
    return "\n".join([*lines, f"files: {counts}; {report['bytes'] / 1e6:.1f} MB", report["url"]])


def _would(report: Mapping[str, Any]) -> str:
    size = f"{report['bytes'] / 1e6:.1f} MB in {len(report['files']['add']) + len(report['files']['change'])} files"
    made = f"the branch {report['new_branch']}" if report["new_branch"] else "" if report["exists"] else report["repo"]
    return f"a push would send {size}" + (f" and create {made}" if made else "")
