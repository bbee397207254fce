from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from cytosol.analyses.cytometry.trees import check_tree, evaluate, gids_of, leaves
from cytosol.base.errors import InvalidInputError

CELLS = np.arange(8)
MASKS = {name: (CELLS >> bit) & 1 == 1 for bit, name in enumerate("abc")}


def leaf(said: Mapping[str, Any]) -> np.ndarray:
    return MASKS[said["gate"]] if "gate" in said else np.isin(CELLS, said["groups"])


def found(tree: dict[str, Any]) -> list[int]:
    check_tree(tree)
    return np.flatnonzero(evaluate(tree, leaf, np.ones(8, np.bool_))).tolist()


A, B, C = ({"gate": name} for name in "abc")


def test_nodes_and_leaves() -> None:
    assert found(A) == [1, 3, 5, 7]
    assert found({"column": "number", "groups": [2, 5]}) == [2, 5]
    assert found({"and": [A, B]}) == [3, 7]
    assert found({"or": [A, B]}) == [1, 2, 3, 5, 6, 7]
    assert found({"and": [A, {"not": [B]}, {"or": [C, {"column": "number", "groups": [1]}]}]}) == [1, 5]


def test_not_of_several_is_none_of_them() -> None:
    assert found({"not": [A, B]}) == [0, 4]


def test_xor_of_several_is_an_odd_number_of_them() -> None:
    assert found({"xor": [A, B, C]}) == [1, 2, 4, 7]


def test_nodes_of_nothing() -> None:
    every = list(range(8))
    assert [found({key: []}) for key in ("and", "not", "or", "xor")] == [every, every, [], []]


def test_answers_of_leaves_are_not_changed() -> None:
    mask = evaluate(A, leaf, np.ones(8, np.bool_))
    mask[:] = False
    evaluate({"not": [A, {"and": [B]}]}, leaf, np.ones(8, np.bool_))
    assert found(A) == [1, 3, 5, 7]


@pytest.mark.parametrize(
    "tree", [A, {"not": [A, B]}, {"or": [{"not": [A]}, {"and": [B, C]}]}, {"xor": [A, {"not": []}]}, {"and": []}]
)
def test_bits_give_the_same_as_booleans(tree: dict[str, Any]) -> None:
    n = 5  # fewer than the bits of a byte
    mask = evaluate(tree, lambda said: leaf(said)[:n], np.ones(n, np.bool_))
    bits = evaluate(tree, lambda said: np.packbits(leaf(said)[:n]), np.packbits(np.ones(n, np.bool_)))
    assert bits.tolist() == np.packbits(mask).tolist()


def test_gids() -> None:
    tree = {"and": [A, {"not": [B, A]}, {"column": "x", "groups": []}]}
    assert gids_of(tree) == {"a", "b"}
    assert len(list(leaves(tree))) == 4


@pytest.mark.parametrize(
    "tree",
    [
        None,
        [],
        "a",
        {},
        {"nand": []},
        {"and": [], "or": []},
        {"and": A},
        {"and": [{"or": "a"}]},
        {"gate": ""},
        {"gate": 5},
        {"gate": "a", "and": []},
        {"column": "x"},
        {"column": "x", "groups": "y"},
    ],
)
def test_what_is_no_tree(tree: object) -> None:
    with pytest.raises(InvalidInputError):
        check_tree(tree)


def test_the_place_of_a_fault_is_named() -> None:
    with pytest.raises(InvalidInputError, match=r"tree\.and\[1\]\.not\[0\]"):
        check_tree({"and": [A, {"not": [{"nor": []}]}]})


def test_trees_may_not_be_endless() -> None:
    deep: dict[str, Any] = A
    for _ in range(100):
        deep = {"not": [deep]}
    with pytest.raises(InvalidInputError, match="too deep or too large"):
        check_tree(deep)
    with pytest.raises(InvalidInputError, match="too deep or too large"):
        check_tree({"or": [A] * 20_000})
