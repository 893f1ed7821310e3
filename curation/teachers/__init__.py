"""The models a run asks: opened together, shared where two roles name the same one, closed whatever happens.

Nothing heavy is imported until a teacher is opened, so recipes and the command line may import this package freely.
"""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from curation.errors import ConfigError
from curation.records import Call, Image
from curation.teachers.protocol import Ledger, Teacher
from curation.teachers.spec import TeacherSpec
from curation.teachers.transport import Transport

if TYPE_CHECKING:
    from curation.teachers.batch_protocol import BatchBook, Gather
    from curation.teachers.budget import Budget
    from curation.teachers.dispatch import Policy, Shared
    from curation.teachers.prices import Price

__all__ = ["open_teachers"]

LOG = logging.getLogger(__name__)


@asynccontextmanager
async def open_teachers(
    specs: Mapping[str, TeacherSpec],
    *,
    ledger: Ledger,
    read_image: Callable[[Image], bytes],
    observer: Callable[[Call], None] | None = None,
    notice: Callable[[str], None] | None = None,
    budget: "Budget | None" = None,
    policy: "Policy | None" = None,
    book: "BatchBook | None" = None,
    gather: "Gather | None" = None,
) -> AsyncIterator[Mapping[str, Teacher]]:
    """A teacher for each role of `specs`, ready to be asked on this event loop.

    `observer` hears of every call made and recorded, `notice` gets a line for people when an endpoint goes quiet.
    Equal specs share connections and limits. Teachers with `batch` keep what is under way in `book`. Raises
    `ConfigError` for a missing key, a missing extra, or a cost limit on a model without a price; `RunStopped` when a
    managed server does not come up.
    """
    from curation.teachers.budget import Budget
    from curation.teachers.dispatch import Dispatcher, Policy, Shared
    from curation.teachers.prices import load_prices, price_of

    prices = load_prices()
    shared = Shared(
        ledger=ledger,
        read_image=read_image,
        budget=budget or Budget(),
        policy=policy or Policy(),
        flights={},
        observer=observer,
        notice=notice,
    )
    for spec in specs.values():
        _check_price(spec, price_of(spec, prices), shared.budget)
    async with AsyncExitStack() as stack:
        opened: dict[TeacherSpec, Dispatcher] = {}
        for role, spec in specs.items():
            same = replace(spec, role=None)
            if same not in opened:
                if spec.batch:
                    transport: Transport = await _batches(spec, stack, shared, price_of(spec, prices), book, gather)
                else:
                    transport = await _transport(role, spec, stack, notice or LOG.info)
                opened[same] = Dispatcher(spec, transport, shared, price_of(spec, prices))
        yield {role: opened[replace(spec, role=None)] for role, spec in specs.items()}


async def _transport(role: str, spec: TeacherSpec, stack: AsyncExitStack, notice: Callable[[str], None]) -> Transport:
    if spec.kind == "local":
        from curation.teachers.local import open_local

        return await stack.enter_async_context(open_local(role, spec))
    if spec.kind == "folder":
        from curation.teachers.folder import open_folder

        return await stack.enter_async_context(open_folder(spec))
    from curation.teachers.openai_http import open_http

    if spec.kind == "vllm":
        from curation.teachers.vllm import open_vllm

        spec = replace(spec, base_url=await stack.enter_async_context(open_vllm(spec, progress=notice)))
    return await stack.enter_async_context(open_http(spec))


async def _batches(
    spec: TeacherSpec,
    stack: AsyncExitStack,
    shared: "Shared",
    price: "Price | None",
    book: "BatchBook | None",
    gather: "Gather | None",
) -> Transport:
    from curation.teachers.batch import BatchTransport, open_batches
    from curation.teachers.batch_http import HttpBatches
    from curation.teachers.batch_protocol import BatchService, Gather
    from curation.teachers.batch_vllm import open_vllm_batches
    from curation.teachers.openai_http import HttpTransport, session_for
    from curation.teachers.spec import api_key

    if book is None:
        raise ConfigError("teacher", spec.name, "batch=true needs a store to keep batches in")
    key = api_key(spec)
    session = await stack.enter_async_context(session_for(spec, key, timeout=spec.timeout))
    service: BatchService = HttpBatches(spec, session, key)
    if spec.kind == "vllm":
        service = await stack.enter_async_context(open_vllm_batches(spec))
    transport = BatchTransport(
        spec,
        HttpTransport(spec, session, key).body,
        service,
        book,
        shared.ledger,
        price=price,
        notice=shared.notice or LOG.info,
        gather=gather or Gather(),
    )
    return await stack.enter_async_context(open_batches(transport))


def _check_price(spec: TeacherSpec, price: "Price | None", budget: "Budget") -> None:
    if budget.max_cost is not None and price is None:
        fix = f"the price of {spec.model} is unknown, so cost cannot be limited: add it to a copy of prices.csv"
        raise ConfigError(
            "--max-cost", budget.max_cost, f"{fix} and set VISTILL_PRICES to that file, or use --max-tokens"
        )
