"""Asking one teacher in a test: open, ask everything at once, close."""

import asyncio
from typing import Any

from curation.errors import SampleError
from curation.records import Image
from curation.teachers import open_teachers
from curation.teachers.batch_protocol import BatchBook, Gather
from curation.teachers.budget import Budget
from curation.teachers.dispatch import Policy
from curation.teachers.protocol import Message, Reply
from curation.teachers.spec import assign, parse_teacher
from tests.fakes.memory_ledger import MemoryLedger

QUICK = Policy(first_delay=0.01, longest_delay=0.03, patience=2.0, first_patience=0.2)
KEY = "sk-very-secret-0123456789"


def ask_all(
    url: str,
    texts: list[str],
    *,
    ledger: MemoryLedger | None = None,
    policy: Policy = QUICK,
    budget: Budget | None = None,
    book: BatchBook | None = None,
    gather: Gather | None = None,
    **how: Any,
) -> list[Reply | BaseException]:
    """Ask all texts at once of one teacher; each result is a reply or what was raised."""

    async def run() -> list[Reply | BaseException]:
        specs = assign([parse_teacher(url)], ["reasoner"])
        async with open_teachers(
            specs,
            ledger=ledger or MemoryLedger(),
            read_image=no_image,
            policy=policy,
            budget=budget,
            book=book,
            gather=gather,
        ) as teachers:
            asks = [teachers["reasoner"].ask([Message("user", text)], **how) for text in texts]
            return await asyncio.gather(*asks, return_exceptions=True)

    return asyncio.run(run())


def no_image(image: Image) -> bytes:
    raise AssertionError("no image here")


def failure(result: Reply | BaseException) -> SampleError:
    assert isinstance(result, SampleError), result
    return result
