"""How long an audit of many rows takes, without embeddings: `python tests/benchmarks/audit.py --rows 100000 --json`.

The rows are those of `tests/curation/planted.py` in a real store with a finished run and no picture files; the aim is
90 s for 100,000 rows. `audit_s` is the whole of `vistill audit` in a fresh process, `cpu_s` its processor time,
`peak_mb` its memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __package__ in (None, ""):  # run as a file: its own folder is on the path then, not the repository
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from storage.store import Store
from tests.audited import fill
from tests.curation.planted import clean

ROOT = Path(__file__).resolve().parents[2]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vistill-audit-") as folder:
        store = Store.open(Path(folder) / "store")
        fill(store, clean(options.rows))
        store.compact(force=True)
        command = [sys.executable, "-m", "flows.cli", "audit", "--store", str(store.root), "--pictures", "0", "--json"]
        before = _cpu()
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        seconds, cpu = time.monotonic() - started, _cpu() - before
    result = json.loads(done.stdout)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    figures = {
        "rows": options.rows,
        "audit_s": round(seconds, 1),
        "cpu_s": round(cpu, 1),
        "peak_mb": peak,
        "checks": len(result["findings"]),
    }
    print(json.dumps(figures) if options.json else figures)


if __name__ == "__main__":
    main()
