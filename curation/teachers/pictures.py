"""Images as endpoints take them: a data URL each, made once per image and teacher and kept while there is room."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import orjson

from curation.records import Image

ROOM = 24 << 20  # bytes of data URLs kept per teacher: questions about one picture come close together


class DataUrls:
    """Data URLs of images at one pixel budget, as JSON ready to be put into a body."""

    def __init__(self, max_pixels: int, *, room: int = ROOM) -> None:
        self._max_pixels, self._room, self._used = max_pixels, room, 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._making: dict[str, asyncio.Task[bytes]] = {}

    async def url(self, image: Image, read: Callable[[Image], bytes]) -> orjson.Fragment:
        """The image as a JSON string. Raises `SampleError` when its bytes cannot be read or decoded."""
        if (kept := self._kept.get(image.sha256)) is not None:
            self._kept.move_to_end(image.sha256)
            return orjson.Fragment(kept)
        task = self._making.get(image.sha256)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._encode, image, read))
            self._making[image.sha256] = task
            task.add_done_callback(lambda done: self._keep(image.sha256, done))
        return orjson.Fragment(await asyncio.shield(task))

    def _encode(self, image: Image, read: Callable[[Image], bytes]) -> bytes:
        from curation.pictures import data_url  # Pillow and numpy, 0.2 s, only where pictures are sent

        return b'"' + data_url(read(image), max_pixels=self._max_pixels).encode("ascii") + b'"'

    def _keep(self, sha256: str, done: asyncio.Task[bytes]) -> None:
        del self._making[sha256]
        if done.cancelled() or done.exception() is not None or len(done.result()) > self._room:
            return
        self._kept[sha256] = done.result()
        self._used += len(done.result())
        while self._used > self._room:
            self._used -= len(self._kept.popitem(last=False)[1])
