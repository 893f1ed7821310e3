"""Rows a second through `vistill verify`: `python tests/benchmarks/verify.py --rows 10000 --json` (aim: under 20 s).

Five shapes in turn: long chains with a number, formulas for Math-Verify, options, figures with separators, roots. A
fifth of the rows need Math-Verify's worker processes, whose start is inside the time.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a file: its own folder is on the path then, not the repository
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from flows.verify import verify


def row(number: int, chance: random.Random) -> dict[str, Any]:
    """A response with its answer; about one in six is wrong."""
    n = chance.randint(2, 99)
    match number % 5:
        case 0:
            return {"response": f"<think>{'Wait, let me see. ' * 150}</think>The answer is {n}.", "answer": n}
        case 1:
            said = f"x^2 + {2 * n}x + {n * n}"
            return {"response": f"<answer>${said}$</answer>", "answer": f"(x+{n})^2", "kind": "math"}
        case 2:
            choice = {"options": ["a cm", "b cm", "c cm", "d cm"], "answer": "B"}
            return {"response": f"Final Answer: option {chance.choice('ABCD')}.", **choice}
        case 3:
            return {"response": f"So the total is **${n},500.00**", "answer": f"{n}500"}
    return {"response": f"\\boxed{{{n}\\sqrt{{2}}}}", "answer": f"{n}\\sqrt{{2}}"}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chance = random.Random(7)
    with tempfile.TemporaryDirectory(prefix="vistill-verify-") as folder:
        file = Path(folder) / "rows.jsonl"
        file.write_text("".join(json.dumps(row(n, chance)) + "\n" for n in range(options.rows)))
        started, cpu = time.perf_counter(), time.process_time()
        summary = verify(file, Path(folder) / "out.jsonl")
        wall, used = time.perf_counter() - started, time.process_time() - cpu
    figures = {
        "rows": options.rows, "wall_s": round(wall, 2), "cpu_s": round(used, 2),
        "rows_per_s": round(options.rows / wall),
        "undecided": summary.undecided, "correct": summary.correct,
    }  # fmt: skip
    print(json.dumps(figures) if options.json else figures)


if __name__ == "__main__":
    main()
