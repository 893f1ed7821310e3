"""How diverse a corpus is, and a balanced part of it: coverage by source, kind, ability and cluster of meaning.

`choose` fills the combinations of values (strata) evenly: again and again the stratum with the fewest chosen samples
gets one more, until the size is reached, every stratum is empty, or a quota stops it. So a small stratum is taken
whole and the large ones share the rest. Which samples of a stratum are taken is a seeded choice by id, independent of
the order of the rows. What was given up is part of the result.
"""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.dedup.meaning import directions
from curation.errors import ConfigError

NO_CLUSTER = "none"  # of samples whose embedding has no direction
ITERATIONS = 25

Quotas = Mapping[tuple[str, str], int]
"""(dimension, value) to the most samples that may have it."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How samples spread over the values of one dimension.

    `evenness` is the entropy over that of an even spread (Pielou's J, 1 even, 0 all one); `effective` is the number of
    equally common values with the same entropy (exp of it, Hill's number of order 1).
    """

    counts: dict[str, int]
    evenness: float
    effective: float

    def to_json(self) -> dict[str, Any]:
        """Counts, most common first, and both numbers."""
        ordered = dict(sorted(self.counts.items(), key=lambda item: (-item[1], item[0])))
        return {"counts": ordered, "evenness": round(self.evenness, 4), "effective": round(self.effective, 2)}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a balanced choice took and gave up.

    `kept` says which samples; `stopped` counts samples not taken because a quota was full, by "dimension:value";
    `beyond` those not taken because the size was reached; `short` is how many the size lacks.
    """

    kept: NDArray[np.bool_]
    why: tuple[str, ...]
    stopped: dict[str, int]
    beyond: int
    short: int


def coverage(values: Sequence[str]) -> Coverage:
    """The spread of one value a sample."""
    counts = Counter(values)
    total = sum(counts.values())
    entropy = -sum(count / total * math.log(count / total) for count in counts.values()) if total else 0.0
    even = math.log(len(counts)) if len(counts) > 1 else 0.0
    return Coverage(dict(counts), entropy / even if even else float(bool(counts)), math.exp(entropy) if total else 0.0)


def meaning_clusters(vectors: NDArray[np.floating[Any]], k: int, *, seed: int = 0) -> list[str]:
    """A cluster's name a row of (n, d) embeddings, by spherical k-means (FAISS); "none" where there is no direction.

    Names are numbered from the largest cluster. Raises `ConfigError` for k below 1.
    """
    import faiss

    if k < 1:
        raise ConfigError("clusters", k, "1 or more")
    unit, refused = directions(vectors)
    sound = np.flatnonzero(~refused)
    names = [NO_CLUSTER] * len(unit)
    if not len(sound):
        return names
    k = min(k, len(sound))
    means = faiss.Kmeans(
        unit.shape[1], k, niter=ITERATIONS, seed=seed, spherical=True, min_points_per_centroid=1, verbose=False
    )
    means.train(unit[sound])
    found = means.index.search(unit[sound], 1)[1][:, 0].tolist()
    place = {cluster: number for number, (cluster, _) in enumerate(Counter(sorted(found)).most_common())}
    for row, cluster in zip(sound.tolist(), found, strict=True):
        names[row] = f"{place[cluster]:0{len(str(k - 1))}d}"
    return names


def choose(
    ids: Sequence[str],
    dimensions: Mapping[str, Sequence[str]],
    size: int,
    *,
    quotas: Quotas | None = None,
    seed: int = 0,
) -> Choice:
    """A balanced choice of at most `size` of the samples; `dimensions` gives one value a sample for each name.

    Raises `ConfigError` for a size below 1, a negative quota or one for a dimension that is not balanced.
    """
    quotas = dict(quotas or {})
    _check(dimensions, size, quotas)
    strata = _strata(ids, dimensions, seed)
    taken: Counter[tuple[str, str]] = Counter()
    kept, why = np.zeros(len(ids), dtype=bool), [""] * len(ids)
    heap = [(0, _mark(repr(stratum), seed), stratum) for stratum in strata]
    heapq.heapify(heap)
    count = 0
    while heap and count < size:
        chosen, mark, stratum = heapq.heappop(heap)
        full = [pair for pair in stratum if pair in quotas and taken[pair] >= quotas[pair]]
        if full:
            for row in strata[stratum]:
                why[row] = f"quota {full[0][0]}:{full[0][1]}={quotas[full[0]]}"
            continue
        kept[strata[stratum].pop()] = True
        taken.update(stratum)
        count += 1
        if strata[stratum]:
            heapq.heappush(heap, (chosen + 1, mark, stratum))
    return _told(kept, why, size)


def _strata(
    ids: Sequence[str], dimensions: Mapping[str, Sequence[str]], seed: int
) -> dict[tuple[tuple[str, str], ...], list[int]]:
    """The rows of each combination of values, the one to be taken first at the end."""
    strata: defaultdict[tuple[tuple[str, str], ...], list[int]] = defaultdict(list)
    for row in sorted(range(len(ids)), key=lambda row: _mark(ids[row], seed), reverse=True):
        strata[tuple((name, values[row]) for name, values in dimensions.items())].append(row)
    return dict(strata)


def _told(kept: NDArray[np.bool_], why: list[str], size: int) -> Choice:
    beyond = 0
    for row in np.flatnonzero(~kept).tolist():
        if not why[row]:
            why[row] = f"size {size} reached"
            beyond += 1
    stopped = Counter(text.removeprefix("quota ").partition("=")[0] for text in why if text.startswith("quota "))
    return Choice(kept, tuple(why), dict(stopped), beyond, max(0, size - int(kept.sum())))


def _check(dimensions: Mapping[str, Sequence[str]], size: int, quotas: Quotas) -> None:
    if size < 1:
        raise ConfigError("size", size, "1 or more samples")
    for (name, value), most in quotas.items():
        if name not in dimensions:
            raise ConfigError(
                "--quota", f"{name}:{value}={most}", f"not balanced by {name}; --by has {', '.join(dimensions)}"
            )
        if most < 0:
            raise ConfigError("--quota", f"{name}:{value}={most}", "0 or more")
        if value not in dimensions[name]:
            known = ", ".join(sorted(set(dimensions[name]))[:20])
            raise ConfigError("--quota", f"{name}:{value}={most}", f"no sample has it; {name} is one of {known}")


def _mark(text: str, seed: int) -> bytes:
    return blake2b(f"{seed}\0{text}".encode("utf-8", "replace"), digest_size=16).digest()
