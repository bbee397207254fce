"""What kind of cell, from which tissue, in which disease: the annotations and attributes that tell it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar


class Named(Protocol):
    """An annotation: an element, or one that is about to become one."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def meta(self) -> Mapping[str, Any]: ...


N = TypeVar("N", bound=Named)
CELL_TYPE, TISSUE, DISEASE = "cell_type", "tissue", "disease"
KINDS = (CELL_TYPE, TISSUE, DISEASE)
_NAMES: Mapping[str, tuple[str, ...]] = {
    CELL_TYPE: (
        "celltype",
        "celltypes",
        "cellidentity",
        "celllabel",
        "celllabels",
        "cellannotation",
        "bulklabels",
        "majorityvoting",
        "predictedlabels",
    ),
    TISSUE: ("tissue", "tissues", "organ", "tissuetype", "tissuegeneral", "organtissue"),
    DISEASE: ("disease", "diseases", "condition", "conditions", "diagnosis", "diseasestate", "diseasestatus"),
}
_ENDS: Mapping[str, tuple[str, ...]] = {CELL_TYPE: ("celltype", "celltypes"), TISSUE: (), DISEASE: ()}


@dataclass(frozen=True, slots=True)
class Told(Generic[N]):
    """Where a table tells one of these.

    Attributes
    ----------
    column : an annotation; None = no annotation tells it
    value : the value of all cells, from an attribute of the sample or dataset; None = none
    """

    column: N | None = None
    value: str | None = None


def plain_name(name: str) -> str:
    """A name without case, author's mark and everything but letters and digits."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\bauthors?('?s)?\b", "", name.casefold()))


def kind_of(name: str) -> tuple[str, int] | None:
    """Which of these a name stands for, and how surely: the lower the number, the surer."""
    plain = plain_name(name)
    for kind in KINDS:
        if plain in _NAMES[kind]:
            return kind, _NAMES[kind].index(plain)
        if plain.endswith(_ENDS[kind]):
            return kind, len(_NAMES[kind])
    return None


def find_contexts(
    columns: Sequence[N], attributes: Mapping[str, str], mapped: Mapping[str, str] | None = None
) -> dict[str, Told[N]]:
    """Where a table tells cell type, tissue and disease.

    Parameters
    ----------
    columns : its annotations
    attributes : values of its sample and dataset, by the name of the attribute; an annotation goes before
    mapped : annotations whose levels have terms of an ontology: name to kind; these go before all others
    """
    best: dict[str, tuple[int, Told[N]]] = {}
    for column in columns:
        if column.meta.get("kind") != "categorical":
            continue
        sure = (mapped or {}).get(column.name)
        found = (sure, -1) if sure in KINDS else kind_of(column.name)
        if found is not None and (found[0] not in best or found[1] < best[found[0]][0]):
            best[found[0]] = found[1], Told(column)
    for name, value in attributes.items():
        found = kind_of(name)
        if found is not None and found[0] not in best:
            best[found[0]] = found[1], Told(None, value)
    return {kind: told for kind, (_, told) in best.items()}


def group_columns(columns: Sequence[N], told: Mapping[str, Told[N]], group_by: str) -> tuple[N | None, ...]:
    """The annotations whose combinations make the groups of cells, in the order of `KINDS`; None = not annotated.

    Parameters
    ----------
    group_by : "cell_type", or the name of an annotation, which then is the only one
    """
    if group_by == CELL_TYPE:
        return tuple(told[kind].column if kind in told else None for kind in KINDS)
    named = (column for column in columns if column.name == group_by and column.meta.get("kind") == "categorical")
    return (next(named, None),)
