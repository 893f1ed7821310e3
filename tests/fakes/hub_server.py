"""A Hugging Face Hub on this machine, over HTTP: as much of it as `huggingface_hub` and `datasets` ask of it here.

Repositories are kept in memory as commits of {path: file}. Uploads follow the LFS protocol (preupload, batch, PUT,
commit), and a commit on a stale parent is refused with 412 as on the Hub. `faults` breaks chosen requests. Xet, quotas,
organisations' rights, parquet conversion and the viewer are left out.
"""

import base64
import hashlib
import itertools
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.hub_repos import LARGE, File, Repo

WRITER, READER = "hf_writerwriterwriter", "hf_readerreaderreader"
"""Tokens that it knows: one may write, one may only read."""
DATES = {"lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z"}


@dataclass
class Fault:
    """Breaks the next `times` requests whose `METHOD path` matches: with a status, by a cut after `cut` bytes, or, with
    `mute`, by a cut after it did what was asked.
    """

    match: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = -1
    times: int = 1
    mute: bool = False


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, message: str, code: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, {**({"X-Error-Code": code} if code else {}), **(headers or {})}
        self.body = json.dumps({"error": message}).encode()


class HubServer:
    """The server; `url` is what HF_ENDPOINT must be. `log` has every request as (method, path, status)."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.log: list[tuple[str, str, int]] = []
        self.before_commit: Callable[[], None] | None = None
        self.before_branch: Callable[[], None] | None = None
        self.stall = threading.Event()  # while set, uploads are read and then kept waiting
        hub = self
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": hub}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "HubServer":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stall.clear()
        self._server.shutdown()
        self._server.server_close()

    def add(self, name: str, files: dict[str, bytes], *, private: bool = True) -> Repo:
        """A repository that is there before anybody pushes."""
        repo = self.repos.setdefault(name, Repo(private))
        repo.commit("main", {path: File(data, path.endswith(LARGE)) for path, data in files.items()}, "initial commit")
        return repo

    def writes(self) -> list[tuple[str, str]]:
        """Requests that changed or would have changed something."""
        asking = re.compile(r"/paths-info/|/validate-yaml$")
        return [(method, path) for method, path, _ in self.log if method not in ("GET", "HEAD")
                and not asking.search(path)]  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    hub: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def _answer(self) -> None:
        address = urlsplit(self.path)
        self.route, self.query = unquote(address.path), {k: v[0] for k, v in parse_qs(address.query).items()}
        fault = self._fault()
        if fault and fault.cut >= 0:
            return self._cut(fault.cut)
        body = self._body()
        try:
            if fault and fault.mute:
                self._routed(body)
                return self._cut(0)
            if fault:
                raise Refused(fault.status, f"fault {fault.status}", headers=fault.headers)
            status, headers, content = self._routed(body)
        except Refused as refusal:
            status, headers, content = refusal.status, refusal.headers, refusal.body
        self.hub.log.append((self.command, self.route, status))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _fault(self) -> Fault | None:
        for fault in self.hub.faults:
            if fault.times and re.search(fault.match, f"{self.command} {self.route}"):
                fault.times -= 1
                return fault
        return None

    def _cut(self, after: int) -> None:
        self.rfile.read(min(after, int(self.headers.get("Content-Length", 0))))
        self.hub.log.append((self.command, self.route, 0))
        self.close_connection = True
        self.connection.close()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _routed(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        for (methods, pattern), action in ROUTES.items():
            found = re.fullmatch(pattern, self.route)
            if found and self.command in methods.split("|"):
                result = action(self, body, **found.groupdict())
                return result if isinstance(result, tuple) else (200, {"Content-Type": "application/json"},
                                                                 json.dumps(result).encode())  # fmt: skip
        raise Refused(404, f"fake hub: no {self.command} {self.route}", "EntryNotFound")

    def repo(self, name: str, *, write: bool = False) -> Repo:
        """The repository, if the token may do that with it."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in ("", WRITER, READER):
            raise Refused(401, "Invalid credentials in Authorization header")
        if write:
            self.may_write()
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and not token):
            raise Refused(404 if token else 401, "Repository not found", "RepoNotFound")
        return repo

    def may_write(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in (WRITER, READER):
            raise Refused(401, "Invalid username or password.")
        if token == READER:
            raise Refused(403, "You don't have the rights to create or change this under the namespace")


def sha_of(repo: Repo, revision: str) -> str:
    found = repo.sha(revision)
    if found is None:
        raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    return found


def create(ask: Handler, body: bytes) -> Any:
    ask.may_write()
    given = json.loads(body)
    name = f"{given.get('organization') or 'tester'}/{given['name']}"
    if name in ask.hub.repos:
        raise Refused(409, "You already created this dataset repo")
    repo = ask.hub.repos[name] = Repo(given.get("visibility") == "private")
    repo.commit("main", {".gitattributes": File(b"*.parquet filter=lfs diff=lfs merge=lfs -text\n", False)}, "initial")
    return {"url": f"{ask.hub.url}/datasets/{name}", "name": name, "id": name, "private": repo.private}


def whoami(ask: Handler, body: bytes) -> Any:
    token = ask.headers.get("Authorization", "").removeprefix("Bearer ")
    if token not in (WRITER, READER):
        raise Refused(401, "Invalid user token.")
    role = {"displayName": "t", "role": "write" if token == WRITER else "read"}
    return {"type": "user", "id": "0", "name": "tester", "fullname": "Tester", "email": None, "orgs": [],
            "auth": {"type": "access_token", "accessToken": role}}  # fmt: skip


def info(ask: Handler, body: bytes, name: str, revision: str = "main") -> Any:
    repo = ask.repo(name)
    sha = sha_of(repo, revision)
    return {"_id": "0" * 24, "id": name, "author": name.split("/")[0], "sha": sha, **DATES, "private": repo.private,
            "gated": False, "disabled": False, "tags": [], "downloads": 0, "likes": 0, "cardData": {},
            "siblings": [{"rfilename": path} for path in sorted(repo.commits[sha])]}  # fmt: skip


def entry(path: str, file: File) -> dict[str, Any]:
    large = {"lfs": {"oid": file.sha256, "size": len(file.content), "pointerSize": 130}} if file.large else {}
    return {"type": "file", "oid": file.oid, "size": len(file.content), "path": path, **large}


def a_folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0, "path": path}


def tree(ask: Handler, body: bytes, name: str, revision: str, path: str = "") -> Any:
    repo = ask.repo(name)
    files = repo.commits[sha_of(repo, revision)]
    deep, found = ask.query.get("recursive", "").lower() in ("1", "true"), {}
    prefix = f"{path.strip('/')}/" if path else ""
    for at, file in files.items():
        if not at.startswith(prefix):
            continue
        parts = at[len(prefix) :].split("/")
        for depth in range(1, len(parts)):
            if deep or depth == 1:
                one = prefix + "/".join(parts[:depth])
                found[one] = a_folder(one)
        if deep or len(parts) == 1:
            found[at] = entry(at, file)
    if prefix and not found:
        raise Refused(404, "no such folder", "EntryNotFound")
    return [found[at] for at in sorted(found)]


def paths_info(ask: Handler, body: bytes, name: str, revision: str) -> Any:
    repo = ask.repo(name)
    form = "json" not in ask.headers.get("Content-Type", "")
    asked = parse_qs(body.decode()).get("paths", []) if form else json.loads(body)["paths"]
    files = repo.commits[sha_of(repo, revision)]
    exact = [entry(path, files[path]) for path in asked if path in files]
    return exact + [a_folder(path) for path in asked if any(at.startswith(f"{path}/") for at in files)]


def refs(ask: Handler, body: bytes, name: str) -> Any:
    repo = ask.repo(name)

    def listed(kind: str, found: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": ref, "ref": f"refs/{kind}/{ref}", "targetCommit": sha} for ref, sha in found.items()]

    branches = {ref: sha for ref, sha in repo.refs.items() if not ref.startswith("refs/pr/")}
    return {"branches": listed("heads", branches), "converts": [], "tags": listed("tags", repo.tags)}


def preupload(ask: Handler, body: bytes, name: str, revision: str) -> Any:
    repo = ask.repo(name, write=True)
    files = repo.commits[sha_of(repo, revision)]
    return {
        "files": [
            {
                "path": one["path"], "shouldIgnore": False, "oid": files[one["path"]].oid if one["path"] in files else
                None, "uploadMode": "lfs" if one["path"].endswith(LARGE) else "regular",
            }
            for one in json.loads(body)["files"]
        ]
    }  # fmt: skip


def batch(ask: Handler, body: bytes, name: str) -> Any:
    ask.repo(name, write=True)
    objects = json.loads(body)["objects"]
    put = {one["oid"]: {"upload": {"href": f"{ask.hub.url}/_lfs/{one['oid']}?signature=s3cr3t"}} for one in objects}
    return {"transfer": "basic", "objects": [
        {**one, **({} if one["oid"] in ask.hub.blobs else {"actions": put[one["oid"]]})} for one in objects
    ]}  # fmt: skip


def upload(ask: Handler, body: bytes, oid: str) -> Any:
    while ask.hub.stall.is_set():
        time.sleep(0.05)
    if hashlib.sha256(body).hexdigest() != oid:
        raise Refused(400, "the content is not what its hash says")
    ask.hub.blobs[oid] = body
    return {}


def commit(ask: Handler, body: bytes, name: str, revision: str) -> Any:
    repo = ask.repo(name, write=True)
    if ask.hub.before_commit:
        ask.hub.before_commit()
    head = sha_of(repo, revision)
    files, header = dict(repo.commits[head]), {}
    for line in filter(None, body.split(b"\n")):
        operation = json.loads(line)
        value = operation["value"]
        match operation["key"]:
            case "header":
                header = value
            case "file":
                files[value["path"]] = File(base64.b64decode(value["content"]), False)
            case "lfsFile":
                if value["oid"] not in ask.hub.blobs:
                    raise Refused(400, f"LFS object of {value['path']} was not uploaded")
                files[value["path"]] = File(ask.hub.blobs[value["oid"]], True)
            case "deletedFile":
                del files[value["path"]]
    if header.get("parentCommit", head) != head:
        raise Refused(412, "A commit has happened since. Please refresh and try again.")
    pull = ask.query.get("create_pr") == "1"
    number = next(n for n in itertools.count(1) if f"refs/pr/{n}" not in repo.refs)
    sha = repo.commit(f"refs/pr/{number}" if pull else revision, files, header["summary"])
    request = {"pullRequestUrl": f"{ask.hub.url}/datasets/{name}/discussions/{number}"} if pull else {}
    url = f"{ask.hub.url}/datasets/{name}/commit/{sha}"
    return {"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": "", **request}


def discussions(ask: Handler, body: bytes, name: str) -> Any:
    """Pull requests, all of them open; a page of two at most, as the Hub's have fifty."""
    repo, start = ask.repo(name), 2 * int(ask.query.get("p", 0))
    numbers = sorted(int(ref.rpartition("/")[2]) for ref in repo.refs if ref.startswith("refs/pr/"))
    found = [
        {"title": repo.titles[list(repo.commits).index(repo.refs[f"refs/pr/{number}"])], "num": number,
         "author": {"name": "tester"}, "createdAt": "2026-11-27T00:00:00.000Z", "status": "open",
         "repo": {"name": name, "type": "dataset"}, "isPullRequest": True}
        for number in numbers
    ]  # fmt: skip
    return {"discussions": found[start : start + 2], "count": len(found), "start": start}


def branch(ask: Handler, body: bytes, name: str, ref: str) -> Any:
    repo = ask.repo(name, write=True)
    if ask.hub.before_branch:
        ask.hub.before_branch()
    repo.refs[ref] = sha_of(repo, json.loads(body or b"{}").get("startingPoint") or "main")
    return {}


def tag(ask: Handler, body: bytes, name: str, revision: str) -> Any:
    repo = ask.repo(name, write=True)
    given = json.loads(body)
    if given["tag"] in repo.tags:
        raise Refused(409, "Tag reference exists already")
    repo.tags[given["tag"]] = sha_of(repo, revision)
    return {}


def resolve(ask: Handler, body: bytes, name: str, revision: str, path: str) -> Any:
    repo = ask.repo(name)
    sha = sha_of(repo, revision)
    if path not in repo.commits[sha]:
        raise Refused(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": sha})
    file = repo.commits[sha][path]
    etag = f'"{file.sha256 if file.large else file.oid}"'
    headers = {"X-Repo-Commit": sha, "ETag": etag, "Accept-Ranges": "bytes"}
    if file.large:
        headers |= {"X-Linked-Etag": etag, "X-Linked-Size": str(len(file.content))}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", ask.headers.get("Range", ""))
    if not asked:
        return 200, headers, file.content
    first, last = int(asked[1] or 0), min(int(asked[2] or len(file.content)), len(file.content) - 1)
    headers["Content-Range"] = f"bytes {first}-{last}/{len(file.content)}"
    return 206, headers, file.content[first : last + 1]


NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
API = f"/api/datasets/{NAME}"
ROUTES: dict[tuple[str, str], Callable[..., Any]] = {
    ("POST", "/api/repos/create"): create,
    ("GET", "/api/whoami-v2"): whoami,
    ("POST", "/api/validate-yaml"): lambda ask, body: {"errors": [], "warnings": []},
    ("GET", f"{API}/refs"): refs,
    ("GET", f"{API}/discussions"): discussions,
    ("GET", f"{API}/revision/(?P<revision>.+)"): info,
    ("GET", f"{API}/tree/(?P<revision>refs/pr/\\d+|[^/]+)(/(?P<path>.*))?"): lambda ask, body, name, revision, path:
        tree(ask, body, name, revision, path or ""),
    ("POST", f"{API}/paths-info/(?P<revision>.+)"): paths_info,
    ("POST", f"{API}/preupload/(?P<revision>.+)"): preupload,
    ("POST", f"{API}/commit/(?P<revision>.+)"): commit,
    ("POST", f"{API}/branch/(?P<ref>.+)"): branch,
    ("POST", f"{API}/tag/(?P<revision>.+)"): tag,
    ("GET", API): info,
    ("POST", f"/datasets/{NAME}.git/info/lfs/objects/batch"): batch,
    ("PUT", r"/_lfs/(?P<oid>[0-9a-f]{64})"): upload,
    ("GET|HEAD", f"/datasets/{NAME}/resolve/(?P<revision>refs/pr/\\d+|[^/]+)/(?P<path>.+)"): resolve,
}  # fmt: skip
