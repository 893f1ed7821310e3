"""The embedded captioner: what OCR can read in a picture, with its layout, and how the picture looks. Deterministic.

It sees text and colours and no objects; a picture without text gets a caption that says so. RapidOCR's models
lie inside its wheel. One onnxruntime thread, one picture at a time: the other core belongs to the reasoner.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from PIL import Image as Pil

from curation.errors import RunStopped, SampleError
from curation.pictures import decode
from curation.teachers.local.layout import Box, written
from curation.teachers.local.look import look
from curation.teachers.local.shared import Shared
from curation.teachers.transport import LONGEST_REPLY, RawReply, Request

LONGEST_SIDE = 1280  # pixels; the detector's memory grows with the area
SHORTEST_SIDE = 480  # smaller pictures are enlarged to this; 736 takes twice the time and read no cell more
STRIP = 4  # times as long as wide
LEAST_SCORE = 0.5  # of 1; below it RapidOCR's reading is mostly noise from lines and shapes

HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # the models were trained on Chinese print


class Reader:
    """The loaded OCR models and the one thread that runs them."""

    def __init__(self) -> None:
        self.engine = _load()
        self.lane = ThreadPoolExecutor(1, thread_name_prefix="ocr")

    def close(self) -> None:
        """Finish the running picture and free the models."""
        self.lane.shutdown(wait=True, cancel_futures=True)
        self.engine = None

    async def caption(self, data: bytes, max_pixels: int) -> str:
        """The caption of an encoded picture. Raises `SampleError` for a picture that cannot be decoded."""
        return await asyncio.wrap_future(self.lane.submit(caption, self.engine, data, max_pixels))


class OcrTransport:
    """OCR behind the transport protocol: the caption of the first image, whatever the words of the request."""

    def __init__(self, reader: Reader, max_pixels: int) -> None:
        self._reader, self._max_pixels = reader, max_pixels

    async def complete(self, request: Request) -> RawReply:
        """The caption. Raises `SampleError` when the request shows no image or one that cannot be decoded."""
        images = [image for message in request.messages for image in message.images]
        if not images:
            raise SampleError("call_bad_request", "the embedded captioner needs an image")
        data = await asyncio.to_thread(request.read_image, images[0])
        return RawReply((await self._reader.caption(data, self._max_pixels))[:LONGEST_REPLY])

    async def alive(self) -> bool:
        """Always: the models are part of this process."""
        return True


def caption(engine: Any, data: bytes, max_pixels: int) -> str:
    """Look and text of an encoded picture."""
    picture = decode(data)
    boxes = read(engine, picture, max_pixels)
    if not boxes:
        return f"{look(picture)} It has no readable text."
    return f"{look(picture)} It reads, from top to bottom:\n{written(boxes)}"


def read(engine: Any, picture: Pil.Image, max_pixels: int) -> list[Box]:
    """What OCR reads in an RGB picture, in the pixels of the copy it was shown."""
    found = engine(np.ascontiguousarray(np.asarray(_fitted(picture, max_pixels))[:, :, ::-1]))
    if found.boxes is None or found.txts is None:
        return []
    scored = zip(found.boxes.tolist(), found.txts, found.scores, strict=True)
    return [
        _box(corners, " ".join(text.split()))
        for corners, text, score in scored
        if score >= LEAST_SCORE and text.strip()
    ]


def _fitted(picture: Pil.Image, max_pixels: int) -> Pil.Image:
    """The picture within limits, and a strip on a white sheet: the detector enlarges by the shorter side, and one of
    4000 by 10 pixels took it 87 s and 5.8 GB."""
    scale = min(1.0, LONGEST_SIDE / max(picture.size), (max_pixels / (picture.width * picture.height)) ** 0.5)
    if scale < 1.0:
        picture = picture.resize((max(1, int(picture.width * scale)), max(1, int(picture.height * scale))))
    least = max(picture.size) // STRIP
    if min(picture.size) >= least:
        return picture
    sheet = Pil.new("RGB", (max(picture.width, least), max(picture.height, least)), "white")
    sheet.paste(picture)
    return sheet


def _box(corners: list[list[float]], text: str) -> Box:
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return Box(text.translate(HALF_WIDTH), min(xs), min(ys), max(xs), max(ys))


SHARED = Shared(Reader)  # loading takes 1.6 s, mostly imports


def _load() -> Any:
    from rapidocr import RapidOCR

    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    settings = {
        "Global.log_level": "critical",
        "Global.text_score": LEAST_SCORE,
        "Det.limit_side_len": SHORTEST_SIDE,
    }
    try:
        return RapidOCR(params={**threads, **settings})
    except (RuntimeError, ValueError, OSError) as error:
        raise RunStopped(f"RapidOCR cannot load its models: {error}") from error
