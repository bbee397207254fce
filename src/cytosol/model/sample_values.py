"""Typed values of the sample table, and how they are spelled in text files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from cytosol.base.errors import InvalidInputError
from cytosol.model.names import clean_text

KINDS = ("text", "number", "boolean")
EXACT = 2**53
"""Whole numbers up to this size are kept exactly by everybody who reads JSON."""
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_BOOLEANS = {"true": True, "false": False}
Value = str | int | float | bool | None


def check_kind(kind: str) -> str:
    """Refuse an unknown kind of attribute."""
    if kind not in KINDS:
        raise InvalidInputError(
            f"'{kind[:64]}' is not a kind of attribute", where="kind", do=f"Choose of {', '.join(KINDS)}", field="kind"
        )
    return kind


def check_value(value: Any, kind: str, *, where: str) -> Value:
    """A value as it is stored; null stays null, and the empty text is null.

    Parameters
    ----------
    value : a JSON value
    kind : text, number or boolean
    where : row and column, as the error names them

    Raises
    ------
    InvalidInputError
        Where the value is not of the kind.
    """
    if value is None or value == "":
        return None
    if kind == "text" and isinstance(value, str):
        return clean_text(value, field=where, max_letters=10_000)
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidInputError(f"{value} cannot be kept", where=where, do="Leave it empty where it is missing")
        if isinstance(value, int) and abs(value) > EXACT:
            raise InvalidInputError(
                f"{value} is too large to be kept exactly", where=where, do="Make it an attribute of the kind text"
            )
        return value
    shown = f"'{value[:64]}'" if isinstance(value, str) else str(value)[:64]
    raise InvalidInputError(f"{shown} is not a {_word(kind)}", where=where, do=_hint(kind))


def parse_value(text: str, kind: str, *, where: str) -> Value:
    """The value that a cell of a text file spells; the empty cell is null."""
    if text == "":
        return None
    if kind == "text":
        return check_value(text, kind, where=where)
    plain = text.strip()
    if kind == "boolean":
        if plain.lower() not in _BOOLEANS:
            raise InvalidInputError(f"'{text[:64]}' is not a {_word(kind)}", where=where, do=_hint(kind))
        return _BOOLEANS[plain.lower()]
    if not _NUMBER.fullmatch(plain):
        raise InvalidInputError(f"'{text[:64]}' is not a {_word(kind)}", where=where, do=_hint(kind))
    is_whole = not set(plain) & set(".eE")
    return check_value(int(plain) if is_whole and len(plain) <= 20 else float(plain), kind, where=where)


def spell_value(value: Value) -> str:
    """The value as a cell of a text file; `parse_value` reads it back unchanged."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def guess_kind(cells: Iterable[str]) -> str:
    """The narrowest kind that spells every cell of a column; text where all are empty.

    A column with '007' is text: the zeros would be lost.
    """
    filled = [cell for cell in cells if cell != ""]
    if not filled:
        return "text"
    if all(cell in _BOOLEANS or cell in ("TRUE", "FALSE") for cell in filled):
        return "boolean"
    if all(_PLAIN_NUMBER.fullmatch(cell) and _is_safe(cell) for cell in filled):
        return "number"
    return "text"


def _is_safe(cell: str) -> bool:
    number = float(cell)
    return math.isfinite(number) and (abs(number) <= EXACT or not cell.lstrip("-").isdigit())


def _word(kind: str) -> str:
    return {"number": "number", "boolean": "truth value", "text": "text"}[kind]


def _hint(kind: str) -> str:
    return {
        "number": "Write numbers like 12, -0.5 or 1e-3, with a point",
        "boolean": "Write true or false",
        "text": "Send a text",
    }[kind]
