"""Wire models of files of cytometry."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cytosol.dialects.native.wire.common import HexId, Id, Record, Time, Wire
from cytosol.dialects.native.wire.datasets import PanelEntry

Value = str | float | bool | None


class FileAnnotation(Wire):
    """Something said about a whole file, such as its well."""

    name: str
    value: Value


class FileRecord(Record):
    """A file of cytometry; its id is that of the dataset."""

    study_id: HexId
    name: str
    technology: Literal["flow", "spectral", "mass"] | str
    n_events: int
    size: int
    """Bytes of the file as it was given; of one with several data sets, of the whole."""
    md5: str
    crc32c: str
    sha256: str
    data_set: int
    """Which data set of its file it is, from 1."""
    has_internal_compensation: bool
    """Whether the file has a spillover matrix."""
    annotations: list[FileAnnotation]
    panel: list[PanelEntry]
    panel_name: str
    is_control: bool
    compensation: str
    gates_locked: bool
    notes: list[str]
    """What was mended while reading."""
    deleted_at: Time | None


class FileRequest(Wire):
    """A complete upload that becomes files of a study."""

    upload_id: Id
    filename: str = ""
    """What the file is called; empty = as it was uploaded."""


class Keyword(Wire):
    """A keyword of a file and its value, as the file spells them."""

    name: str
    value: str


class PanelChange(Wire):
    """Reagents of channels of many files."""

    dataset_ids: list[Id] = Field(default_factory=list)
    """None = all files of the study."""
    reagents: dict[str, str | None]
    """Channel to reagent; null takes it away."""
    panel_name: str = ""
    """Empty = that of files with the same panel, else a new one."""


class AnnotationsRequest(Wire):
    """All annotations of a file, in order; they replace what it has."""

    annotations: list[FileAnnotation]


class NamePattern(Wire):
    """What the names of files say about them, and what the files shall be called."""

    pattern: str
    """Fields in braces, such as ``{plate}_{well}_{donor}.fcs``; or a regular expression with groups ``(?P<name>…)``."""
    rename: str = ""
    """New name with fields in braces, of the pattern or of what a file is annotated with; empty = names stay."""
    dataset_ids: list[Id] = Field(default_factory=list)
    """None = all files of the study."""
    preview: bool = True
    """Only tell what would be done."""


class NamedFile(Wire):
    """What a file gets."""

    dataset_id: HexId
    name: str
    matches: bool
    """Whether the pattern fits the whole name; where not, the file stays as it is."""
    annotations: list[FileAnnotation]
    """That are set; others that the file has stay."""
    new_name: str
    """Empty = it keeps its name."""
    problem: str
    """Why it cannot be done; empty = it can."""


class Events(Wire):
    """Which events are taken."""

    population: Id | None = None
    """Whose events; null = all."""
    compensation: str = "own"
    """What gates are read with: none, internal, own, or an id."""
    pre_n: int | None = Field(None, ge=0)
    """So many at random, before the population is looked at."""
    pre_p: float | None = Field(None, ge=0, le=1)
    """Such a share at random, before the population is looked at."""
    post_n: int | None = Field(None, ge=0)
    """So many at random, of the population."""
    post_p: float | None = Field(None, ge=0, le=1)
    """Such a share at random, of the population."""
    seed: float = 0
    """The same seed takes the same events."""


class FileQuery(Events):
    """How a file is written."""

    format: Literal["fcs", "tsv", "original"] = "fcs"
    """fcs: FCS 3.1; tsv: text; original: the file as it was given, whatever else is said."""
    compensated: bool = False
    """tsv: compensated values; fcs: values stay, and the matrix is written as that of the file."""
    headers: bool = True
    """tsv: names of the channels in the first line."""
    event_number: bool = False
    """A last column with the number of each event in its file, from 1."""


class DeriveRequest(Events):
    """A new file made of files: one is copied, several are joined."""

    dataset_ids: list[Id]
    filename: str = ""
    add_file_number: bool = False
    """A column FileNumber with the number of the source, from 1, and noise of ±0.25."""
    add_event_number: bool = False
    """A column EventNumber with the number of the event in its source, from 1."""


class ZipQuery(FileQuery):
    """Which files an archive holds, and how they are written."""

    population: None = None
    """Say ``populations``."""
    dataset_ids: list[Id] = Field(default_factory=list)
    """None = all files of the study but controls."""
    populations: list[Id | None] = Field(default_factory=list)
    """Each of them of each file; null = all events."""
    template: str = "{file}"
    """Name of each entry; {file}, {file_id}, {population} and {population_id} stand for these."""
