"""Pictures as files named by their content: `images/ab/<sha256>.<format>`, the original bytes, written once.

Decoding and measuring pictures belongs to curation; what is known about each lies in the `images` table.
"""

import os
import re
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from hashlib import sha256 as hash_sha256
from pathlib import Path

from curation.errors import StoreError
from curation.records import Image
from storage.files import fsync_path, make_directories, os_errors, temporary

SHA256 = re.compile(r"[0-9a-f]{64}")
FLUSHES = 8
AT_ONCE = 1 << 18
"""Bytes of a picture that are read at once; what a file object asks of the kernel besides is a third of reading one."""
SETTLED_SECONDS = 120.0  # after which the kernel has written a rename, whoever made it
FORMAT = re.compile(r"[A-Za-z0-9]{1,8}")


def image_path(root: Path, sha256: str, format: str) -> Path:
    """Where the picture lives; StoreError unless both are well formed, so no name can leave the folder."""
    if not SHA256.fullmatch(sha256) or not FORMAT.fullmatch(format):
        raise StoreError(f"not an image of a store: sha256 {sha256!r}, format {format!r}")
    return root / "images" / sha256[:2] / f"{sha256}.{format.lower()}"


def read_image(root: Path, sha256: str, format: str) -> bytes:
    """The original bytes; StoreError when the file is missing or is not what its name says."""
    return read_opened(open_image(root, sha256, format), sha256)


def open_image(root: Path, sha256: str, format: str) -> int:
    """A handle of the picture's file, which the kernel reads ahead where it can; StoreError when it is missing.

    Opening many before reading the first keeps a disk busy without threads, whose waits for Python's lock cost more
    than reading.
    """
    if not SHA256.fullmatch(sha256) or not FORMAT.fullmatch(format):
        image_path(root, sha256, format)  # says so
    path = f"{root}/images/{sha256[:2]}/{sha256}.{format.lower()}"  # a `Path` costs as much as reading the file
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        with os_errors("read image", path):
            raise
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_WILLNEED)
    return handle


def read_opened(handle: int, sha256: str) -> bytes:
    """All bytes of an opened picture, which is closed; StoreError when they are not what its name says."""
    try:
        content = b"".join(iter(partial(os.read, handle, AT_ONCE), b""))
    except OSError:
        with os_errors("read image", sha256):
            raise
    finally:
        os.close(handle)
    if hash_sha256(content).hexdigest() != sha256:
        raise StoreError(f"image {sha256} is damaged: its bytes do not match its name (vistill fsck lists all)")
    return content


def put_images(root: Path, pictures: Sequence[tuple[Image, bytes]]) -> None:
    """Store pictures durably; on return all survive a power cut. Wrong sha256 raises before anything is written."""
    wanted = {}
    for image, content in pictures:
        if hash_sha256(content).hexdigest() != image.sha256:
            raise StoreError(f"image {image.sha256} does not match its {len(content)} bytes")
        wanted[image_path(root, image.sha256, image.format)] = content
    folders = sorted({path.parent for path in wanted})
    with os_errors("store images in", root / "images"):
        make_directories(folders)
        _publish({path: content for path, content in wanted.items() if not _present(path, len(content))})
        _flush(sorted({path.parent for path in wanted if path.stat().st_mtime > time.time() - SETTLED_SECONDS}))


def _present(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _publish(files: dict[Path, bytes]) -> None:
    """Write all, then flush all, then rename all."""
    tmps = {path: temporary(path) for path in files}
    try:
        for path, tmp in tmps.items():
            tmp.write_bytes(files[path])
        _flush(tmps.values())
        for path, tmp in tmps.items():
            os.replace(tmp, path)
    finally:
        for tmp in tmps.values():
            with suppress(OSError):
                tmp.unlink()


def _flush(paths: Iterable[Path]) -> None:
    """Flush files or folders side by side: they share journal commits, which makes it 5 times faster."""
    with ThreadPoolExecutor(FLUSHES) as pool:
        list(pool.map(fsync_path, paths))
