"""How a result was made: function, parameters, versions of libraries, inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cytosol.base.keys import Key

_LIBRARIES = ("cytosol", "numpy", "scipy", "numba", "igraph", "scranpy", "knncolle", "zarr", "h5py", "pandas")


@cache
def library_versions() -> dict[str, str]:
    """The versions of the libraries that results depend on."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def made_by(function: str, parameters: Mapping[str, Any], inputs: Iterable[Key] = (), **facts: Any) -> dict[str, Any]:
    """The record that goes with a result.

    Parameters
    ----------
    function : name in the registry of analyses, or of the step
    parameters : as JSON values
    inputs : ids of elements or originals
    facts : what else was found, such as a recall
    """
    return {
        "function": function,
        "parameters": dict(parameters),
        "inputs": [key.hex24 for key in inputs],
        "libraries": library_versions(),
        **facts,
    }
