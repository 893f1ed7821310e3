"""The teacher `local`: captions by OCR, reasoning by a small language model, both inside this process.

It needs no key, no GPU and no endpoint, and it is weak on purpose of being small: draw several and keep what verifies.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from curation.errors import ConfigError
from curation.teachers.local.llama import LlamaTransport, shared_llama
from curation.teachers.local.model import require_extra
from curation.teachers.local.ocr import OcrTransport, shared_reader
from curation.teachers.spec import TeacherSpec
from curation.teachers.transport import Transport

__all__ = ["open_local"]


@asynccontextmanager
async def open_local(role: str, spec: TeacherSpec) -> AsyncIterator[Transport]:
    """The transport for `role`; roles opened together share one model. Models are freed when the last one closes.

    Raises `ConfigError` when the extra `local` is missing or the role has no embedded model, `RunStopped` when the
    weights cannot be had.
    """
    if role == "embedder":
        raise ConfigError("teacher", f"{role}=local", "there is no embedded embedder; name an endpoint for it")
    require_extra()
    models = ExitStack()
    try:
        if role == "captioner":
            reader = await asyncio.to_thread(models.enter_context, shared_reader())
            yield OcrTransport(reader, spec.max_pixels)
        else:
            llama = await asyncio.to_thread(models.enter_context, shared_llama())
            yield LlamaTransport(llama, spec.timeout)
    finally:
        await asyncio.to_thread(models.close)
