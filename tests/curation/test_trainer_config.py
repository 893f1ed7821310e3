"""What a training run is, checked before anything is loaded; rewards as TRL calls them. No torch is needed here."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import ConfigError
from curation.trainer import rewards
from curation.trainer.config import Overlong, Progressive, Replay, read, with_seed
from curation.trainer.replay_rule import chances

GOOD = """
out = "out"
[model]
path = "model"
[data]
grpo = "grpo"
[grpo]
prompts = 8
[[grpo.stages]]
tokens = 64
completions = 8
steps = 10
[[grpo.stages]]
tokens = 128
completions = 4
steps = 10
"""

ONE_BRACKET = GOOD[: GOOD.rindex("[[grpo.stages]]")].replace("[[grpo.stages]]", "[grpo.stages]")

WITH_SFT = GOOD[: GOOD.index("[grpo]")] + 'sft = "sft"\n[sft]\nsteps = 1\n'


def written(folder: Path, text: str) -> Path:
    (folder / "run.toml").write_text(text, encoding="utf-8")
    return folder / "run.toml"


def test_a_run_is_read_with_its_stages_and_everything_else_off(tmp_path: Path) -> None:
    found = read(written(tmp_path, GOOD))
    assert found.grpo is not None
    assert [(s.tokens, s.completions) for s in found.grpo.stages] == [(64, 8), (128, 4)]
    assert (found.replay, found.resample, found.rethink, found.critical, found.sft) == (None,) * 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (GOOD.replace(chr(34) + "out" + chr(34), "3"), "out"),
        (GOOD.replace("prompts", "promts"), "did you mean 'prompts'"),
        (GOOD.replace("completions = 8", "completions = 1"), "at least 2"),
        (GOOD + "[rewards]\nnames = ['accuracy', 'format']\nweights = [nan, 0.2]\n", "a finite number"),
        (GOOD.replace("prompts = 8", "prompts = 8\nloss = 'foo'"), "grpo.loss"),
        ("seed = -1\n" + GOOD, "from 0 to"),
        (GOOD.replace('grpo = "grpo"', ""), "names no folder"),
        (GOOD + "[replay]\n", "steps_per_generation"),
        (GOOD + "[rethink]\nshare = 0.0\n", "above 0"),
        (GOOD + "[overlong]\ntokens = 10\nbuffer = 10\n", "below overlong.tokens"),
        (GOOD + "[overlong]\ntokens = 148\nbuffer = 20\n", "punishes nothing"),
        (GOOD + "[progressive]\nat = [[0.5, 0.5]]\n", "start at 0.0"),
        (GOOD.replace("prompts = 8", 'prompts = "eight"'), "must be int"),
        (GOOD.replace("[grpo]\n", '[generation]\nengine = "vllm-server"\n[grpo]\n'), "name the server"),
        (GOOD.replace('"out"', '""'), "out = '': name the folder"),
        (GOOD.replace('path = "model"', 'path = ""'), "model.path = '': name a folder"),
        (ONE_BRACKET, r"write \[\[grpo.stages\]\]"),
        (GOOD.replace("[model]", "[[model]]"), r"write \[model\]"),
        ("not toml", "is not TOML"),
        (GOOD.replace("prompts = 8", "schedule = 'cosin'"), r"grpo\.schedule = 'cosin': one of 'linear'"),
        (GOOD + "[sft]\nsteps = 1\nschedule = 'greedy'\n", "data.sft"),
        (WITH_SFT + "schedule = 'greedy'\n", r"sft\.schedule = 'greedy': one of"),
        (WITH_SFT + "schedule = 'polynomial'\nlearning_rate = 1e-7\n", r"sft\.learning_rate = 1e-07: above 1e-07"),
        (GOOD.replace("prompts = 8", "scale_rewards = 'groups'"), "one of 'group', 'batch', 'none'"),
        (
            GOOD + "[progressive]\nat = [[0.0, 0.5, 0.6]]\n",
            r"at\[0\] = .*: must be a list of 2, and has 3",
        ),
        (GOOD + "[progressive]\nat = [0.0, 0.5]\n", r"progressive\.at\[0\] = 0\.0: must be a list$"),
        (GOOD + "[progressive]\nat = [[0.0, nan]]\n", r"progressive\.at\[0\] = \[0\.0, nan\]: a share and a threshold"),
        (GOOD + "[progressive]\nat = [[0.0, 0.5], [7.5, 0.6]]\n", r"progressive\.at\[1\]"),
        (GOOD + "[progressive]\nat = [[0.0, 0.5], [nan, 0.6]]\n", r"progressive\.at\[1\]"),
        (GOOD + "[progressive]\nat = [[0.0, 'a']]\n", r"progressive\.at\[0\]\[1\] = 'a': must be float"),
        (GOOD + "[progressive]\nat = []\n", "start at 0.0"),
        (GOOD + "[overlong]\ntokens = 60\nbuffer = 20\nweight = nan\n", r"overlong\.weight"),
        (
            GOOD + "[rewards]\nnames = 'accuracy'\n",
            r"names = 'accuracy': must be a list: write \['accuracy'\]",
        ),
        (GOOD + "[evaluation]\nseed = 3\n", r"evaluation\.seed = 3: no such key.*belongs above the first \[table\]"),
        (GOOD + "label = 'a'\n", r"grpo\.stages\[1\]\.label.*belongs above the first \[table\]"),
        (GOOD.replace('out = "out"', "") + 'out = "a"\n', r"it stands as grpo\.stages\[1\]\.out: .* above the first"),
        (GOOD.replace('out = "out"\n[model]', '[model]\nout = "a"'), r"it stands as model\.out: .* above the first"),
        (GOOD.replace('out = "out"', ""), "out = None: is needed$"),
        (GOOD.replace("[data]", "lora_rank = 4\nlora_targets = []\n[data]"), r"model\.lora_targets = \[\]: name the"),
        (GOOD.replace('"out"', r'"a\u0000b"'), "out = .*holds a NUL"),
    ],
)
def test_a_bad_file_is_told_by_its_field(tmp_path: Path, change: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("(", ".")):
        read(written(tmp_path, change))


def test_a_file_may_begin_with_the_mark_that_some_editors_write(tmp_path: Path) -> None:
    assert read(written(tmp_path, chr(0xFEFF) + GOOD)) == read(written(tmp_path, GOOD))


@pytest.mark.parametrize("seed", [-9, 2**32])
def test_a_seed_of_the_command_line_is_looked_at_as_one_of_the_file_is(tmp_path: Path, seed: int) -> None:
    with pytest.raises(ConfigError, match=f"--seed = {seed}: from 0 to"):
        with_seed(read(written(tmp_path, GOOD)), seed)


def test_reading_a_configuration_brings_no_torch() -> None:
    code = "import sys; from curation.trainer import config, record, rewards; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def turn(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


RIGHT, WRONG = turn("<think>a</think><answer>4</answer>"), turn("<think>a</think><answer>5</answer>")


def test_rewards_are_named_from_the_library_and_log_their_components() -> None:
    logged: dict[str, float] = {}
    found = rewards.named("hfrrf")(
        [RIGHT, WRONG, turn("4")], solution=["4"] * 3, kind=["digit"] * 3, log_metric=logged.__setitem__
    )
    assert found == [1.0, 0.0, 0.0]
    assert logged["components/hfrrf/format"] == pytest.approx(2 / 3)


def test_an_unknown_reward_and_one_without_its_judge_are_refused() -> None:
    for name in ("acuracy", "wethink_hybrid"):
        with pytest.raises(ConfigError, match=r"rewards\.names"):
            rewards.named(name)


def test_a_judge_is_asked_once_a_completion_and_its_failure_is_none() -> None:
    asked: list[str] = []

    async def judge(*, question: str, reference: str, answer: str) -> float:
        asked.append(answer)
        if "bad" in answer:
            raise OSError("gone")
        return 1.0

    function = rewards.named("wethink_hybrid", judge=judge)
    texts = [turn("<think>a</think><answer>a port at night</answer>"), turn("<think>a</think><answer>bad</answer>")]
    columns: dict[str, Any] = {"solution": ["A harbour in the evening light, boats at rest"] * 2, "kind": ["open"] * 2}
    assert asyncio.run(function(texts, **columns)) == [1.0, None]
    assert asyncio.run(function(texts, **columns)) == [1.0, None]
    assert asked.count("a port at night") == 1


def test_overlong_and_progressive_follow_length_and_training() -> None:
    state = SimpleNamespace(global_step=6, max_steps=10)
    length = rewards.overlong(Overlong(tokens=10, buffer=4))
    assert length([RIGHT, RIGHT], completion_ids=[[0] * 6, [0] * 8], trainer_state=state) == [0.0, -0.5]
    box = rewards.progressive(Progressive(at=((0.0, 0.5), (0.5, 0.9))))
    row = {"solution": ["[0, 0, 1, 1]"], "trainer_state": state}
    assert box([turn("<think>a</think><answer>[0, 0, 1, 0.6]</answer>")], **row) == [0.0]
    early = row | {"trainer_state": SimpleNamespace(global_step=1, max_steps=10)}
    assert box([turn("<think>a</think><answer>[0, 0, 1, 0.6]</answer>")], **early) == [1.0]


def test_alpha_zero_is_uniform_and_a_large_one_takes_the_largest() -> None:
    assert chances([1.0, -2.0, 0.5], 0.0).tolist() == pytest.approx([1 / 3] * 3)
    assert chances([1.0, -2.0, 0.5], 200.0).tolist() == pytest.approx([0, 1, 0])
    assert replace(Replay(), alpha=2.0).alpha == 2.0


@given(st.lists(st.floats(-5, 5).filter(lambda a: abs(a) > 1e-3), min_size=1, max_size=20), st.floats(0, 4))
def test_chances_sum_to_one_and_grow_with_the_advantage(advantages: list[float], alpha: float) -> None:
    found = chances(advantages, alpha)
    assert found.sum() == pytest.approx(1.0)
    for i, a in enumerate(advantages):
        for j, b in enumerate(advantages):
            if abs(a) >= abs(b):
                assert found[i] >= found[j] - 1e-12
