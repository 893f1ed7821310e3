"""Any OpenAI-compatible endpoint over aiohttp: one attempt at a completion, and a look at the endpoint before a run.

aiohttp directly, because the client is most of what a call costs us. 10,000 calls to a 50 ms server at concurrency
256, CPU a call in two runs on two busy cores (load 6-9, so trust the ratios; `python -m tests.benchmarks.dispatch`,
2026-11): bare aiohttp 0.37 and 0.27 ms, this transport under the dispatcher with the ledger on 0.66 and 0.42 ms (1.8
and 1.5 times as much), the `openai` 3.54 client 5.8 and 4.3 ms (16 times). Its import takes 0.8-1.5 s besides, against
0.2 s, so that package serves only as the measure of names and types (see `completions`).
"""

import socket
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import NoReturn

import aiohttp
import orjson
from aiohappyeyeballs import AddrInfoType
from yarl import URL

from curation.errors import ConfigError, RunStopped, SampleError
from curation.records import Json
from curation.teachers.completions import body_of, continued, judge_status, message_of, read_completion
from curation.teachers.pictures import DataUrls
from curation.teachers.spec import TeacherSpec, api_key, key_variable
from curation.teachers.transport import RawReply, Request, TryAgain

CONNECT_SECONDS = 10.0
PREFLIGHT_SECONDS = 15.0
LARGEST_BODY = 8 * 1024 * 1024  # bytes of a reply; more is refused unread
SECRET = 8  # characters from which a key is scrubbed; shorter ones are placeholders such as "x" or "EMPTY"
HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "vistill"}


class HttpTransport:
    """One endpoint and model; see `open_http`."""

    def __init__(self, spec: TeacherSpec, session: aiohttp.ClientSession, key: str | None) -> None:
        self._spec, self._session = spec, session
        self._url = URL(spec.base_url + "/chat/completions")
        self._pictures = DataUrls(spec.max_pixels)
        self._key = key
        self._where = f"{spec.base_url}#{spec.model}"

    async def complete(self, request: Request) -> RawReply:
        """See `Transport`: one POST, its reply read to the end."""
        payload = orjson.dumps(await self.body(request))
        try:
            async with self._session.post(
                self._url, data=payload, headers={"X-Client-Request-Id": request.key}, allow_redirects=False
            ) as response:
                data = await read_bounded(response)
        except (aiohttp.ClientError, OSError) as error:
            raise_fault(error, self._spec)
        data = scrubbed(data, self._key)
        if response.status != 200:
            raise judge_status(response.status, data, response.headers, where=self._where, key=key_variable(self._spec))
        raw = read_completion(data)
        return continued(request.wire, raw) if self._spec.kind == "vllm" else raw

    async def alive(self) -> bool:
        """Whether the endpoint answers its list of models with anything but a server error."""
        try:
            async with self._session.get(
                URL(self._spec.base_url + "/models"), timeout=aiohttp.ClientTimeout(total=CONNECT_SECONDS)
            ) as response:
                return response.status < 500
        except (aiohttp.ClientError, OSError):
            return False

    async def body(self, request: Request) -> Json:
        """The request as JSON types, its pictures as data URLs."""
        images = {image.sha256: image for message in request.messages for image in message.images}
        urls = {sha: await self._pictures.url(image, request.read_image) for sha, image in images.items()}
        return body_of(request, urls, host=self._spec.host, continues=self._spec.kind == "vllm")


@asynccontextmanager
async def open_http(spec: TeacherSpec) -> AsyncIterator[HttpTransport]:
    """A transport with its own connections, kept alive between calls. Raises `ConfigError` when the key is missing."""
    key = api_key(spec)
    async with session_for(spec, key, timeout=spec.timeout) as session:
        yield HttpTransport(spec, session, key)


async def preflight(spec: TeacherSpec) -> None:
    """Ask an endpoint for its models before anything is paid.

    Raises `RunStopped` when it cannot be reached, `ConfigError` when the key is missing or rejected or the model is
    not in the list. An endpoint without a list, or with trouble of its own, is let through.
    """
    if spec.kind != "openai":
        return
    key = api_key(spec)
    try:
        async with (
            session_for(spec, key, timeout=PREFLIGHT_SECONDS) as session,
            session.get(URL(spec.base_url + "/models")) as response,
        ):
            status, data = response.status, await read_bounded(response)
    except (aiohttp.ClientError, OSError, SampleError) as error:
        raise RunStopped(f"{spec.base_url} cannot be reached: {_why(error)}; {_cure(error)}") from None
    if status in (401, 403):
        fix = f"the endpoint rejected the key (HTTP {status}: {message_of(data)}); check ${key_variable(spec)}"
        raise ConfigError("teacher", spec.base_url, fix.replace(key, "[key]") if key else fix)
    if status == 200:
        _check_model(spec, data)


def scrubbed(data: bytes, key: str | None) -> bytes:
    """An endpoint may echo the key it was sent; nothing of it may reach the ledger or the terminal."""
    return data.replace(key.encode(), b"[key]") if key and len(key) >= SECRET else data


def session_for(spec: TeacherSpec, key: str | None, *, timeout: float) -> aiohttp.ClientSession:
    """Connections to one endpoint, with its key in every request; `timeout` in seconds for each."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0 if spec.hedge else spec.max_concurrency,
            keepalive_timeout=60,
            ttl_dns_cache=300,
            socket_factory=_probed_socket,
        ),
        headers=HEADERS | ({"Authorization": f"Bearer {key}"} if key else {}),
        timeout=aiohttp.ClientTimeout(
            total=timeout, sock_connect=min(CONNECT_SECONDS, timeout), sock_read=spec.first_byte
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=_proxy(spec),
    )


def _probed_socket(address: AddrInfoType) -> socket.socket:
    """A socket whose peer is probed while it is silent: one that vanished is noticed in a minute, not at the time-out.

    (A completion is silent until it is done, so the time to its first byte tells nothing.)
    """
    family, kind, protocol, _, _ = address
    found = socket.socket(family, kind, protocol)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, seconds in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if option := getattr(socket, name, None):
            found.setsockopt(socket.IPPROTO_TCP, option, seconds)
    return found


def _proxy(spec: TeacherSpec) -> str | None:
    """HTTPS_PROXY and NO_PROXY as everyone reads them; aiohttp's `trust_env` would also take passwords from .netrc."""
    if urllib.request.proxy_bypass(spec.host):
        return None
    return urllib.request.getproxies().get(URL(spec.base_url).scheme)


async def read_bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body, bounded after decompression. Raises `SampleError` when it is longer than any reply may be."""
    chunks, size = [], 0
    while chunk := await response.content.readany():
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST_BODY:
            response.close()
            raise SampleError("reply_too_long", f"a body of more than {LARGEST_BODY:,} bytes")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def raise_fault(error: Exception, spec: TeacherSpec) -> NoReturn:
    """What failed to give any answer, as a fault that may pass; a certificate that does not hold never will."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.InvalidURL):
        raise RunStopped(f"{spec.base_url} cannot be reached: {error}; {_cure(error)}"[:600]) from None
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        raise TryAgain("down", "call_failed", _why(error)) from None
    if isinstance(error, aiohttp.SocketTimeoutError) and spec.first_byte:
        raise TryAgain("timeout", "call_timeout", f"nothing came for {spec.first_byte:g} s") from None
    if isinstance(error, TimeoutError):
        raise TryAgain("timeout", "call_timeout", f"no complete reply within {spec.timeout:g} s") from None
    raise TryAgain("flaky", "call_failed", _why(error)) from None


def _why(error: BaseException) -> str:
    """The cause in a few words; aiohttp's own texts bury it."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return f"no connection within {CONNECT_SECONDS:g} s"
        case TimeoutError():
            return f"no answer within {PREFLIGHT_SECONDS:g} s"
        case aiohttp.ClientConnectorDNSError():
            return f"the host name {error.host} is not known"
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate does not hold: {error.certificate_error}"
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, ConnectionRefusedError):
            return "connection refused"
    if _is_tls(error):
        return "the TLS handshake failed"
    return f"{type(error).__name__}: {error}".removesuffix(": ")[:300]


def _is_tls(error: BaseException) -> bool:
    if isinstance(error, aiohttp.ClientConnectorError) and error.ssl is not False:
        return isinstance(error, aiohttp.ClientSSLError) or isinstance(error.os_error, ConnectionResetError)
    return isinstance(error, aiohttp.ClientSSLError)


def _cure(error: BaseException) -> str:
    if _is_tls(error):
        return "check the certificate, or write http:// if the server speaks no TLS"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "check the URL and your network"
    return "start the server, or mend the URL of --teacher"


def _check_model(spec: TeacherSpec, data: bytes) -> None:
    known = _model_ids(data)
    accepted = {spec.model, f"models/{spec.model}", f"{spec.model}:latest"}
    if not known or any(name in accepted or ("*" in name and fnmatchcase(spec.model, name)) for name in known):
        return
    near = get_close_matches(spec.model, known, n=3, cutoff=0.4) or sorted(known)[:3]
    raise ConfigError("teacher", f"{spec.base_url}#{spec.model}", f"no such model there; it has {', '.join(near)}")


def _model_ids(data: bytes) -> list[str]:
    try:
        parsed: Json = orjson.loads(data)
    except orjson.JSONDecodeError:
        return []
    rows = parsed.get("data") if isinstance(parsed, Mapping) else None
    return [row["id"] for row in rows or [] if isinstance(row, Mapping) and isinstance(row.get("id"), str)]
