"""How long `vistill verify` takes over 10,000 rows: `python -m tests.benchmarks.verify [ROWS] [--hard]`.

Half the rows are the hand-graded ones of tests/curation/data in turn, so short texts repeat as they do in a corpus. Of
the other half, which never repeat, one in five is a polynomial, written otherwise in the answer than in the response;
with `--hard` it is a sum of a root, a sine and a logarithm in another order, which only Math-Verify compares.
All have a chain of about 2,000 characters before the answer. Prints wall and CPU seconds of the command as a
user runs it (start of Python and of the Math-Verify workers included), peak memory of the command, and the summary.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GRADED = Path(__file__).parents[1] / "curation/data/answers_graded.jsonl"
CHAIN = (
    "Let me look at the figure again. The first row shows {0} items, so step {1} gives {0} + {1}. Wait, check: yes. "
)


def fresh(number: int, *, hard: bool) -> dict[str, str]:
    """A row no other row equals: a formula in one of five, else a number with a unit."""
    if number % 10 == 0 and hard:
        terms = f"\\sqrt{{x+{number}}}", "x\\sin(x)", f"\\ln({number + 2}x)"
        return {"response": f"So $f(x)={'+'.join(terms)}$.", "answer": "+".join(reversed(terms))}
    if number % 10 == 0:
        return {"response": f"So $f(x)=(x+{number})^2$.", "answer": f"x^2+{2 * number}x+{number * number}"}
    return {"response": f"The total length is **{number}.5 cm**.", "answer": f"{number}.50"}


def write_rows(path: Path, count: int, *, hard: bool = False) -> None:
    """`count` rows, with chains of about 2,000 characters where the response has no think block of its own."""
    graded = [json.loads(line) for line in GRADED.read_text(encoding="utf-8").splitlines()]
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            row = dict(graded[number // 2 % len(graded)]) if number % 2 else fresh(number, hard=hard)
            if "<think>" not in row["response"]:
                chain = "".join(CHAIN.format(number, step) for step in range(18))
                row["response"] = f"<think>{chain}</think>\n{row['response']}"
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def main() -> None:
    """Write the rows, run the command, print what it took."""
    counts = [int(word) for word in sys.argv[1:] if word.isdigit()]
    count, hard = counts[0] if counts else 10_000, "--hard" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        rows, out = Path(folder, "rows.jsonl"), Path(folder, "verdicts.jsonl")
        write_rows(rows, count, hard=hard)
        command = [sys.executable, "-m", "flows.cli", "verify", str(rows), "--out", str(out), "--json"]
        began = time.perf_counter()
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
        wall = time.perf_counter() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        summary = json.loads(ran.stdout)
        summary.pop("undecided_rows")
        print(
            f"{count:,} rows, {rows.stat().st_size / 1e6:.1f} MB in {wall:.1f} s wall, "
            f"{used.ru_utime + used.ru_stime:.1f} s CPU"
        )
        print(
            f"peak memory of one process {used.ru_maxrss / 1024:.0f} MB; "
            f"{len(out.read_bytes().splitlines()):,} verdicts"
        )
        print(json.dumps(summary))


if __name__ == "__main__":
    main()
