"""Repositories of the fake Hub: commits of {path: file}, branches, tags and pull requests, in memory."""

import hashlib
import json
from dataclasses import dataclass, field

LARGE = (".parquet", ".png", ".jpg", ".webp")
"""What goes to LFS."""


@dataclass(frozen=True)
class File:
    """Content, and whether it lies in LFS."""

    content: bytes
    large: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def oid(self) -> str:
        data = self.sha256.encode() if self.large else self.content
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Repo:
    """One dataset repository."""

    private: bool
    commits: dict[str, dict[str, File]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)

    def commit(self, ref: str, files: dict[str, File], title: str) -> str:
        seed = [ref, title, len(self.commits), sorted((path, file.oid) for path, file in files.items())]
        sha = hashlib.sha1(json.dumps(seed).encode()).hexdigest()
        self.commits[sha] = files
        self.refs[ref] = sha
        self.titles.append(title)
        return sha

    def sha(self, revision: str) -> str | None:
        found = self.refs.get(revision) or self.tags.get(revision)
        return found or (revision if revision in self.commits else None)

    def head(self, revision: str = "main") -> dict[str, File]:
        """Files of a revision."""
        return self.commits[self.sha(revision) or ""]
