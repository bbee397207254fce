"""Requests as bioflex sends them; what the client got as an id comes back as it was sent."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Wire(BaseModel):
    """A JSON object of a request; further keys are ignored."""

    model_config = ConfigDict(extra="ignore")


class Empty(Wire):
    """A request without fields."""


class DatabaseRequest(Wire):
    """Names a database."""

    database: str
    species: str = ""
    version: int = 1


class HashRequest(DatabaseRequest):
    """``study/get``: names a study by the id that people know."""

    hash_id: str


class SummaryRequest(DatabaseRequest):
    """``expression/celltypes``."""

    gene_names: list[str]


class StudyRequest(DatabaseRequest):
    """Names a study by the id that ``study/get`` gave."""

    study_idx: str


class GenesRequest(StudyRequest):
    """``study/query_genes``."""

    gene_names: list[str] = Field(default_factory=list)
    unit: str = "raw"


class MatrixRequest(StudyRequest):
    """``study/get_matrix``."""

    unit: str = "raw"


class ExportRequest(StudyRequest):
    """``study/export_study``; the client's default is the text 'str'."""

    export_format: str = "str"


class FieldRequest(StudyRequest):
    """``study/fetch_metadata``."""

    field_idx: int
