"""A whole run with a real vLLM as the reasoner. Opt-in: `pytest -m vllm` after the set-up in docs/vllm.md."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.store import Store

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.vllm
@pytest.mark.timeout(900)
@pytest.mark.parametrize("options", ["prompts=small", "prompts=small&batch=true"])
def test_vllm_reasons_in_a_run(tmp_path: Path, options: str) -> None:
    model = os.environ["VISTILL_VLLM_MODEL"]
    command = [
        sys.executable, "-m", "flows.cli", "run", "vlaa-thinking", "--source=figures?families=bar,table", "--limit=4",
        f"--teacher=reasoner=vllm:{model}?{options}", "--teacher=captioner=local", "--no-prefect",
        f"--store={tmp_path / 'store'}",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = Store.open(tmp_path / "store").query(
        "select teacher, count(*) n, sum(completion_tokens) tokens from calls where status = 'ok' group by teacher"
    )
    answered = {row["teacher"]: row for row in rows.to_pylist()}
    assert answered["vllm"]["n"] == 4
    assert answered["vllm"]["tokens"] > 20
