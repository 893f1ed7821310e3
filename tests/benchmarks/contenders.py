"""The same work through each client: a bare aiohttp loop, our dispatcher with its ledger on, the stock `openai` client.

Work is rows of `chain` questions, each asked after the reply to the one before and quoting it. With pictures, rows
follow each other picture by picture, as a run asks them, and the bare loop and the `openai` client are handed data URLs
encoded before the clock starts; our dispatcher reads and encodes them itself, and `encodings` counts how often it did.
"""

import asyncio
import base64
import io
import math
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

Ask = Callable[[str, int], Awaitable[str]]
"""The reply to a text shown with the picture of that number, when the work has pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """`requests` calls in chains of `chain`; `payload_kb` is the size of a picture as base64, 0 for none."""

    requests: int = 10_000
    concurrency: int = 256
    chain: int = 1
    payload_kb: int = 0
    images: int = 64

    @property
    def rows(self) -> int:
        return self.requests // self.chain

    def image_of(self, row: int) -> int:
        return row * self.images // self.rows

    def pictures(self) -> list[bytes]:
        """PNG files of noise, which does not compress: the same ones in every process."""
        return [noise(number, self.payload_kb) for number in range(self.images)] if self.payload_kb else []


def noise(number: int, kilobytes: int) -> bytes:
    """A square picture whose base64 text has about so many kilobytes."""
    import numpy as np
    from PIL import Image

    side = round(math.sqrt(kilobytes * 1024 / 4))  # three bytes a pixel, four characters for three bytes
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def question(number: int) -> str:
    """A prompt of about 90 characters, different for each number."""
    return f"Question {number}: what is the area of a triangle with base {number} and height 7? Think step by step."


async def measured(ask: Ask, work: Work) -> dict[str, float]:
    """Wall and CPU seconds from the first call to the last reply; memory before, at its most, and the difference."""
    rows = iter(range(work.rows))

    async def worker(rows: Iterator[int]) -> None:
        for row in rows:
            text = question(row)
            for step in range(work.chain):
                reply = await ask(text, work.image_of(row))
                assert reply
                text = f"{question(row)}\nStep {step + 2}, after this answer:\n{reply}"

    before = _resident_mb()
    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*[worker(rows) for _ in range(work.concurrency)])
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    calls = work.rows * work.chain
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "wall_s": round(wall, 3), "rps": round(calls / wall, 1), "cpu_s": round(used, 3),
        "peak_mb": round(peak, 1), "grown_mb": round(peak - before, 1),
        "cpu_ms_per_call": round(1000 * used / calls, 4),
    }  # fmt: skip


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def body(text: str, picture: str | None) -> dict[str, Any]:
    """A chat completion request as its documentation shows it."""
    content: Any = text
    if picture:
        content = [{"type": "image_url", "image_url": {"url": picture}}, {"type": "text", "text": text}]
    return {"model": "fake", "messages": [{"role": "user", "content": content}]}


def data_urls(work: Work) -> list[str]:
    return ["data:image/png;base64," + base64.b64encode(png).decode() for png in work.pictures()]


async def run_aiohttp(url: str, work: Work) -> dict[str, float]:
    """The floor: what the HTTP client alone takes. Bodies with pictures go through orjson, the quickest there is."""
    import aiohttp

    pictures = data_urls(work)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=work.concurrency)) as session:

        async def ask(text: str, image: int) -> str:
            sent: dict[str, Any] = {"json": body(text, None)}
            if pictures:
                sent = {"data": orjson.dumps(body(text, pictures[image])), "headers": headers}
            async with session.post(url + "/chat/completions", **sent) as response:
                return str((await response.json())["choices"][0]["message"]["content"])

        return await measured(ask, work)


async def run_openai(url: str, work: Work) -> dict[str, float]:
    """The stock client as its documentation shows it."""
    import openai

    pictures = data_urls(work)
    client = openai.AsyncOpenAI(base_url=url, api_key="x")

    async def ask(text: str, image: int) -> str:
        request = body(text, pictures[image] if pictures else None)
        reply = await client.chat.completions.create(**request)
        return str(reply.choices[0].message.content)

    return await measured(ask, work)


async def run_vistill(url: str, work: Work) -> dict[str, float]:
    """Our dispatcher, with every call in the ledger of a fresh store before it is seen; `close_s` writes the last."""
    from curation.pictures import inspect
    from curation.records import Image
    from curation.teachers import open_teachers
    from curation.teachers.protocol import Message
    from curation.teachers.spec import assign, parse_teacher
    from storage.ledger import CallLedger
    from storage.store import Store

    specs = assign([parse_teacher(f"bench@{url}?concurrency={work.concurrency}#fake")], ["reasoner"])
    encodings = 0
    with tempfile.TemporaryDirectory(prefix="vistill-bench-") as folder:
        store = Store.open(Path(folder))
        shown = [(inspect(png), png) for png in work.pictures()]
        store.put_images(shown)
        images = [(image,) for image, _ in shown]
        del shown

        def read_image(image: Image) -> bytes:
            nonlocal encodings
            encodings += 1
            return store.read_image(image.sha256, image.format)

        ledger = CallLedger(store, run_id="bench")
        async with open_teachers(specs, ledger=ledger, read_image=read_image) as teachers:

            async def ask(text: str, image: int) -> str:
                return (await teachers["reasoner"].ask([Message("user", text, images[image] if images else ())])).text

            figures = await measured(ask, work)
        began = time.perf_counter()
        ledger.close()
        figures["close_s"] = round(time.perf_counter() - began, 3)
        [row] = store.query("SELECT count(*) AS n FROM calls WHERE status = 'ok'").to_pylist()
        assert row["n"] == work.rows * work.chain, row
    return figures | ({"images": len(images), "encodings": encodings} if images else {})


RUN: dict[str, Callable[[str, Work], Awaitable[dict[str, float]]]] = {
    "aiohttp": run_aiohttp,
    "vistill": run_vistill,
    "openai": run_openai,
}
