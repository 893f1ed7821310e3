"""Exports of a small real store: loaded back by `datasets`, the same bytes twice, and every refusal with its reason."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from PIL import Image as Pil
from prefect.logging import disable_run_logger

from curation.errors import ConfigError, RunStopped, StoreError
from curation.exports import FORMATS
from curation.pictures import inspect
from curation.records import Option, Sample
from flows.cli import main
from flows.export import Export, export, like
from flows.export_files import schema_of, table_of
from storage import corpus
from storage.reviews import Decision, decide
from storage.store import Store
from tests.storage.hand_built import a_sample, an_outcome, rows, start, take_in, verdict

ROOT = Path(__file__).resolve().parents[2]
TRACE = "<think>The picture shows {n} dots.</think>{n}"


def png(shade: int) -> bytes:
    out = io.BytesIO()
    Pil.new("RGB", (32, 32), (shade, 10, 200)).save(out, "PNG")
    return out.getvalue()


def built(path: Path, **changes: dict[str, Any]) -> Store:
    """Four samples with a wrong and a right draw each; the first two in sft, the others in rl."""
    store = Store.open(path / "store")
    start(store)
    pictures = [png(10 * n) for n in range(4)]
    samples = [
        a_sample(n, **{"image": inspect(pictures[n]), "licence": "cc0-1.0", **changes.get(f"s{n}", {})})
        for n in range(4)
    ]  # fmt: skip
    corpus.add_samples(store, samples, [(s.image, data) for s, data in zip(samples, pictures, strict=True) if s.image])
    take_in(store, samples)
    for n, sample in enumerate(samples):
        corpus.add_outcomes(store, "r1", _outcomes(n, sample))
    corpus.end_run(store, "r1", event="finished")
    return store


def _outcomes(n: int, sample: Sample) -> list[Any]:
    right = {"draw": 1}
    return [
        an_outcome(sample, "dedup"), an_outcome(sample, "caption", value="some dots"),
        an_outcome(sample, "distill", value=TRACE.format(n=n + 9)), an_outcome(sample, "verify", "dropped",
                                                                              verdict(False, str(n + 9))),
        an_outcome(sample, "distill", value=TRACE.format(n=n), **right),
        an_outcome(sample, "verify", value=verdict(True, str(n)), **right),
        an_outcome(sample, "draws", value={"chosen": 1, "drawn": 2, "correct": 1}),
        an_outcome(sample, "split", value={"split": "sft" if n < 2 else "rl", "verifier_type": "digit"}),
    ]  # fmt: skip


def wrote(store: Store, folder: Path, format: str, **more: Any) -> dict[str, Any]:
    return export(Export(format=format, folder=str(folder), store=str(store.root), **more))


def loaded(folder: Path, cache: Path) -> Any:
    from datasets import load_dataset

    return load_dataset(str(folder), split="train", cache_dir=str(cache))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return built(tmp_path_factory.mktemp("exported"))


@pytest.mark.parametrize("format", [name for name, one in FORMATS.items() if "embed" in one.containers])
def test_embedded_formats_load_with_their_pictures_and_as_many_markers(
    store: Store, tmp_path: Path, format: str
) -> None:
    manifest = wrote(store, tmp_path / format, format)
    back = loaded(tmp_path / format, tmp_path / "cache")
    assert back.num_rows == manifest["counts"]["train"] == (4 if format in ("preference", "raw") else 2)
    for row in back:
        assert [picture.size for picture in row["images"]] == [(32, 32)]
        markers = sum(text.count("<image>") for text in FORMATS[format].texts(row))
        assert markers == (1 if FORMATS[format].markers == "text" else 0)


@pytest.mark.parametrize("format", ["grpo", "sft_trl", "preference"])
def test_folders_of_pictures_load_as_the_embedded_rows_do(store: Store, tmp_path: Path, format: str) -> None:
    wrote(store, tmp_path / "files", format, images="files")
    wrote(store, tmp_path / "embed", format)
    files, embed = (loaded(tmp_path / name, tmp_path / "cache") for name in ("files", "embed"))
    for one, other in zip(files, embed, strict=True):
        assert one["images"][0].tobytes() == other["images"][0].tobytes()
        assert one["prompt" if "prompt" in one else "messages"] == other["prompt" if "prompt" in one else "messages"]


def test_trl_puts_in_one_placeholder_a_picture(store: Store, tmp_path: Path) -> None:
    data_utils = pytest.importorskip("trl.data_utils", reason="trl is not installed")
    wrote(store, tmp_path / "grpo", "grpo")
    for row in loaded(tmp_path / "grpo", tmp_path / "cache"):
        prepared = data_utils.prepare_multimodal_messages(row["prompt"], row["images"])
        blocks = [block["type"] for turn in prepared for block in turn["content"]]
        assert blocks.count("image") == 1
        assert row["solution"] in ("2", "3")


def test_published_vlaa_files_have_the_published_fields(store: Store, tmp_path: Path) -> None:
    wrote(store, tmp_path / "v", "vlaa")
    sft, rl = (orjson.loads((tmp_path / "v" / f"VLAA-Thinking-{name}.json").read_bytes()) for name in ("SFT", "GRPO"))
    assert {"id", "image", "question", "answer"} <= sft[0].keys()
    assert sft[1]["answer"] == "<think>\nThe picture shows 1 dots.\n</think>\n\n<answer>\n1\n</answer>"
    assert [(row["gt"], row["verifier_type"]) for row in rl] == [("2", "digit"), ("3", "digit")]
    assert all((tmp_path / "v" / row["image"]).is_file() for row in sft + rl)


def test_vision_r1_layouts_list_the_options_of_a_question_once(tmp_path: Path) -> None:
    asked = {"question": "How many?\n(A) 1\n(B) 2", "options": (Option("A", "1"), Option("B", "2")), "reference": "2"}
    store = built(tmp_path, s0=asked, s2=asked)
    wrote(store, tmp_path / "cold", "vision-r1-cold")
    wrote(store, tmp_path / "rl", "vision-r1-rl")
    cold = orjson.loads((tmp_path / "cold" / "vision_r1_llava_cot_full.json").read_bytes())[0]
    rl = loaded(tmp_path / "rl", tmp_path / "cache")[0]
    assert cold["conversations"][0]["value"] == rl["problem"] == "<image>\nHow many?\n(A) 1\n(B) 2"
    assert (sorted(rl), rl["answer"]) == (["answer", "images", "problem"], "B")


def test_pictures_become_the_column_that_arrow_makes_of_dictionaries() -> None:
    schema = schema_of({"images": ["image"], "said": "string"})
    some = [[], [{"bytes": b"a", "path": "a.png"}], [{"bytes": b"", "path": None}, {"bytes": b"bc", "path": "é.png"}]]
    made = [{"images": pictures, "said": said} for pictures, said in zip(some, ("x", None, "y"), strict=True)]
    assert table_of(made, schema).equals(pa.Table.from_pylist(made, schema))


def test_the_same_rows_give_the_same_bytes_whatever_came_since(tmp_path: Path) -> None:
    store = built(tmp_path)
    first = wrote(store, tmp_path / "a", "sft")
    store.compact(force=True)
    late = a_sample(9)
    take_in(store, [late])
    corpus.add_outcomes(store, "r1", _outcomes(1, late))
    again = like("sft", str(tmp_path / "a" / "manifest.json"), str(tmp_path / "b"), str(store.root))
    assert again["files"] == first["files"]
    assert [row["format"] for row in rows(store, "select format from exports")] == ["sft", "sft"]
    assert wrote(store, tmp_path / "c", "sft")["counts"] == {"train": 3}


def test_a_run_that_is_named_is_exported_although_a_later_one_is_the_latest(tmp_path: Path) -> None:
    store = built(tmp_path)
    first = {name: wrote(store, tmp_path / "a" / name, name) for name in ("sft", "raw", "preference")}
    start(store, "r2")
    take_in(store, [a_sample(0)], "r2")
    again = {name: wrote(store, tmp_path / "b" / name, name, run="r1") for name in first}
    for name, one in first.items():
        assert (again[name]["run_id"], again[name]["files"]) == ("r1", one["files"])
        assert again[name]["funnel"] == one["funnel"]
    assert wrote(store, tmp_path / "c", "raw")["run_id"] == "r2"
    with pytest.raises(ConfigError, match=r"--run = 'r3': is no run among the rows"):
        wrote(store, tmp_path / "d", "sft", run="r3")


def test_publish_takes_the_run_that_its_flow_run_made_or_none(tmp_path: Path) -> None:
    from flows.publish import publish

    store = built(tmp_path)
    start(store, "r2", settings={"draws": 2, "flow_run": "f2"})
    take_in(store, [a_sample(0)], "r2")
    with pytest.raises(ConfigError, match="run = 'f2': is no run of"):
        corpus.run_named(store, "f2")
    corpus.end_run(store, "r2", event="finished")
    assert [corpus.run_named(store, name) for name in ("f2", "r2", "r1")] == ["r2", "r2", "r1"]
    with disable_run_logger():
        done = publish.fn(str(store.root), str(tmp_path / "x"), formats=["raw"], run="f2")
        publish.fn(str(store.root), str(tmp_path / "y"), formats=["raw"], run="r1")
    made = {name: orjson.loads((tmp_path / name / "raw" / "manifest.json").read_bytes())["run_id"] for name in "xy"}
    assert (done["folder"], made) == ({"raw": {"train": 1}}, {"x": "r2", "y": "r1"})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"folder": ""}, "say where to"),
        ({"folder": "x", "repo": "../x"}, "repo = '../x'"),
        ({"folder": "x", "settings": {"nosuch": 1}}, "is no setting of these formats"),
        ({"folder": "x", "settings": {"system": 1}}, "system"),
    ],
)
def test_publish_refuses_what_it_cannot_do_before_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], says: str
) -> None:
    from flows.publish import publish

    store = built(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    with disable_run_logger(), pytest.raises(ConfigError, match=says):
        publish.fn(str(store.root), **given)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_publish_takes_empty_texts_for_nothing_given(tmp_path: Path) -> None:
    """Prefect's UI gives them for fields that were cleared."""
    from flows.publish import publish

    store = built(tmp_path)
    with disable_run_logger():
        done = publish.fn(str(store.root), str(tmp_path / "x"), repo="", recipe="", run="", formats=["raw"])
    assert done == {"folder": {"raw": {"train": 4}}}


def test_placeholders_in_a_question_are_shown_and_not_meant(tmp_path: Path) -> None:
    asked = {"s2": {"question": "<image>\nIs <image> before <|im_end|>?"}}
    store = built(tmp_path, **asked)
    manifest = wrote(store, tmp_path / "e", "easyr1")
    said = loaded(tmp_path / "e", tmp_path / "cache")[0]["problem"]
    assert said == "<image>Is ‹image› before ‹|im_end|›?"
    assert manifest["escaped_placeholders"] == 2
    refused = wrote(store, tmp_path / "r", "easyr1", placeholders="refuse")
    assert refused["counts"] == {"train": 1}
    assert refused["skipped"]["train"]["placeholder_text"]["ids"] == ["s2"]


def test_options_without_letters_get_them_and_the_answer_is_a_letter(tmp_path: Path) -> None:
    options = (Option("", "two dots"), Option("", "nine dots"))
    given = {"s2": {"options": options, "reference": "nine dots", "kind": "mcq"}}
    wrote(built(tmp_path, **given), tmp_path / "g", "grpo")
    row = loaded(tmp_path / "g", tmp_path / "cache")[0]
    assert row["prompt"][1]["content"].endswith("A. two dots\nB. nine dots")
    assert (row["solution"], row["options"][1]["letter"]) == ("B", "B")


def test_a_lost_picture_stops_the_export_or_is_counted(tmp_path: Path) -> None:
    store = built(tmp_path)
    [lost] = rows(store, "select s.image, i.format from samples s join images i on i.sha256 = s.image "
                         "where sample_id = 's2'")  # fmt: skip
    store.image_path(lost["image"], lost["format"]).unlink()
    with pytest.raises(RunStopped, match="s2: image_missing"):
        wrote(store, tmp_path / "g", "grpo")
    assert not (tmp_path / "g").exists()
    manifest = wrote(store, tmp_path / "g", "grpo", skip_missing=True)
    assert (manifest["counts"], manifest["skipped"]["train"]["image_missing"]["samples"]) == ({"train": 1}, 1)


def test_splits_that_share_a_parent_are_refused_unless_told(tmp_path: Path) -> None:
    store = built(tmp_path, s1={"meta": {"parent": "p"}}, s2={"meta": {"parent": "p"}})
    with pytest.raises(RunStopped, match="share the parent p"):
        wrote(store, tmp_path / "g", "grpo")
    assert wrote(store, tmp_path / "g", "grpo", allow_overlap=True)["counts"] == {"train": 2}


def test_a_folder_with_anything_else_in_it_is_left_alone(store: Store, tmp_path: Path) -> None:
    wrote(store, tmp_path / "g", "grpo")
    wrote(store, tmp_path / "g", "grpo")
    (tmp_path / "g" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"notes\.txt"):
        wrote(store, tmp_path / "g", "grpo")
    with pytest.raises(ConfigError, match="holds something else"):
        wrote(store, tmp_path, "grpo")
    assert (tmp_path / "g" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nonsense"], 2, "there are grpo"),
        (["verl", "--images=files"], 2, "takes bytes"),
        (["grpo", "--set=sytem=x"], 2, "no such setting"),
        (["grpo", "--recipe=other"], 2, "has no run here"),
        (["grpo", "--shard-rows=0"], 2, "from 1 to 1,000,000"),
        (["grpo", "--shard-rows=99999999999999999999"], 2, "from 1 to 1,000,000"),
        (["grpo", "--as-of=nan"], 2, "seconds since the epoch"),
        (["grpo", "--set=system"], 2, "NAME=VALUE"),
        (["grpo", "--as-of=1"], 2, "holds no run"),
    ],
)
def test_bad_use_is_one_line(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    format, *more = arguments
    assert main(["export", format, str(tmp_path / "x"), f"--store={store.root}", *more]) == code
    assert says in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_an_export_is_not_put_into_the_store_nor_made_like_one_of_another_format(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lies in the store's own folder"):
        wrote(store, store.root / "mine", "grpo")
    wrote(store, tmp_path / "g", "grpo")
    with pytest.raises(ConfigError, match="of an export of the format grpo, not sft"):
        like("sft", str(tmp_path / "g" / "manifest.json"), str(tmp_path / "again"), str(store.root))
    assert not (tmp_path / "again").exists()


def test_a_link_stays_one_and_the_folder_it_leads_to_is_written(store: Store, tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "big")
    (tmp_path / "dangling").symlink_to(tmp_path / "new")
    for _ in range(2):
        wrote(store, tmp_path / "link", "grpo")
    wrote(store, tmp_path / "dangling", "grpo")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "dangling").is_symlink()
    assert (tmp_path / "big" / "manifest.json").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big", "dangling", "link", "new"]


SHORT_OF_HANDLES = """
import resource, sys
from flows import export_parts
from flows.cli import main
opened, usual = export_parts.open_image, resource.getrlimit(resource.RLIMIT_NOFILE)

def limited(*asked):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, usual[1]))  # for this one picture
    try:
        return opened(*asked)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        export_parts.open_image = opened

export_parts.open_image = limited
sys.exit(main(sys.argv[1:]))
"""


def test_no_room_for_handles_stops_it_and_leaves_no_sample_out(store: Store, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SHORT_OF_HANDLES, "export", "raw", str(tmp_path / "g"), "--skip-missing"]
    done = subprocess.run([*command, f"--store={store.root}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout
    assert "too many open files: raise the limit (ulimit -n)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "g").exists()


def test_a_name_too_long_for_a_folder_is_one_line(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot write the export to .*File name too long"):
        wrote(store, tmp_path / ("n" * 300), "grpo")


@pytest.mark.parametrize("more", [["--shard-rows=7"], ["--images=files"], ["--set=system=x"], ["--skip-missing"]])
def test_a_manifest_says_all_so_that_other_options_beside_it_are_refused(
    store: Store, tmp_path: Path, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    wrote(store, tmp_path / "g", "grpo")
    asked = ["export", "grpo", str(tmp_path / "again"), f"--like={tmp_path / 'g' / 'manifest.json'}"]
    assert main([*asked, f"--store={store.root}", *more]) == 2
    assert f"{more[0].partition('=')[0]}" in (said := capsys.readouterr().err)
    assert "leave it out" in said
    assert not (tmp_path / "again").exists()
    assert main([*asked, f"--store={store.root}"]) == 0


def test_markers_in_a_trace_that_a_format_leaves_out_count_for_nothing(tmp_path: Path) -> None:
    store = built(tmp_path)
    [sample] = rows(store, "select sample_id, sample_key from samples where sample_id = 's2'")
    trace = "<think>Look at <image>.</think>2"
    decide(store, Decision("s2", sample["sample_key"], "ann", "edit", edited_answer="2", edited_trace=trace))
    manifest = wrote(store, tmp_path / "g", "grpo", placeholders="refuse")
    assert (manifest["counts"], manifest["skipped"], manifest["escaped_placeholders"]) == ({"train": 2}, {}, 0)


def test_an_empty_split_says_so_and_writes_nothing(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    start(store)
    take_in(store, [a_sample(1)])
    with pytest.raises(RunStopped, match="nothing to export as grpo"):
        wrote(store, tmp_path / "g", "grpo")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_shards_are_numbered(store: Store, tmp_path: Path) -> None:
    wrote(store, tmp_path / "g", "raw", shard_rows=3)
    names = sorted(path.name for path in (tmp_path / "g").glob("*.parquet"))
    assert names == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]


@pytest.mark.parametrize("shard_rows", [5000, 1])
def test_llama_factory_finds_one_kind_of_file_where_it_is_told_to_look(
    store: Store, tmp_path: Path, shard_rows: int
) -> None:
    """Its loader (read at 01d3ac67) takes every file of the folder that `file_name` names, and wants one suffix."""
    from datasets import load_dataset

    wrote(store, tmp_path / "sft", "sft", shard_rows=shard_rows)
    [told] = orjson.loads((tmp_path / "sft" / "dataset_info.json").read_bytes()).values()
    files = sorted(str(path) for path in (tmp_path / "sft" / told["file_name"]).iterdir())
    assert {Path(name).suffix for name in files} == {".parquet"}
    assert len(files) == (2 if shard_rows == 1 else 1)
    back = load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    for row in back:
        roles = [turn[told["tags"]["role_tag"]] for turn in row[told["columns"]["messages"]]]
        said = [turn[told["tags"]["content_tag"]] for turn in row[told["columns"]["messages"]]]
        assert roles == ["system", "user", "assistant"]
        assert sum(text.count("<image>") for text in said) == len(row[told["columns"]["images"]]) == 1
    whole = loaded(tmp_path / "sft", tmp_path / "cache2")
    assert [row["id"] for row in whole] == [row["id"] for row in back] == ["s0", "s1"]


def test_a_query_that_fails_half_way_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from storage import exports

    monkeypatch.setattr(exports, "SPLIT_ROWS", "SELECT error('the disk is gone') AS x WHERE $1 <> $2 AND $3 <= $4")
    store = built(tmp_path)
    with exports.frozen(store, None) as snapshot, pytest.raises(StoreError, match="the disk is gone"):
        list(exports.rows(snapshot, "r1", "rl"))


def test_what_reviewers_edited_is_what_is_exported(tmp_path: Path) -> None:
    store = built(tmp_path)
    judged = [("s0", "<think>I count again.</think>0", "0"), ("s2", None, "7")]
    for name, trace, answer in judged:
        sample = next(row for row in rows(store, "select * from samples") if row["sample_id"] == name)
        decide(store, Decision(name, sample["sample_key"], "ann", "edit", edited_answer=answer, edited_trace=trace))
    wrote(store, tmp_path / "sft", "sft_trl")
    wrote(store, tmp_path / "rl", "grpo")
    said = {row["id"]: row["messages"][-1]["content"] for row in loaded(tmp_path / "sft", tmp_path / "cache")}
    assert said["s0"] == "<think>\nI count again.\n</think>\n\n<answer>\n0\n</answer>"
    assert "The picture shows 1 dots." in said["s1"]
    assert [row["solution"] for row in loaded(tmp_path / "rl", tmp_path / "cache")] == ["7", "3"]
