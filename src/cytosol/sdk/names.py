"""Names that users write in place of ids and feature references."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.sdk.records import Record

_ID = re.compile("[0-9a-f]{24}")
_KINDS = ("var:", "obs:", "obsm:", "spatial:", "reagent:")
ALL = "all"
"""The name of all cells where a population is expected."""
DEFAULT_GEOMETRY: dict[str, dict[str, Any]] = {
    "range": {"y": 0.5},
    "split": {"y": 0.5},
    "quadrant": {"angles": [0.0, math.pi / 2, math.pi, 1.5 * math.pi]},
}
"""What a gate has where nothing is said: the height of a drawn bar, and right angles."""


def several(given: Any) -> list[Any]:
    """Names or records as a list; one may stand alone."""
    return [given] if isinstance(given, str | Record) else list(given)


def is_id(text: str) -> bool:
    """Whether a text is an id and no name."""
    return _ID.fullmatch(text) is not None


def axis_of(name: str) -> str:
    """A feature reference; a plain name is that of a channel or gene."""
    return name if not name or name.startswith(_KINDS) else f"var:{name}"


def axes_of(names: str | Sequence[str]) -> list[str]:
    """Feature references; one may stand alone."""
    return [axis_of(name) for name in ([names] if isinstance(names, str) else names)]


def with_gids(tree: Mapping[str, Any], gates: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A tree in which gates and sectors that are called by name have their gid.

    Raises
    ------
    NotFoundError, InvalidInputError
        Where no gate or several have a name.
    """
    known: dict[str, set[str]] = {}
    for gate in gates:
        for part in [gate, *gate["sectors"]]:
            known.setdefault(part["name"], set()).add(part["gid"])
    return _with_gids(tree, known)


def _with_gids(tree: Mapping[str, Any], known: Mapping[str, set[str]]) -> dict[str, Any]:
    if "gate" not in tree:
        return {
            key: [_with_gids(part, known) for part in value] if key in ("and", "or", "xor", "not") else value
            for key, value in tree.items()
        }
    name = tree["gate"]
    if not isinstance(name, str) or is_id(name):
        return dict(tree)
    found = known.get(name, set())
    if not found:
        raise NotFoundError(f"The study has no gate '{name}'", do="See study.gates.list()")
    if len(found) > 1:
        raise InvalidInputError(f"{len(found)} gates are called '{name}'", do="Name the gid of one")
    return {"gate": next(iter(found))}
