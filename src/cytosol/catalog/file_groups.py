"""Datasets of a study in groups of one annotation, such as all files of a dose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.tables import Pinned
from cytosol.model.panels import Panel

NO_VALUE = "no value"


@dataclass(frozen=True, slots=True)
class Files:
    """Which datasets something is made of, and how they are put together.

    Attributes
    ----------
    dataset_ids : None = all that are ready and no controls
    table : "" = the main one of each
    group_by : an annotation of the datasets or their samples, whose values are groups; "" = each is one
    equal : whether a group has as many events of each dataset as the one with the fewest, if it has any
    reagents_of : a dataset whose channels are meant; in the others those with the same reagents stand for them
    """

    dataset_ids: Sequence[Key] | None = None
    table: str = ""
    group_by: str = ""
    equal: bool = False
    reagents_of: Key | None = None


@dataclass(frozen=True, slots=True)
class FileGroup:
    """Datasets that are shown as one.

    Attributes
    ----------
    home : the panel whose channels are meant
    """

    name: str
    members: tuple[Pinned, ...]
    home: Panel = ()


def group_files(
    pinned: Sequence[Pinned], group_by: str, annotations: Mapping[Key, Mapping[str, Any]]
) -> list[FileGroup]:
    """Groups by the values of an annotation: numbers in their order, then texts in theirs, then those without a value.

    Raises
    ------
    InvalidInputError
        Where no dataset has the annotation.
    """
    if not group_by:
        return [FileGroup(one.dataset.name, (one,)) for one in pinned]
    found: dict[str, list[Pinned]] = {}
    order: dict[str, tuple[int, float, str]] = {}
    for one in pinned:
        value = annotations.get(one.dataset.id, {}).get(group_by)
        name = NO_VALUE if value is None else f"{group_by} {_shown(value)}"
        found.setdefault(name, []).append(one)
        order[name] = _place(value)
    if set(found) <= {NO_VALUE}:
        known = list(dict.fromkeys(name for values in annotations.values() for name in values))
        raise InvalidInputError(
            f"None of the {len(pinned)} files is annotated with '{group_by[:64]}'",
            where="group_by",
            do=f"Choose {', '.join(known[:30])}" if known else "Annotate the files first",
        )
    return [FileGroup(name, tuple(found[name])) for name in sorted(found, key=order.__getitem__)]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _place(value: Any) -> tuple[int, float, str]:
    if value is None:
        return 2, 0.0, ""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (0, float(value), "") if is_number else (1, 0.0, _shown(value))
