"""How deep gates of exchange files may lie, and how large the populations that are made of them may become."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from cytosol.base.errors import InvalidInputError
from cytosol.base.gating import Region

MAX_LEVELS = 100
MAX_NODES = 500_000
"""Of the trees of all populations together: each names all gates above it, and those that these are made of."""


def check_sizes(regions: Mapping[str, Region]) -> None:
    """Refuse what would become too deep or too large; each region that one names has to be there.

    Raises
    ------
    InvalidInputError
        Where a gate contains itself or lies too deep, or all are too large together.
    """
    levels: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for name in _from_the_top({name: region.needs for name, region in regions.items()}):
        region = regions[name]
        levels[name] = 1 + max((levels[other] for other in region.needs), default=0)
        if levels[name] > MAX_LEVELS:
            raise InvalidInputError(
                f"The gate {region.name!r} lies more than {MAX_LEVELS} levels below others",
                do="Leave out gates that lie so deep",
            )
        sizes[name] = 1 + len(region.axes) + len(region.needs) + sum(sizes[other] for other in region.needs)
    if sum(sizes[name] for name, region in regions.items() if region.is_population) > MAX_NODES:
        raise InvalidInputError(
            f"The populations of the file name more than {MAX_NODES:,} gates together",
            do="Leave out some, or gates that are made of many others",
        )


def _from_the_top(needs: Mapping[str, list[str]]) -> list[str]:
    """All of them, each behind those that it needs."""
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise InvalidInputError(f"The gate {error.args[1][0]!r} contains itself", do="Correct the file") from error
