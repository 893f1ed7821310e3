"""Offline batches of an OpenAI-compatible endpoint: `/files` and `/batches` over aiohttp.

Facts: https://platform.openai.com/docs/guides/batch and https://platform.openai.com/docs/api-reference/batch. A batch
is made with our token in its metadata, so that one sent by a process that died before it heard the id is found again.
Files are left at the endpoint, where they expire by its own rules.
"""

from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from curation.errors import RunStopped
from curation.records import Json
from curation.teachers.batch_protocol import Batch, Progress, State
from curation.teachers.completions import judge_status
from curation.teachers.openai_http import LARGEST_BODY, raise_fault, read_bounded, scrubbed
from curation.teachers.spec import TeacherSpec, key_variable
from curation.teachers.transport import TryAgain

STATES: dict[str, State] = {
    "validating": "running", "in_progress": "running", "finalizing": "running", "cancelling": "running",
    "completed": "done", "expired": "expired", "cancelled": "cancelled", "failed": "failed",
}  # fmt: skip
FULL = frozenset({"token_limit_exceeded", "rate_limit_exceeded"})  # of a failed batch: too much is queued already
PAGES = 20  # of 100 batches, looked through for one of ours


class HttpBatches:
    """`BatchService` over an open session."""

    def __init__(self, spec: TeacherSpec, session: aiohttp.ClientSession, key: str | None) -> None:
        self._spec, self._session, self._key = spec, session, key

    async def send(self, batch: Batch, requests: Path) -> str:
        """Upload the file, make a batch of it."""
        with requests.open("rb") as file:
            form = aiohttp.FormData()
            form.add_field("purpose", "batch")
            form.add_field("file", file, filename=f"{batch.token}.jsonl", content_type="application/jsonl")
            payload = form()
            uploaded = await self._ask("POST", "/files", payload, payload.headers["Content-Type"])
        wanted = {
            "input_file_id": _id(uploaded),
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "metadata": {"vistill": batch.token},
        }
        return _id(await self._ask("POST", "/batches", orjson.dumps(wanted)))

    async def find(self, batch: Batch) -> str:
        """Look through the batches of the account for our token, newest first."""
        after = ""
        for _ in range(PAGES):
            listed = await self._ask("GET", f"/batches?limit=100{after}")
            rows = listed.get("data")
            rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            for row in rows:
                metadata = row.get("metadata")
                if isinstance(metadata, dict) and metadata.get("vistill") == batch.token and not _void(row):
                    return _id(row)
            if not rows or not listed.get("has_more"):
                break
            after = f"&after={quote(_id(rows[-1]), safe='')}"
        return ""

    async def look(self, batch: Batch) -> Progress:
        """The batch's status in our words."""
        row = await self._batch(batch)
        state = STATES.get(str(row.get("status")))
        if state is None:
            strange = str(row.get("status"))[:60]
            raise RunStopped(f"{self._spec.base_url}: batch {batch.id} has a status we do not know: {strange!r}")
        counts = row.get("request_counts")
        done = counts.get("completed") if isinstance(counts, dict) else 0
        code, said = _first_error(row)
        if state == "failed" and code in FULL:
            state = "full"
        return Progress(state, done if isinstance(done, int) else 0, said)

    async def fetch(self, batch: Batch, file: IO[bytes]) -> None:
        """The output file and the error file, whichever there are."""
        row = await self._batch(batch)
        for name in ("output_file_id", "error_file_id"):
            if isinstance(found := row.get(name), str) and found:
                await self._download(found, file)

    async def _batch(self, batch: Batch) -> dict[str, Json]:
        return await self._ask("GET", f"/batches/{quote(batch.id, safe='')}")

    async def _download(self, file_id: str, file: IO[bytes]) -> None:
        path = f"/files/{quote(file_id, safe='')}/content"
        try:
            async with self._session.get(self._url(path), allow_redirects=False) as response:
                if response.status != 200:
                    raise self._judged(response, await read_bounded(response))
                left = b""
                async for chunk in response.content.iter_chunked(1 << 16):
                    whole, newline, left = (left + chunk).rpartition(b"\n")
                    file.write(scrubbed(whole + newline, self._key))
                    if len(left) > LARGEST_BODY:
                        raise RunStopped(f"{self._spec.base_url}: {file_id} has a line beyond {LARGEST_BODY:,} bytes")
                file.write(scrubbed(left + b"\n" if left else b"", self._key))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise_fault(error, self._spec)

    async def _ask(
        self, method: str, path: str, data: Any = None, content_type: str = "application/json"
    ) -> dict[str, Json]:
        headers = {"Content-Type": content_type}
        try:
            async with self._session.request(
                method, self._url(path), data=data, headers=headers, allow_redirects=False
            ) as response:
                said = scrubbed(await read_bounded(response), self._key)
        except (aiohttp.ClientError, OSError) as error:
            raise_fault(error, self._spec)
        if response.status not in (200, 201):
            raise self._judged(response, said)
        try:
            parsed = orjson.loads(said)
        except orjson.JSONDecodeError:
            parsed = None
        if not isinstance(parsed, dict):
            raise TryAgain("malformed", "call_malformed", f"{method} {path}: not a JSON object")
        return parsed

    def _judged(self, response: aiohttp.ClientResponse, data: bytes) -> Exception:
        where = f"{self._spec.base_url}#{self._spec.model}"
        if response.status == 404 and response.url.path.endswith(("/files", "/batches")):
            return RunStopped(f"{self._spec.base_url} offers no offline batches (HTTP 404): leave batch=true out")
        return judge_status(response.status, data, response.headers, where=where, key=key_variable(self._spec))

    def _url(self, path: str) -> URL:
        return URL(self._spec.base_url + path, encoded=True)


def _id(row: dict[str, Json]) -> str:
    found = row.get("id")
    if not isinstance(found, str) or not 0 < len(found) <= 200 or not found.isprintable():
        raise TryAgain("malformed", "call_malformed", "an answer without an id")
    return found


def _void(row: dict[str, Json]) -> bool:
    """Whether nothing will come of the batch, so that it may be sent again."""
    return row.get("status") == "failed"


def _first_error(row: dict[str, Json]) -> tuple[str, str]:
    errors = row.get("errors")
    rows = errors.get("data") if isinstance(errors, dict) else None
    first = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
    return str(first.get("code") or ""), " ".join(str(first.get("message") or "no reason given").split())[:300]
