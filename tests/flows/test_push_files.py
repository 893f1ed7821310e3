"""`vistill push` of the layouts whose pictures are files: the export's folder goes up as it is, and loads again."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import yaml

from flows.export import Export, written
from storage.store import Store
from tests.fakes.hub_server import Fault, HubServer
from tests.flows.test_export import built
from tests.flows.test_push import REPO, environment, hub, push, store, waits
from tests.storage.test_store_faults import small_disk

__all__ = ["hub", "store", "waits"]  # fixtures

FILE_FORMATS = ("vlaa", "vision-r1-cold", "vision-r1-cold-mulberry", "wethink")

READ = """
import sys, orjson
from datasets import load_dataset

repo, *names = sys.argv[1:]
found = {}
for name in names:
    whole, streamed = (load_dataset(repo, name, split="train", streaming=way) for way in (False, True))
    found[name] = [list(whole), list(streamed)]
print(orjson.dumps(found, default=str).decode())
"""


def the_card(hub: HubServer) -> dict[str, object]:
    text = hub.repos[REPO].head()["README.md"].content.decode()
    return dict(yaml.safe_load(text.split("---\n")[1]))


def test_folders_go_up_whole_and_each_file_of_rows_loads(store: Store, hub: HubServer, tmp_path: Path) -> None:
    assert push(store, *(f"--format={name}" for name in FILE_FORMATS)) == 0
    there = hub.repos[REPO].head()
    for name in FILE_FORMATS:
        manifest = written(Export(format=name, folder=str(tmp_path / name), store=str(store.root)))
        pictures = [file["path"] for file in manifest["files"] if file["path"].startswith("images/")]
        assert pictures
        for file in manifest["files"]:
            assert there[f"{name}/{file['path']}"].sha256 == file["sha256"]
    paths = {
        "vlaa-sft": "vlaa/VLAA-Thinking-SFT.json", "vlaa-rl": "vlaa/VLAA-Thinking-GRPO.json",
        "vision-r1-cold": "vision-r1-cold/vision_r1_llava_cot_full.json",
        "vision-r1-cold-mulberry": "vision-r1-cold-mulberry/vision_r1_mulberry_sft_full.json",
        "wethink": "wethink/WeThink_Multimodal_Reasoning.jsonl",
    }  # fmt: skip
    command = [sys.executable, "-c", READ, REPO, *paths]
    done = subprocess.run(command, env=environment(hub, tmp_path / "hf"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, (whole, streamed) in orjson.loads(done.stdout).items():
        text = (tmp_path / paths[name]).read_bytes()
        local = orjson.loads(text) if text.startswith(b"[") else [orjson.loads(line) for line in text.splitlines()]
        assert whole == streamed
        folder = paths[name].partition("/")[0]
        for row, given in zip(whole, local, strict=True):
            named = row.get("image") or row.get("images") or row["image_path"]
            assert f"{folder}/{named}" in there
            assert {key: row[key] for key in given if key != "meta"} == {k: v for k, v in given.items() if k != "meta"}


def test_the_card_names_one_configuration_a_file_and_how_to_get_the_pictures(store: Store, hub: HubServer) -> None:
    assert push(store, "--format=vlaa") == 0
    data, text = the_card(hub), hub.repos[REPO].head()["README.md"].content.decode()
    assert data["configs"] == [
        {
            "config_name": "vlaa-sft", "default": True,
            "data_files": [{"split": "train", "path": "vlaa/VLAA-Thinking-SFT.json"}],
        },
        {"config_name": "vlaa-rl", "data_files": [{"split": "train", "path": "vlaa/VLAA-Thinking-GRPO.json"}]},
    ]  # fmt: skip
    assert "--include 'vlaa/*'" in text
    assert "](assets/example.png)" in text
    assert hub.repos[REPO].head()["assets/example.png"].content.startswith(b"\x89PNG")


def test_a_second_push_of_a_folder_sends_nothing_and_its_dry_run_names_each_picture(
    store: Store, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(store, "--format=vlaa", "--dry-run") == 0
    said = capsys.readouterr().out
    assert said.count("+ vlaa/images/") >= 1
    assert hub.writes() == []
    assert push(store, "--format=vlaa") == 0
    before = len(hub.writes())
    assert push(store, "--format=vlaa") == 0
    assert "nothing to send" in capsys.readouterr().out
    assert len(hub.writes()) == before


def test_pictures_that_went_up_before_a_cut_are_not_sent_again(
    tmp_path: Path, hub: HubServer, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    store = built(tmp_path)
    assert push(store, "--format=vision-r1-cold", "--dry-run") == 0
    work = store.root / "hub" / REPO.replace("/", "--") / "vision-r1-cold"
    files = orjson.loads((work / "manifest.json").read_bytes())["files"]
    pictures = [file["sha256"] for file in files if file["path"].startswith("images/")]
    hub.faults = [Fault(f"PUT /_lfs/{pictures[-1]}", cut=10, times=99)]
    assert push(store, "--format=vision-r1-cold") == 1
    assert "the connection to the Hub broke" in capsys.readouterr().err
    hub.faults, before = [], len(hub.log)
    assert push(store, "--format=vision-r1-cold") == 0
    sent = [path for method, path, _ in hub.log[before:] if method == "PUT"]
    assert sent == [f"/_lfs/{pictures[-1]}"]


def test_somebody_elses_configuration_of_a_files_name_is_not_replaced(
    store: Store, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    card = "---\nlicense: mit\nconfigs:\n- config_name: vlaa-sft\n  data_files: mine.csv\n---\n"
    hub.add(REPO, {"README.md": card.encode(), "mine.csv": b"a\n1\n"})
    assert push(store, "--format=vlaa") == 1
    assert "`vistill push` did not write" in capsys.readouterr().err
    assert hub.writes() == []


def test_a_layout_whose_pictures_have_no_name_has_its_example_all_the_same(store: Store, hub: HubServer) -> None:
    assert push(store, "--format=vision-r1-rl") == 0
    assert hub.repos[REPO].head()["assets/example.png"].content.startswith(b"\x89PNG")


def test_a_full_disk_is_one_line_and_sends_nothing_and_the_next_push_goes_on(
    store: Store, hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "small", "16k") as work:
        (work / "fill").write_bytes(b"x" * 4096)
        assert push(store, "--format=vlaa", f"--work={work}") == 1
        said = capsys.readouterr().err
        assert "the disk is full" in said
        assert len(said.strip().splitlines()) == 1
        assert (hub.writes(), [path.name for path in work.iterdir()]) == ([], ["fill"])
    assert push(store, "--format=vlaa", f"--work={tmp_path / 'larger'}") == 0
