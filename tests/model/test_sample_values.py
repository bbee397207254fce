"""Typed values of the sample table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytosol.base.errors import InvalidInputError
from cytosol.model.sample_values import EXACT, check_kind, check_value, guess_kind, parse_value, spell_value


@pytest.mark.parametrize(
    ("value", "kind"),
    [("a", "text"), (1, "number"), (-0.5, "number"), (EXACT, "number"), (True, "boolean"), (False, "boolean")],
)
def test_values_of_their_kind(value: Any, kind: str) -> None:
    kept = check_value(value, kind, where="here")
    assert (kept, type(kept)) == (value, type(value))


@pytest.mark.parametrize("kind", ["text", "number", "boolean"])
def test_null_and_the_empty_text_are_missing(kind: str) -> None:
    assert (
        check_value(None, kind, where="") is check_value("", kind, where="") is parse_value("", kind, where="") is None
    )


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("1", "number"), (True, "number"), (float("nan"), "number"), (float("inf"), "number"), (EXACT + 1, "number"),
        (1, "text"), ([], "text"), ("x\x00", "text"), (1, "boolean"), ("true", "boolean"), ({}, "number"),
    ],
)  # fmt: skip
def test_values_of_another_kind_are_refused(value: Any, kind: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        check_value(value, kind, where="row 2, column 'Dose'")
    assert error.value.where == "row 2, column 'Dose'"


@pytest.mark.parametrize("text", ["1,5", "high", "1 000", "0x10", "1e", "nan", "inf", "--1", "9" * 17, "1e999"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_value(text, "number", where="x")


def test_numbers_as_people_write_them() -> None:
    for text, value in [("1", 1), ("+1", 1), (" 2.50 ", 2.5), (".5", 0.5), ("1e-3", 0.001), ("-0", 0), ("1.0", 1.0)]:
        parsed = parse_value(text, "number", where="x")
        assert (parsed, type(parsed)) == (value, type(value))
    assert parse_value("TRUE", "boolean", where="x") is True


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "", "2.5", "-1e3"], "number"),
        (["true", "FALSE", ""], "boolean"),
        (["", ""], "text"),
        ([], "text"),
        (["1", "x"], "text"),
        (["007"], "text"),
        (["1,5"], "text"),
        (["12345678901234567890"], "text"),
        (["1e999"], "text"),
    ],
)
def test_guessing_the_kind_of_a_column(cells: list[str], kind: str) -> None:
    assert guess_kind(cells) == kind


def test_an_unknown_kind() -> None:
    assert check_kind("text") == "text"
    with pytest.raises(InvalidInputError, match="text, number, boolean"):
        check_kind("date")


@given(
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: ("number", value))
    | st.integers(-EXACT, EXACT).map(lambda value: ("number", value))
    | st.booleans().map(lambda value: ("boolean", value))
)
def test_spelled_values_are_read_back(typed: tuple[str, Any]) -> None:
    kind, value = typed
    read = parse_value(spell_value(value), kind, where="x")
    assert (read, type(read)) == (value, type(value))
