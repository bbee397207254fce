"""The error tree."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from cytosol.base import errors
from cytosol.base.errors import CytosolError


def all_errors() -> list[type[CytosolError]]:
    found: list[type[CytosolError]] = []
    waiting = [CytosolError]
    while waiting:
        cls = waiting.pop()
        found.append(cls)
        waiting.extend(cls.__subclasses__())
    return found


def test_codes_are_unique() -> None:
    codes = [cls.code for cls in all_errors()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("cls", all_errors())
def test_sentence_and_pickling(cls: type[CytosolError]) -> None:
    error = cls("The file ends early", where="cells.h5ad", do="Upload it again", size=3)
    assert error.sentence == "The file ends early (cells.h5ad). Upload it again."
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.sentence, again.details) == (cls, error.sentence, {"size": 3})


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = set(re.findall(r"\b([A-Z]\w+Error)\b", errors.__doc__ or ""))
    assert drawn == {cls.__name__ for cls in all_errors()}


def test_every_code_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/errors.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.M)) == {cls.code for cls in all_errors()}
