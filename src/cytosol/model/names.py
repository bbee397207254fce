"""The rules of names and e-mail addresses."""

from __future__ import annotations

import re
import unicodedata

from cytosol.base.errors import InvalidInputError

MAX_LETTERS = 255
_EMAIL = re.compile(r"[^@\s\"(),:;<>\[\\\]]+@[^@\s\"(),:;<>\[\\\]]+")


def clean_name(text: str, *, field: str = "name", empty: bool = False, max_letters: int = MAX_LETTERS) -> str:
    """A name as it is stored: NFC, trimmed, at most 255 letters, no control characters.

    Parameters
    ----------
    field : what the name is for, as the error calls it
    empty : whether it may be empty

    Raises
    ------
    InvalidInputError
        Where the text cannot be a name.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not name and not empty:
        raise InvalidInputError("It is empty", where=field, do="Give at least one letter", field=field)
    if len(name) > max_letters:
        raise InvalidInputError(
            f"It has {len(name)} letters; {max_letters} are allowed", where=field, do="Shorten it", field=field
        )
    if bad := next((letter for letter in name if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")), None):
        raise InvalidInputError(
            f"It contains the control character U+{ord(bad):04X}", where=field, do="Remove it", field=field
        )
    return name


def clean_text(text: str, *, field: str, max_letters: int = 100_000) -> str:
    """Longer text as it is stored: NFC; line breaks and tabs are allowed, other control characters are not."""
    plain = unicodedata.normalize("NFC", text).replace("\r\n", "\n")
    if len(plain) > max_letters:
        raise InvalidInputError(
            f"It has {len(plain)} letters; {max_letters} are allowed", where=field, do="Shorten it", field=field
        )
    for letter in plain:
        if letter not in "\n\t" and unicodedata.category(letter) in ("Cc", "Cs"):
            raise InvalidInputError(
                f"It contains the control character U+{ord(letter):04X}", where=field, do="Remove it", field=field
            )
    return plain


def clean_email(text: str) -> str:
    """An e-mail address as it is stored and compared: NFKC, trimmed, lower case.

    Raises
    ------
    InvalidInputError
        Where the text is no address.
    """
    address = unicodedata.normalize("NFKC", text).strip().lower()
    if len(address) > MAX_LETTERS or not _EMAIL.fullmatch(address) or not address.isprintable():
        raise InvalidInputError(
            f"'{text[:64]}' is not an e-mail address", where="email", do="Give it as NAME@PLACE", field="email"
        )
    return address
