"""Requests as BioTuring's Python clients send them; keys that a release does not send have its defaults."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Wire(BaseModel):
    """A JSON object of a request; keys that later releases may add are ignored."""

    model_config = ConfigDict(extra="ignore")


class Empty(Wire):
    """A request without fields."""


class GroupRequest(Wire):
    """Names a group."""

    group_id: str


class GroupStudiesRequest(GroupRequest):
    """Names a species in a group."""

    species: str


class StudyRequest(Wire):
    """Names a study by its uuid."""

    species: str = "human"
    study_id: str


class GenesRequest(StudyRequest):
    """``study/query_genes``: an empty list means all genes; a bare string means one."""

    gene_names: list[str] = Field(default_factory=list)
    unit: str = "raw"

    @field_validator("gene_names", mode="before")
    @classmethod
    def _one_name(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class MetadataRequest(StudyRequest):
    """``study/get_metadata`` and ``study/get_metadata_fields``; no fields means all."""

    group_id: str | None = None
    fields: list[str] = Field(default_factory=list)


class EmbeddingRequest(StudyRequest):
    """Names an embedding of a study."""

    embedding_id: str


class MetadataFrameRequest(StudyRequest):
    """``submit_metadata_dataframe``: ``barcodes`` and one list a column."""

    group_id: str = ""
    metadata_dct: dict[str, list[Any]]


class MetadataFileRequest(StudyRequest):
    """``submit_metadata_s3`` and ``submit_metadata_from_shared_s3``."""

    group_id: str = ""
    file_path: str
    s3_id: str | None = None
    shared_s3_id: str | None = None


class FilterParams(Wire):
    """Bounds of the cell filter; ``"unk"`` (processed folders) counts as no bound."""

    min_counts: float = 0
    min_genes: float = 0
    max_counts: float = 1e9
    max_genes: float = 1e9
    mt_percentage: float = 1.0
    neg_controls_percentage: float = 100.0

    @field_validator("*", mode="before")
    @classmethod
    def _unknown(cls, value: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].default if value in ("unk", None) else value


class StudyInfo(Wire):
    """What the user says about the study."""

    study_hash_id: str = ""
    name: str = "TBD"
    authors: list[str] = Field(default_factory=list)
    abstract: str = ""

    @field_validator("authors", mode="before")
    @classmethod
    def _no_authors(cls, value: Any) -> Any:
        return [] if value is None else value


class SubmitRequest(Wire):
    """The submissions of all connectors; ``study_type`` is an int (BBrowserX, Lens Bulk) or a text (Lens SC)."""

    species: str = "human"
    group_id: str
    study_type: int | str = 2
    platform: int | None = None
    normalize: bool = False
    skip_dimred: bool = False
    filter_params: FilterParams = Field(default_factory=FilterParams)
    study_info: StudyInfo = Field(default_factory=StudyInfo)
    batch_info: dict[str, dict[str, Any]] | list[str] = Field(default_factory=list)
    s3_id: str | None = None
    shared_s3_id: str | None = None
    shared_folder_path: str = ""
    study_path: str = ""

    @field_validator("batch_info", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        """1.5.3 sends a list of batches for proteomics."""
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            return {str(item.get("name", number)): item for number, item in enumerate(value)}
        return value


class TaskRequest(Wire):
    """Names a task."""

    task_id: str
    group_id: str = ""


class ExportRequest(StudyRequest):
    """``export_study``; 2 = h5ad, 5 = rds."""

    group_id: str = ""
    context: list[Any] = Field(default_factory=list)
    study_type: int = 2


class AddFileRequest(Wire):
    """``add_file_upload``."""

    folder_id: str
    n_chunks: int = Field(ge=0)
    original_file_name: str


class ChunkParams(Wire):
    """The part ``params`` of ``upload_chunk``."""

    folder_id: str
    id: str
    chunk: int = Field(ge=0)
    n_chunks: int = Field(ge=1)


class UploadParams(Wire):
    """The part ``params`` of ``upload``, with which 1.1.1 sends a whole file."""

    name: str
    file_id: str


class OntologiesRequest(Wire):
    """``get_ontologies``."""

    species: str = "human"
    group_id: str = ""


class AssignTermRequest(StudyRequest):
    """``study/assign_standardized_term``: ``group`` is a column and ``name`` a value in it."""

    group_id: str = ""
    group: str
    name: str
    root_id: str
    leaf_id: str


class StdMetadataRequest(Wire):
    """``export_std_metadata``; null means all studies."""

    study_ids: list[str] | None = None
