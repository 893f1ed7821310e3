"""A fast OpenAI-compatible server for benchmarks: a bare asyncio protocol, constant latency, no faults but 429.

    python -m tests.fakes.model_server --port 8899 --latency 0.05 [--most-in-flight 32]

Port 0 picks one; the first line printed is the base URL. `GET /stats` gives the counters, `POST /reset` zeroes them.
"""

import argparse
import asyncio
from collections import Counter
from typing import ClassVar

import orjson

TEXT = "The angles of the triangle add up to 180 degrees, so the missing one is the rest of it. " * 5


class Bench(asyncio.Protocol):
    """One connection; requests on it come one after another."""

    stats: ClassVar[Counter[str]] = Counter()
    in_flight = 0

    def __init__(self, latency: float, most: int) -> None:
        self.latency, self.most, self.data = latency, most, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        Bench.stats["connections"] += 1

    def data_received(self, data: bytes) -> None:
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.data[:end].lower()
        start = head.find(b"content-length:")
        length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        if len(self.data) >= end + 4 + length:
            body, self.data = self.data[end + 4 : end + 4 + length], self.data[end + 4 + length :]
            self.handle(head.split(b" ", 2)[1], body)

    def handle(self, path: bytes, body: bytes) -> None:
        if path.endswith(b"/chat/completions"):
            self.complete(body)
        elif path == b"/stats":
            self.send(200, dict(Bench.stats))
        elif path == b"/reset":
            Bench.stats.clear()
            self.send(200, {})
        else:
            self.send(200, {"object": "list", "data": [{"id": "fake", "object": "model"}]})

    def complete(self, body: bytes) -> None:
        Bench.stats["requests"] += 1
        if Bench.in_flight >= self.most:
            Bench.stats["refused"] += 1
            self.send(429, {"error": {"message": "too many in flight", "type": "rate_limit_error"}})
            return
        Bench.in_flight += 1
        Bench.stats["peak"] = max(Bench.stats["peak"], Bench.in_flight)
        asyncio.get_running_loop().call_later(self.latency, self.answer, len(body))

    def answer(self, size: int) -> None:
        Bench.in_flight -= 1
        Bench.stats["answered"] += 1
        message = {"role": "assistant", "content": TEXT}
        self.send(200, {
            "id": "chatcmpl-fast", "object": "chat.completion", "created": 0, "model": "fake",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": size // 4, "completion_tokens": 90, "total_tokens": size // 4 + 90},
        })  # fmt: skip

    def send(self, status: int, value: object) -> None:
        body = orjson.dumps(value)
        reason = {200: "OK", 429: "Too Many Requests"}[status]
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)


async def serve(port: int, latency: float, most: int) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Bench(latency, most), "127.0.0.1", port, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds for every answer")
    parser.add_argument("--most-in-flight", type=int, default=1_000_000, help="429 beyond it")
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.latency, options.most_in_flight))


if __name__ == "__main__":
    main()
