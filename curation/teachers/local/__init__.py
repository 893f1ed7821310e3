"""The teacher `local`: captions by OCR, reasoning by a small language model, both inside this process.

It needs no key, no GPU and no endpoint, and it is weak because it is small: draw several and keep what verifies.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from curation.errors import ConfigError
from curation.teachers.spec import TeacherSpec
from curation.teachers.transport import Transport

__all__ = ["open_local"]


@asynccontextmanager
async def open_local(role: str, spec: TeacherSpec) -> AsyncIterator[Transport]:
    """The transport for `role`; roles opened together share one model. Models are freed when the last one closes.

    Raises `ConfigError` when the extra `local` is missing or the role has no embedded model, `RunStopped` when the
    weights cannot be had.
    """
    # Imported here, so that `python -m curation.teachers.local.model` is not loaded twice.
    from curation.teachers.local.model import require_extra

    if role == "embedder":
        raise ConfigError("teacher", f"{role}=local", "there is no embedded embedder; name an endpoint for it")
    require_extra()
    models = ExitStack()
    opening = asyncio.ensure_future(asyncio.to_thread(_open, role, spec, models))
    try:
        yield await asyncio.shield(opening)
    finally:
        await asyncio.wait((opening,))  # a run cancelled while a model loads must still free it
        await asyncio.to_thread(models.close)


def _open(role: str, spec: TeacherSpec, models: ExitStack) -> Transport:
    """Runs in a thread: loading takes a second."""
    if role == "captioner":
        from curation.teachers.local.ocr import SHARED, OcrTransport

        return OcrTransport(models.enter_context(SHARED.used()), spec.max_pixels)
    from curation.teachers.local.llama import SHARED as LLAMA
    from curation.teachers.local.llama import LlamaTransport

    if role == "viewer":
        from curation.teachers.local.ocr import SHARED
        from curation.teachers.local.viewer import ViewerTransport

        reader, llama = models.enter_context(SHARED.used()), models.enter_context(LLAMA.used())
        return ViewerTransport(reader, llama, spec.max_pixels, spec.timeout)
    return LlamaTransport(models.enter_context(LLAMA.used()), spec.timeout)
