"""The words of these clients and ours: ids, groups, species, metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog.group_studies import Filed
from cytosol.catalog.groups import GroupView
from cytosol.catalog.storages import StorageView
from cytosol.catalog.studies import StudyView
from cytosol.dialects.bioturing.wire import FilterParams

PERSONAL = "personal"
ALL_MEMBERS = "all_members"
PUBLIC = "bioturing_public_studies"
NO_LIMIT = 1e9
OTHERS = "others"
_SPECIES = {
    "human": ("human", "homosapiens", "hsapiens"),
    "mouse": ("mouse", "musmusculus", "mmusculus"),
    "primate": ("primate", "nonhumanprimate", "primates"),
}
_MISSING = frozenset(("nan", "<NA>", "NaT"))


def key_of(text: str, what: str) -> Key:
    """The key behind an id of these clients; one that cannot be ours is one that does not exist."""
    try:
        return Key.parse(text)
    except InvalidInputError as error:
        raise NotFoundError(f"There is no such {what}, or it is not shared with you", where=text[:64]) from error


def filed_under(group_id: str) -> Filed:
    """Where studies of a group of these clients are."""
    names: Mapping[str, Filed] = {PERSONAL: "personal", ALL_MEMBERS: "all_members", PUBLIC: "public"}
    return names[group_id] if group_id in names else key_of(group_id, "group")


def group_items(groups: Iterable[GroupView]) -> list[dict[str, str]]:
    """The groups of a user: two built-in ones and those that the user is in, each key in both spellings."""
    named = [(PERSONAL, "Personal workspace"), (ALL_MEMBERS, "All members")]
    named += [(view.group.id.hex32, view.group.name) for view in groups if view.role]
    return [{"group_id": id, "group_name": name, "id": id, "name": name} for id, name in named]


def storage_item(view: StorageView) -> dict[str, str]:
    """A bucket as these clients show it."""
    bucket, prefix = str(view.location.get("bucket", "")), str(view.location.get("prefix", ""))
    if url := str(view.location.get("url", "")):
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
    return {"id": view.storage.id.hex32, "bucket": bucket, "prefix": prefix.strip("/"), "name": view.storage.name}


def species_of(text: str) -> str:
    """A species in one spelling: human, mouse, primate, or what was given in lower case."""
    plain = "".join(letter for letter in text.lower() if letter.isalnum())
    for name, spellings in _SPECIES.items():
        if plain in spellings:
            return name
    return text.strip().lower() or OTHERS


def is_species(study: str, wanted: str) -> bool:
    """Whether a study of one species is listed under another spelling; ``others`` are all without a name here."""
    known = species_of(study)
    name = species_of(wanted)
    return known == name or (name == OTHERS and known not in _SPECIES)


def study_item(view: StudyView) -> dict[str, Any]:
    """A study in a list, and in the answer to a commit."""
    study = view.study
    return {
        "uuid": study.id.hex32,
        "study_hash_id": study.display_id or study.id.hex32,
        "name": study.name,
        "created_by": view.owner_email,
        "species": study.species,
        "n_cells": view.n_cells,
    }


def filters_of(wire: FilterParams) -> dict[str, float]:
    """The bounds of the cell filter in our words; 1e9 is their word for no bound, shares are fractions in both."""
    found = {"min_counts": wire.min_counts, "min_genes": wire.min_genes, "max_mito_share": wire.mt_percentage}
    upper = {"max_counts": wire.max_counts, "max_genes": wire.max_genes}
    return found | {name: value for name, value in upper.items() if value < NO_LIMIT}


def column_values(column: ColumnData) -> Any:
    """A column as a JSON list in barcode order; a missing value is null."""
    if column.categories is not None:
        names = np.array([*column.categories, None], dtype=object)
        return names[column.values].tolist()  # the code of a missing value, -1, is the last place
    values = column.values
    return values.tolist() if values.dtype == object else np.ascontiguousarray(values)


def metadata_frame(columns: Mapping[str, list[Any]]) -> pd.DataFrame:
    """Metadata as the client spells a data frame.

    The client turns missing values of text columns into the text ``nan``; they become missing again.
    """
    if "barcodes" not in columns:
        raise InvalidInputError("The metadata have no barcodes", where="metadata_dct", do="Send them as 'barcodes'")
    barcodes = [str(barcode) for barcode in columns["barcodes"]]
    found: dict[str, Any] = {}
    for name, values in columns.items():
        if name == "barcodes":
            continue
        if len(values) != len(barcodes):
            raise InvalidInputError(
                f"It has {len(values):,} values for {len(barcodes):,} barcodes", where=f"column '{name[:255]}'"
            )
        found[name] = [None if isinstance(value, str) and value in _MISSING else value for value in values]
    return pd.DataFrame(found, index=pd.Index(barcodes, dtype=object))
