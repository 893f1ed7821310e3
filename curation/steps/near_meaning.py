"""Drops samples that nearly repeat another's question, trace or picture in meaning: cosine of embeddings.

The model is loaded when a recipe with this step is built, so one that cannot be had is refused before the first call,
and it stays loaded. A folder's name is part of the step's fingerprint, the weights in it are not.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from curation.dedup.corpus import LOOK_THRESHOLD, rank_of
from curation.dedup.embedders import LOCAL, EmbedPictures, EmbedTexts, picture_embedder, readable, text_embedder
from curation.dedup.find import normal_question
from curation.dedup.meaning import THRESHOLD, Meanings, near_vectors
from curation.errors import ConfigError, SampleError
from curation.records import Image, Json, Option
from curation.step import Drop, Pictures, step

On = Literal["question", "trace", "picture"]
Verdicts = list[dict[str, Json] | Drop]
Vectors = NDArray[np.float32]


def usable(settings: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for a threshold out of range or a model that cannot be had or cannot embed pictures."""
    on, threshold = settings["on"], settings["threshold"]
    if threshold is not None and not 0 < threshold <= 1:
        raise ConfigError("near_meaning.threshold", threshold, "a cosine above 0 and at most 1")
    if on == "picture" and settings["any_picture"]:
        raise ConfigError("near_meaning.any_picture", True, "is about texts; with on='picture' leave it out")
    try:
        _pictures_of(settings["model"]) if on == "picture" else _texts_of(settings["model"])
    except ConfigError as error:
        raise ConfigError("near_meaning.model", error.value, error.fix) from error


@step(scope="all", check=usable)
def near_meaning(
    id: list[str],
    question: list[str],
    options: list[tuple[Option, ...]],
    context: list[str],
    solution: list[str | dict[str, Json]],
    image: list[Image | None],
    kept_before: list[bool],
    *,
    pictures: Pictures,
    on: On = "question",
    model: str = LOCAL,
    threshold: float | None = None,
    any_picture: bool = False,
) -> Verdicts:
    """{cluster} or the sample this one repeats in meaning, with the cosine as `score`.

    Questions (with options and context) and traces are compared among rows about the same picture, `any_picture` lifts
    that; with `on="picture"` the same is asked about pictures that look alike to `model`. The threshold is 0.95 for
    texts and 0.97 for pictures unless given. The trace is the source's `solution`; `reading(solution="rewrite")` takes
    a column written before, a text or a dict with one under `text`. Kept is a sample an earlier run kept, then the
    longer trace, then the lower id. A row without text or picture repeats nothing; one whose embedding has no direction
    is kept and says `embedding_unusable`.
    """
    traces = [_text_of(value) for value in solution]
    asked = [_asked(*row) for row in zip(question, options, context, strict=True)]
    pixels = [picture.pixels if picture else "" for picture in image]
    order = rank_of(kept_before, [len(trace) for trace in traces], id)
    keys = {"question": asked, "trace": traces, "picture": pixels}[on]
    first = _first_rows(keys)
    rows = [row for row in order if keys[row] in first]
    if not rows:
        return [{"cluster": name} for name in id]
    if on == "picture":
        files = readable(lambda row: _file(image[row], pictures), first.values())
        vectors, groups = _pictures_of(model)(files), [normal_question(text) for text in asked]
    else:
        vectors, groups = _texts_of(model)(list(first)), [""] * len(id) if any_picture else pixels
    place = {key: at for at, key in enumerate(first)}
    near = near_vectors(
        vectors[[place[keys[row]] for row in rows]],
        threshold=threshold or (LOOK_THRESHOLD if on == "picture" else THRESHOLD),
        groups=_numbers(groups[row] for row in rows),
    )
    return _verdicts(id, rows, near, "near_look" if on == "picture" else "near_meaning")


def _verdicts(id: Sequence[str], rows: Sequence[int], near: Meanings, reason: str) -> Verdicts:
    """One for every id; `rows` were searched, in this order. The recall is told where the search was not exact."""
    verdicts: Verdicts = [{"cluster": name} for name in id]
    recall: dict[str, Json] = {} if near.index == "flat" else {"recall": round(near.recall, 4)}
    for at, (row, kept) in enumerate(zip(rows, near.stars.kept.tolist(), strict=True)):
        if kept != at:
            of = id[rows[kept]]
            value: dict[str, Json] = {"cluster": of, "of": of, "score": round(float(near.stars.score[at]), 4)}
            verdicts[row] = Drop(reason, f"repeats {of}", value | recall)
        elif near.refused[at]:
            verdicts[row] = {"cluster": id[row], "note": "embedding_unusable"}
    return verdicts


def _first_rows(keys: Sequence[str]) -> dict[str, int]:
    """Each key that is not blank and its first row: what is embedded, once."""
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        if key.strip():
            first.setdefault(key, row)
    return first


def _numbers(names: Iterator[str]) -> list[int]:
    known: dict[str, int] = {}
    return [known.setdefault(name, len(known)) for name in names]


def _asked(question: str, options: Sequence[Option], context: str) -> str:
    return " ".join([question, *(option.text for option in options), context]).strip()


def _text_of(value: Json) -> str:
    return str(value.get("text") or "") if isinstance(value, dict) else str(value or "")


def _file(picture: Image | None, pictures: Pictures) -> bytes:
    if picture is None:
        raise SampleError("image_missing")
    return pictures(picture)


@lru_cache(maxsize=1)
def _texts_of(model: str) -> EmbedTexts:
    return text_embedder(model)


@lru_cache(maxsize=1)
def _pictures_of(model: str) -> EmbedPictures:
    return picture_embedder(model)
