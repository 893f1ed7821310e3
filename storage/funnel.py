"""The funnel of one run, whatever its size, in the memory of a small one: counted a part of the samples at a time.

`SELECT * FROM funnel` gives the same rows; it holds something of every outcome at once, 200 MB for 800,000.
"""

from collections import Counter
from typing import Any

import orjson

from storage.store import Store
from storage.views import FUNNEL, picking

OUTCOMES_A_PART = 200_000
COUNTS = ("input", "kept", "dropped", "failed", "pending", "expanded", "born")
BY_REASON = ("dropped_by_reason", "failed_by_reason")


def funnel(store: Store, run_id: str) -> list[dict[str, Any]]:
    """The rows of the view `funnel` for a run, in order of step; [] for an unknown one."""
    with store.snapshot(lean=True) as snapshot:
        count = int(snapshot.query("SELECT count(*) FROM raw_outcomes").column(0)[0].as_py())
    parts = 1 + count // OUTCOMES_A_PART
    steps: dict[int, dict[str, Any]] = {}
    for part in range(parts):
        with store.snapshot(lean=True, part=(part, parts)) as snapshot:
            found = snapshot.query(picking("SELECT * FROM runs WHERE run_id = $1", FUNNEL), [run_id]).to_pylist()
        for row in found:
            steps[row["step_no"]] = _added(steps[row["step_no"]], row) if row["step_no"] in steps else row
    return [steps[number] for number in sorted(steps)]


def _added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Two parts of a step's row as one; reasons with most samples first, as in the view."""
    sums: dict[str, Any] = {name: one[name] + other[name] for name in COUNTS}
    for name in BY_REASON:
        reasons = Counter(orjson.loads(one[name])) + Counter(orjson.loads(other[name]))
        ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        sums[name] = orjson.dumps(dict(ordered)).decode()
    return one | sums
