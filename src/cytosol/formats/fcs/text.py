"""TEXT of an FCS file: keywords and values, as instruments really write them."""

from __future__ import annotations

from cytosol.base.errors import UnreadableFileError

SPILL_NAMES = ("$SPILLOVER", "SPILL", "$SPILL", "SPILLOVER")
"""The keywords under which instruments keep the spillover matrix, the standard's first."""
COMP_NAMES = ("$COMP", "COMP")
"""Keywords of FCS 3.0 for what was subtracted while measuring, under which some programs keep a spillover matrix."""
MAX_KEYWORDS = 1_000_000
_PADDING = " \t\r\n\x00"


def decode_text(data: bytes) -> str:
    """Each keyword and value in UTF-8 where it is that, as FCS 3.1 demands, else in Latin-1, as old programs write."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data[:1].decode("latin-1").join(_decoded(piece) for piece in data.split(data[:1]))


def _decoded(piece: bytes) -> str:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return piece.decode("latin-1")


def parse_text(data: bytes, *, where: str) -> dict[str, str]:
    """Cut a TEXT segment into keywords and values.

    The first character is the delimiter. A doubled one inside of a value is one character of it; one that follows
    a keyword at once stands for an empty value, which the standard forbids and instruments write.

    Parameters
    ----------
    data : the segment; what follows its last delimiter may be padding
    where : for errors

    Returns
    -------
    Keywords in the spelling and order of the file, values untrimmed; of a keyword that comes twice the last value.

    Raises
    ------
    UnreadableFileError
        Where it holds no keyword, or too many.
    """
    text = decode_text(data)
    if not text or text[0].isalnum() or text[0] == "$":
        found = f"it begins with '{text[0]}'" if text else "it is empty"
        raise UnreadableFileError(
            f"The TEXT segment does not begin with a delimiter: {found}",
            where=where,
            do="Export the file again from the software of the instrument",
        )
    if text.count(text[0]) > 2 * MAX_KEYWORDS:
        raise UnreadableFileError(
            f"The TEXT segment holds more than {MAX_KEYWORDS:,} keywords",
            where=where,
            do="Export the file again from the software of the instrument",
        )
    pieces = text[1:].split(text[0])
    is_closed = not pieces[-1].strip(_PADDING)
    if is_closed:
        pieces.pop()
    keywords: dict[str, str] = {}
    at = 0
    while at < len(pieces):
        if at == len(pieces) - 1 and not is_closed:
            break  # not a keyword, but what lies behind a TEXT whose end is said too late
        keyword = pieces[at].strip(_PADDING)
        value, at = _value(pieces, at + 1, text[0])
        if keyword:
            keywords.pop(keyword, None)
            keywords[keyword] = value
    if not keywords:
        raise UnreadableFileError("The TEXT segment holds no keyword", where=where, do="Export the file again")
    return keywords


def split_numbers(data: bytes) -> list[bytes]:
    """Numbers of a DATA segment of text that stand parted by blanks, tabs, ends of lines or commas (FCS 3.0, 3.3)."""
    return data.replace(b",", b" ").split()


def _value(pieces: list[str], at: int, delimiter: str) -> tuple[str, int]:
    """The value that begins at a piece, and the place of the keyword after it.

    Empty pieces are delimiters in a row: pairs of them are characters of the value, an odd one ends it.
    """
    empty = _empty_from(pieces, at)
    value = delimiter * (empty // 2)
    at += empty
    if empty % 2 or at >= len(pieces):
        return value, at
    while at < len(pieces):
        value += pieces[at]
        at += 1
        empty = _empty_from(pieces, at)
        if at + empty >= len(pieces) or not empty:
            return value + delimiter * (empty // 2), at + empty
        value += delimiter * ((empty + 1) // 2)
        at += empty
        if empty % 2 == 0:
            return value, at
    return value, at


def _empty_from(pieces: list[str], at: int) -> int:
    end = at
    while end < len(pieces) and not pieces[end]:
        end += 1
    return end - at


def format_text(keywords: dict[str, str], delimiter: str) -> bytes:
    """Write keywords as a TEXT segment, in UTF-8; keywords without a value are left out, as the standard demands."""
    parts = [
        f"{keyword.replace(delimiter, 2 * delimiter)}{delimiter}{value.replace(delimiter, 2 * delimiter)}{delimiter}"
        for keyword, value in keywords.items()
        if keyword and value
    ]
    return (delimiter + "".join(parts)).encode()
