"""Pictures from outside: safe decoding, what we record about them, and the copy a teacher is sent.

Bytes are hostile until `inspect` has decoded them once: only six formats are tried (no PostScript, PDF or SVG
renderer is ever started), the pixel count in the header is judged before any pixel is decoded, and whatever
Pillow raises becomes one reason code. Reading files and keeping pictures are elsewhere
(`curation.sources.files`, `storage.images`).
"""

import base64
import io
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b, sha256

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from curation.errors import SampleError
from curation.records import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
LARGE = 8_000_000  # pixels; above this, decode one picture at a time
JPEG_QUALITY = 92
JPEG_LONGEST_SIDE = 65_500

_one_large_picture = threading.Lock()  # bounds memory: a 64-megapixel picture takes about 450 MB while decoded

# What Pillow's decoders raise on corrupt bytes (seen by mutating files of all six formats).
_DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, EOFError, ArithmeticError,
    RuntimeError, MemoryError, AssertionError, struct.error, zlib.error,
)  # fmt: skip

# A corrupt picture gets a reason code; Pillow's warnings about it would only repeat that on the terminal.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a picture may be: pixels in all, bytes of the file, pixels of the shorter side."""

    max_pixels: int = 64_000_000
    max_bytes: int = 64 * 1024 * 1024
    smallest_side: int = 8


DEFAULT_LIMITS = Limits()


def inspect(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Image:
    """Decode once and record what was seen; SampleError with an intake reason code when it is refused."""
    with _decoded(data, limits) as (format, picture):
        return Image(
            sha256=sha256(data).hexdigest(),
            format=format,
            width=picture.width,
            height=picture.height,
            size=len(data),
            pixels=pixel_hash(picture),
            phash=phash(picture),
        )


def decode(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Pil.Image:
    """The picture as people see it: upright, 8-bit RGB, transparency on white. SampleError as `inspect`."""
    with _decoded(data, limits) as (_, picture):
        return picture


def grey(data: bytes, side: int) -> NDArray[np.uint8]:
    """The picture squeezed to a (side, side) array of luminance 0..255, for comparing pictures."""
    return np.asarray(decode(data).convert("L").resize((side, side), Pil.Resampling.BOX))


def pixel_hash(picture: Pil.Image) -> str:
    """128-bit hex digest of an RGB picture's size and pixels, so copies re-encoded without loss share it."""
    state = blake2b(struct.pack("<QQ", *picture.size), digest_size=16)
    rows = max(1, 4_000_000 // picture.width)
    for top in range(0, picture.height, rows):
        strip = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        state.update(strip.tobytes())
    return state.hexdigest()


def phash(picture: Pil.Image) -> int:
    """Unsigned 64-bit perceptual hash of an RGB picture.

    A bit says whether one of the 64 lowest frequencies of the 32 x 32 grey picture lies above their median.
    Frequencies weaker than half a grey level count as absent: flat pictures must not hash rounding noise.
    """
    return _frequencies_above(picture.convert("L"))


def phash_of_grey(levels: NDArray[np.uint8]) -> int:
    """The same hash of a grey picture or a part of one, (height, width)."""
    return _frequencies_above(Pil.fromarray(np.ascontiguousarray(levels)))


def _frequencies_above(grey: Pil.Image) -> int:
    small = grey.resize((32, 32), Pil.Resampling.LANCZOS)
    basis, low = _dct_basis(), _lowest_frequencies()
    spectrum = (basis @ np.asarray(small, dtype=np.float64) @ basis.T)[low]
    spectrum[np.abs(spectrum) < 0.5] = 0.0
    return int.from_bytes(np.packbits(spectrum > np.median(spectrum)).tobytes(), "big")


def data_url(data: bytes, *, max_pixels: int) -> str:
    """The picture as a base64 data URL of at most `max_pixels`, for a teacher; `data` has passed `inspect`.

    An upright 8-bit PNG or JPEG within the budget, without transparency and metadata, goes out as it is. Anything
    else is decoded, shrunk keeping its shape, and encoded anew: as JPEG (quality 92) when it came as JPEG, else
    as PNG.
    """
    format = _plain_format(data, max_pixels)
    if not format:
        format, data = _encoded(data, max_pixels)
    return f"data:image/{format.lower()};base64,{base64.b64encode(data).decode('ascii')}"


@contextmanager
def _decoded(data: bytes, limits: Limits) -> Iterator[tuple[str, Pil.Image]]:
    """(format, upright RGB picture)."""
    picture = _opened(data, limits)
    with _one_large_picture if picture.width * picture.height > LARGE else nullcontext():
        try:
            rgb = _flat(_upright(picture))
        except _DECODER_ERRORS as error:
            raise _undecodable(data, error) from error
        yield _format_name(picture), rgb


def _opened(data: bytes, limits: Limits) -> Pil.Image:
    """The picture with its header read and judged, no pixel decoded."""
    if not data:
        raise SampleError("image_empty", "0 bytes")
    if len(data) > limits.max_bytes:
        raise SampleError("image_too_large", f"{len(data):,} bytes, more than {limits.max_bytes:,}")
    if name := _foreign_format(data):
        raise SampleError("image_format", f"{name} is not one of {', '.join(FORMATS)}")
    try:
        picture = Pil.open(io.BytesIO(data), formats=FORMATS)
        animated = _format_name(picture) != "JPEG" and getattr(picture, "is_animated", False)
    except Pil.DecompressionBombError as error:
        raise SampleError("image_too_large", str(error)) from error
    except _DECODER_ERRORS as error:
        raise _undecodable(data, error) from error
    _judge_header(*picture.size, animated=animated, limits=limits)
    return picture


def _judge_header(width: int, height: int, *, animated: bool, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise SampleError("image_too_large", f"{width} x {height} is more than {limits.max_pixels:,} pixels")
    if min(width, height) < limits.smallest_side:
        raise SampleError("image_too_small", f"{width} x {height}: a side is under {limits.smallest_side} pixels")
    if animated:
        raise SampleError("image_animated", "more than one frame")


def _format_name(picture: Pil.Image) -> str:
    """Phones write MPO: a JPEG followed by further pictures (depth, thumbnails), which are ignored."""
    return "JPEG" if picture.format == "MPO" else str(picture.format)


def _undecodable(data: bytes, error: BaseException) -> SampleError:
    truncated = _ends_early(data) or "truncated" in str(error).lower()
    return SampleError("image_truncated" if truncated else "image_unreadable", f"{type(error).__name__}: {error}"[:300])


def _ends_early(data: bytes) -> bool:
    """Whether the file lacks the end its format prescribes, or the bytes its header announces."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"IEND" not in data[-1024:]
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in data[-1024:]
    if data.startswith(b"GIF8"):
        return not data.rstrip(b"\0").endswith(b";")
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    return data.startswith(b"BM") and int.from_bytes(data[2:6], "little") > len(data)


_FOREIGN = {
    b"%PDF": "PDF", b"%!PS": "PostScript", b"8BPS": "Photoshop", b"\0\0\1\0": "ICO", b"DDS ": "DDS",
    b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL", b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xffO\xffQ": "JPEG 2000", b"PK\3\4": "ZIP", b"\x1f\x8b": "gzip", b"P5\n": "PGM", b"P6\n": "PPM",
}  # fmt: skip


def _foreign_format(data: bytes) -> str:
    """The name of a format we know and refuse, judged by its first bytes; empty for anything else."""
    if data[4:8] == b"ftyp":
        return f"{data[8:12].decode('ascii', 'replace')} (ISO media)"
    text = data[:512].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")):
        return "SVG"
    if text.startswith((b"<html", b"<!doctype html", b"<head")):
        return "HTML"
    return next((name for magic, name in _FOREIGN.items() if data.startswith(magic)), "")


_TURNS = {
    2: Pil.Transpose.FLIP_LEFT_RIGHT,
    3: Pil.Transpose.ROTATE_180,
    4: Pil.Transpose.FLIP_TOP_BOTTOM,
    5: Pil.Transpose.TRANSPOSE,
    6: Pil.Transpose.ROTATE_270,
    7: Pil.Transpose.TRANSVERSE,
    8: Pil.Transpose.ROTATE_90,
}


def _upright(picture: Pil.Image) -> Pil.Image:
    picture.load()
    turn = _TURNS.get(_orientation(picture))
    return picture if turn is None else picture.transpose(turn)


def _orientation(picture: Pil.Image) -> int:
    """The EXIF orientation, 1..8. Damaged EXIF turns nothing, as in browsers: the pixels are sound."""
    try:
        value = picture.getexif().get(0x0112, 1)
    except _DECODER_ERRORS:
        return 1
    return value if isinstance(value, int) else 1


def _flat(picture: Pil.Image) -> Pil.Image:
    """8-bit RGB; transparent parts on white."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return _to_eight_bits(np.asarray(picture)).convert("RGB")
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    if picture.mode != "RGBA":
        picture = picture.convert("RGBA")
    white = Pil.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return white


def _to_eight_bits(levels: NDArray[np.generic]) -> Pil.Image:
    """Scale grey levels of more than 8 bits: by the depth for 16 bits, else by the range the peak lies in."""
    values = np.nan_to_num(levels.astype(np.float32), posinf=0.0, neginf=0.0)
    peak = float(values.max(initial=0.0))
    ranges = [65535.0] if levels.dtype.itemsize == 2 else [255.0, 65535.0]
    if levels.dtype.kind == "f":
        ranges.insert(0, 1.0)
    top = next((limit for limit in ranges if peak <= limit), peak)
    return Pil.fromarray(np.clip(values * (255.0 / top) + 0.5, 0, 255).astype(np.uint8))


@cache
def _dct_basis(size: int = 32) -> NDArray[np.float64]:
    """The orthonormal DCT-II as a (size, size) matrix."""
    frequency, place = np.mgrid[:size, :size]
    basis = np.cos(np.pi * frequency * (2 * place + 1) / (2 * size)) * np.sqrt(2 / size)
    basis[0] /= np.sqrt(2)
    return np.asarray(basis, dtype=np.float64)


@cache
def _lowest_frequencies(count: int = 64) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column indices of the `count` lowest frequencies without the mean, diagonal by diagonal."""
    places = sorted(((u, v) for u in range(16) for v in range(16)), key=lambda uv: (sum(uv), uv))[1 : count + 1]
    rows, columns = zip(*places, strict=True)
    return np.array(rows), np.array(columns)


_PNG_METADATA = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")
_JPEG_METADATA = {"exif", "xmp", "comment", "photoshop"}


def _plain_format(data: bytes, max_pixels: int) -> str:
    """PNG or JPEG when a teacher can be sent these very bytes, else empty."""
    picture = _opened(data, DEFAULT_LIMITS)
    if picture.width * picture.height > max_pixels or picture.has_transparency_data:
        return ""
    if picture.format == "JPEG" and picture.mode in ("RGB", "L") and not _JPEG_METADATA & set(picture.info):
        return "JPEG"
    plain = picture.format == "PNG" and picture.mode in ("RGB", "L", "P", "1")
    return "PNG" if plain and not any(chunk in data for chunk in _PNG_METADATA) else ""


def _encoded(data: bytes, max_pixels: int) -> tuple[str, bytes]:
    """(format, bytes) of the shrunk copy."""
    with _decoded(data, DEFAULT_LIMITS) as (original, picture):
        copy = picture.resize(_within(*picture.size, max_pixels), Pil.Resampling.LANCZOS, reducing_gap=3.0)
    copy.info.clear()
    target = io.BytesIO()
    if original == "JPEG" and max(copy.size) <= JPEG_LONGEST_SIDE:
        copy.save(target, "JPEG", quality=JPEG_QUALITY)
        return "JPEG", target.getvalue()
    copy.save(target, "PNG", compress_level=6)
    return "PNG", target.getvalue()


def _within(width: int, height: int, max_pixels: int) -> tuple[int, int]:
    """The largest size of the same shape with at most `max_pixels`; no side falls under one pixel."""
    if width * height <= max_pixels:
        return width, height
    scale = (max_pixels / (width * height)) ** 0.5
    short = max(1, int(min(width, height) * scale))
    long = max(1, min(int(max(width, height) * scale), max_pixels // short))
    return (short, long) if width < height else (long, short)
