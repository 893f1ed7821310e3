"""A scripted OpenAI-compatible server on 127.0.0.1, for tests: real sockets, real HTTP, answers and faults as told.

    with ModelServer(lambda request: "a reply") as server:
        ...  # server.url, server.requests, server.answers_by_key, server.peak_in_flight

`python -m tests.fakes.model_server --port 8899 --latency 0.05` runs the fast one of `fast_server` instead.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

from curation.records import digest

Request = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """An answer that is not a good completion. `body` None is an OpenAI-style error, or a completion for status 200.

    `hang`: accept and never answer. `cut`: close the connection after so many bytes of the whole answer (0: at once).
    `drip`: seconds between the bytes of the body, sent one by one.
    """

    status: int = 200
    body: bytes | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    cut: int | None = None
    drip: float = 0.0


def error(status: int, message: str = "as told", **fields: Any) -> Fault:
    """An HTTP error with an OpenAI-style body; `retry_after`, `code` and `type` go where they belong."""
    wait = fields.pop("retry_after", None)
    headers = {} if wait is None else {"Retry-After": f"{wait:g}" if isinstance(wait, int | float) else wait}
    body = orjson.dumps({"error": {"message": message, "type": None, "code": None, **fields}})
    return Fault(status=status, body=body, headers=headers)


def first(times: int, fault: Fault, then: str | dict[str, Any] = "well") -> Callable[[Request], Any]:
    """The fault for the first `times` attempts at each request, then the reply."""
    seen: Counter[str] = Counter()

    def reply(request: Request) -> Any:
        key = digest(request)
        seen[key] += 1
        return fault if seen[key] <= times else then

    return reply


def completion(request: Request, reply: str | Mapping[str, Any]) -> dict[str, Any]:
    """A chat completion around a text, or around message fields plus `finish_reason` and `usage`."""
    fields = {"content": reply} if isinstance(reply, str) else dict(reply)
    if "choices" in fields:
        return fields
    finish = fields.pop("finish_reason", "stop")
    words = len(str(fields.get("content") or "").split())
    usage = fields.pop("usage", {"prompt_tokens": len(str(request["messages"])) // 4, "completion_tokens": words})
    choice = {"index": 0, "message": {"role": "assistant", **fields}, "finish_reason": finish}
    return {"id": "chatcmpl-fake", "object": "chat.completion", "created": 0, "model": request.get("model"),
            "choices": [choice], "usage": usage}  # fmt: skip


class ModelServer:
    """See the module. `reply(request)`, run in the server's thread, gives a text, a dict for `completion` or a `Fault`.

    `most_in_flight` refuses more with 429 (and `retry_after` when given). `answers_by_key` counts good completions by
    the caller's `X-Client-Request-Id` (the call key), else by the digest of the request. `keep` false forgets requests.
    """

    def __init__(
        self,
        reply: Callable[[Request], Any] = lambda request: f"reply {digest(request)[:8]}",
        *,
        latency: float = 0.0,
        most_in_flight: int | None = None,
        retry_after: float | None = None,
        models: Sequence[str] | None = ("fake",),
        api_key: str | None = None,
        port: int = 0,
        keep: bool = True,
    ) -> None:
        self.reply, self.latency, self.models, self.api_key = reply, latency, models, api_key
        self.most_in_flight, self.retry_after, self.port = most_in_flight, retry_after, port
        self.keep = keep
        self.requests: list[Request] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: Counter[int] = Counter()
        self.answers_by_key: Counter[str] = Counter()
        self.in_flight = self.peak_in_flight = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> "ModelServer":
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        """Stop at once: open connections are cut, as a killed server's are."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> asyncio.Server:
        self._connections: set[asyncio.Task[None]] = set()
        return await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=1024, limit=1 << 24)

    async def _stop(self) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while await self._serve(reader, writer):
                    pass
        finally:
            self._connections.discard(task)
            if task.cancelling():
                writer.transport.abort()
            else:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False closes the connection."""
        if (start := await reader.readexactly(1)) == b"\x16":  # a TLS handshake
            return False
        head = (start + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        data = await reader.readexactly(int(headers.get("content-length") or 0))
        path = head[0].split(" ")[1]
        if self.api_key and headers.get("authorization") != f"Bearer {self.api_key}":
            sent = headers.get("authorization", "").removeprefix("Bearer ")
            return await self._send(writer, error(401, f"Incorrect API key provided: {sent}"))
        if path.endswith("/models"):
            return await self._send(writer, self._listed())
        return await self._route(writer, head[0].split(" ")[0], path, headers, data)

    async def _route(
        self, writer: asyncio.StreamWriter, method: str, path: str, headers: dict[str, str], data: bytes
    ) -> bool:
        if not path.endswith("/chat/completions"):
            return await self._send(writer, error(404, f"no route {path}"))
        return await self._complete(writer, orjson.loads(data), headers)

    async def _complete(self, writer: asyncio.StreamWriter, request: Request, headers: dict[str, str]) -> bool:
        if self.keep:
            self.requests.append(request)
            self.headers.append(headers)
        if self.most_in_flight is not None and self.in_flight >= self.most_in_flight:
            return await self._send(writer, error(429, "too many in flight", retry_after=self.retry_after))
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency)
        finally:
            self.in_flight -= 1
        reply = self.reply(request)
        if isinstance(reply, Fault):
            return await self._send(writer, reply, request)
        self.answers_by_key[headers.get("x-client-request-id") or digest(request)] += 1
        return await self._send(writer, Fault(body=orjson.dumps(completion(request, reply))))

    def _listed(self) -> Fault:
        if self.models is None:
            return error(404, "no list here")
        rows = [{"id": name, "object": "model"} for name in self.models]
        return Fault(body=orjson.dumps({"object": "list", "data": rows}))

    async def _send(self, writer: asyncio.StreamWriter, answer: Fault, request: Request | None = None) -> bool:
        self.statuses[answer.status] += 1
        if answer.hang:
            await asyncio.sleep(3600)
        body = answer.body
        if body is None:
            body = orjson.dumps(completion(request or {"messages": []}, "well"))
        reason = HTTPStatus(answer.status).phrase
        lines = [
            f"HTTP/1.1 {answer.status} {reason}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(body)}",
        ]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode()
        if answer.cut is not None:
            writer.write((head + body)[: answer.cut])
            with suppress(ConnectionError):
                await writer.drain()
            return False
        writer.write(head)
        for byte in body if answer.drip else ():
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(answer.drip)
        if not answer.drip:
            writer.write(body)
        await writer.drain()
        return True


if __name__ == "__main__":
    from tests.fakes.fast_server import main

    main()
