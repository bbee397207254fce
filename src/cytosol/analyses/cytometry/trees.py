"""Boolean trees of populations: which cells are in, from which leaves.

An "and" or "not" of nothing is all cells, an "or" or "xor" of nothing is none. "not" of several means none of them,
"xor" of several an odd number of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from cytosol.base.errors import InvalidInputError

MAX_DEPTH = 64
MAX_NODES = 10_000
_NODES = "and", "or", "xor", "not"


def check_tree(tree: object) -> None:
    """Refuse what is no tree.

    Raises
    ------
    InvalidInputError
        Naming the place, such as ``tree.and[1].or``.
    """
    counted = 0
    waiting: list[tuple[object, str, int]] = [(tree, "tree", 0)]
    while waiting:
        node, place, depth = waiting.pop()
        counted += 1
        if depth > MAX_DEPTH or counted > MAX_NODES:
            raise InvalidInputError(
                "The population is too deep or too large",
                where=place,
                do=f"Keep it within {MAX_DEPTH} levels and {MAX_NODES:,} nodes",
            )
        key = _key(node, place)
        if key in _NODES:
            children = node[key]  # type: ignore[index]
            if not isinstance(children, list):
                raise InvalidInputError("A node of a population must hold a list", where=f"{place}.{key}")
            waiting.extend((child, f"{place}.{key}[{i}]", depth + 1) for i, child in enumerate(children))


def _key(node: object, place: str) -> str:
    if isinstance(node, Mapping):
        keys = set(node)
        if len(keys) == 1 and keys <= set(_NODES):
            return str(next(iter(keys)))
        if keys == {"gate"} and isinstance(node["gate"], str) and node["gate"]:
            return "gate"
        if keys == {"column", "groups"} and isinstance(node["column"], str) and isinstance(node["groups"], list):
            return "column"
    raise InvalidInputError(
        "A population holds something that is no node and no leaf",
        where=place,
        do='Use {"and": […]}, "or", "xor", "not", {"gate": gid} or {"column": name, "groups": […]}',
    )


def leaves(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the leaves in order; one that stands twice comes twice."""
    key = next(iter(tree))
    if key in _NODES:
        for child in tree[key]:
            yield from leaves(child)
    else:
        yield tree


def gids_of(tree: Mapping[str, Any]) -> set[str]:
    """Give the gids of all gates and sectors in a tree."""
    return {leaf["gate"] for leaf in leaves(tree) if "gate" in leaf}


def evaluate(tree: Mapping[str, Any], leaf: Callable[[Mapping[str, Any]], np.ndarray], every: np.ndarray) -> np.ndarray:
    """Tell which cells are in a population.

    Parameters
    ----------
    tree : checked by `check_tree`
    leaf : gives the cells of a leaf; its answer is not changed
    every : all cells: shape (n,), bool, or the bits that `numpy.packbits` makes of that; leaves have to be alike

    Returns
    -------
    like ``every``; a new array
    """
    key = next(iter(tree))
    if key not in _NODES:
        return np.array(leaf(tree))
    children = tree[key]
    if not children:
        return np.array(every) if key in ("and", "not") else np.zeros_like(every)
    combine = {"and": np.bitwise_and, "xor": np.bitwise_xor}.get(key, np.bitwise_or)
    mask = evaluate(children[0], leaf, every)
    for child in children[1:]:
        combine(mask, evaluate(child, leaf, every) if next(iter(child)) in _NODES else leaf(child), out=mask)
    return np.bitwise_xor(mask, every, out=mask) if key == "not" else mask
