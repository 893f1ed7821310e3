"""What our trainer costs over plain TRL for the same GRPO steps, on one core: alternating runs, CPU seconds.

    OMP_NUM_THREADS=1 python tests/benchmarks/trainer.py --steps 20 --rounds 5 --json

Both train the tiny Idefics3 from the same weights on the same drawn pictures with the same rewards, seeds and TRL
settings; ours is `curation.trainer`'s stage with its callbacks and curve and every variation off. Loading is left out.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

WORDS = ["How many circles?", "0 1 2 3 4 5 6 7 8 9"]


def drawn(count: int) -> Any:
    """GRPO rows of trays."""
    from datasets import Dataset, Features, Image, List, Value

    from curation.sources.figures import figures

    text = Value("string")
    rows = [
        {"images": [{"bytes": one.png, "path": None}], "prompt": [{"role": "user", "content": one.question}],
         "solution": one.answer, "kind": "digit"}
        for one in figures(seed=5, limit=count, size=(64, 64), families=("tray",), kinds=("digit",))
    ]  # fmt: skip
    features = {"images": List(Image()), "prompt": [{"role": text, "content": text}], "solution": text, "kind": text}
    return Dataset.from_list(rows, features=Features(features))


def once(ours: bool, model_folder: Path, rows: Any, steps: int) -> float:
    """CPU seconds of `steps` steps of 32 questions and 4 completions."""
    from transformers.trainer_callback import PrinterCallback
    from trl import GRPOConfig, GRPOTrainer

    from curation.trainer import models, parts, rewards
    from curation.trainer.config import Data, Grpo, Model, Stage, Training
    from curation.trainer.record import Record

    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(tokens=24, completions=4, steps=steps)
        run = Training(out=folder, model=Model(path=str(model_folder)), data=Data(), device="cpu",
                       grpo=Grpo(stages=(stage,), prompts=32, learning_rate=1e-4))  # fmt: skip
        assert run.grpo is not None
        model, processor = models.load(run.model)
        functions, weights = rewards.of_training(run)
        if ours:
            record = Record(Path(folder), {})
            began = time.process_time()
            parts.stage_of(run, run.grpo, stage, "grpo-1", model, processor, rows, record, (functions, weights),
                           lambda _model, _step: None)  # fmt: skip
            return time.process_time() - began
        args = GRPOConfig(**parts.grpo_settings(run, run.grpo, stage, Path(folder), weights))
        began = time.process_time()
        trainer = GRPOTrainer(model=model, processing_class=processor, train_dataset=rows, reward_funcs=functions,
                              args=args)  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        return time.process_time() - began


def main() -> None:
    """Print the ratio of medians and every pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    from curation.trainer import tiny

    with tempfile.TemporaryDirectory() as folder:
        tiny.build(WORDS, Path(folder) / "tiny")
        rows = drawn(256)
        once(False, Path(folder) / "tiny", rows, 2)  # imports and caches
        found: dict[bool, list[float]] = {True: [], False: []}
        for number in range(args.rounds):
            for ours in (number % 2 == 0, number % 2 == 1):
                found[ours].append(once(ours, Path(folder) / "tiny", rows, args.steps))
    told = {
        "steps": args.steps, "trl": found[False], "ours": found[True],
        "ratio": statistics.median(found[True]) / statistics.median(found[False]),
        "ratio_of_pairs": statistics.median(o / t for o, t in zip(found[True], found[False], strict=True)),
    }  # fmt: skip
    print(json.dumps(told) if args.json else f"{told['ratio']:.3f} times plain TRL; {told}")


if __name__ == "__main__":
    main()
