"""Studies, and what they hold.

Times are microseconds since 1970 UTC. Fields equal the columns of the table of the same name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cytosol.base.keys import Key

CYTOMETRY = frozenset(("flow", "mass", "spectral"))
"""Technologies of the datasets that are files of cytometry."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A nested place for studies; grants on it hold for all below."""

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    parent_id: Key | None
    owner_id: Key
    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Study:
    """What people work on and share.

    Attributes
    ----------
    locked : whether what it holds may not be changed
    compensation : by which its cytometry is shown and gated where nothing else is said: "" = not chosen, "none",
        "internal" = the matrix of each file, "own" = what each dataset says, or the id of one as 24 hex digits
    """

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    folder_id: Key | None
    owner_id: Key
    group_id: Key | None
    name: str
    display_id: str
    description: str
    authors: list[str]
    species: str
    origin: str
    published_at: int | None
    locked: bool
    compensation: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A role given to a principal on a folder or study."""

    id: Key
    created_at: int
    subject_kind: str
    subject_id: Key
    principal_kind: str
    principal_id: Key | None
    principal_name: str
    role: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One biological specimen; in a plate, a well."""

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    study_id: Key
    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """A typed, ordered, named property of the samples or datasets of a study."""

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    study_id: Key
    name: str
    kind: str
    unit: str
    position: int


@dataclass(frozen=True, slots=True)
class AttributeValue:
    """The value of an attribute of one sample or dataset."""

    attribute_id: Key
    subject_kind: str
    subject_id: Key
    value: Any


@dataclass(frozen=True, slots=True)
class Dataset:
    """One measured thing: one store on disk.

    Attributes
    ----------
    panel : of cytometry, one ``{"index", "channel", "reagent"}`` a channel: index from 1 in the order of the file,
        reagent None where the channel has none
    panel_name : datasets with equal panels share it
    is_control : whether it is a control (single stain, unstained), left out where all files are meant
    compensation : the dataset's own: "" = not chosen, "none", "internal" = the matrix of its file, or the id of a
        compensation of the study as 24 hex digits
    gates_locked : whether gates may not be tailored to this dataset
    """

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    study_id: Key
    sample_id: Key | None
    name: str
    state: str
    technology: str
    data_version: int
    position: int
    notes: list[str]
    lineage: dict[str, Any]
    bytes_id: Key
    panel: list[dict[str, Any]]
    panel_name: str
    is_control: bool
    compensation: str
    gates_locked: bool


@dataclass(frozen=True, slots=True)
class Element:
    """A named member of a dataset, or a column or embedding of one of its tables.

    Immutable; live from ``since_version`` until ``until_version``.
    """

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    dataset_id: Key
    kind: str
    table_name: str
    name: str
    path: str
    since_version: int
    until_version: int | None
    position: int
    meta: dict[str, Any]
    made_by: dict[str, Any]
    job_id: Key | None
    owner_id: Key | None


@dataclass(frozen=True, slots=True)
class Revision:
    """A change that can be undone: who, when, before, after."""

    id: Key
    created_at: int
    study_id: Key
    subject_kind: str
    subject_id: Key
    actor_id: Key | None
    verb: str
    label: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    undone_at: int | None
