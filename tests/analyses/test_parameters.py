from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from cytosol.analyses.matrix.clustering import LeidenParams
from cytosol.analyses.matrix.filtering import FilterParams
from cytosol.analyses.matrix.neighbors import NeighborParams
from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Sample(Params):
    """Of every type."""

    share: float = parameter(0.5, "A share", unit="share of 1", minimum=0, maximum=1)
    many: int = parameter(3, "How many", minimum=1)
    on: bool = parameter(False, "Whether")
    way: str = parameter("a", "Which way", choices=("a", "b"))
    levels: tuple[float, ...] = parameter((1.0,), "Levels", minimum=0)
    most: float = parameter(math.inf, "Most", maximum=math.inf)


@pytest.mark.parametrize(
    "values",
    [
        {"share": 1.5}, {"share": -0.1}, {"share": math.nan}, {"share": "0.5"}, {"share": True}, {"share": math.inf},
        {"many": 0}, {"many": 1.0}, {"many": True}, {"on": 1}, {"way": "c"}, {"way": 1}, {"levels": ()},
        {"levels": (1, -1)}, {"levels": 1.0}, {"most": -math.inf},
    ],
)  # fmt: skip
def test_a_value_out_of_bounds_is_refused_by_name(values: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Sample(**values)  # type: ignore[arg-type]
    ((name, value),) = values.items()
    assert caught.value.where == name
    assert caught.value.details["parameter"] == name
    assert repr(value) in caught.value.sentence
    assert caught.value.details["bounds"] in caught.value.sentence


def test_the_bounds_are_words() -> None:
    words = {entry.name: entry.bounds for entry in Sample.parameters()}
    assert words == {
        "share": "a number from 0 to 1", "many": "an integer of at least 1", "on": "true or false",
        "way": "one of a, b", "levels": "one or more numbers of at least 0", "most": "a number of at most inf",
    }  # fmt: skip


def test_numpy_numbers_are_numbers() -> None:
    made = Sample(share=np.float32(0.25), many=np.int64(4))  # type: ignore[arg-type]
    assert (made.share, made.many) == (0.25, 4)


def test_json_and_back() -> None:
    params = LeidenParams(resolutions=(0.5, 2.0), seed=3)
    assert params.to_json() == {"resolutions": [0.5, 2.0], "n_iterations": 2, "seed": 3}
    assert LeidenParams.from_json(params.to_json()) == params
    assert FilterParams().to_json()["max_counts"] is None
    assert FilterParams.from_json(FilterParams().to_json()) == FilterParams()


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"no parameter 'neighbours'.*n_neighbors"):
        NeighborParams.from_json({"neighbours": 5})


def test_records_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Sample().many = 4  # type: ignore[misc]
