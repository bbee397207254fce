"""How a dataset lies in its store: names, paths, and the group metadata that make it a SpatialData store.

Arrays are written once, each under a fresh path; the metadata, small objects only, say which of them live and can be
rewritten from the records at any time. docs/concepts/store.md is the specification.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from zarr.abc.store import Store

from cytosol.base.errors import DamagedDataError, InvalidInputError, UnsupportedFormatError
from cytosol.formats.spatialdata import plates
from cytosol.formats.spatialdata.plates import PlateSpec
from cytosol.formats.spatialdata.zarr_io import (
    METADATA,
    get_document,
    get_many,
    group_document,
    join,
    json_bytes,
    members,
    parse_document,
    put_many,
)

FORMAT = 1
"""Number of this layout, noted at the root as ``cytosol: {"format": 1}``."""
CONTAINER_VERSION = "0.2"
TABLE_VERSION = "0.2"
INDEX = "_index"
Slot = Literal["obs", "obsm"]

_DICT = {"encoding-type": "dict", "encoding-version": "0.1.0"}
_EMPTY_SLOTS = ("varm", "obsp", "varp", "layers", "uns")
_CHILDREN = {
    "categorical": ("codes", "categories"),
    "nullable-string-array": ("values", "mask"),
    "nullable-integer": ("values", "mask"),
    "nullable-boolean": ("values", "mask"),
    "csr_matrix": ("data", "indices", "indptr"),
}
_LONGEST_PATH = 56


@dataclass(frozen=True, slots=True)
class ColumnEntry:
    """A live column of ``obs``: what people call it, and its path part under ``obs/``."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class EmbeddingEntry:
    """A live embedding: what people call it, and its path part under ``obsm/``."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A live table: what people call it, what it holds, and its path part under ``tables/``.

    ``path`` may be left empty; then it is made from the name.
    """

    name: str
    columns: tuple[ColumnEntry, ...] = ()
    embeddings: tuple[EmbeddingEntry, ...] = ()
    n_cells: int = 0
    n_features: int = 0
    path: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        object.__setattr__(self, "embeddings", tuple(self.embeddings))
        object.__setattr__(self, "path", self.path or path_part(self.name))


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """Everything that the group metadata of a dataset say.

    ``extra`` is noted at the root under ``cytosol`` beside the format number (JSON values).
    """

    tables: tuple[TableSpec, ...] = ()
    plate: PlateSpec | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", tuple(self.tables))


# names and paths


def path_part(name: str) -> str:
    """Make a path part that every file system, bucket and SpatialData accept; it need not lead back to the name.

    Letters and digits of any script, ``_``, ``-`` and ``.`` stay, everything else becomes ``_``; a leading ``.`` or
    ``__`` and the reserved words change; what is too long is cut and ends in eight digits of its SHA-256.
    """
    plain = unicodedata.normalize("NFC", name)
    safe = "".join(letter if letter.isalnum() or letter in "_-." else "_" for letter in plain)
    if safe.startswith("."):
        safe = "_" + safe.lstrip(".")
    if safe.startswith("__"):
        safe = "_" + safe.lstrip("_")
    if len(safe) > _LONGEST_PATH:
        digest = hashlib.sha256(plain.encode()).hexdigest()[:8]
        safe = f"{safe[: _LONGEST_PATH - 9]}-{digest}"
    if _folded(safe) in {"", "_", INDEX, METADATA}:
        safe = f"x{safe}"
    return safe


def fresh_path(root: Store, table: str, slot: Slot, name: str) -> str:
    """A path part for a new column or embedding under which nothing lies, committed or not.

    Parameters
    ----------
    root : the dataset's store
    table : path part of the table
    slot : "obs" for a column, "obsm" for an embedding
    name : what people will call it
    """
    return free_path(name, members(root, f"tables/{table}/{slot}"))


def unique_path(name: str, id: str) -> str:
    """A path part that no other writer can choose, as the id in it belongs to one entry alone."""
    return f"{path_part(name)[:30]}-{id}"


def free_path(name: str, taken: Iterable[str]) -> str:
    """A path part for a name that differs, also in lower case, from all that are taken: ``x``, ``x-2``, ``x-3``."""
    wanted = path_part(name)
    folded = {_folded(part) for part in taken}
    path, number = wanted, 1
    while _folded(path) in folded:
        number += 1
        path = f"{wanted}-{number}"
    return path


def free_name(name: str, taken: Collection[str]) -> str:
    """The name itself, or ``name (1)``, ``name (2)`` … when it is taken; at most 255 characters."""
    if name not in taken:
        return name
    number = 1
    while True:
        suffix = f" ({number})"
        candidate = name[: 255 - len(suffix)] + suffix
        if candidate not in taken:
            return candidate
        number += 1


def _is_path_part(path: str) -> bool:
    head, tail = path[:_LONGEST_PATH], path[_LONGEST_PATH:]
    return path_part(head) == head and len(tail) < 16 and all(letter.isalnum() or letter in "_-." for letter in tail)


def _folded(part: str) -> str:
    return unicodedata.normalize("NFC", part).casefold()


# group metadata


def write_metadata(root: Store, spec: DatasetSpec) -> None:
    """Write, or rewrite, all group metadata of a dataset so that exactly the entries of ``spec`` are seen.

    Idempotent. The arrays come first: an entry without its array is refused and nothing changes for readers. A table
    turns to its new state with one object, ``tables/<path>/zarr.json``, which carries the metadata of everything
    live in it; the root comes last.

    Raises
    ------
    DamagedDataError
        Where an array that the spec names is not in the store.
    """
    _check_paths(spec)
    for table in spec.tables:
        _write_table_metadata(root, table)
    groups = [("tables", group_document({}))]
    if spec.plate is not None:
        groups += [(path, group_document(attributes)) for path, attributes in plates.plate_groups(spec.plate)]
    put_many(root, [(join(path, METADATA), json_bytes(document)) for path, document in groups])
    attributes = {
        "spatialdata_attrs": {"version": CONTAINER_VERSION},
        "cytosol": {**spec.extra, "format": FORMAT},
    }
    put_many(root, [(METADATA, json_bytes(group_document(attributes)))])


def _check_paths(spec: DatasetSpec) -> None:
    groups: list[list[str]] = [[table.path for table in spec.tables]]
    for table in spec.tables:
        groups.append([entry.path for entry in table.columns])
        groups.append([entry.path for entry in table.embeddings])
    for paths in groups:
        folded = [_folded(path) for path in paths]
        for path, low in zip(paths, folded, strict=True):
            if not _is_path_part(path) or folded.count(low) > 1:
                raise InvalidInputError(
                    f"'{path}' cannot be a path part here", do="Use path_part or fresh_path, one path for one entry"
                )


def _write_table_metadata(root: Store, table: TableSpec) -> None:
    place = f"tables/{table.path}"
    obs = {
        "encoding-type": "dataframe",
        "encoding-version": "0.2.0",
        "_index": INDEX,
        "column-order": [entry.path for entry in table.columns],
        "cytosol": {"names": {entry.path: entry.name for entry in table.columns}},
    }
    obsm = {
        **_DICT,
        "cytosol": {
            "order": [entry.path for entry in table.embeddings],
            "names": {entry.path: entry.name for entry in table.embeddings},
        },
    }
    groups: dict[str, dict[str, Any]] = {"obs": obs, "obsm": obsm, **{slot: dict(_DICT) for slot in _EMPTY_SLOTS}}
    documents = {path: group_document(notes) for path, notes in groups.items()}
    put_many(root, [(join(place, path, METADATA), json_bytes(document)) for path, document in documents.items()])
    consolidated = {**documents, **_live_documents(root, place, table)}
    attributes = {
        "encoding-type": "anndata",
        "encoding-version": "0.1.0",
        "spatialdata-encoding-type": "ngff:regions_table",
        "region": None,
        "region_key": None,
        "instance_key": None,
        "version": TABLE_VERSION,
        "cytosol": {"name": table.name, "n_cells": table.n_cells, "n_features": table.n_features},
    }
    document = group_document(attributes, {path: consolidated[path] for path in sorted(consolidated)})
    put_many(root, [(join(place, METADATA), json_bytes(document))])


def _live_documents(root: Store, place: str, table: TableSpec) -> dict[str, Any]:
    """The stored metadata of every live array and of the groups that hold its parts, by path within the table."""
    first = ["X", "var", f"obs/{INDEX}"]
    first += [f"obs/{entry.path}" for entry in table.columns] + [f"obsm/{entry.path}" for entry in table.embeddings]
    found = _fetch(root, place, first)
    second: list[str] = []
    for path, document in found.items():
        attributes = document.get("attributes", {})
        second += [f"{path}/{child}" for child in _CHILDREN.get(attributes.get("encoding-type", ""), ())]
    var = found["var"]["attributes"]
    second += [f"var/{name}" for name in [var["_index"], *var["column-order"]]]
    found |= _fetch(root, place, second)
    third: list[str] = []
    for path in second:
        kind = found[path].get("attributes", {}).get("encoding-type", "")
        third += [f"{path}/{child}" for child in _CHILDREN.get(kind, ())]
    return found | _fetch(root, place, third)


def _fetch(root: Store, place: str, paths: list[str]) -> dict[str, dict[str, Any]]:
    datas = get_many(root, [join(place, path, METADATA) for path in paths])
    found = {}
    for path, data in zip(paths, datas, strict=True):
        if data is None:
            raise DamagedDataError("An array that the dataset lists is not in its store", where=f"{place}/{path}")
        found[path] = parse_document(data, f"{place}/{path}")
    return found


# reading the metadata back


def read_format(root: Store) -> int:
    """The format number of a dataset.

    Raises
    ------
    UnsupportedFormatError
        Where the store is not one of ours, or is newer than this version reads.
    """
    noted = get_document(root, "").get("attributes", {}).get("cytosol", {})
    number = noted.get("format") if isinstance(noted, dict) else None
    if not isinstance(number, int) or not 1 <= number <= FORMAT:
        raise UnsupportedFormatError(
            f"The store has format {number}, this version reads 1 to {FORMAT}", do="Update Cytosol to read it"
        )
    return number


def read_table_spec(root: Store, table: str) -> TableSpec:
    """What the metadata of a table list, for readers that have no records at hand.

    Parameters
    ----------
    root : the dataset's store
    table : path part of the table
    """
    document = get_document(root, f"tables/{table}")
    try:
        noted = document["attributes"]["cytosol"]
        live = document["consolidated_metadata"]["metadata"]
        obs, obsm = live["obs"]["attributes"], live["obsm"]["attributes"]
        return TableSpec(
            name=noted["name"],
            columns=tuple(ColumnEntry(obs["cytosol"]["names"][path], path) for path in obs["column-order"]),
            embeddings=tuple(EmbeddingEntry(obsm["cytosol"]["names"][path], path) for path in obsm["cytosol"]["order"]),
            n_cells=noted["n_cells"],
            n_features=noted["n_features"],
            path=table,
        )
    except (KeyError, TypeError) as error:
        raise DamagedDataError("The metadata of the table are incomplete", where=f"tables/{table}") from error
