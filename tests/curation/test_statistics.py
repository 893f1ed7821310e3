"""The pass-rate interval against known values and its properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.statistics import pass_rate_interval


def test_it_is_the_jeffreys_interval_of_the_tables() -> None:
    """Brown, Cai and DasGupta 2001, table 5: n = 10, x = 2 gives [0.044, 0.503]."""
    assert pass_rate_interval(2, 10) == pytest.approx((0.044, 0.503), abs=1e-3)


@given(st.integers(0, 200).flatmap(lambda k: st.tuples(st.integers(0, k), st.just(k))))
def test_it_holds_the_rate_and_mirrors(drawn: tuple[int, int]) -> None:
    correct, k = drawn
    low, high = pass_rate_interval(correct, k)
    assert 0 <= low <= (correct / k if k else 0.5) <= high <= 1
    assert pass_rate_interval(k - correct, k) == pytest.approx((1 - high, 1 - low))


def test_more_right_than_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="5 correct of 4"):
        pass_rate_interval(5, 4)
