"""Formulas settled by exact arithmetic: SymPy, which only the tests ask, finds the same; nothing hostile takes time."""

import time

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.answers import check
from curation.answers.rational import ratio, same_formula

LEAVES = st.sampled_from(("x", "y", "a", "1", "2", "3", "7", "0.5"))
FORMULAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda three: f"({three[0]}){three[1]}({three[2]})"),
        st.tuples(inner, st.integers(0, 3)).map(lambda two: f"({two[0]})^{two[1]}"),
        inner.map(lambda one: f"-({one})"),
    ),
    max_leaves=6,
)


def by_sympy(text: str) -> sympy.Expr:
    return sympy.sympify(text.replace("^", "**"), locals={name: sympy.Symbol(name) for name in "xya"}, rational=True)


@settings(max_examples=120, deadline=None)
@given(FORMULAS, FORMULAS)
def test_two_formulas_are_the_same_exactly_where_sympy_says_so(one: str, other: str) -> None:
    said = same_formula(one, other)
    if said is not None:
        assert said is (sympy.cancel(by_sympy(one) - by_sympy(other)) == 0)


@settings(max_examples=80, deadline=None)
@given(FORMULAS)
def test_a_formula_is_itself_expanded_and_in_latex(formula: str) -> None:
    value = by_sympy(formula)
    if ratio(formula) is None or value.has(sympy.zoo, sympy.nan):
        return
    rewritten = sympy.latex(sympy.cancel(value))
    if ratio(rewritten) is not None:
        assert same_formula(formula, rewritten) is True


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (r"\frac{x+x}{2}", "x", True),
        (r"\frac{1}{2}x", r"\frac{1}{2x}", False),
        (r"\frac12(a+b)", r"\frac{a+b}{2}", True),
        ("y = 2x + 1", "2x - y + 1 = 0", True),
        ("y = 2x + 1", "y = x + 2", False),
        ("x^2 + y^2 = 25", r"\frac{x^2}{25} + \frac{y^2}{25} = 1", True),
        (r"2\pi r", r"\pi r \cdot 2", True),
        ("x^2", "x^2 + C", None),  # another letter: a constant of integration, or a unit
        ("1/2x", "x/2", None),  # people mean either
        (r"\sqrt{x}", "x", None),
        ("e^x", "x", None),
        ("f(x)", "fx", None),
        ("x = 3", "2x = 6", None),  # an equation still to be solved
        ("x +", "x", None),
    ],
)
def test_what_is_settled_and_what_is_left_to_math_verify(one: str, other: str, same: bool | None) -> None:
    assert same_formula(one, other) is same


@pytest.mark.parametrize(
    "hostile", ["(x+y+z+w)^16", "((((9x)^16)^16)^16)^16", "(" * 100 + "x", "x^" * 90 + "x", "1/(x-x)", "-" * 190 + "x"]
)
def test_hostile_formulas_take_no_time(hostile: str) -> None:
    began = time.process_time()
    same_formula(hostile, "x")
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("response", "reference", "correct"),
    [
        (r"$(-\infty, 2)$", r"(-\infty, 2]", False),
        ("x = -1, y = 2", "x=2, y=-1", False),
        (r"$(-\infty,-1]\cup[3,\infty)$", "x <= -1 or x >= 3", True),
        (r"x_1 = \frac{3+\sqrt5}{2} and x_2 = \frac{3-\sqrt5}{2}", r"\frac{3 \pm \sqrt{5}}{2}", True),
        ("y = 0.5x - 3", r"y=\frac{1}{2}x-3", True),
        ("f(x) = x^2 + 2x + 1 = (x+1)^2", "(x+1)^2", True),
    ],
)
def test_answers_with_ends_unions_names_and_chains(response: str, reference: str, correct: bool) -> None:
    assert check(response, reference).correct is correct
