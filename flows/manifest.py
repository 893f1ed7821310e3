"""The manifest of an export: from which rows of which store it was made, by which code, and the hash of every file.

Holds no path of the machine and no time of its own, so that the same rows give the same manifest.
"""

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from curation.errors import ConfigError, StoreError
from curation.prompts import PromptSet
from curation.recipe import BoundDraws
from curation.records import Json
from flows.export_files import Written
from storage.corpus import FLOW_RUN

NAME = "manifest.json"
CODE = Path(__file__).resolve().parents[1]
Manifest = dict[str, Json]


def git_revision() -> Json:
    """{revision, dirty} of the code that is running, None when it is not run from its own repository."""
    if _git("rev-parse", "--show-toplevel") != str(CODE):
        return None
    packages = ("curation", "storage", "flows")
    return {"revision": _git("rev-parse", "HEAD"), "dirty": bool(_git("status", "--porcelain", "--", *packages))}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(CODE), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def models_of(run: Mapping[str, Any]) -> dict[str, Json]:
    """Teacher and model of each role, without addresses and keys."""
    teachers = orjson.loads(run["teachers"] or "{}")
    return {
        role: {name: spec.get(name, "") for name in ("name", "model")} if isinstance(spec, dict) else {"name": spec}
        for role, spec in teachers.items()
    }


def prompts_of(run: Mapping[str, Any]) -> dict[str, Json]:
    """{step: {name: SHA-256 of the template}} of the run, empty when today's code would not make the same steps.

    A run keeps fingerprints, not templates; where the recipe still has its fingerprint, the templates are the same too.
    """
    from flows.job import from_json, prepare

    job = {**orjson.loads(run["settings"] or "{}"), "source": run["source"]}
    job.pop(FLOW_RUN, None)
    try:
        plan = prepare(from_json(job)).plan
    except (ConfigError, TypeError):  # a recipe, a setting or a prompt file that is no longer there
        return {}
    if plan.fingerprint != run["recipe_fingerprint"]:
        return {}
    steps = [step for part in plan.parts() for step in (part.steps if isinstance(part, BoundDraws) else (part,))]
    found = {
        step.name: {
            value.name: sha256(value.prompt.text.encode()).hexdigest()
            for value in step.step.settings.values() if isinstance(value, PromptSet)
        }
        for step in steps
    }  # fmt: skip
    return {name: hashes for name, hashes in found.items() if hashes}


def rebuild_command(format: str, store: str, manifest: Mapping[str, Json]) -> str:
    """What writes the same files again from the same store; an absolute path is shortened to its last part."""
    place = Path(store).name if Path(store).is_absolute() else store
    fixed = ["vistill", "export", format, format, "--store", place, "--run", manifest["run_id"]]
    options = ["--as-of", repr(manifest["as_of"]), "--images", manifest["images"]]
    if manifest["images"] == "embed":
        options += ["--shard-rows", str(manifest["shard_rows"])]
    options += [f"--set={name}={_text(value)}" for name, value in sorted(manifest["settings"].items())]
    flags = [f"--{name.replace('_', '-')}" for name in ("allow_overlap", "skip_missing") if manifest[name]]
    refuse = ["--placeholders", "refuse"] if manifest["placeholders"] == "refuse" else []
    return shlex.join([*fixed, *options, *refuse, *flags])


def _text(value: Json) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def file_entries(files: Sequence[Written]) -> list[Json]:
    """Files as the manifest lists them, by path."""
    return [asdict(file) for file in sorted(files, key=lambda file: file.path)]


def dump(manifest: Manifest) -> bytes:
    """The manifest's text."""
    return orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n"


def load(path: Path) -> Manifest:
    """A manifest from its file or from the folder it is in. Raises `StoreError` when it is none of ours."""
    file = path / NAME if path.is_dir() else path
    try:
        manifest = orjson.loads(file.read_bytes())
        known = {"vistill", "format", "files", "run_id", "as_of"}
        if not known <= manifest.keys() or not all(_inside(each["path"]) for each in manifest["files"]):
            raise ValueError("not one that `vistill export` wrote")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"{file} cannot be read as a manifest: {error}") from None
    return dict(manifest)


def _inside(path: str) -> bool:
    return not Path(path).is_absolute() and ".." not in Path(path).parts


def release() -> str:
    """The version of Vistill that is running."""
    return version("vistill")
