"""Texts as sets of hashed word shingles: what near-duplicate texts and decontamination compare.

A shingle is `size` consecutive words (Broder 1997, "On the resemblance and containment of documents"); a text with
fewer words is one shingle. Words are runs of letters and digits after NFKC and case folding, without invisible
characters; a CJK character is a word, because those scripts put no space between words. Hashing is done for many
texts at once over their bytes: a polynomial hash of every word by prefix sums modulo 2^64, one more over its
neighbours. The hashes carry no text and are the same on every machine.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from curation.errors import ConfigError

SHINGLE = 5  # words; what GPT-3's, FineWeb's and datatrove's text deduplication take or come near
LONGEST_SHINGLE = 64
TOGETHER = 512  # texts hashed at once: their bytes stay in the processor's cache
LONGEST = 200_000  # characters of a text that are looked at
Hashes = NDArray[np.uint64]
Short = NDArray[np.uint32]
Counts = NDArray[np.int64]
T = TypeVar("T")

_BASE, _NEXT = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93  # odd, so that they have inverses modulo 2^64
_WORD_BYTES = np.array([chr(b).isalnum() or b >= 0x80 for b in range(256)])
_LOWER = np.array([ord(chr(b).lower()) if b < 0x80 else b for b in range(256)], dtype=np.uint64)
_CJK = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af])")
_SEPARATORS = re.compile(r"[\W_]+")


def plain(text: str) -> str:
    """The text as its words are read: NFKC, case folded, no invisible characters, words apart by one space."""
    text = unicodedata.normalize("NFKC", text[:LONGEST].encode("utf-8", "replace").decode())
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Mn", "Me")).casefold()
    return _SEPARATORS.sub(" ", _CJK.sub(r" \1 ", text)).strip()


def check_size(size: int) -> None:
    """Raise `ConfigError` unless a shingle may have so many words."""
    if not 1 <= size <= LONGEST_SHINGLE:
        raise ConfigError("shingle", size, f"1 to {LONGEST_SHINGLE} words")


def shingles(texts: Sequence[str], size: int = SHINGLE) -> tuple[Short, Counts]:
    """(hashes of all shingles one text after the other, (n,) how many each text has); repeats are kept."""
    check_size(size)
    found = [_hashed(batch, size) for batch in batches(texts, TOGETHER)]
    if not found:
        return np.empty(0, np.uint32), np.empty(0, np.int64)
    return np.concatenate([hashes for hashes, _ in found]), np.concatenate([counts for _, counts in found])


def batches(items: Iterable[T], count: int) -> Iterator[list[T]]:
    """Lists of at most `count` items."""
    source = iter(items)
    while batch := list(islice(source, count)):
        yield batch


def mixed(values: Hashes) -> Hashes:
    """The finaliser of splitmix64: every bit of the result depends on every bit of the value."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _hashed(texts: Sequence[str], size: int) -> tuple[Short, Counts]:
    """The same for one batch."""
    encoded = [(t[:LONGEST] if t.isascii() else plain(t)).encode() for t in texts]
    data = np.frombuffer(b"\n".join([*encoded, b""]), dtype=np.uint8)
    ends = np.cumsum([len(text) + 1 for text in encoded])
    words, starts = _words(data)
    last = np.searchsorted(starts, ends)  # one past the last word of every text
    counts = np.diff(last, prepend=0)
    return _joined(words, last, counts, size)


def _words(data: NDArray[np.uint8]) -> tuple[Hashes, Counts]:
    """(hash of every word, the byte it starts at)."""
    inside = np.zeros(len(data) + 1, dtype=np.int8)
    inside[1:] = _WORD_BYTES[data]
    edges = np.diff(inside)
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    powers, inverses = _powers(1 << (len(data)).bit_length())
    sums = np.zeros(len(data) + 1, dtype=np.uint64)
    np.cumsum((_LOWER[data] + np.uint64(1)) * powers[: len(data)], out=sums[1:])
    return mixed((sums[stops] - sums[starts]) * inverses[starts]), starts


def _joined(words: Hashes, last: Counts, counts: Counts, size: int) -> tuple[Short, Counts]:
    """Shingles of the words of each text."""
    if not len(words):
        return np.empty(0, np.uint32), np.zeros(len(counts), dtype=np.int64)
    padded = np.concatenate([words, np.zeros(size, np.uint64)])
    joined = np.zeros(len(words), dtype=np.uint64)
    for place in range(size):
        joined += padded[place : place + len(words)] * np.uint64(pow(_NEXT, place + 1, 1 << 64))
    short = np.flatnonzero((counts > 0) & (counts < size))
    first = (last - counts)[short]
    joined[first] = 0
    for place in range(size - 1):
        here = np.where(place < counts[short], padded[first + place], 0)
        joined[first] += here * np.uint64(pow(_NEXT, place + 1, 1 << 64))
    many = np.where(counts >= size, counts - size + 1, np.minimum(counts, 1))
    places = spans(last - counts, many)
    return (mixed(joined[places]) >> np.uint64(32)).astype(np.uint32), many


def spans(starts: Counts, lengths: Counts) -> Counts:
    """start, start + 1, … for every (start, length), one after the other."""
    offsets = np.cumsum(lengths) - lengths
    return np.repeat(starts - offsets, lengths) + np.arange(int(lengths.sum()))


@cache
def _powers(n: int) -> tuple[Hashes, Hashes]:
    """(base^0 … base^(n-1), their inverses) modulo 2^64."""
    return tuple(_geometric(base, n) for base in (_BASE, pow(_BASE, -1, 1 << 64)))  # type: ignore[return-value]


def _geometric(base: int, n: int) -> Hashes:
    values = np.full(n, base, dtype=np.uint64)
    values[0] = 1
    return np.cumprod(values)
