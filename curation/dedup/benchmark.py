"""Which samples a benchmark contains: shared word n-grams, the same or nearly the same picture, question with answer.

A benchmark is reduced to fingerprints: hashes of n-grams, of answers and of pictures, with the ids of its rows. They
hold no word and no pixel, so they can be saved and shared where the benchmark cannot; embeddings, from which meaning
can be read back, are never saved. The hashes are unkeyed: whoever has a question can check that it is in the set, which
is their use; likewise a short answer can be guessed from its hash, as it can from the question.

N-gram overlap is the share of the shorter question's distinct n-grams that the other question has (GPT-3, arXiv
2005.14165 appendix C, drops on any shared 13-gram; questions here are shorter). Questions of fewer than `FEWEST_WORDS`
words count only with their picture, or with their answer from `FEWEST_WITH_ANSWER` words on. Every default is a choice
of ours, named below.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.dedup.find import MARKER
from curation.dedup.hamming import pairs_within
from curation.dedup.likeness import ALIKE, Grey, small
from curation.dedup.meaning import directions
from curation.dedup.perceptual import RADIUS
from curation.dedup.shingles import LONGEST_SHINGLE, check_size, plain, shingles
from curation.errors import ConfigError, SampleError

NGRAM = 8  # words
OVERLAP = 0.6
ANSWER_OVERLAP = 0.5  # Jaccard similarity of n-grams of `ANSWER_NGRAM` words, when the answer is the same too
ANSWER_NGRAM = 3
FEWEST_WORDS = 8  # shorter questions ("What is the area?") are asked of many pictures and prove nothing alone
FEWEST_WITH_ANSWER = 5
COSINE = 0.95
LOOK = 0.97
VERSION = 1
POSTINGS = 64  # benchmark rows looked at for one n-gram


@dataclass(frozen=True, slots=True)
class Settings:
    """How much of a question, and how like a picture, counts as contained."""

    overlap: float = OVERLAP
    shingle: int = NGRAM
    answer_overlap: float = ANSWER_OVERLAP
    radius: int = RADIUS
    cosine: float = COSINE
    look: float = LOOK

    def checked(self) -> "Settings":
        """Itself; ConfigError for a value out of range."""
        check_size(self.shingle)
        for name in ("overlap", "answer_overlap", "cosine", "look"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(name, getattr(self, name), "above 0 and at most 1")
        if not 0 <= self.radius <= 16:
            raise ConfigError("radius", self.radius, "0 to 16 bits")
        return self


@dataclass(frozen=True, slots=True)
class Item:
    """One row, of a benchmark or of a corpus: question, answer, and the picture's two hashes ("" and 0 if none)."""

    id: str
    question: str
    answer: str = ""
    pixels: str = ""
    phash: int = 0


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """A benchmark's rows as hashes. Lists run over its rows: n-grams for questions, for answers, and pictures."""

    name: str
    ids: tuple[str, ...]
    grams: tuple[tuple[int, ...], ...]
    short: tuple[tuple[int, ...], ...]
    answers: tuple[str, ...]
    pixels: tuple[str, ...]
    phashes: tuple[int, ...]
    shingle: int = NGRAM
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        """Hashes and ids only."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Match:
    """Row `at` of the corpus is row `of` of the benchmark: by which method, how alike (0 to 1), recorded why."""

    at: int
    of: int
    method: str
    score: float
    reason: str


@dataclass(slots=True)
class Matches:
    """All matches, and what was not compared."""

    found: list[Match] = field(default_factory=list)
    unverified: int = 0  # pictures whose hashes are near, with no benchmark picture at hand to look at


def fingerprint(name: str, items: Iterable[Item], *, shingle: int = NGRAM) -> Fingerprints:
    """Reduce a benchmark's rows to hashes."""
    rows = list(items)
    texts = [_question(item.question) for item in rows]
    return Fingerprints(
        name=name,
        ids=tuple(item.id for item in rows),
        grams=_sets(texts, shingle, FEWEST_WORDS),
        short=_sets(texts, ANSWER_NGRAM, FEWEST_WITH_ANSWER),
        answers=tuple(_answer(item.answer) for item in rows),
        pixels=tuple(item.pixels for item in rows),
        phashes=tuple(item.phash for item in rows),
        shingle=shingle,
    )


def from_json(value: Any, where: str) -> Fingerprints:
    """What `to_json` gave; ConfigError when the file is something else. Files come from other people."""
    try:
        if value["version"] != VERSION:
            raise ValueError(f"version {value['version']!r}, this program reads {VERSION}")
        found = Fingerprints(
            name=_typed(value["name"], str), ids=_list(value["ids"], str),
            grams=tuple(_list(row, int) for row in value["grams"]),
            short=tuple(_list(row, int) for row in value["short"]),
            answers=_list(value["answers"], str), pixels=_list(value["pixels"], str),
            phashes=_list(value["phashes"], int), shingle=_typed(value["shingle"], int),
        )  # fmt: skip
        lengths = {len(getattr(found, name)) for name in ("ids", "grams", "short", "answers", "pixels", "phashes")}
        if len(lengths) != 1 or not 1 <= found.shingle <= LONGEST_SHINGLE:
            raise ValueError("lists of different lengths, or a shingle out of range")
        _in_range(found)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError("--fingerprints", where, f"is no file of fingerprints ({error})") from None
    return found


def match(items: Sequence[Item], benchmark: Fingerprints, settings: Settings) -> Matches:
    """Every way in which rows of the corpus are rows of the benchmark, by hashes alone.

    Pictures near by hash are returned as `near` and have still to be looked at (`confirmed`).
    """
    texts = [_question(item.question) for item in items]
    found = Matches()
    found.found += _by_grams(texts, benchmark, settings)
    found.found += _by_answer(items, texts, benchmark, settings)
    found.found += _by_pixels(items, benchmark)
    found.found += _by_phash(items, benchmark, settings.radius)
    return found


def confirmed(
    matches: Matches,
    mine: Callable[[int], Grey],
    theirs: Callable[[int], Grey] | None,
    same: Callable[[Grey, Grey], bool],
) -> Matches:
    """The same without `near` pictures that turn out to differ.

    Without the benchmark's pictures (`theirs` None, fingerprints only) a near hash proves nothing: two tables of one
    layout share a hash. Those are counted as `unverified` and left out.
    """
    kept = Matches()
    for found in matches.found:
        if found.method != "near":
            kept.found.append(found)
        elif theirs is None:
            kept.unverified += 1
        elif _looked(found, mine, theirs, same):
            kept.found.append(found)
    return kept


def by_meaning(
    mine: NDArray[np.float32], theirs: NDArray[np.float32], threshold: float, method: str, reason: str
) -> list[Match]:
    """For every row its nearest benchmark row with a cosine of at least `threshold`; (n, d) and (m, d) embeddings."""
    import faiss

    unit, refused = directions(mine)
    other, lost = directions(theirs)
    places = np.flatnonzero(~lost)
    if not len(places) or not len(unit):
        return []
    index = faiss.IndexFlatIP(other.shape[1])
    index.add(other[places])
    likeness, nearest = index.search(unit, 1)
    rows = np.flatnonzero((likeness[:, 0] >= threshold) & ~refused)
    return [
        Match(int(at), int(places[nearest[at, 0]]), method, min(1.0, float(likeness[at, 0])), reason) for at in rows
    ]


def _looked(found: Match, mine: Callable[[int], Grey], theirs: Callable[[int], Grey], same: Any) -> bool:
    try:
        one, other = mine(found.at), theirs(found.of)
    except SampleError:  # lost or damaged: the caller has noted it
        return False
    return float(small(one) @ small(other)) >= ALIKE and bool(same(one, other))


def _question(question: str) -> str:
    return plain(MARKER.sub(" ", question))


def _answer(answer: str) -> str:
    text = plain(answer)
    return blake2b(text.encode(), digest_size=8).hexdigest() if text else ""


def _sets(texts: Sequence[str], size: int, fewest: int) -> tuple[tuple[int, ...], ...]:
    """The distinct n-grams of each text, sorted; none for a text of fewer words than `fewest`."""
    hashes, counts = shingles(texts, size)
    parts = np.split(hashes, np.cumsum(counts)[:-1]) if len(counts) else []
    long = (len(text.split()) >= fewest for text in texts)
    return tuple(tuple(np.unique(part).tolist()) if keep else () for part, keep in zip(parts, long, strict=True))


def _shared(grams: Sequence[Sequence[int]], benchmark: Sequence[Sequence[int]]) -> Iterable[tuple[int, int, int]]:
    """(row, benchmark row, n-grams in common) for rows that share a telling n-gram, or else their least common one."""
    where: defaultdict[int, list[int]] = defaultdict(list)
    for of, row in enumerate(benchmark):
        for gram in row:
            where[gram].append(of)
    sets = [frozenset(row) for row in benchmark]
    for at, row in enumerate(grams):
        lists = [where[gram] for gram in row if gram in where]
        telling = [found for found in lists if len(found) <= POSTINGS] or sorted(lists, key=len)[:1]
        mine = frozenset(row)
        for of in {of for found in telling for of in found[:POSTINGS]}:
            yield at, of, len(mine & sets[of])


def _best(found: Iterable[tuple[int, int, float]], method: str, reason: str) -> list[Match]:
    """For every row the benchmark row it is most like; the first of equals."""
    best: dict[int, tuple[float, int]] = {}
    for at, of, score in found:
        if (score, -of) > best.get(at, (0.0, 0)):
            best[at] = score, -of
    return [Match(at, -of, method, score, reason) for at, (score, of) in best.items()]


def _by_grams(texts: Sequence[str], benchmark: Fingerprints, settings: Settings) -> list[Match]:
    grams = _sets(texts, benchmark.shingle, FEWEST_WORDS)
    overlaps = (
        (at, of, shared / min(len(grams[at]), len(benchmark.grams[of])))
        for at, of, shared in _shared(grams, benchmark.grams)
    )
    return _best((found for found in overlaps if found[2] >= settings.overlap), "question", "contaminated_question")


def _by_answer(items: Sequence[Item], texts: Sequence[str], benchmark: Fingerprints, settings: Settings) -> list[Match]:
    """The same answer and much of the question."""
    grams, answers = _sets(texts, ANSWER_NGRAM, FEWEST_WITH_ANSWER), [_answer(item.answer) for item in items]
    overlaps = (
        (at, of, shared / (len(grams[at]) + len(benchmark.short[of]) - shared))
        for at, of, shared in _shared(grams, benchmark.short)
        if answers[at] and answers[at] == benchmark.answers[of]
    )
    return _best((found for found in overlaps if found[2] >= settings.answer_overlap), "answer", "contaminated_answer")


def _by_pixels(items: Sequence[Item], benchmark: Fingerprints) -> list[Match]:
    first = {pixels: of for of, pixels in reversed(list(enumerate(benchmark.pixels))) if pixels}
    return [
        Match(at, first[item.pixels], "image", 1.0, "contaminated_image")
        for at, item in enumerate(items)
        if item.pixels in first
    ]


def _by_phash(items: Sequence[Item], benchmark: Fingerprints, radius: int) -> list[Match]:
    """Pictures that differ and hash alike, each with its nearest benchmark pictures first."""
    mine = [at for at, item in enumerate(items) if item.pixels]
    theirs = [of for of, pixels in enumerate(benchmark.pixels) if pixels]
    hashes = np.array([items[at].phash for at in mine] + [benchmark.phashes[of] for of in theirs], dtype=np.uint64)
    found = []
    for one, other in pairs_within(hashes, radius):
        across = (one < len(mine)) & (other >= len(mine))
        for left, right in zip(one[across].tolist(), other[across].tolist(), strict=True):
            at, of = mine[left], theirs[right - len(mine)]
            bits = (items[at].phash ^ benchmark.phashes[of]).bit_count()
            if items[at].pixels != benchmark.pixels[of]:
                found.append(Match(at, of, "near", 1 - bits / 64, "contaminated_image"))
    return sorted(found, key=lambda match: (match.at, -match.score, match.of))


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{str(value)[:40]!r} is not {kind.__name__}")
    return value


def _list(value: Any, kind: type) -> tuple[Any, ...]:
    return tuple(_typed(item, kind) for item in _typed(value, list))


def _in_range(found: Fingerprints) -> None:
    if any(not 0 <= phash < 2**64 for phash in found.phashes):
        raise ValueError("a picture hash of more than 64 bits")
