"""`vistill report`: one run as `report.json`, `report.md` and plots, from the store alone.

The same store gives the same bytes: nothing of this moment or machine is written. Counting is `storage.run_facts`',
the Markdown `flows.report_markdown`'s and the pictures `flows.report_plots`'.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from curation.errors import ConfigError
from curation.recipes import RECIPES, build
from flows.report_markdown import PLOTS, markdown
from storage import run_facts
from storage.files import discard, write_durably
from storage.store import Store

VERSION = 1  # of the JSON's layout
LONGEST_EXAMPLE = 4_000  # characters of one text of an example
MOST_EXAMPLES = 50


def write_report(store: Store, name: str, out: Path, *, seed: int, count: int, plots: bool) -> dict[str, Any]:
    """Write the report of a run, or of a recipe's latest, into the folder `out`; the report as JSON types.

    ConfigError for an empty store, an unknown name, a folder that cannot be written, or plots without matplotlib.
    """
    if not 0 <= count <= MOST_EXAMPLES:
        raise ConfigError("--examples", count, f"0 to {MOST_EXAMPLES} of each kind")
    if plots and find_spec("matplotlib") is None:
        raise ConfigError("plots", "matplotlib", "is not installed; pip install 'vistill[report]', or give --no-plots")
    report = gathered(store, name, seed=seed, count=count)
    files: dict[str, bytes] = {}
    if plots:
        from flows.report_plots import drawn

        files = drawn(report)
    report["plots"] = sorted(files)
    files |= {"report.json": orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n"}
    files |= {"report.md": markdown(report).encode()}
    _write(out, files)
    return report


def gathered(store: Store, name: str, *, seed: int, count: int) -> dict[str, Any]:
    """The report of one moment of the store."""
    with run_facts.moment(store) as snapshot:
        run = run_facts.find_run(snapshot, name)
        facts = run_facts.gather(snapshot, run["run_id"])
        shown = run_facts.examples(snapshot, run["run_id"], count=count, seed=seed, longest=LONGEST_EXAMPLE)
    teachers = orjson.loads(run["teachers"] or "{}")
    for row in facts["funnel"]:
        row |= {key: orjson.loads(row[key]) for key in ("dropped_by_reason", "failed_by_reason")}
    for row in facts["cost"]:
        row["role"] = _role(row, run["recipe"], teachers)
    return {
        "version": VERSION, "run": _run(run, teachers), **facts, "by_role": _by_role(facts["cost"]),
        "examples": {"seed": seed, **shown},
    }  # fmt: skip


def _run(run: Mapping[str, Any], teachers: Mapping[str, Any]) -> dict[str, Any]:
    """What the report says of the run itself; times are seconds since the epoch."""
    names = ("run_id", "recipe", "source", "seed", "status", "detail", "started", "resumed", "ended", "cut")
    seconds = run["ended"] - run["resumed"] if run["ended"] else None
    settings = orjson.loads(run["settings"] or "{}")
    models = {role: spec.get("model", "") if isinstance(spec, dict) else spec for role, spec in teachers.items()}
    chosen = settings.get("settings", {}) if isinstance(settings, dict) else {}
    return {name: run[name] for name in names} | {"seconds": seconds, "teachers": models, "settings": chosen}


def _role(row: Mapping[str, Any], recipe: str, teachers: Mapping[str, Any]) -> str:
    """Who was asked: the step's role of that model, several joined with `/`; empty when nobody can tell."""
    played = [role for role, spec in teachers.items() if isinstance(spec, dict) and spec.get("model") == row["model"]]
    asked = _roles_of_steps(recipe).get(row["step"] or "", [])
    fitting = [role for role in asked if role in played] or asked or played
    return "/".join(fitting)


def _roles_of_steps(recipe: str) -> dict[str, list[str]]:
    """The roles each step of a recipe may ask; nothing for a recipe this version does not have."""
    return {step.writes: list(step.roles) for step in build(recipe, {}).flat()} if recipe in RECIPES else {}


def _by_role(rows: run_facts.Rows) -> run_facts.Rows:
    """Calls, tokens, cost and seconds of each role; cost is null where no call's price is known."""
    names = ("calls", "failed", "prompt_tokens", "completion_tokens", "cost", "unknown_cost_calls", "seconds")
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        sums = found.setdefault(row["role"], {"role": row["role"], **dict.fromkeys(names, 0)})
        for name in names:
            sums[name] += row[name] or 0
    return [row | ({"cost": None} if row["unknown_cost_calls"] == row["calls"] else {}) for row in found.values()]


def _write(out: Path, files: Mapping[str, bytes]) -> None:
    """Every file whole, the Markdown last; plots that only an earlier report had are removed."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_durably(out / name, content)
        for name in PLOTS.keys() - files:
            discard(out / name)
    except OSError as error:
        raise ConfigError("--out", str(out), f"cannot be written: {error.strerror or error}") from error
