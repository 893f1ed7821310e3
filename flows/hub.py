"""The Hub as `vistill push` needs it: what a repository holds, sending files, and every failure told in a sentence.

Built on `huggingface_hub`, which retries and waits by itself. The token comes from HF_TOKEN or from where
`hf auth login` stored it; it is passed on and neither printed nor kept, nor are the signed addresses of uploads.
"""

import hashlib
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from curation.errors import ConfigError, RunStopped, StoreError
from flows import hub_silence
from flows import manifest as manifests
from flows.hub_names import check_repo
from flows.interrupts import is_interrupt
from storage.files import os_errors
from storage.redact import fitting

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, CommitOperationAdd, HfApi

GROUP, GROUP_BYTES, THREADS = 100, 500_000_000, 5
"""Files and bytes asked for at once, and how many upload at the same time; what is done is told after each group."""
PATIENCE, LONGEST_WAIT = 5, 600
"""How often a busy Hub is waited for before the commit, and for how many seconds at most."""
LARGEST_TEXT = 20_000_000  # bytes of a README or manifest that is read back
SENT = "what was uploaded is not sent again"
KIND = "dataset"


@dataclass(frozen=True, slots=True)
class Held:
    """A file on the Hub: bytes, and its hash (SHA-256 in LFS, else git's)."""

    size: int
    sha256: str
    git: str


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository at one moment. `sha` is "" when it is not there, or not its branch; what `files` and the rest are
    of is then `base`, the head of the default branch, at which a new branch starts. `tags` are commits by name.
    """

    repo: str
    exists: bool
    private: bool = True
    sha: str = ""
    base: str = ""
    files: Mapping[str, Held] = field(default_factory=dict)
    readme: str = ""
    exports: Mapping[str, manifests.Manifest] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    branches: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Client:
    """The API with a token; `token` is for masking only."""

    api: "HfApi"
    token: str = field(repr=False)


def client() -> Client:
    """Log in. Raises `ConfigError` without a token."""
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.utils.tqdm import disable_progress_bars

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # its warnings name signed addresses
    disable_progress_bars()
    hub_silence.bound()
    token = get_token()
    if not token:
        raise ConfigError("HF_TOKEN", None, "no token: run `hf auth login`, or set HF_TOKEN to a token that may write")
    if not re.fullmatch(r"[!-~]+", token):
        raise ConfigError(
            "HF_TOKEN", None, "is no token (it has other signs than plain ones): copy it from the Hub again"
        )
    return Client(HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token, library_name="vistill"), token)


def full_name(hub: Client, repo: str) -> str:
    """OWNER/NAME; a bare name is one of the token's owner."""
    check_repo(repo)
    with told(hub, "ask whose token this is"):
        return repo if "/" in repo else f"{hub.api.whoami()['name']}/{repo}"


def look(hub: Client, repo: str, revision: str) -> Remote:
    """What the repository holds at the head of a branch. Sends nothing."""
    from huggingface_hub.errors import RepositoryNotFoundError

    with os_errors("look at", repo), told(hub, f"look at {repo}"):
        try:
            found = hub.api.repo_info(repo, repo_type=KIND)
        except RepositoryNotFoundError as error:
            if error.response.status_code == 401:
                raise
            return Remote(repo, False)
        refs = hub.api.list_repo_refs(repo, repo_type=KIND)
        sha = next((ref.target_commit for ref in refs.branches if ref.name == revision), "")
        base = sha or str(found.sha)
        files = _files(hub, repo, base)
        kept = _texts(hub, repo, base, files)
    return Remote(
        repo, True, bool(found.private), sha, base, files, kept.pop("README.md", ""), _manifests(kept),
        {ref.name: ref.target_commit for ref in refs.tags}, frozenset(ref.name for ref in refs.branches),
    )  # fmt: skip


def _files(hub: Client, repo: str, sha: str) -> dict[str, Held]:
    from huggingface_hub.hf_api import RepoFile

    tree = hub.api.list_repo_tree(repo, recursive=True, revision=sha, repo_type=KIND)
    return {
        one.path: Held(one.size, one.lfs.sha256 if one.lfs else "", one.blob_id)
        for one in tree if isinstance(one, RepoFile)
    }  # fmt: skip


def _texts(hub: Client, repo: str, sha: str, files: Mapping[str, Held]) -> dict[str, str]:
    """The card and the manifests, by path."""
    wanted = [path for path in files if path == "README.md" or re.fullmatch(rf"\w[\w.-]*/{manifests.NAME}", path)]
    with tempfile.TemporaryDirectory() as folder:
        got = {
            path: hub.api.hf_hub_download(repo, path, repo_type=KIND, revision=sha, local_dir=folder)
            for path in wanted if files[path].size <= LARGEST_TEXT
        }  # fmt: skip
        return {path: Path(file).read_text(encoding="utf-8", errors="replace") for path, file in got.items()}


def _manifests(texts: Mapping[str, str]) -> dict[str, manifests.Manifest]:
    """Manifests of ours by configuration; a file of that name by somebody else is none."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for path, text in texts.items():
            file = Path(folder, manifests.NAME)
            file.write_text(text, encoding="utf-8")
            try:
                found[path.partition("/")[0]] = manifests.load(file)
            except StoreError:
                continue
    return found


def same(held: Held | None, content: Path | bytes) -> bool:
    """Whether the Hub has this very content."""
    if held is None or held.size != (len(content) if isinstance(content, bytes) else content.stat().st_size):
        return False
    if held.sha256:
        return held.sha256 == _digest(hashlib.sha256(), content)
    return held.git == _digest(hashlib.sha1(b"blob %d\0" % held.size), content)


def _digest(seen: "hashlib._Hash", content: Path | bytes) -> str:
    if isinstance(content, bytes):
        seen.update(content)
        return seen.hexdigest()
    with content.open("rb") as file:
        while piece := file.read(1 << 20):
            seen.update(piece)
    return seen.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What one commit changes, and where. `parent` is the commit that was looked at, "" for a new repository."""

    remote: Remote
    revision: str
    public: bool
    pull_request: bool
    message: str
    add: Mapping[str, Path | bytes]
    remove: Sequence[str]


def send(hub: Client, what: Sending, say: Callable[[str], None]) -> tuple[str, str]:
    """(commit, address) of the one commit that was made. Nothing is visible before it. Raises `RunStopped`."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    repo = what.remote.repo
    with os_errors("read the files to send for", repo):
        additions = [
            CommitOperationAdd(path, content if isinstance(content, bytes) else str(content))
            for path, content in what.add.items()
        ]  # fmt: skip
    parent = what.remote.sha or begun(hub, what.remote, what.revision, public=what.public, say=say)
    done_files = 0
    for some in _groups(additions):
        with os_errors("upload to", repo), told(hub, f"upload to {repo}"):
            hub.api.preupload_lfs_files(
                repo, some, repo_type=KIND, revision=what.revision, create_pr=what.pull_request, num_threads=THREADS,
                free_memory=False,
            )  # fmt: skip
        done_files += len(some)
        say(f"uploaded {done_files} of {len(additions)} files")
    with os_errors("commit to", repo), told(hub, f"commit to {repo}"):
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            *additions,
            *(CommitOperationDelete(path, is_folder=False) for path in what.remove),
        ]
        done = _patiently(
            lambda: hub.api.create_commit(
                repo, operations, commit_message=what.message, repo_type=KIND, revision=what.revision,
                parent_commit=parent, create_pr=what.pull_request,
            )
        )  # fmt: skip
    return str(done.oid), str(done.pr_url or done.commit_url)


def _groups(additions: "Sequence[CommitOperationAdd]") -> "Iterator[list[CommitOperationAdd]]":
    """Many small pictures go together, large shards few at a time."""
    some: list[CommitOperationAdd] = []
    for one in additions:
        some.append(one)
        if len(some) == GROUP or sum(each.upload_info.size for each in some) >= GROUP_BYTES:
            yield some
            some = []
    if some:
        yield some


def _patiently(commit: Callable[[], "CommitInfo"]) -> "CommitInfo":
    """The commit, after as long as a busy Hub asks for; `huggingface_hub` waits in every other request itself."""
    from huggingface_hub.errors import HfHubHTTPError

    for _ in range(PATIENCE):
        try:
            return commit()
        except HfHubHTTPError as error:
            wait = error.response.headers.get("Retry-After", "")
            if error.response.status_code != 429 or not wait.isdigit() or int(wait) > LONGEST_WAIT:
                raise
            time.sleep(int(wait) + 1)
    return commit()


def begun(hub: Client, remote: Remote, revision: str, *, public: bool, say: Callable[[str], None]) -> str:
    """Make what is missing, the repository or the branch; the commit to build on, which is the one looked at."""
    repo, head = remote.repo, remote.base
    with told(hub, f"create {repo}"):
        if not remote.exists:
            hub.api.create_repo(repo, repo_type=KIND, visibility="public" if public else "private")
            say(f"created {repo}, {'public' if public else 'private'}")
            head = str(hub.api.repo_info(repo, repo_type=KIND).sha)
        branches = {ref.name for ref in hub.api.list_repo_refs(repo, repo_type=KIND).branches}
        if revision not in branches:
            hub.api.create_branch(repo, branch=revision, revision=head, repo_type=KIND)
            say(f"made the branch {revision} at {head[:12]}")
    return head


def open_requests(hub: Client, repo: str, title: str) -> list[str]:
    """Addresses of the open pull requests with this title."""
    with told(hub, f"look at the pull requests of {repo}"):
        found = hub.api.get_repo_discussions(
            repo, repo_type=KIND, discussion_type="pull_request", discussion_status="open"
        )
        return [one.url for one in found if one.title == title]


def tag(hub: Client, repo: str, name: str, commit: str) -> None:
    """Give a commit a name that does not move."""
    with told(hub, f"tag {repo}"):
        hub.api.create_tag(repo, tag=name, revision=commit, repo_type=KIND)


@contextmanager
def told(hub: Client, doing: str) -> Iterator[None]:
    """Turn what `huggingface_hub` raises into one sentence without secrets."""
    import httpx2

    try:
        yield
    except (httpx2.HTTPError, ConnectionError, TimeoutError, RuntimeError) as error:  # the latter from Xet and threads
        if is_interrupt(error):
            raise
        cause = (error.__cause__ or error) if isinstance(error, RuntimeError) else error
        sentence = re.sub(r"(https?://[^\s?]+)\?\S+", r"\1", _sentence(cause))
        raise RunStopped(f"cannot {doing}: {fitting(sentence, (hub.token,))}") from None


def _sentence(error: BaseException) -> str:
    from huggingface_hub.errors import HfHubHTTPError

    if not isinstance(error, HfHubHTTPError) and re.search(r"\b404\b.*/xet-\w+-token/", str(error), re.DOTALL):
        return f"this Hub has no Xet storage ({error}): set HF_HUB_DISABLE_XET=1 and run it again"
    if silent := hub_silence.sentence(error):
        return f"{silent}; run it again: {SENT}"
    if not isinstance(error, HfHubHTTPError):
        return f"the connection to the Hub broke ({type(error).__name__}: {error}); run it again: {SENT}"
    status, said = error.response.status_code, f" ({error.server_message})" if error.server_message else ""
    match status:
        case 401:
            return f"the Hub does not accept the token: log in again with `hf auth login`, or set HF_TOKEN{said}"
        case 403:
            return f"the token may not do that: it needs write access to the repository{said}"
        case 412:
            return (
                "the repository has changed since it was looked at, and nothing was committed: look at the change, "
                f"then run it again; {SENT}"
            )
        case 429:
            wait = error.response.headers.get("Retry-After", "")
            return f"the Hub asks for fewer requests{f', and to wait {wait} s' if wait else ''}; run it then: {SENT}"
        case 402 | 413 | 507:
            return f"there is no space for it on the Hub (HTTP {status}){said}"
    return f"the Hub answered HTTP {status}{said}; run it again: {SENT}"
