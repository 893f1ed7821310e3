"""Rule rewards a second on one core: `python tests/benchmarks/rewards.py --rewards 50000 --json` (aim: under 10 s).

Every reward that rules decide, in turn, over responses of 60 to 600 words; formulas are left out, since they are
Math-Verify's time and not ours. Judges and scorers are not asked.
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a file: its own folder is on the path then, not the repository
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from curation.rewards import REWARDS, score
from curation.rewards import declared as declaration

BOXES = '[{"bbox_2d": [0, 0, 100, 100], "label": "cat"}, {"bbox_2d": [200, 200, 300, 300], "label": "dog"}]'
ACTION = '[{"action": "click", "point": [50, 50], "input_text": "no input text"}]'
LISTED = {"criterion", "detection_map", "weighted_sum"}


def case(name: str, chance: random.Random) -> tuple[str, dict[str, Any]]:
    """A response and a row that suit the reward."""
    n = chance.randint(1, 9)
    think = " ".join(
        chance.choice(("I", "look", "at", "row", str(n), "then", "Wait,")) for _ in range(chance.randint(60, 600))
    )
    answer, row = str(n), {"reference": str(n), "kind": "digit", "completion_tokens": 300}
    if name in LISTED:
        answer, row = BOXES, {"reference": BOXES, "progress": 0.3}
    elif name in ("box_overlap", "rec"):
        answer, row = "[10, 10, 90, 90]", {"reference": "[0, 0, 100, 100]"}
    elif name == "gui_action":
        answer, row = ACTION, {"action": "click", "target": "[0, 0, 100, 100]"}
    elif name == "so_fake":
        answer, row = "TAMPERED,(0,0),(90,90)", {"label": "TAMPERED", "box": "[0, 0, 100, 100]"}
    elif name.startswith(("med", "patho")):
        answer, row = "(b)", {"reference": "B", "options": ["a", "b", "c"], "completion_tokens": 300}
    return f"<think>{think}</think>\n<answer>{answer}</answer>", row


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rewards", type=int, default=50_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chance = random.Random(7)
    names = [name for name in REWARDS if not declaration(name).waits]
    cases = [(name, *case(name, chance)) for name in names for _ in range(options.rewards // len(names) + 1)]
    chance.shuffle(cases)
    started, cpu = time.perf_counter(), time.process_time()
    scored = sum(score(name, response, row).total is not None for name, response, row in cases[: options.rewards])
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    figures = {
        "rewards": options.rewards, "kinds": len(names), "scored": scored, "wall_s": round(wall, 2),
        "cpu_s": round(used, 2), "us_each": round(1e6 * used / options.rewards, 1),
    }  # fmt: skip
    print(json.dumps(figures) if options.json else figures)


if __name__ == "__main__":
    main()
