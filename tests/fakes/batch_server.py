"""`ModelServer` with OpenAI's `/files` and `/batches`: real sockets, scripted answers and faults.

`reply(request)` answers each line of a batch as it would answer the call; a `Fault` becomes that line's error. A batch
is worked off `seconds` after it was made. `create` may give a `Fault` instead of making a batch (or, with `cut`, after
having made it); `ends` is the status of a finished batch by its number.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson

from tests.fakes.model_server import Fault, ModelServer, completion, error


class BatchServer(ModelServer):
    """`files` and `batches` by id, as they were sent; `asked` is every call key of every batch, in order."""

    def __init__(
        self,
        *arguments: Any,
        seconds: float = 0.0,
        create: Callable[[int], Fault | None] = lambda number: None,
        ends: Callable[[int], str] = lambda number: "completed",
        leave: Callable[[int, str], bool] = lambda number, key: False,
        **more: Any,
    ) -> None:
        super().__init__(*arguments, **more)
        self.seconds, self.create, self.ends, self.leave = seconds, create, ends, leave
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.seen: list[str] = []

    async def _route(
        self, writer: asyncio.StreamWriter, method: str, path: str, headers: dict[str, str], data: bytes
    ) -> bool:
        path, _, query = path.removeprefix("/v1").partition("?")
        self.seen.append(f"{method} {path}")
        match method, path.strip("/").split("/"):
            case "POST", ["files"]:
                return await self._send(writer, self._uploaded(headers["content-type"], data))
            case "GET", ["files", name, "content"]:
                return await self._send(writer, Fault(body=self.files[name], content_type="application/octet-stream"))
            case "POST", ["batches"]:
                return await self._made(writer, orjson.loads(data))
            case "GET", ["batches"]:
                return await self._send(writer, self._page(query))
            case "GET", ["batches", name]:
                if name not in self.batches:
                    return await self._send(writer, error(404, f"No batch found with id '{name}'"))
                return await self._send(writer, _json(self._now(self.batches[name])))
        return await super()._route(writer, method, path, headers, data)

    def _uploaded(self, content_type: str, data: bytes) -> Fault:
        boundary = b"--" + content_type.partition("boundary=")[2].strip('"').encode()
        for part in data.split(boundary)[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            if b'name="file"' in head:
                name = f"file-{len(self.files)}"
                self.files[name] = content.removesuffix(b"\r\n")
                return _json({"id": name, "object": "file", "purpose": "batch", "bytes": len(self.files[name])})
        return error(400, "no file")

    async def _made(self, writer: asyncio.StreamWriter, wanted: dict[str, Any]) -> bool:
        number = len(self.batches)
        fault = self.create(number)
        if fault is not None and fault.cut is None:
            return await self._send(writer, fault)
        assert wanted["endpoint"] == "/v1/chat/completions"
        assert wanted["completion_window"] == "24h"
        lines = [orjson.loads(line) for line in self.files[wanted["input_file_id"]].splitlines()]
        assert len({line["custom_id"] for line in lines}) == len(lines)
        self.asked += [line["custom_id"] for line in lines]
        batch = {
            "id": f"batch_{number}", "object": "batch", "status": "validating", "created_at": int(time.time()),
            "metadata": wanted["metadata"], "errors": None, "request_counts": {"total": len(lines), "completed": 0},
            "number": number, "lines": lines, "ready": time.monotonic() + self.seconds,
        }  # fmt: skip
        self.batches[batch["id"]] = batch
        return await self._send(writer, fault or _json(self._now(batch)))

    def _page(self, query: str) -> Fault:
        newest = [self._now(batch) for batch in reversed(self.batches.values())]
        after = query.partition("after=")[2]
        if after:
            newest = newest[[row["id"] for row in newest].index(after) + 1 :]
        return _json({"object": "list", "data": newest[:3], "has_more": len(newest) > 3})

    def _now(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch as the service tells it, worked off when its time has come."""
        if batch["status"] in ("validating", "in_progress"):
            batch["status"] = "in_progress"
            if time.monotonic() >= batch["ready"]:
                self._work_off(batch)
        return {name: value for name, value in batch.items() if name not in ("lines", "ready", "number")}

    def _work_off(self, batch: dict[str, Any]) -> None:
        batch["status"] = self.ends(batch["number"])
        if batch["status"] in ("failed", "full"):
            code = "token_limit_exceeded" if batch["status"] == "full" else "invalid_json_line"
            batch |= {"status": "failed", "errors": {"data": [{"code": code, "message": "as told", "line": 1}]}}
            return
        good, bad = [], []
        for line in batch["lines"]:
            key = line["custom_id"]
            if self.leave(batch["number"], key):
                if batch["status"] == "expired":
                    gone = {"code": "batch_expired", "message": "This request could not be executed before expiry."}
                    bad.append({"id": "r", "custom_id": key, "response": None, "error": gone})
                continue
            self.requests.append(line["body"])
            reply = self.reply(line["body"])
            if isinstance(reply, Fault):
                body = orjson.loads(reply.body or b"null")
                bad.append({"id": "r", "custom_id": key, "error": None,
                            "response": {"status_code": reply.status, "request_id": "q", "body": body}})  # fmt: skip
                continue
            self.answers_by_key[key] += 1
            good.append({"id": "r", "custom_id": key, "error": None, "response":
                         {"status_code": 200, "request_id": "q", "body": completion(line["body"], reply)}})  # fmt: skip
        batch["request_counts"] |= {"completed": len(good), "failed": len(bad)}
        for field, rows in (("output_file_id", good[::-1]), ("error_file_id", bad)):
            batch[field] = f"file-{len(self.files)}" if rows else None
            if rows:
                self.files[batch[field]] = b"\n".join(map(orjson.dumps, rows))  # no newline at the end


def _json(value: Any) -> Fault:
    return Fault(body=orjson.dumps(value))
