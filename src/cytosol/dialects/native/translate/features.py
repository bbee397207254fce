"""Lists of names in an address: separated by commas, with a backslash before a comma that belongs to a name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cytosol.base.errors import InvalidInputError

ALL = "*"
MAX_NAMES = 10_000
_SEPARATOR = re.compile(r"((?:\\.|[^\\,])*)(?:,|$)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def names_of(texts: Sequence[str], *, field: str) -> list[str]:
    r"""The names in one or more lists, in order, each once.

    Examples
    --------
    >>> names_of(["CD3E,CD4", r"HLA\,A"], field="features")
    ['CD3E', 'CD4', 'HLA,A']
    """
    found: dict[str, None] = {}
    for text in texts:
        parts = _SEPARATOR.findall(text)[:-1] if not text.endswith(",") else _SEPARATOR.findall(text)
        found.update(dict.fromkeys(_ESCAPED.sub(r"\1", part) for part in parts))
    names = [name for name in found if name]
    if len(names) > MAX_NAMES:
        raise InvalidInputError(f"At most {MAX_NAMES:,} names at once, not {len(names):,}", where=field)
    return names
