"""The one place that decides which paths may be used in a store or below a mounted storage."""

from __future__ import annotations

import functools
import unicodedata

from cytosol.base.errors import InvalidInputError

MAX_PATH_BYTES = 1024
MAX_PART_BYTES = 255
STAGING = ".staging"
"""First part of paths that a store keeps for itself."""


@functools.lru_cache(maxsize=4096)
def check_path(path: str) -> str:
    """Return the path of a blob unchanged, or refuse it.

    A path is made of parts joined by '/'. Parts are ids and fixed words; below an array store they are also names of
    annotations, so letters of all scripts pass. Nothing is decoded or normalised: '%2e' is three plain letters.

    Raises
    ------
    InvalidInputError
        Where a part is empty, '.' or '..', too long, or holds a backslash or a control character; where the path is
        absolute, too long, or lies in the store's own staging folder.
    """
    check_relative(path)
    if path.split("/", 1)[0] == STAGING:
        raise _refuse(path, f"'{STAGING}' belongs to the store itself")
    return path


def check_prefix(prefix: str) -> str:
    """Like `check_path`, with "" for everything."""
    return prefix if prefix == "" else check_path(prefix)


def check_relative(path: str) -> str:
    """Return a relative path unchanged, or refuse it: the rule without the store's own folders."""
    if not path:
        raise _refuse(path, "it is empty")
    if path.startswith("/"):
        raise _refuse(path, "it is absolute")
    try:
        n_bytes = len(path.encode())
    except UnicodeEncodeError as error:
        raise _refuse(path, "it holds letters that are no text") from error
    if n_bytes > MAX_PATH_BYTES:
        raise _refuse(path, f"it is longer than {MAX_PATH_BYTES} bytes")
    for part in path.split("/"):
        _check_part(path, part)
    return path


def _check_part(path: str, part: str) -> None:
    if not part:
        raise _refuse(path, "a part of it is empty")
    if part in (".", ".."):
        raise _refuse(path, f"'{part}' is no name")
    if "\\" in part:
        raise _refuse(path, "it holds a backslash")
    if any(unicodedata.category(letter) == "Cc" for letter in part):
        raise _refuse(path, "it holds a control character")
    if len(part.encode()) > MAX_PART_BYTES:
        raise _refuse(path, f"a part of it is longer than {MAX_PART_BYTES} bytes")


def _refuse(path: str, why: str) -> InvalidInputError:
    shown = path.encode("ascii", "backslashreplace").decode()[:200]
    return InvalidInputError(
        f"The path cannot be used: {why}", where=shown, do="Give a relative path with '/' between names"
    )
