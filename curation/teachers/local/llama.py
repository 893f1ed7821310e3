"""The embedded reasoner: SmolLM2-135M on llama.cpp, inside this process, one completion at a time.

Inside the process because then nothing can outlive us: no orphan after kill -9, no HTTP for text that never leaves the
machine. One llama.cpp thread, because its threads spin: on two busy cores two threads gave 1-7 tokens/s where one gave
37. One completion at a time, because batching gains nothing for this model on a CPU: 36.5, 34.2 and 30.1 tokens/s in
all with 1, 2 and 4 slots (16 requests, 529-token prefix, 2026-11), and every further slot evaluates the few-shot prefix
again (5 s each). Prefixes of waiting samples and of other roles rest in llama.cpp's memory cache.
"""

import asyncio
import secrets
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from curation.errors import RunStopped, SampleError
from curation.teachers.local.model import model_file
from curation.teachers.local.shared import Shared
from curation.teachers.local.wording import Chunk, body_of, finish_of, prefix_of, reply_of
from curation.teachers.transport import RawReply, Request, TryAgain

CONTEXT = 4096  # tokens of prompt and completion; 23 KB of memory each
CACHE_MB = 256  # prefixes kept for waiting samples and other roles


class Llama:
    """One loaded model and the one thread that drives it."""

    def __init__(self) -> None:
        self.server = _load(str(model_file()))
        self.lane = ThreadPoolExecutor(1, thread_name_prefix="llama")

    def close(self) -> None:
        """Stop taking requests, finish the running one and free the model."""
        self.lane.shutdown(wait=True, cancel_futures=True)
        self.server = None

    async def complete(self, request: Request, timeout: float) -> RawReply:
        """One reply; cancelling the caller stops the generation. `timeout` counts from the first prompt token."""
        gone = threading.Event()
        try:
            return await asyncio.wrap_future(self.lane.submit(_draw, self.server, request, timeout, gone))
        except asyncio.CancelledError:
            gone.set()
            raise


class LlamaTransport:
    """SmolLM2 behind the transport protocol; every role of the process shares one."""

    def __init__(self, llama: Llama, timeout: float) -> None:
        self._llama, self._timeout = llama, timeout

    async def complete(self, request: Request) -> RawReply:
        """The model's reply. Raises `SampleError` for a request it cannot take, `TryAgain` past the time limit."""
        return await self._llama.complete(request, self._timeout)

    async def alive(self) -> bool:
        """Always: the model is part of this process."""
        return True


SHARED = Shared(Llama)  # loading takes 0.8 s


def _load(path: str) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx, params.n_parallel, params.cache_ram_mib = CONTEXT, 1, CACHE_MB
    params.n_gpu_layers, params.fit_params = 0, False
    for threads in (params.cpuparams, params.cpuparams_batch):
        threads.n_threads, threads.poll = 1, 0
    params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    params.verbosity, params.warmup, params.ui, params.endpoint_slots = 0, False, False, False
    params.api_keys = [secrets.token_hex()]  # llama.cpp listens on a loopback port that we do not use: close it
    try:
        return xllamacpp.Server(params)
    except (RuntimeError, ValueError) as error:
        raise RunStopped(f"llama.cpp cannot load the embedded model {path}: {error}") from error


def _draw(server: Any, request: Request, timeout: float, gone: threading.Event) -> RawReply:
    """Runs in the lane: collect the stream, and stop it when nobody waits for it any more."""
    kind, body = body_of(request)
    chunks: list[Chunk] = []
    deadline = time.monotonic() + timeout

    def take(chunk: Chunk) -> bool:
        chunks.append(chunk)
        return gone.is_set() or time.monotonic() > deadline

    ask = server.handle_completions if kind == "text" else server.handle_chat_completions
    try:
        ask(body, take)
    except (ValueError, RuntimeError) as error:
        raise SampleError("call_bad_request", f"llama.cpp refused the request: {error}") from error
    _refuse_errors(chunks)
    if finish_of(chunks) is None and not gone.is_set():
        raise TryAgain("timeout", "call_timeout", f"no complete reply within {timeout:g} s")
    return reply_of(chunks, prefix_of(request.messages))


def _refuse_errors(chunks: Sequence[Chunk]) -> None:
    for error in (chunk["error"] for chunk in chunks if chunk.get("error")):
        if error.get("code") == 400:
            raise SampleError("call_bad_request", str(error.get("message")))
        raise TryAgain("flaky", "call_failed", str(error.get("message")))
