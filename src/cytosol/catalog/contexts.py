"""What kind of cell, from which tissue, in which disease: the annotations and attributes that tell it."""

from __future__ import annotations

import re
from collections import Counter
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
_OF_PREFIX: Mapping[str, str] = {"CL": CELL_TYPE, "UBERON": TISSUE, "MONDO": DISEASE, "PATO": DISEASE}
_UNSURE = 100
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


def termed_kind(column: Named) -> str | None:
    """Which of these the standard terms of an annotation's levels are of, most of them; None = it has none."""
    prefixes = Counter(str(id).partition(":")[0] for id in (column.meta.get("terms") or {}).values())
    kinds = [_OF_PREFIX[prefix] for prefix, _ in prefixes.most_common() if prefix in _OF_PREFIX]
    return kinds[0] if kinds else None


def find_contexts(columns: Sequence[N], attributes: Mapping[str, str]) -> dict[str, Told[N]]:
    """Where a table tells cell type, tissue and disease.

    An annotation whose levels have terms of the ontology goes before one that only is called so; of these the one
    with the surest name.

    Parameters
    ----------
    columns : its annotations
    attributes : values of its sample and dataset, by the name of the attribute; an annotation goes before
    """
    best: dict[str, tuple[tuple[int, int], Told[N]]] = {}

    def offer(kind: str, rank: tuple[int, int], told: Told[N]) -> None:
        if kind not in best or rank < best[kind][0]:
            best[kind] = rank, told

    for column in columns:
        if column.meta.get("kind") != "categorical":
            continue
        named, termed = kind_of(column.name), termed_kind(column)
        if termed is not None:
            offer(termed, (0, named[1] if named is not None and named[0] == termed else _UNSURE), Told(column))
        elif named is not None:
            offer(named[0], (1, named[1]), Told(column))
    for name, value in attributes.items():
        named = kind_of(name)
        if named is not None:
            offer(named[0], (2, named[1]), Told(None, value))
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
