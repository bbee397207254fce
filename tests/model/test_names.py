"""Names and e-mail addresses."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytosol.base.errors import InvalidInputError
from cytosol.model.names import clean_email, clean_name, clean_text


def test_names_are_nfc_and_trimmed() -> None:
    assert clean_name("  Zoe\u0308 ") == "Zoë"
    assert clean_name("", empty=True) == ""
    assert clean_name("x" * 255) == "x" * 255


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("x" * 256, "256 letters"),
        ("a\nb", "U\\+000A"),
        ("a\x00b", "U\\+0000"),
        ("a\u2028b", "U\\+2028"),
        ("a\ud800", "U\\+D800"),
    ],
)
def test_what_is_no_name(text: str, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason) as error:
        clean_name(text, field="sample")
    assert error.value.where == "sample"


@given(st.text())
def test_a_clean_name_stays_as_it_is(text: str) -> None:
    try:
        name = clean_name(text)
    except InvalidInputError:
        return
    assert clean_name(name) == name == unicodedata.normalize("NFC", name)
    assert 0 < len(name) <= 255
    name.encode()


def test_text_keeps_line_breaks() -> None:
    assert clean_text("a\r\nb\tc", field="description") == "a\nb\tc"
    with pytest.raises(InvalidInputError, match="U\\+0007"):
        clean_text("a\x07", field="description")
    with pytest.raises(InvalidInputError, match="11 letters"):
        clean_text("x" * 11, field="description", max_letters=10)


def test_emails_are_compared_in_lower_case() -> None:
    assert clean_email(" Ada.Lovelace@Example.ORG ") == "ada.lovelace@example.org"
    assert clean_email("root@localhost") == "root@localhost"


@pytest.mark.parametrize("text", ["", "ada", "@x", "ada@", "a b@c", "a@b@c", "a@b\n", "x" * 255 + "@b", "a\u200b@b"])
def test_what_is_no_email(text: str) -> None:
    if text == "a@b\n":  # trimmed
        assert clean_email(text) == "a@b"
        return
    with pytest.raises(InvalidInputError, match="not an e-mail"):
        clean_email(text)
