"""The teacher `model:DIR`: a vision-language model in a folder, such as the trainer's `model/`, run in this process.

For models that no server serves yet. One completion at a time in one thread, on the GPU where there is one; a model of
billions of weights is served better by `vllm:DIR`. Replies are not constrained to a schema. Needs the extra `train`.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from curation.errors import ConfigError
from curation.pictures import decode
from curation.teachers.spec import TeacherSpec
from curation.teachers.transport import LONGEST_REPLY, RawReply, Request, Transport

TOKENS = 1024
"""The longest completion where the request does not say."""


def digest_of(folder: str) -> str:
    """What the model in a folder is known by: the SHA-256 of its files. Raises `ConfigError` when there is none."""
    root = Path(folder)
    if not (root / "config.json").is_file():
        raise ConfigError("teacher", f"model:{folder}", "is no folder with a model (no config.json in it)")
    seen = sha256()
    for path in sorted(path for path in root.iterdir() if path.is_file()):
        seen.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                seen.update(piece)
    return seen.hexdigest()


@asynccontextmanager
async def open_folder(spec: TeacherSpec) -> AsyncIterator[Transport]:
    """The transport of one model, loaded in its thread. Raises `ConfigError` for one that cannot be loaded."""
    with ThreadPoolExecutor(1, thread_name_prefix="model") as lane:
        model, processor = await asyncio.wrap_future(lane.submit(_loaded, spec))
        yield FolderTransport(model, processor, lane, spec.max_pixels)


def _loaded(spec: TeacherSpec) -> tuple[Any, Any]:
    try:
        import torch

        from curation.trainer.config import Model
        from curation.trainer.models import load
    except ImportError as error:
        fix = "pip install 'vistill[train]'"
        raise ConfigError("teacher", f"model:{spec.base_url}", f"needs {error.name}: {fix}") from error
    model, processor = load(Model(path=spec.base_url))
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), processor


class FolderTransport:
    """A model and its processor behind the transport protocol."""

    def __init__(self, model: Any, processor: Any, lane: ThreadPoolExecutor, max_pixels: int) -> None:
        self._model, self._processor, self._lane, self._max_pixels = model, processor, lane, max_pixels

    async def complete(self, request: Request) -> RawReply:
        """The completion. Raises `SampleError` for a picture that cannot be decoded."""
        return await asyncio.wrap_future(self._lane.submit(self._drawn, request))

    def _drawn(self, request: Request) -> RawReply:
        from curation.trainer.config import Evaluation
        from curation.trainer.evaluate import said

        sampling = request.sampling
        sampled = sampling.temperature != 0
        how = Evaluation(
            tokens=sampling.max_tokens or TOKENS, temperature=(sampling.temperature or 1.0) if sampled else 1.0
        )
        row = {
            "prompt": [{"role": message.role, "content": message.text} for message in request.messages],
            "images": [self._shown(request.read_image(image)) for m in request.messages for image in m.images],
        }
        (text,), ids_BT = said(self._model, self._processor, [row], how, sampled=sampled, seed=request.seed or 0)
        drawn = int(ids_BT.shape[1])
        ends = self._model.generation_config.eos_token_id
        ended = int(ids_BT[0, -1]) in (ends if isinstance(ends, list) else [ends])
        finish = "stop" if ended or drawn < how.tokens else "length"
        return RawReply(text[:LONGEST_REPLY], finish=finish, completion_tokens=drawn)

    def _shown(self, data: bytes) -> Any:
        picture = decode(data)
        scale = (self._max_pixels / (picture.width * picture.height)) ** 0.5
        if scale >= 1:
            return picture
        return picture.resize((max(1, int(picture.width * scale)), max(1, int(picture.height * scale))))

    async def alive(self) -> bool:
        """Always: the model is part of this process."""
        return True
