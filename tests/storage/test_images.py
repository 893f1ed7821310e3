"""Pictures as files: read whole whatever their size, refused when missing or changed, no handle left behind."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from curation.errors import StoreError
from storage.images import AT_ONCE, image_path, open_image, read_image, read_opened


def kept(root: Path, content: bytes) -> str:
    name = sha256(content).hexdigest()
    path = image_path(root, name, "png")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return name


def handles() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("size", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE])
def test_a_picture_of_any_size_is_read_whole(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    before = handles()
    assert read_image(tmp_path, kept(tmp_path, content), "png") == content
    assert handles() == before


def test_a_picture_that_is_missing_or_changed_is_refused(tmp_path: Path) -> None:
    name = kept(tmp_path, b"as it was")
    before = handles()
    image_path(tmp_path, name, "png").write_bytes(b"as it is!")
    with pytest.raises(StoreError, match=f"{name} is damaged.*vistill fsck"):
        read_image(tmp_path, name, "png")
    image_path(tmp_path, name, "png").unlink()
    with pytest.raises(StoreError, match=rf"cannot read image .*{name}\.png"):
        open_image(tmp_path, name, "png")
    for wrong in ("../" + name[3:], name.upper(), ""):
        with pytest.raises(StoreError, match="not an image of a store"):
            open_image(tmp_path, wrong, "png")
    assert handles() == before


def test_a_folder_in_place_of_a_picture_is_one_line(tmp_path: Path) -> None:
    name = sha256(b"").hexdigest()
    image_path(tmp_path, name, "png").mkdir(parents=True)
    before = handles()
    with pytest.raises(StoreError, match="cannot read image"):
        read_opened(open_image(tmp_path, name, "png"), name)
    assert handles() == before
