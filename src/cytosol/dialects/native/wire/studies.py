"""Wire models of folders, studies, sharing, samples and revisions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cytosol.dialects.native.wire.common import HexId, Id, Person, Record, Role, Time, Wire

Value = str | int | float | bool | None
Kind = Literal["text", "number", "boolean"]


class FolderRecord(Record):
    """A nested place for studies."""

    name: str
    parent_id: HexId | None
    position: int
    owner_id: HexId
    permissions: list[str]


class FolderRequest(Wire):
    """A folder to be made."""

    name: str = Field(examples=["Tumour atlas"])
    parent_id: Id | None = None


class FolderChange(Wire):
    """A change of a folder; what is left out stays, ``parent_id: null`` moves it to the top."""

    name: str | None = None
    parent_id: Id | None = None
    position: int | None = None


class Principal(Wire):
    """Who holds a role: a user or group by id or name, or all_members / public."""

    kind: Literal["user", "group", "builtin"]
    id: Id | None = None
    name: str | None = Field(None, examples=["bob@example.org"])
    """E-mail of a user, name of a group, or all_members / public."""


class PrincipalRecord(Wire):
    """Who holds a role."""

    kind: Literal["user", "group", "builtin"]
    id: HexId | None
    name: str


class Grant(Wire):
    """A role to be given."""

    principal: Principal
    role: Role


class GrantRecord(Wire):
    """A role given."""

    principal: PrincipalRecord
    role: Role


class GrantList(Wire):
    """All roles to be given on a folder or study."""

    items: list[Grant]


class StudyRecord(Record):
    """What people work on and share."""

    name: str
    display_id: str
    description: str
    authors: list[str]
    species: str
    folder_id: HexId | None
    owner: Person
    origin: str
    n_cells: int
    n_datasets: int
    technologies: list[str]
    permissions: list[str]
    """What the asker may do."""
    locked: bool
    """Whether what it holds may not be changed."""
    compensation: str
    """By which its cytometry is shown and gated: "" = not chosen, none, internal, own, or the id of one."""
    deleted_at: Time | None
    published_at: Time | None
    extra: dict[str, Any]


class StudyRequest(Wire):
    """A study to be made."""

    name: str = Field(examples=["PBMC of healthy donors"])
    description: str = ""
    authors: list[str] = Field(default_factory=list)
    species: str = "human"
    folder_id: Id | None = None
    display_id: str = ""


class StudyChange(Wire):
    """A change of a study; what is left out stays, ``folder_id: null`` moves it to the top."""

    name: str | None = None
    description: str | None = None
    authors: list[str] | None = None
    species: str | None = None
    folder_id: Id | None = None
    display_id: str | None = None
    locked: bool | None = None
    compensation: str | None = Field(None, examples=["internal"])


class DuplicateRequest(Wire):
    """A copy of a study to be made."""

    name: str | None = None
    """Null = the name of the study with ' (copy)'."""


class MarkRequest(Wire):
    """A name for the state of a study."""

    label: str = Field(examples=["as sent to the journal"])


class RevisionRecord(Wire):
    """A change that can be undone."""

    id: HexId
    created_at: Time
    study_id: HexId
    subject_kind: str
    subject_id: HexId
    actor: Person | None
    verb: str
    label: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    undone_at: Time | None


class AttributeRecord(Record):
    """A column of the sample table."""

    study_id: HexId
    name: str
    kind: Kind
    unit: str
    position: int


class AttributeRequest(Wire):
    """A column to be made."""

    name: str = Field(examples=["dose"])
    kind: Kind = "text"
    unit: str = Field("", examples=["mg"])


class AttributeChange(Wire):
    """A change of a column; what is left out stays."""

    name: str | None = None
    kind: Kind | None = None
    unit: str | None = None
    position: int | None = None


class SampleRecord(Record):
    """A row of the sample table; ``values`` by attribute id, null = missing."""

    study_id: HexId
    name: str
    position: int
    values: dict[str, Value]


class SampleRequest(Wire):
    """A row to be made."""

    name: str = Field(examples=["donor 1"])
    values: dict[Id, Value] = Field(default_factory=dict)


class SampleChange(Wire):
    """A change of a row; what is left out stays, a value of null is taken away."""

    name: str | None = None
    position: int | None = None
    values: dict[Id, Value] = Field(default_factory=dict)


class SampleTableRecord(Wire):
    """The sample table of a study."""

    attributes: list[AttributeRecord]
    samples: list[SampleRecord]


class PasteRequest(Wire):
    """Cells as a spreadsheet puts them on the clipboard."""

    text: str = Field(examples=["sample\tdose\ndonor 1\t5"])


class ImportRecord(Wire):
    """What a sample file changed."""

    created: int
    updated: int
    attributes: list[str]
    """Names of the new columns."""
