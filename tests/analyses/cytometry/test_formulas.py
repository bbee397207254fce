"""Formulas: computed as Python computes them, undefined where that is, refused with the place."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytosol.analyses.cytometry.formulas import Term, parse_formula
from cytosol.base.errors import InvalidInputError

VALUES = {"median": 12.5, "mean": -3.0, "event_count": 40.0, "percent": 0.0}


def computed(text: str) -> float | None:
    return parse_formula(text).compute(lambda term: VALUES.get(term.statistic))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("median(CD4) / event_count", 12.5 / 40),
        ("1 - 2 - 3 * -4", 11.0),
        ("8 / 4 / 2", 1.0),
        ("-(2 + --3) * .5e1", -25.0),
        ("log10(event_count * 2.5) + log2(8)", 5.0),
        ("max(1, abs(mean(CD4)), 2) - min(4, 5)", -1.0),
        ("median(CD4) / percent", None),
        ("log2(mean(CD4))", None),
        ("log10(0)", None),
        ("1e308 * 10", None),
        ("mad(CD4) * 0", None),
        ("max(1, stddev(CD4))", None),
    ],
)
def test_formulas_are_computed(text: str, expected: float | None) -> None:
    assert computed(text) == (expected if expected is None else pytest.approx(expected, rel=1e-15))


def test_statistics_are_read_with_their_words() -> None:
    text = 'median(FITC-A, T cells) + mean("CD4, \\"all\\" (A)", \'B\') + percent(A, total) + quantile(var:X, 0.25, P)'
    assert parse_formula(text).terms == [
        Term("median", "FITC-A", population="T cells"),
        Term("mean", 'CD4, "all" (A)', population="B"),
        Term("percent", population="A", of="total"),
        Term("quantile", "var:X", 0.25, "P"),
    ]
    assert [term.at for term in parse_formula(text).terms] == [
        text.index(name) + 1 for name in ("median", "mean", "percent", "quantile")
    ]
    assert parse_formula("event_count() / event_count").terms == [Term("event_count")]


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("", 1, "it ends where a value"),
        ("median(CD4) // 2", 14, "'/' where a value"),
        ("median(CD4) 2", 13, "'2' where +, -, * or /"),
        ("(1 + 2", 7, "it ends where )"),
        ("1 + mode(CD4)", 5, "'mode' is no statistic"),
        ("median", 1, "needs a channel"),
        ("median()", 1, "needs a channel"),
        ("quantile(CD4)", 1, "needs a channel and q"),
        ("quantile(CD4, 2)", 1, "q is '2'"),
        ("event_count(A, B)", 1, "too much"),
        ("log10(1, 2)", 1, "takes one value"),
        ("min(1)", 1, "two values"),
        ("median(CD4", 11, "a comma or )"),
        ("median(CD4,)", 12, "a name"),
        ("__import__('os')", 1, "no statistic"),
        ("2 ** 3", 4, "'*' where a value"),
        ("(" * 60 + "1" + ")" * 60, 51, "too many parentheses"),
        ("1" * 1001, 1000, "letters"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, at: int, words: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_formula(text, where="formula 'r'")
    assert (caught.value.details["position"], caught.value.where) == (at, "formula 'r'")
    assert words in caught.value.what
    assert f"letter {at}" in caught.value.what


expressions = st.recursive(
    st.floats(0, 1e6, allow_nan=False).map(lambda number: f"{number:.6g}"),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda three: f"({three[0]} {three[1]} {three[2]})"),
        st.tuples(inner, st.sampled_from("+-*"), inner).map("".join),
        inner.map(lambda text: f"-({text})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: f"max({', '.join(some)})"),
    ),
    max_leaves=12,
)


@given(expressions)
def test_any_expression_is_what_python_makes_of_it(text: str) -> None:
    try:
        expected: float | None = float(eval(text, {"max": max}))  # noqa: S307 (made above)
    except ZeroDivisionError:
        expected = None
    if expected is not None and not math.isfinite(expected):  # such as 1 / 5e-324
        expected = None
    assert parse_formula(text).compute(lambda _: None) == expected


def test_a_long_sum_needs_no_deep_stack() -> None:
    formula = parse_formula("+".join("1" for _ in range(500)))
    assert formula.compute(lambda _: None) == 500
