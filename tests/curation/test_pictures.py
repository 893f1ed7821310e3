"""Pictures: what is refused and why, what is recorded, and what a teacher is sent."""

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pil
from PIL import ImageDraw

from curation.errors import SampleError
from curation.pictures import Limits, data_url, decode, grey, inspect, phash

# What Pillow says of damaged files: silenced on import, but pytest resets filters.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]


def encoded(picture: Pil.Image, format: str = "PNG", **settings: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, format, **settings)
    return target.getvalue()


def scene(width: int = 64, height: int = 48) -> Pil.Image:
    """Noise under a few shapes: nothing that a decoder could guess."""
    noise = np.random.default_rng(7).integers(90, 160, (height, width, 3), dtype=np.uint8)
    picture = Pil.fromarray(noise)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((width // 8, height // 8, width // 2, height // 2), fill="red")
    draw.ellipse((width // 2, height // 3, width - 4, height - 4), fill="navy")
    return picture


def refusal(data: bytes, **limits: int) -> str:
    with pytest.raises(SampleError) as caught:
        inspect(data, limits=Limits(**limits))
    return caught.value.reason


def verdict(data: bytes) -> str:
    try:
        inspect(data, limits=Limits(max_pixels=1_000_000))
    except SampleError as error:
        return error.reason
    return "recorded"


def black_png(width: int, height: int) -> bytes:
    """A sound one-bit PNG that is far smaller than its pixels."""
    body = zlib.compress(bytes(height * (1 + (width + 7) // 8)), 1)
    chunks = (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)), (b"IDAT", body), (b"IEND", b"")
    packed = (struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def apng() -> bytes:
    return encoded(scene(), save_all=True, append_images=[scene().rotate(90)])


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_picture_of_each_stored_format_is_recorded(format: str) -> None:
    data = encoded(scene(), format)
    image = inspect(data)
    assert (image.format, image.width, image.height, image.size) == (format, 64, 48, len(data))
    assert len(image.sha256) == 64
    assert 0 <= image.phash < 2**64


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_file_that_ends_early_is_truncated(format: str, share: float) -> None:
    data = encoded(scene(), format)
    assert refusal(data[: int(len(data) * share)]) == "image_truncated"


def test_a_file_without_bytes_is_empty() -> None:
    assert refusal(b"") == "image_empty"


def test_bytes_that_are_no_picture_are_unreadable() -> None:
    assert refusal(b"these are not the bytes you are looking for" * 9) == "image_unreadable"


def test_a_damaged_picture_is_unreadable() -> None:
    data = bytearray(encoded(scene()))
    data[60:80] = bytes(20)
    assert refusal(bytes(data)) == "image_unreadable"


def test_a_one_pixel_picture_is_too_small() -> None:
    assert refusal(encoded(Pil.new("RGB", (1, 1)))) == "image_too_small"
    assert refusal(encoded(Pil.new("RGB", (7, 500)))) == "image_too_small"
    assert inspect(encoded(Pil.new("RGB", (7, 500))), limits=Limits(smallest_side=4)).width == 7


@pytest.mark.parametrize("size", [(20_000, 20_000), (9_000, 9_000), (12_000, 12_000)])
def test_a_huge_picture_is_refused_by_its_header_alone(size: tuple[int, int]) -> None:
    bomb = black_png(*size)
    assert len(bomb) < 300_000
    assert refusal(bomb) == "image_too_large"


def test_a_huge_file_is_refused_undecoded() -> None:
    assert refusal(encoded(scene()), max_bytes=100) == "image_too_large"


@pytest.mark.parametrize(
    "data",
    [
        apng(),
        encoded(scene(), "GIF", save_all=True, append_images=[scene().rotate(90)]),
        encoded(scene(), "WEBP", save_all=True, append_images=[scene().rotate(90)]),
        encoded(scene(), "TIFF", save_all=True, append_images=[scene().rotate(90)]),
    ],
    ids=["apng", "gif", "webp", "tiff"],
)
def test_several_frames_are_refused(data: bytes) -> None:
    assert refusal(data) == "image_animated"


def test_a_phones_jpeg_with_a_second_picture_counts_as_its_first() -> None:
    data = encoded(scene(), "MPO", save_all=True, append_images=[scene().rotate(90)])
    assert inspect(data).format == "JPEG"


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xef\xbb\xbf\n <?xml version='1.0'?><svg/>",
        "<svg/>".encode("utf-16"),
        b"%PDF-1.7",
        b"%!PS-Adobe-3.0 EPSF",
        b"\0\0\0\x1cftypavif",
        b"<!DOCTYPE html><html>404</html>",
    ],
)
def test_formats_we_know_and_refuse_are_named(data: bytes) -> None:
    assert refusal(data) == "image_format"


def test_cmyk_and_lossless_copies_are_seen_in_their_colours() -> None:
    red = decode(encoded(Pil.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")).getpixel((8, 8))
    assert isinstance(red, tuple)
    assert red[0] > 240
    assert max(red[1:]) < 20


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(format: str) -> None:
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16)[None, :].repeat(32, axis=0)
    row = np.asarray(decode(encoded(Pil.fromarray(ramp), format)))[0, :, 0]
    assert (row[0], row[-1]) == (0, 255)
    assert abs(int(row[32]) - 129) <= 1
    assert len(set(row.tolist())) == 64


def test_floating_point_pictures_are_scaled_and_nan_is_black() -> None:
    levels = np.linspace(0, 1, 64, dtype=np.float32)[None, :].repeat(32, axis=0).copy()
    levels[0, 5] = np.nan
    row = np.asarray(decode(encoded(Pil.fromarray(levels), "TIFF")))[0, :, 0]
    assert (row[5], row[-1]) == (0, 255)


def test_a_turned_photograph_has_the_size_people_see() -> None:
    exif = Pil.Exif()
    exif[0x0112] = 6
    turned, upright = encoded(scene(64, 48), exif=exif), encoded(scene(64, 48).transpose(Pil.Transpose.ROTATE_270))
    assert (inspect(turned).width, inspect(turned).height) == (48, 64)
    assert inspect(turned).pixels == inspect(upright).pixels


def test_damaged_exif_turns_nothing() -> None:
    data = encoded(scene(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage")
    assert inspect(data).width == 64


def test_palettes_and_transparency_are_flattened_on_white() -> None:
    clear = Pil.new("RGBA", (16, 16), (255, 0, 0, 0))
    indexed = Pil.new("P", (16, 16), 0)
    indexed.putpalette([10, 20, 30])
    assert decode(encoded(clear)).getpixel((0, 0)) == (255, 255, 255)
    assert decode(encoded(indexed)).getpixel((0, 0)) == (10, 20, 30)
    assert decode(encoded(indexed, transparency=0)).getpixel((0, 0)) == (255, 255, 255)
    assert decode(encoded(Pil.new("LA", (16, 16), (0, 0)))).getpixel((0, 0)) == (255, 255, 255)


def test_copies_without_loss_share_pixels_and_others_do_not() -> None:
    png, bmp = inspect(encoded(scene())), inspect(encoded(scene(), "BMP"))
    assert png.pixels == bmp.pixels
    assert png.sha256 != bmp.sha256
    changed = scene()
    changed.putpixel((0, 0), (1, 2, 3))
    assert inspect(encoded(changed)).pixels != png.pixels
    assert inspect(encoded(Pil.new("RGB", (16, 32)))).pixels != inspect(encoded(Pil.new("RGB", (32, 16)))).pixels


def distance(a: Pil.Image, b: Pil.Image) -> int:
    return (phash(a) ^ phash(b)).bit_count()


def test_perceptual_hashes_survive_copying_and_tell_pictures_apart() -> None:
    picture = scene(320, 240)
    assert distance(picture, decode(encoded(picture, "JPEG", quality=50))) <= 4
    assert distance(picture, picture.resize((200, 150))) <= 4
    assert distance(picture, picture.transpose(Pil.Transpose.FLIP_LEFT_RIGHT)) > 16
    assert phash(Pil.new("RGB", (32, 32), "white")) == phash(Pil.new("RGB", (50, 50), "grey")) == 0


def test_grey_copies_are_small_arrays() -> None:
    copy = grey(encoded(Pil.new("RGB", (90, 40), (255, 255, 255))), 16)
    assert copy.shape == (16, 16)
    assert copy.dtype == np.uint8
    assert copy.min() == 255


def sent(data: bytes, max_pixels: int = 10**6) -> tuple[str, bytes]:
    head, _, body = data_url(data, max_pixels=max_pixels).partition(";base64,")
    return head.removeprefix("data:image/"), base64.b64decode(body)


def test_a_plain_picture_is_sent_as_it_is() -> None:
    for format in ("PNG", "JPEG"):
        data = encoded(scene(), format)
        assert sent(data) == (format.lower(), data)


def test_metadata_is_not_sent() -> None:
    exif = Pil.Exif()
    exif[0x010E] = "taken at home"
    for format in ("PNG", "JPEG"):
        kind, data = sent(encoded(scene(), format, exif=exif))
        assert kind == format.lower()
        assert b"taken at home" not in data
        assert Pil.open(io.BytesIO(data)).size == (64, 48)


@pytest.mark.parametrize("size", [(640, 480), (3000, 20), (20, 3000)])
def test_large_pictures_are_shrunk_to_the_budget_in_their_shape(size: tuple[int, int]) -> None:
    _, data = sent(encoded(scene(*size)), max_pixels=10_000)
    width, height = Pil.open(io.BytesIO(data)).size
    assert 5_000 < width * height <= 10_000
    assert width / height == pytest.approx(size[0] / size[1], rel=0.15)


@pytest.mark.parametrize("mode", ["CMYK", "I;16", "P", "RGBA", "1", "LA", "L"])
def test_every_mode_is_sent_as_something_a_teacher_can_read(mode: str) -> None:
    picture = Pil.new(mode, (40, 30)) if mode == "I;16" else scene(40, 30).convert(mode)
    _, data = sent(encoded(picture, "JPEG" if mode == "CMYK" else "PNG"))
    copy = Pil.open(io.BytesIO(data))
    assert copy.mode in ("RGB", "L", "P", "1")
    assert not copy.has_transparency_data


def test_a_side_longer_than_jpeg_allows_is_sent_as_png() -> None:
    picture = Pil.new("RGB", (65_500, 8))
    exif = Pil.Exif()
    exif[0x010E] = "x"
    assert sent(encoded(picture, "JPEG", exif=exif), 10**7)[0] == "jpeg"
    assert sent(encoded(Pil.new("RGB", (70_000, 8)), "TIFF"), 10**7)[0] == "png"


MUTABLE = [encoded(scene(24, 24), format) for format in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(MUTABLE),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=12),
    st.integers(0, 3000),
)
def test_whatever_the_bytes_a_picture_is_recorded_or_refused(
    data: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    mutated = bytearray(data)
    for place, value in changes:
        mutated[place % len(mutated)] = value
    assert verdict(bytes(mutated[:length])).startswith(("recorded", "image_"))
