"""`make train-demo`: does what was curated teach something? Drawn figures, recipe, splits, exports, SFT, GRPO, scores.

For each seed: the recipe `worked` over drawn trays, its splits exported; a 0.6 M Idefics3 made new; a cold start on a
few pictures with traces; GRPO on thousands with answers only; accuracy before and after on pictures drawn anew.
The view `train_demo` has a row a seed. What a seed has finished is not done again.

    python -m flows.train_demo --seeds 3 --folder train-demo
"""

import argparse
import io
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from curation.errors import ConfigError, RunStopped, VistillError
from flows.commands import run_here
from flows.export import Export, export
from flows.job import Job
from storage.query import read_only
from storage.store import Store

SOURCE = "figures?families=tray&kinds=digit&size=64x64"
LABEL = "train-demo"
"""What the view `train_demo` knows its trainings by."""
SFT_PICTURES, RL_PICTURES, HELD_OUT = 200, 8000, 400
HELD_OUT_SEED = 1_000_000
"""Added to a seed for the drawing of its held-out pictures."""

SHARED = """
SELECT count(*) AS n FROM (
    SELECT image FROM members JOIN samples USING (sample_id, sample_key) WHERE run_id = $1
    INTERSECT
    SELECT image FROM members JOIN samples USING (sample_id, sample_key) WHERE run_id = $2
)
"""
"""Pictures that two runs have in common."""

CONFIG = """\
out = "{folder}/out"
label = "{label}"
seed = {seed}
device = "cpu"
[model]
path = "{folder}/new-model"
[data]
sft = "{folder}/sft"
grpo = "{folder}/grpo"
held_out = "{folder}/held-out"
held_out_rows = {held_out}
[sft]
steps = 200
batch = 32
learning_rate = 2e-3
warmup = 20
[grpo]
prompts = 32
learning_rate = 2e-4
epsilon_high = 0.28
[[grpo.stages]]
tokens = 20
completions = 4
steps = 300
[rewards]
names = ["accuracy", "format"]
weights = [1.0, 0.2]
[evaluation]
every = 60
tokens = 20
batch = 128
"""
"""How it was chosen, on other seeds and other pictures: docs/training.md."""


def demo(seeds: int, folder: Path) -> None:
    """Every seed from 1 to `seeds`, then the table. Raises `ConfigError`, `RunStopped` and `StoreError`."""
    if seeds < 1:
        raise ConfigError("SEEDS", seeds, "at least 1")
    store = str(folder / "store")
    for seed in range(1, seeds + 1):
        if seed in (row["seed"] for row in finished(store)):
            print(f"seed {seed}: done before", flush=True)
            continue
        started = time.process_time()
        curated(seed, folder / f"seed-{seed}", store)
        trained(seed, folder / f"seed-{seed}", store)
        print(f"seed {seed}: {time.process_time() - started:.0f} CPU-seconds", flush=True)
    for row in finished(store):
        print("seed {seed}: sampled accuracy {before:.3f} before GRPO, {after:.3f} after".format(**row))
    picture = folder / "curve.png"
    picture.write_bytes(curve(store))
    print(f"the curve: {picture}; more:  vistill sql --store {store} 'from train_demo'")


def finished(store: str) -> list[dict[str, float]]:
    """Rows of the view `train_demo` of seeds that came to an end; none while there is no store."""
    if not Path(store).is_dir():
        return []
    found = read_only(Store.open(store), "select * from train_demo where finished is not null order by seed")
    rows: list[dict[str, float]] = found.to_pylist()
    return rows


def curve(store: str) -> bytes:
    """A PNG: accuracy on the held-out pictures after so many steps of GRPO, a colour a seed."""
    from matplotlib.figure import Figure

    found = read_only(
        Store.open(store),
        "select d.seed, t.scores from train_demo d join trainings t using (seed, out) where finished is not null "
        "order by d.seed",
    ).to_pylist()
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    for number, row in enumerate(found):
        first, *later = orjson.loads(row["scores"])
        steps = [0, *(score["step"] for score in later)]
        for how, line in (("sampled", "-"), ("greedy", ":")):
            values = [score[how]["accuracy"] for score in (first, *later)]
            axes.plot(steps, values, line, color=f"C{number}", marker=".", label=f"seed {row['seed']:g}, {how}")
    axes.set_xlabel("steps of GRPO, with answers only")
    axes.set_ylabel(f"accuracy on {HELD_OUT} unseen pictures")
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, ncols=max(1, len(found)), loc="lower right")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=150, facecolor="white", metadata={"Software": None})
    return out.getvalue()


def curated(seed: int, folder: Path, store: str) -> None:
    """Recipe and exports of a seed: `sft` and `grpo` of one drawing, `held-out` of another."""
    taught = _run(seed, SFT_PICTURES + RL_PICTURES, SFT_PICTURES, store)
    for format, name in (("sft_trl", "sft"), ("grpo", "grpo")):
        _export(format, folder / name, store, taught)
    unseen = _run(seed + HELD_OUT_SEED, HELD_OUT, 0, store)
    _export("grpo", folder / "held-out", store, unseen)
    [row] = Store.open(store).query(SHARED, [taught, unseen]).to_pylist()
    if shared := row["n"]:
        raise RunStopped(f"seed {seed}: {shared} pictures are both taught and held out; use another seed")


def _run(seed: int, limit: int, sft_pictures: int, store: str) -> str:
    job = Job(
        recipe="worked", source=SOURCE, teachers=(), store=store, limit=limit, seed=seed, batch=1024,
        settings={"near_images": False, "sft_pictures": sft_pictures},
    )  # fmt: skip
    return str(run_here(job, quiet=False)["run_id"])


def _export(format: str, folder: Path, store: str, run_id: str) -> None:
    """Without our instruction, whose words a model of half a million weights would have to unlearn."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    export(Export(format=format, folder=str(folder), store=store, run=run_id, settings={"system": ""}))


def trained(seed: int, folder: Path, store: str) -> None:
    """A new model from the words of the exports, trained as `CONFIG` says."""
    from curation.trainer import tiny
    from flows.training import train

    tiny.build(_texts(folder), folder / "new-model", seed=seed)
    config = folder / "train.toml"
    config.write_text(
        CONFIG.format(folder=folder.resolve(), label=LABEL, seed=seed, held_out=HELD_OUT), encoding="utf-8"
    )
    train(str(config), None, store, lambda line: print(f"seed {seed}: {line}", flush=True))


def _texts(folder: Path) -> Iterator[str]:
    """Whatever is said in the cold start, and the digits."""
    from curation.trainer.data import sft_rows

    for messages in sft_rows(str(folder / "sft"), "train")["messages"]:
        yield from (message["content"] for message in messages)
    yield "0 1 2 3 4 5 6 7 8 9"


def main(argv: list[str] | None = None) -> int:
    """The command line; the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 1 to N (default 3)")
    arguments.add_argument("--folder", type=Path, default=Path("train-demo"), metavar="DIR", help="where all goes")
    given = arguments.parse_args(argv)
    try:
        demo(given.seeds, given.folder)
    except VistillError as error:
        print(f"train-demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
