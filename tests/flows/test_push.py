"""`vistill push` to a Hub server on this machine, over HTTP, and back with `load_dataset`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from flows.cli import main
from flows.export import Export, written
from storage import corpus
from storage.reviews import Decision, decide
from storage.store import Store
from tests.fakes.hub_server import WRITER, HubServer
from tests.flows.test_export import ROOT, _outcomes, built
from tests.storage.hand_built import a_sample, rows, start, take_in

REPO = "tester/dots"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return built(tmp_path_factory.mktemp("pushed"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_TOKEN", WRITER)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        yield server


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What `huggingface_hub` would have waited between its attempts; nobody waits here."""
    found: list[float] = []
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", found.append)  # the one that flows.hub has too
    return found


def push(store: Store, *more: str, repo: str = REPO) -> int:
    return main(["push", repo, f"--store={store.root}", *more])


def environment(hub: HubServer, home: Path, token: str | None = WRITER) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    secret = {"HF_TOKEN": token} if token else {}
    return {**mine, "HF_ENDPOINT": hub.url, "HF_HOME": str(home), "PYTHONPATH": str(ROOT),
            "HF_HUB_DISABLE_XET": "1", **secret}  # fmt: skip


def started(store: Store, env: dict[str, str], *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "flows.cli", "push", REPO, f"--store={store.root}", *more]
    return subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


READ_BACK = """
import sys, orjson
from datasets import load_dataset

def plain(row):
    return {**row, "images": [picture.tobytes().hex() for picture in row["images"]]}

found = {}
for name in sys.argv[2].split(","):
    whole = load_dataset(sys.argv[1], name, split="train")
    streamed = load_dataset(sys.argv[1], name, split="train", streaming=True)
    local = load_dataset("parquet", data_files=f"{sys.argv[3]}/{name}/**/*.parquet", split="train")
    found[name] = {
        "plain": [plain(row) for row in whole] == [plain(row) for row in local],
        "streaming": [plain(row) for row in streamed] == [plain(row) for row in local],
        "features": whole.features == local.features, "rows": whole.num_rows,
    }
print(orjson.dumps(found).decode())
"""


def test_what_was_pushed_reads_back_identical_plain_and_streaming(store: Store, hub: HubServer, tmp_path: Path) -> None:
    formats = ("grpo", "sft_trl", "sft", "verl", "easyr1", "preference", "vision-r1-rl", "raw")
    assert push(store, *(f"--format={name}" for name in formats)) == 0
    assert hub.repos[REPO].private
    for name in formats:
        written(Export(format=name, folder=str(tmp_path / name), store=str(store.root)))
    command = [sys.executable, "-c", READ_BACK, REPO, ",".join(formats), str(tmp_path)]
    env = environment(hub, tmp_path / "hf")
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    back = orjson.loads(done.stdout)
    same = {"plain": True, "streaming": True, "features": True}
    expected = {name: {**same, "rows": 4 if name in ("preference", "raw") else 2} for name in formats}
    assert back == expected


def test_a_dry_run_says_what_would_change_and_sends_nothing(
    store: Store, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(store, "--format=grpo", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "+ grpo/train-00000-of-00001.parquet" in said
    assert "grpo 0 -> 2 rows" in said
    assert "create tester/dots" in said
    assert (hub.writes(), hub.repos) == ([], {})


def test_what_stays_in_the_repository_must_be_of_the_splits_as_they_are(
    tmp_path: Path, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    store = built(tmp_path)
    assert push(store, "--format=sft") == 0
    assert push(store, "--format=grpo") == 0  # the same splits: nothing is in both
    [row] = store.query("select sample_id, sample_key from samples where sample_id = 's0'").to_pylist()
    decide(store, Decision("s0", row["sample_key"], "ann", "edit", edited_answer="5"))  # leaves sft for rl
    before = hub.repos[REPO].head()
    capsys.readouterr()
    assert push(store, "--format=grpo") == 1
    assert "has sft of run r1, whose split is not what it is now" in capsys.readouterr().err
    assert hub.repos[REPO].head() == before
    assert push(store, "--format=grpo", "--format=sft") == 0
    assert push(store, "--format=grpo", "--allow-overlap") == 0


def test_a_second_push_sends_only_what_changed(
    tmp_path: Path, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    store = built(tmp_path)
    assert push(store, "--format=grpo", "--shard-rows=1") == 0
    assert push(store, "--format=grpo", "--shard-rows=1", "--json") == 0
    again = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert again["files"]["keep"] == sorted(path for path in hub.repos[REPO].head() if path != ".gitattributes")
    assert len(hub.repos[REPO].titles) == 2
    assert push(store, "--format=grpo", "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)["files"]
    assert plan["remove"] == ["grpo/train-00000-of-00002.parquet", "grpo/train-00001-of-00002.parquet"]
    assert plan["add"] == ["grpo/train-00000-of-00001.parquet"]
    assert push(store, "--format=grpo") == 0
    assert [path for path in hub.repos[REPO].head() if path.endswith("parquet")] == plan["add"]
    paths = [row["path"] for row in rows(store, "select path from exports order by created")]
    assert paths[-1] == f"hf://datasets/{REPO}@{hub.repos[REPO].refs['main']}/grpo"


def test_other_configurations_prose_and_keys_are_kept(store: Store, hub: HubServer) -> None:
    card = (
        "---\nlicense: cc-by-4.0\nviewer: false\ntags: [mine]\nconfigs:\n- config_name: notes\n  default: true\n"
        "  data_files: notes/*.csv\n---\nWritten by hand.\n"
    )
    hub.add(REPO, {"README.md": card.encode(), "notes/a.csv": b"a\n1\n"})
    assert push(store, "--format=grpo") == 0
    assert push(store, "--format=sft") == 0
    text = hub.repos[REPO].head()["README.md"].content.decode()
    data = yaml.safe_load(text.split("---\n")[1])
    assert [one["config_name"] for one in data["configs"]] == ["notes", "grpo", "sft"]
    assert [one["config_name"] for one in data["configs"] if one.get("default")] == ["notes"]
    assert (data["license"], data["viewer"], data["tags"][0]) == ("cc-by-4.0", False, "mine")
    assert text.count("Written by hand.") == text.count("## How it was made") == 1
    assert hub.repos[REPO].head()["notes/a.csv"].content == b"a\n1\n"


def test_beside_a_configuration_of_others_ours_is_not_the_default(store: Store, hub: HubServer) -> None:
    """What `load_dataset(repo)` gave must not turn into something else; ours stays the default that it was."""
    hub.add(
        REPO, {"README.md": b"---\nlicense: cc0-1.0\nconfigs:\n- config_name: notes\n  data_files: notes/*.csv\n---\n"}
    )
    assert push(store, "--format=grpo") == 0
    assert push(store, "--format=grpo", "--format=sft", repo="tester/alone") == 0
    assert push(store, "--format=grpo", repo="tester/alone") == 0
    found = {name: yaml.safe_load(repo.head()["README.md"].content.decode().split("---\n")[1])["configs"]
             for name, repo in hub.repos.items()}  # fmt: skip
    defaults = {name: [one["config_name"] for one in configs if one.get("default")] for name, configs in found.items()}
    assert defaults == {REPO: [], "tester/alone": ["grpo"]}


def test_a_token_that_cannot_be_one_is_refused_without_being_shown(
    store: Store, hub: HubServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_schlüssel")
    assert push(store, "--format=grpo") == 2
    said = capsys.readouterr().err
    assert "HF_TOKEN" in said
    assert "schl" not in said
    assert hub.repos == {}


def test_a_configuration_by_somebody_else_is_not_replaced(
    store: Store, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.add(REPO, {"grpo/train.csv": b"a\n1\n", "grpo/manifest.json": b"{}"})
    assert push(store, "--format=grpo") == 1
    assert "`vistill push` did not write" in capsys.readouterr().err
    assert hub.writes() == []


def test_newer_rows_on_the_hub_are_not_replaced_unless_told(
    tmp_path: Path, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    older = built(tmp_path / "older")
    newer = built(tmp_path / "newer")
    assert push(newer, "--format=grpo") == 0
    before = dict(hub.repos[REPO].refs)
    assert push(older, "--format=grpo") == 1
    assert "newer than this store's" in capsys.readouterr().err
    assert hub.repos[REPO].refs == before
    assert push(older, "--format=grpo", "--older") == 0


def test_licences_that_forbid_it_stop_the_push_before_anything_is_sent(
    tmp_path: Path, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    store = built(tmp_path, s2={"licence": "", "source": "scans"}, s3={"licence": "cc-by-nd-4.0", "source": "comics"})
    assert push(store, "--format=grpo") == 1
    said = capsys.readouterr().err
    assert "scans gives no licence for 1 rows" in said
    assert "comics is under cc-by-nd-4.0" in said
    assert (hub.writes(), hub.repos) == ([], {})


def test_a_licence_is_stated_for_a_source_that_gives_none_and_for_no_other(
    tmp_path: Path, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    store = built(tmp_path, s2={"licence": "", "source": "scans"}, s3={"licence": "CC BY-SA 4.0", "source": "wiki"})
    assert push(store, "--format=grpo", "--licence=wiki=mit") == 2
    assert "the source itself gives CC BY-SA 4.0" in capsys.readouterr().err
    assert push(store, "--format=grpo", "--licence=scans=mit") == 0
    text = hub.repos[REPO].head()["README.md"].content.decode()
    assert yaml.safe_load(text.split("---\n")[1])["license"] == "cc-by-sa-4.0"
    assert "| scans | mit (stated by the publisher) | 1 |" in text


def test_a_public_repository_needs_the_word(store: Store, hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    hub.add(REPO, {"a.txt": b"a"}, private=False)
    assert push(store, "--format=grpo") == 1
    assert "--public" in capsys.readouterr().err
    assert hub.writes() == []
    assert push(store, "--format=grpo", "--public") == 0
    assert push(store, "--format=grpo", "--public", repo="tester/open") == 0
    assert not hub.repos["tester/open"].private


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_private_repository_stays_private_and_the_last_line_says_how_to_open_it(
    store: Store, hub: HubServer, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    hub.add(REPO, {"a.txt": b"a"})
    assert push(store, "--format=grpo", "--public", *more) == 0
    assert hub.repos[REPO].private
    said = capsys.readouterr().err.splitlines()[-1]
    assert "is private and stays so" in said
    assert said.endswith(f"{hub.url}/datasets/{REPO}/settings")


def test_branches_tags_and_pull_requests(store: Store, hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert push(store, "--format=grpo", "--tag=v1") == 0
    repo = hub.repos[REPO]
    first = repo.refs["main"]
    assert repo.tags == {"v1": first}
    assert push(store, "--format=sft", "--revision=next", "--message=More") == 0
    assert (repo.refs["main"], "sft/manifest.json" in repo.head("next"), repo.titles[-1]) == (first, True, "More")
    capsys.readouterr()
    assert push(store, "--format=sft", "--pr") == 0
    assert capsys.readouterr().out.strip().endswith("/discussions/1")
    assert (repo.refs["main"], "sft/manifest.json" in repo.head("refs/pr/1")) == (first, True)
    for number in (2, 3, 4):
        assert push(store, "--format=sft", "--pr") == 0
        said = capsys.readouterr().err
        assert said.count("is open already") == number - 1
        assert "/discussions/1" in said
    assert push(store, "--format=sft", "--pr", "--message=Another") == 0
    assert "is open already" not in capsys.readouterr().err
    before = len(hub.writes())
    assert push(store, "--format=sft", "--tag=v1") == 1
    assert "tags do not move" in capsys.readouterr().err
    assert len(hub.writes()) == before
    assert push(store, "--format=grpo", "--tag=v1") == 0  # there already, at this very commit
    assert f"tag: v1 is at {first[:12]}" in capsys.readouterr().out
    assert push(store, "--format=sft", "--pr", repo="tester/none") == 1
    assert len(hub.writes()) == before


def test_a_branch_is_made_although_main_has_it_all_and_can_be_tagged(
    store: Store, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(store, "--format=grpo") == 0
    repo, before = hub.repos[REPO], len(hub.writes())
    assert push(store, "--format=grpo", "--revision=dev", "--pr") == 0
    assert push(store, "--format=grpo", "--revision=dev", "--dry-run") == 0
    assert (len(hub.writes()), set(repo.refs)) == (before, {"main"})
    assert "create the branch dev" in capsys.readouterr().out
    assert push(store, "--format=grpo", "--revision=dev", "--tag=v9") == 0
    assert (repo.refs["dev"], repo.tags) == (repo.refs["main"], {"v9": repo.refs["main"]})
    said = capsys.readouterr().out
    assert "new branch: dev" in said
    assert f"the Hub has it all at {repo.refs['main'][:12]}" in said


def test_a_new_branch_starts_at_the_commit_that_was_looked_at(store: Store, hub: HubServer) -> None:
    """Else files that came since would be in it, and those that the card speaks of perhaps not."""
    repo = hub.add(REPO, {"a.txt": b"a"})
    seen = repo.refs["main"]

    def theirs() -> None:
        repo.commit("main", {}, "theirs")

    hub.before_branch = theirs
    assert push(store, "--format=grpo", "--revision=dev") == 0
    assert repo.refs["main"] != seen
    assert {"a.txt", "grpo/manifest.json"} <= repo.head("dev").keys()


def test_a_commit_that_came_between_stops_the_push_and_the_next_one_goes_on(
    store: Store, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = hub.add(REPO, {"a.txt": b"a"})

    def theirs() -> None:
        repo.commit("main", {**repo.head(), "b.txt": repo.head()["a.txt"]}, "theirs")

    hub.before_commit = theirs
    assert push(store, "--format=grpo") == 1
    assert "has changed since it was looked at" in capsys.readouterr().err
    assert "grpo/manifest.json" not in repo.head()
    hub.before_commit, sent = None, sum(method == "PUT" for method, _ in hub.writes())
    assert push(store, "--format=grpo") == 0
    assert {"b.txt", "grpo/manifest.json"} <= repo.head().keys()
    assert sum(method == "PUT" for method, _ in hub.writes()) == sent > 0


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--format=nonsense"], 2, "there are grpo"),
        (["--licence=figures=mine"], 2, "licence ids"),
        (["--licence=figures=cc0-1.0", "--licence=figures=mit"], 2, "figures is given twice"),
        (["--licence=nobody=mit"], 2, "is no source of this corpus"),
        (["--set=sytem=x"], 2, "no setting of these formats"),
        (["--pr", "--tag=v1"], 2, "cannot be given to a pull request"),
        (["--recipe=other"], 2, "has no run here"),
        (["--language=English"], 2, "must be a code"),
        *((["--format=grpo", f"--tag={name}"], 2, "--tag = ") for name in ("../x", "a b", "v1~", "main", "", "a.lock")),
        *(
            (["--revision=" + name], 2, "--revision = ")
            for name in ("-x", "refs/pr/1", "HEAD", "0" * 40, "a" * 201, "é")
        ),
    ],
)
def test_bad_use_is_one_line_and_sends_nothing(
    store: Store, hub: HubServer, capsys: pytest.CaptureFixture[str], more: list[str], code: int, says: str
) -> None:
    assert push(store, *more) == code
    said = capsys.readouterr().err
    assert says in said
    assert len(said.strip().splitlines()) == 1
    assert (hub.writes(), hub.repos) == ([], {})


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a/b/c", "is no repository's name"), ("../x", "'..'"), ("me/a--b", "neither '--'"), ("a b", "OWNER/NAME"),
        ("me/ünï", "OWNER/NAME"), ("me/x.git", "'.git'"), (f"me/{'x' * 120}", "at most 96"), ("me/-x", "begins"),
        ("me/", "OWNER/NAME"), ("", "OWNER/NAME"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("more", [[], ["--dry-run", "--format=sft"]])
def test_a_repository_name_that_cannot_be_is_refused(
    store: Store, hub: HubServer, capsys: pytest.CaptureFixture[str], name: str, says: str, more: list[str]
) -> None:
    assert push(store, *more, repo=name) == 2
    said = capsys.readouterr().err
    assert says in said
    assert (len(said.strip().splitlines()), hub.log) == (1, [])


def test_a_tag_or_branch_that_the_repository_has_as_the_other_is_refused(
    store: Store, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = hub.add(REPO, {"a.txt": b"a"})
    repo.tags["v1"] = repo.refs["main"]
    assert push(store, "--format=grpo", "--revision=dev", "--tag=main") == 1
    assert "has a branch main" in capsys.readouterr().err
    assert push(store, "--format=grpo", "--revision=v1") == 1
    assert "has a tag v1" in capsys.readouterr().err
    assert hub.writes() == []


def test_formats_without_rows_are_left_out_by_default_and_refused_by_name(
    tmp_path: Path, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    only_rl, sample = Store.open(tmp_path / "rl"), a_sample(2, licence="mit")
    start(only_rl)
    take_in(only_rl, [sample])
    corpus.add_outcomes(only_rl, "r1", _outcomes(2, sample))
    corpus.end_run(only_rl, "r1", event="finished")
    assert push(only_rl) == 0
    assert "sft is left out" in capsys.readouterr().err
    assert {path.split("/")[0] for path in hub.repos[REPO].head()} == {".gitattributes", "README.md", "grpo"}
    assert push(only_rl, "--format=sft") == 1
    assert "no sample in the split sft" in capsys.readouterr().err


def the_card(hub: HubServer) -> Any:
    return yaml.safe_load(hub.repos[REPO].head()["README.md"].content.decode().split("---\n")[1])


def test_the_card_says_what_loaders_and_people_need(store: Store, hub: HubServer) -> None:
    assert push(store, "--title=Dots, counted", "--language=en") == 0
    data, text = the_card(hub), hub.repos[REPO].head()["README.md"].content.decode()
    assert (data["license"], data["pretty_name"], data["language"]) == ("cc0-1.0", "Dots, counted", ["en"])
    assert data["size_categories"] == ["n<1K"]
    assert {one["config_name"]: one["splits"][0]["num_examples"] for one in data["dataset_info"]} == {
        "grpo": 2, "sft_trl": 2, "sft": 2,
    }  # fmt: skip
    assert "| verify | 4 | 4 | 0 | 0 | 0 |" in text
    assert "The picture shows 0 dots." in text
    assert "](assets/example.png)" in text
    assert hub.repos[REPO].head()["assets/example.png"].content.startswith(b"\x89PNG")
