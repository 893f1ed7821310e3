"""Hostile rows in one run: every one gets its reason code, and the good ones are finished."""

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from curation.reasons import REASONS
from storage.store import Store
from tests.fakes.mind import MODELS, Truth, mind
from tests.fakes.model_server import ModelServer

ROOT = Path(__file__).resolve().parents[2]
SPOILT = b"\x89PNG\r\n\x1a\nnot a picture at all"
QUESTION = "How many dots are there?"


def png(path: Path, size: tuple[int, int] = (64, 64), mode: str = "RGB", **save: Any) -> None:
    """A picture of its own: its colour follows from its name."""
    shade = zlib.crc32(path.name.encode())
    picture = Image.new("RGB", size, (shade & 255, shade >> 8 & 255, shade >> 16 & 255))
    picture.paste("white", (shade % 7 + 8, 10, 40, shade % 17 + 30))
    picture.convert(mode).save(path, **save)


def bomb(path: Path) -> None:
    """20,000 x 20,000 pixels in a few kilobytes."""
    Image.new("1", (20_000, 20_000)).save(path)


def animated(path: Path) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:], format="GIF")


def truncated(path: Path) -> None:
    whole = path.with_suffix(".whole.png")
    Image.effect_noise((200, 200), 80).save(whole)
    path.write_bytes(whole.read_bytes()[:4000])


def exif_rotated(path: Path) -> None:
    picture = Image.effect_noise((80, 40), 60).convert("RGB")
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(path, format="JPEG", exif=exif)


PICTURES: dict[str, tuple[Callable[[Path], object], str | None]] = {
    "good.png": (png, None),
    "unreadable.png": (lambda path: path.write_bytes(SPOILT), "image_unreadable|image_truncated"),
    "truncated.png": (truncated, "image_truncated"),
    "zero.png": (lambda path: path.write_bytes(b""), "image_empty"),
    "one.png": (lambda path: png(path, (1, 1)), "image_too_small"),
    "animated.gif": (animated, "image_animated"),
    "cmyk.jpg": (lambda path: png(path, mode="CMYK", format="JPEG"), None),
    "deep.png": (lambda path: Image.effect_noise((64, 64), 90).convert("I;16").save(path), None),
    "rotated.jpg": (exif_rotated, None),
    "palette.png": (lambda path: png(path, mode="P"), None),
    "bomb.png": (bomb, "image_too_large"),
    "drawing.png": (lambda path: path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>"), "image_format"),
}  # fmt: skip

ROWS: dict[str, tuple[dict[str, Any], str | None]] = {
    "outside": ({"image": "../outside.png"}, "image_outside"),
    "symlink": ({"image": "link.png"}, "image_outside"),
    "missing": ({"image": "nowhere.png"}, "image_missing"),
    "empty question": ({"question": " "}, "question_empty"),
    "long question": ({"question": "why " * 25_000}, "question_too_long"),
    "null answer": ({"answer": None}, "answer_missing"),
    "number answer": ({"answer": 4}, None),
    "list answer": ({"answer": ["a", "b"]}, "answer_malformed"),
    "same options": ({"options": ["four", "Four "], "answer": "A"}, "options_duplicate"),
    "no such option": ({"options": ["three", "five"], "answer": "six"}, "answer_not_in_options"),
}


def write_rows(folder: Path) -> tuple[Path, dict[str, str | None]]:
    """The JSONL file and, by sample id, the reason expected."""
    images = folder / "rows"
    images.mkdir()
    png(folder / "outside.png")
    os.symlink(folder / "outside.png", images / "link.png")
    expected: dict[str, str | None] = {}
    lines: list[bytes] = []
    for name, (make, reason) in PICTURES.items():
        make(images / name)
        lines.append(json.dumps({"id": name, "image": name, "question": QUESTION, "answer": "4"}).encode())
        expected[f"rows-{name}"] = reason
    for i, (name, (change, reason)) in enumerate(ROWS.items()):
        png(images / f"own{i}.png")
        row = {"id": name, "image": f"own{i}.png", "question": QUESTION, "answer": "4", **change}
        lines.append(json.dumps(row).encode())
        expected[f"rows-{name}"] = reason
    lines.append(json.dumps({"id": "good.png", "image": "own1.png", "question": QUESTION, "answer": "4"}).encode())
    expected["rows-good.png#2"] = "duplicate_id"
    lines += [
        b'{"id": "broken", "image": ',
        b'{"id": "latin", "question": "caf\xe9", "image": "good.png", "answer": "4"}',
    ]
    file = images / "rows.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    return file, expected


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer(mind([Truth(QUESTION, "4")]), models=MODELS) as running:
        yield running


def test_every_bad_row_gets_its_reason_and_the_run_finishes(server: ModelServer, tmp_path: Path) -> None:
    file, expected = write_rows(tmp_path)
    roles = {"captioner": "eyes", "reasoner": "thinker", "rewriter": "editor", "judge": "judge"}
    command = [
        sys.executable, "-m", "flows.cli", "run", "vlaa-thinking", f"--source=jsonl:{file}", "--no-prefect", "--quiet",
        *[f"--teacher={role}=fake@{server.url}?seed=true#{model}" for role, model in roles.items()],
        f"--store={tmp_path / 'store'}", "--set=draws=4", "--set=near_images=false",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    store = Store.open(tmp_path / "store")
    rows = store.query("select sample_id, fate, step, reason from fates").to_pylist()
    found = {row["sample_id"]: row for row in rows}
    assert len(rows) == len(expected) + 2
    for id, reason in expected.items():
        if reason is None:
            assert found[id]["step"] != "intake", (id, found[id])
        else:
            assert (found[id]["step"], found[id]["reason"] in reason.split("|")) == ("intake", True), (id, found[id])
    assert {row["reason"] for row in rows if row["sample_id"] not in expected} == {"row_malformed", "row_encoding"}
    assert {row["reason"] for row in rows} - {""} <= REASONS.keys()
    [picture] = store.query("select width, height from samples where sample_id = 'rows-rotated.jpg'").to_pylist()
    assert (picture["width"], picture["height"]) == (40, 80)


def test_a_json_file_that_is_not_utf8_is_refused_before_the_first_call(server: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_bytes(b'[{"question": "caf\xe9"}]')
    before = len(server.requests)
    command = [sys.executable, "-m", "flows.cli", "run", "vlaa-thinking", f"--source=json:{tmp_path / 'rows.json'}"]
    command += [f"--teacher={server.url}#thinker", f"--store={tmp_path / 'store'}", "--no-prefect"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, len(server.requests), done.stderr.count("\n")) == (2, before, 1), done.stderr


def test_a_store_of_a_newer_version_is_refused(server: ModelServer, tmp_path: Path) -> None:
    Store.open(tmp_path / "store")
    version = tmp_path / "store" / "VERSION"
    version.write_text("99\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "run",
        "vlaa-thinking",
        "--source=figures",
        "--limit=2",
        "--no-prefect",
    ]
    command += [f"--teacher={server.url}#thinker", f"--store={tmp_path / 'store'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "newer" in done.stderr


LONG = "word " * 45_000  # 225 kB


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "reply_empty"),
        ({"content": "<think>and so", "finish_reason": "length"}, "reply_truncated"),
        ("Four.", "think_missing"),
        ("<think>a</think><answer>4</answer><answer>5</answer>", "answer_repeated"),
        ("<think>Там четыре точки, я их посчитал.</think>Четыре точки.", "language_unexpected"),
        (f"<think>{LONG}</think>4", "reply_too_long"),
        ("<think>a</think><img src=x onerror=alert(1)>4", "markup_unexpected"),
    ],
)  # fmt: skip
def test_a_bad_reply_marks_its_sample_and_keeps_its_text(tmp_path: Path, reply: Any, reason: str) -> None:
    file = tmp_path / "rows.jsonl"
    png(tmp_path / "a.png")
    file.write_text(json.dumps({"id": "a", "image": "a.png", "question": QUESTION, "answer": "4"}) + "\n")
    with ModelServer(lambda request: "A caption." if request["model"] == "eyes" else reply, models=MODELS) as server:
        command = [sys.executable, "-m", "flows.cli", "run", "vlaa-thinking", f"--source=jsonl:{file}", "--no-prefect"]
        command += [f"--teacher=captioner={server.url}#eyes", f"--teacher={server.url}#thinker"]
        done = subprocess.run(
            [*command, f"--store={tmp_path / 'store'}"], cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    store = Store.open(tmp_path / "store")
    [fate] = store.query("select step, reason from fates").to_pylist()
    assert (fate["step"], fate["reason"]) == ("distill", reason)
    text = reply if isinstance(reply, str) else reply["content"]
    kept = store.query("select reply from calls where model = 'thinker' and status = 'ok'").to_pylist()
    assert kept == [{"reply": kept[0]["reply"]}]
    assert text.startswith(kept[0]["reply"][:50])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_one_line_and_no_traceback() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", "recipes"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "vistill: No space left on device: the output could not be written whole; what is stored is kept"
    ]
