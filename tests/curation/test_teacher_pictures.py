"""Data URLs of pictures: made once each however many ask, and kept within their room."""

import asyncio
import random
from collections import Counter

import pytest

from curation.errors import SampleError
from curation.pictures import inspect
from curation.records import Image
from curation.teachers.pictures import DataUrls
from tests.benchmarks.contenders import noise

PIXELS = 1 << 20


class Shelf:
    """Pictures by hash, counting how often each is read: every encoding reads once."""

    def __init__(self, count: int, kilobytes: int = 8) -> None:
        files = [noise(number, kilobytes) for number in range(count)]
        self.images = [inspect(file) for file in files]
        self.files = {image.sha256: file for image, file in zip(self.images, files, strict=True)}
        self.read_times: Counter[str] = Counter()

    def read(self, image: Image) -> bytes:
        self.read_times[image.sha256] += 1
        return self.files[image.sha256]


def test_a_hundred_that_ask_at_once_and_a_hundred_that_ask_later_cost_one_encoding_a_picture() -> None:
    shelf = Shelf(5)

    async def ask() -> None:
        urls = DataUrls(PIXELS)
        for _ in range(2):
            await asyncio.gather(*[urls.url(image, shelf.read) for image in shelf.images * 100])

    asyncio.run(ask())
    assert shelf.read_times == Counter(image.sha256 for image in shelf.images)


def test_what_is_kept_never_passes_its_room_and_the_least_recently_asked_go_first() -> None:
    shelf, room = Shelf(40), 100_000

    async def ask() -> None:
        urls = DataUrls(PIXELS, room=room)
        for image in shelf.images:
            await urls.url(image, shelf.read)
            await urls.url(shelf.images[0], shelf.read)
            kept = [len(url) for url in urls._kept.values()]
            assert sum(kept) == urls._used <= room
        assert urls._used > room / 2
        assert list(urls._kept)[-1] == shelf.images[0].sha256

    asyncio.run(ask())
    assert set(shelf.read_times.values()) == {1}


def test_in_any_order_the_room_is_kept_and_nothing_is_left_under_way() -> None:
    shelf, room = Shelf(30), 50_000
    order = random.Random(4).choices(shelf.images, k=600)

    async def ask() -> None:
        urls = DataUrls(PIXELS, room=room)
        for start in range(0, len(order), 20):
            await asyncio.gather(*[urls.url(image, shelf.read) for image in order[start : start + 20]])
            assert sum(len(url) for url in urls._kept.values()) == urls._used <= room
        assert urls._making == {}

    asyncio.run(ask())
    assert sum(shelf.read_times.values()) > len(shelf.images)


def test_a_picture_larger_than_the_room_is_sent_and_not_kept() -> None:
    shelf = Shelf(1)

    async def ask() -> int:
        urls = DataUrls(PIXELS, room=100)
        await urls.url(shelf.images[0], shelf.read)
        await urls.url(shelf.images[0], shelf.read)
        return urls._used

    assert asyncio.run(ask()) == 0
    assert shelf.read_times.total() == 2


def test_one_who_gives_up_waiting_does_not_spoil_it_for_the_others() -> None:
    shelf = Shelf(1)

    async def ask() -> str:
        urls = DataUrls(PIXELS)
        impatient = asyncio.create_task(urls.url(shelf.images[0], shelf.read))
        patient = asyncio.create_task(urls.url(shelf.images[0], shelf.read))
        await asyncio.sleep(0)
        impatient.cancel()
        await patient
        return "answered"

    assert asyncio.run(ask()) == "answered"
    assert shelf.read_times.total() == 1


def test_a_picture_that_cannot_be_read_is_tried_again_when_asked_again() -> None:
    shelf, broken = Shelf(1), True

    def read(image: Image) -> bytes:
        if broken:
            raise SampleError("image_missing", "gone")
        return shelf.read(image)

    async def ask() -> None:
        nonlocal broken
        urls = DataUrls(PIXELS)
        with pytest.raises(SampleError, match="gone"):
            await urls.url(shelf.images[0], read)
        broken = False
        await urls.url(shelf.images[0], read)

    asyncio.run(ask())
    assert shelf.read_times.total() == 1
