"""Small stores built by hand for the page, and the page itself under Streamlit's own test driver."""

import io
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import streamlit
from PIL import Image as Picture
from streamlit.testing.v1 import AppTest

from curation.records import Call, Image, Option, Outcome, Sample
from storage import corpus
from storage.store import Store
from tests.storage.hand_built import a_call, a_sample, add_calls, an_outcome, start, take_in, verdict

ROOT = Path(__file__).resolve().parents[2]
STEPS = (
    ("intake", "f-intake", "row", False),
    ("dedup", "f-dedup", "all", False),
    ("caption", "f-caption", "row", False),
    ("distill", "f-distill", "row", True),
    ("rewrite", "f-rewrite", "row", True),
    ("verify", "f-verify", "row", True),
    ("draws", "f-draws", "row", False),
    ("cues", "f-cues", "row", False),
    ("split", "f-split", "all", False),
)


def a_picture(colour: str = "teal", size: tuple[int, int] = (64, 48)) -> tuple[Image, bytes]:
    """A real PNG of one colour."""
    out = io.BytesIO()
    Picture.new("RGB", size, colour).save(out, "PNG")
    content = out.getvalue()
    return Image(sha256(content).hexdigest(), "png", *size, len(content), "p" * 32, 0), content


def begin(path: Path, **changes: Any) -> Store:
    """A store with a run that has started."""
    store = Store.open(path / "store", create=True)
    start(store, **({"steps": STEPS} | changes))
    return store


def keep(store: Store, sample: Sample, *, trace: str, **said: Any) -> None:
    """Bring a sample to the end; see `history`."""
    call, outcomes = history(sample, trace, **said)
    add_calls(store, call)
    corpus.add_outcomes(store, "r1", outcomes)


def history(sample: Sample, trace: str, after: str | None = None, **said: Any) -> tuple[Call, list[Outcome]]:
    """The call and the outcomes of a kept sample; `said` are split, caption, cues, leaks, source of the verdict, model,
    reply and request."""
    call = a_call(sample.position, model=said.get("model", "thinker"), reply=said.get("reply", trace),
                  request=said.get("request", "{}"), prompt_tokens=10, completion_tokens=5, cost=0.01)  # fmt: skip
    rewrite = {"text": after or trace, "asked": after is not None, "leaks": said.get("leaks", []), "diff": []}
    found = {"reflective": bool(said.get("cues")), "cues": said.get("cues", {})}
    values: dict[str, Any] = {
        "dedup": {"cluster": sample.id}, "caption": said.get("caption", "dots"), "distill": trace, "rewrite": rewrite,
        "verify": verdict(True, "1", said.get("source", "rule")), "draws": {"chosen": 0, "drawn": 1, "correct": 1},
        "cues": found, "split": {"split": said.get("split", "rl")},
    }  # fmt: skip
    calls = {"distill": (call.key,)}
    return call, [an_outcome(sample, step, value=value, calls=calls.get(step, ())) for step, value in values.items()]


def many(path: Path, number: int) -> Store:
    """A finished run with so many kept samples: even ones SFT, odd ones RL; all share one picture."""
    store = begin(path)
    image, content = a_picture()
    store.put_images([(image, content)])
    samples = [a_sample(n, image=image) for n in range(number)]
    take_in(store, samples)
    made = [
        history(sample, f"<think>I count {n} dots.</think>{n}", split=("sft", "rl")[n % 2])
        for n, sample in enumerate(samples)
    ]
    add_calls(store, *(call for call, _ in made))
    corpus.add_outcomes(store, "r1", [outcome for _, outcomes in made for outcome in outcomes])
    corpus.end_run(store, "r1", event="finished")
    return store


def run_again(store: Store, samples: list[Sample], trace: str = "<think>Once more: {n}.</think>{n}") -> None:
    """Run r2 of the same recipe, with another seed: it has these samples and other traces."""
    start(store, "r2", seed=8, steps=[(name, f"{mark}-8", *rest) for name, mark, *rest in STEPS])
    corpus.add_samples(store, samples)
    corpus.add_members(store, "r2", [(sample.id, sample.key, sample.position) for sample in samples])
    made = [history(sample, trace.format(n=n), split="sft") for n, sample in enumerate(samples)]
    intake = [an_outcome(sample, "intake") for sample in samples]
    outcomes = [*intake, *(outcome for _, found in made for outcome in found)]
    corpus.add_outcomes(store, "r2", [replace(each, fingerprint=f"{each.fingerprint}-8") for each in outcomes])
    corpus.end_run(store, "r2", event="finished")


def options(*texts: str) -> tuple[Option, ...]:
    return tuple(Option(letter, text) for letter, text in zip("ABCDEF", texts, strict=False))


def the_page(store: Store | Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page after its first run; any exception in it fails the test."""
    streamlit.cache_data.clear()
    monkeypatch.setenv("VISTILL_STORE", str(store.root if isinstance(store, Store) else store))
    page = AppTest.from_file(str(ROOT / "ui" / "app.py"), default_timeout=30).run()
    return sound(page)


def sound(page: AppTest) -> AppTest:
    assert [error.value for error in page.exception] == []
    return page


def texts(page: AppTest) -> list[str]:
    return [item.value for item in page.text]


def drawn_html(page: AppTest) -> str:
    return "".join(item.proto.body for item in page.get("html"))


def metric(page: AppTest, name: str) -> str:
    return next(str(item.value) for item in page.metric if item.label == name)
