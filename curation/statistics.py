"""Small statistics: how sure a pass rate is. Larger reports live with the audits."""

from functools import cache


@cache
def pass_rate_interval(correct: int, k: int, *, mass: float = 0.95) -> tuple[float, float]:
    """Central Beta interval (low, high) of a pass rate after `correct` of `k` draws, under the Jeffreys prior
    Beta(½, ½).

    It stays valid when drawing stopped at the first success, since the likelihood is the same; the plain ratio does
    not.
    The ends are 0 and 1 where all draws agree (Brown, Cai and DasGupta 2001, doi:10.1214/ss/1009213286).
    Raises `ValueError` unless 0 <= correct <= k.
    """
    from scipy.special import betaincinv  # costs 0.2 s, and most commands never need it

    if not 0 <= correct <= k:
        raise ValueError(f"{correct} correct of {k} draws")
    tail = (1 - mass) / 2
    a, b = correct + 0.5, k - correct + 0.5
    low = 0.0 if correct == 0 else float(betaincinv(a, b, tail))
    high = 1.0 if correct == k else float(betaincinv(a, b, 1 - tail))
    return low, high
