"""The embedded viewer: answers questions about a picture by reading it (OCR) and thinking about what it read.

A very small stand-in for a vision-language model: the picture's caption by `ocr` stands before the words of the turn
that shows it, and SmolLM2 replies. It sees text, layout and colours, no objects. Where the captioner is embedded too,
both read the same transcript, so that their agreement says less than that of two models with eyes of their own.
"""

import asyncio
from dataclasses import replace

from curation.teachers.local.llama import Llama
from curation.teachers.local.ocr import Reader
from curation.teachers.protocol import Message
from curation.teachers.transport import RawReply, Request


class ViewerTransport:
    """OCR and the small reasoner in a row, behind the transport protocol."""

    def __init__(self, reader: Reader, llama: Llama, max_pixels: int, timeout: float) -> None:
        self._reader, self._llama, self._max_pixels, self._timeout = reader, llama, max_pixels, timeout

    async def complete(self, request: Request) -> RawReply:
        """The reply. Raises `SampleError` for a picture that cannot be decoded, `TryAgain` past the time limit."""
        messages = [await self._read(request, message) for message in request.messages]
        return await self._llama.complete(replace(request, messages=tuple(messages)), self._timeout)

    async def _read(self, request: Request, message: Message) -> Message:
        pictures = [await asyncio.to_thread(request.read_image, image) for image in message.images]
        captions = [await self._reader.caption(data, self._max_pixels) for data in pictures]
        return Message(message.role, "\n".join([*captions, message.text]))

    async def alive(self) -> bool:
        """Always: the models are part of this process."""
        return True
