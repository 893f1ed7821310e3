"""Reading files that rows name, without ever leaving the source's folder; and the source's own file.

Paths come from data: they may climb out, lead through symbolic links, or name folders, pipes and devices. Pictures on
the web are not fetched.
"""

import errno
import os
import re
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from curation.errors import ConfigError, SampleError

_URL = re.compile(r"[a-z][a-z0-9+]{1,9}://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on disk; only ordinary files that really lie in it are read."""

    path: Path

    def read(self, path: str, max_bytes: int) -> bytes:
        """The file's bytes; `path` is relative to the folder, or absolute and inside it."""
        return read_ordinary(self.locate(path), path, max_bytes)

    def locate(self, path: str) -> Path:
        """Where the path really leads, links resolved; SampleError image_outside when that is elsewhere."""
        if _URL.match(path):
            raise SampleError("image_outside", f"{path[:200]}: addresses are not fetched")
        if not path.strip() or "\0" in path:
            raise SampleError("image_missing", "the path is empty or contains a NUL character")
        try:
            home = _resolved(self.path)
            target = Path(os.path.realpath(home / path))
        except (OSError, ValueError) as error:
            raise SampleError("image_missing", f"{path[:200]}: {error}") from error
        if not target.is_relative_to(home):
            raise SampleError("image_outside", f"{path[:200]} leaves {home}")
        return target


@lru_cache(maxsize=16)
def _resolved(folder: Path) -> Path:
    """Where the source's folder really is; it stays that while a source is read."""
    return folder.resolve()


@dataclass(frozen=True, slots=True)
class Rooted:
    """A folder for paths written from its top: a leading slash means the folder, unless the path really lies in it."""

    folder: Folder

    def read(self, path: str, max_bytes: int) -> bytes:
        """The file's bytes, under the same rules as `Folder.read`."""
        inside = path.startswith(f"{self.folder.path}{os.sep}")
        return self.folder.read(path if inside else path.lstrip("/"), max_bytes)


@dataclass(frozen=True, slots=True)
class NoFiles:
    """For sources whose rows carry their pictures: no path leads anywhere."""

    def read(self, path: str, max_bytes: int) -> bytes:
        """Always SampleError image_outside."""
        raise SampleError("image_outside", f"{path[:200]}: this source has no folder of pictures")


def read_ordinary(target: Path, shown: str, max_bytes: int) -> bytes:
    """The bytes of an ordinary file. Pipes and devices are refused without waiting for them."""
    try:
        descriptor = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        missing = getattr(error, "errno", 0) in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
        reason = "image_missing" if missing else "image_unreadable"
        raise SampleError(reason, f"{shown[:200]}: {error}"[:400]) from error
    try:
        return _content(descriptor, shown[:200], max_bytes)
    except OSError as error:
        raise SampleError("image_unreadable", f"{shown[:200]}: {error}"[:400]) from error
    finally:
        os.close(descriptor)


def _content(descriptor: int, shown: str, max_bytes: int) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise SampleError("image_unreadable", f"{shown} is a folder, pipe or device")
    if status.st_size > max_bytes:
        raise SampleError("image_too_large", f"{status.st_size:,} bytes, more than {max_bytes:,}")
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(max_bytes + 1)


def read_text_file(path: Path, longest: int) -> str:
    """A whole UTF-8 file (a byte order mark is skipped); ConfigError says which byte is not."""
    try:
        if path.stat().st_size > longest:
            raise ConfigError("--source", str(path), f"is over {longest:,} bytes; write it as JSON lines to stream it")
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except OSError as error:
        raise ConfigError("--source", str(path), f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        where = f"byte {error.start:,} (0x{error.object[error.start]:02x})"
        raise ConfigError("--source", str(path), f"is not UTF-8 at {where}; convert it first") from error
