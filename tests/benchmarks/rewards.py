"""Rule rewards a second on one core: `python -m tests.benchmarks.rewards --rewards 50000 --json`.

A mixture of fourteen rewards over different responses of 60 to 400 words, five in a hundred of them broken; through
the registry, as a trainer calls them. Formulas that need Math-Verify are left out: they run in worker processes.
"""

import argparse
import json
import os
import random
import time
from collections import Counter

from curation.rewards import bind, score
from curation.rewards.registry import Bound

NAMES = (
    "format", "accuracy", "hfrrf", "format_and_accuracy", "vlaa_rules", "rec", "od_length", "weighted_sum",
    "criterion", "gui_action", "med_r1", "patho_grpo", "so_fake", "repetition",
)  # fmt: skip


def box(rng: random.Random) -> list[int]:
    x, y = rng.randint(0, 500), rng.randint(0, 500)
    return [x, y, x + rng.randint(20, 300), y + rng.randint(20, 300)]


def boxes(rng: random.Random) -> str:
    return json.dumps([{"bbox_2d": box(rng), "label": rng.choice("xyz")} for _ in range(rng.randint(1, 8))])


def case(name: str, rng: random.Random) -> tuple[str, dict[str, object]]:
    """A response and a row for one reward."""
    answer, row = str(rng.randint(0, 20)), {"reference": str(rng.randint(0, 20)), "kind": "number"}
    if name in ("med_r1", "patho_grpo"):
        answer, row = rng.choice(("B", "(c)", "A) red")), {"reference": "B", "options": ["red", "blue", "green"]}
    elif name == "rec":
        answer, row = str(box(rng)), {"reference": str(box(rng))}
    elif name in ("od_length", "weighted_sum", "criterion"):
        answer, row = f"```json\n{boxes(rng)}\n```", {"reference": boxes(rng)}
    elif name == "gui_action":
        step = {"action": "click", "point": [rng.randint(0, 800), 40], "input_text": "no input text"}
        answer, row = str([step]), {"action": "click", "target": str(box(rng))}
    elif name == "so_fake":
        answer, row = "TAMPERED,(20,20),(90,90)", {"label": "TAMPERED", "box": "[30, 30, 100, 100]"}
    words = " ".join(rng.choices(("the", "box", "is", "wait", "left", "so", "7", "of"), k=rng.randint(60, 400)))
    response = f"<think>{words}</think><answer>{answer}</answer>"
    return (response[: rng.randint(0, len(response))] if rng.random() < 0.05 else response), row


def cases(count: int) -> list[tuple[Bound, str, dict[str, object]]]:
    rng = random.Random(1)
    bound = [bind(name) for name in NAMES]
    return [(one := bound[number % len(bound)], *case(one.name, rng)) for number in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rewards", type=int, default=50_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    made = cases(options.rewards)
    seconds: Counter[str] = Counter()
    wall, cpu = time.perf_counter(), time.process_time()
    for reward, response, row in made:
        started = time.perf_counter()
        score(reward, response, row)
        seconds[reward.name] += time.perf_counter() - started
    report = {
        "rewards": len(made),
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "load": round(os.getloadavg()[0], 1),
        "us_each": {name: round(1e6 * seconds[name] * len(NAMES) / len(made)) for name in NAMES},
    }
    print(json.dumps(report) if options.json else json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
