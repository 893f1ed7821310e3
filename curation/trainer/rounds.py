"""OpenVLThinker's rounds (arXiv 2503.17352): the model of a round answers the seed questions from the picture, and the
right answers are what the base model is fine-tuned on in the next one.

Every set is a folder in `out`, written whole, and `rounds.json` says of each round what it began with, who generated
its data and how, and the hash of the set.
"""

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.answers.verdicts import VERSION
from curation.errors import RunStopped
from curation.trainer.config import Rounds, Training
from curation.trainer.data import digest_of
from curation.trainer.evaluate import in_batches, said
from curation.trainer.record import Record
from curation.trainer.rewards import right, well_formed

if TYPE_CHECKING:
    from datasets import Dataset

MANIFEST = "rounds.json"
ABOUT = "about.json"
SET = "train-00000-of-00001.parquet"


def selected(texts: Sequence[str], settings: Rounds) -> str | None:
    """The answer to learn from, of the right ones in the order drawn; None when none is short enough.

    `second_longest` as the released code has it: of several the longest is dropped and the last remaining taken.
    """
    counted = sorted(((len(text.split()), at) for at, text in enumerate(texts)))
    short = [at for words, at in counted if not settings.longest or words <= settings.longest]
    if not short:
        return None
    return texts[short[0] if settings.select == "shortest" else short[-2:][0]]


def regenerated(
    training: Training, out: Path, number: int, model: Any, processor: Any, seed_rows: "Dataset", generator: str
) -> "Dataset":
    """SFT rows for round `number`, drawn from the model of the round before, or those that were drawn already.

    Raises `RunStopped` when no question was answered rightly.
    """
    import datasets

    datasets.disable_progress_bars()
    folder = out / f"round-{number}-data"
    if not (folder / ABOUT).is_file():
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        rows, about = _drawn(training, number, model, processor, seed_rows)
        rows.to_parquet(part / SET)
        about |= {"generator": generator, "sha256": sha256((part / SET).read_bytes()).hexdigest()}
        (part / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        part.rename(folder)
    return datasets.load_dataset("parquet", data_files={"train": [str(folder / SET)]}, split="train")


def _drawn(
    training: Training, number: int, model: Any, processor: Any, seed_rows: "Dataset"
) -> tuple["Dataset", dict[str, Any]]:
    settings = training.rounds
    assert settings is not None, "called with a [rounds] table only"
    how = replace(training.evaluation, temperature=settings.temperature)
    asked: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    correct = 0
    chosen: dict[int, str] = {}
    for at, part in enumerate(in_batches(seed_rows, how.batch)):
        seeds = [training.seed + 1_000_003 * (number + 1000 * (at * settings.draws + draw))
                 for draw in range(settings.draws)]  # fmt: skip
        draws = [said(model, processor, part, how, sampled=True, seed=seed)[0] for seed in seeds]
        for place, row in enumerate(part):
            source = str(row.get("source") or "")
            good = [texts[place] for texts in draws if well_formed(texts[place]) and right(texts[place], row)]
            asked[source] += 1
            correct += len(good)
            text = selected(good, settings)
            if text is not None:
                chosen[at * how.batch + place] = text
                kept[source] += 1
    if not chosen:
        raise RunStopped(
            f"round {number}: none of {len(seed_rows)} questions of data.seed was answered rightly in "
            f"{settings.draws} draws, so there is nothing to fine-tune on"
        )
    about = {
        "draws": settings.draws, "temperature": settings.temperature, "tokens": how.tokens, "select": settings.select,
        "longest": settings.longest, "verifier": f"rules {VERSION}", "asked": len(seed_rows), "right": correct,
        "rows": len(chosen), "by_source": {name: {"asked": asked[name], "rows": kept[name]} for name in sorted(asked)},
    }  # fmt: skip
    return _sft_rows(seed_rows, chosen), about


def _sft_rows(seed_rows: "Dataset", chosen: Mapping[int, str]) -> "Dataset":
    """Rows of `sft_trl`: the prompt with the model's own answer, and the pictures as they were."""
    import datasets

    text = datasets.Value("string")
    bare = seed_rows.cast_column("images", datasets.List(datasets.Image(decode=False)))
    found = []
    for at, said_text in chosen.items():
        row = bare[at]
        turns = [{"role": turn["role"], "content": turn["content"]} for turn in row["prompt"]]
        found.append({"images": row["images"], "messages": [*turns, {"role": "assistant", "content": said_text}]})
    features = {"images": datasets.List(datasets.Image()), "messages": [{"role": text, "content": text}]}
    return datasets.Dataset.from_list(found, features=datasets.Features(features))


def write_manifest(training: Training, record: Record) -> None:
    """`rounds.json`: a row a round, from the base model to the model it left."""
    assert training.rounds is not None, "called with a [rounds] table only"
    data = training.data
    first = {"path": data.sft, "digest": digest_of(data.sft, data.sft_split, "data.sft")}
    found = []
    for number in range(1, training.rounds.count + 1):
        prefix, folder = f"round-{number}-", record.out / f"round-{number}-data"
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8")) if number > 1 else first
        found.append({
            "round": number, "initial": training.model.path, "sft": {"path": folder.name, **about} if number > 1
            else first, "grpo": record.data["grpo"], "model": f"{prefix}model",
            "scores": [entry for entry in record.scores if entry["at"].startswith(prefix)],
        })  # fmt: skip
    part = record.out / f"{MANIFEST}.part"
    part.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    part.replace(record.out / MANIFEST)
