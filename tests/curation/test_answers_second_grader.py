"""What a second independent grader found wrong in the first draft of version 6, with other replies of the same causes.

Each row of `causes_b.jsonl` lists the outcomes that are allowed; `[false, null]` is "anything but right".
"""

import json
from pathlib import Path
from typing import Any

import pytest

from curation.answers import check

CAUSES = Path(__file__).parent / "data" / "causes_b.jsonl"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in CAUSES.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['cause']}-{at}" for at, row in enumerate(ROWS)])
def test_a_reply_of_the_same_cause(row: dict[str, Any]) -> None:
    verdict = check(row["response"], row["answer"], question=row["question"], options=row.get("options", ()))
    assert verdict.correct in row["allowed"], (row["cause"], row["response"], row["answer"], verdict)
