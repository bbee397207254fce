"""Requests as ``bbrowserx_connector`` sends them, in addresses, forms and JSON; form values come as text."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, Json, field_validator


class Wire(BaseModel):
    """The fields of a request; others are ignored."""

    model_config = ConfigDict(extra="ignore")


class Empty(Wire):
    """A request without fields."""


class PageRequest(Wire):
    """Which part of a list."""

    limit: int = Field(50, ge=0)
    offset: int = Field(0, ge=0)


class KeyRequest(PageRequest):
    """Names a project or a study."""

    key: str


class DirectoryRequest(Wire):
    """``directory/entities``."""

    path: str = "/"
    ignore_hidden: bool = True


class ProjectsRequest(PageRequest):
    """``project/list``: ``compare`` says how the state of a project is compared with ``active``."""

    group_id: str
    species: str
    active: int = 2
    compare: int = Field(1, ge=0, le=2)


class ProjectRequest(Wire):
    """``project/create``; ``publication`` are the ids that the user gives the datasets."""

    group_id: str
    species: str
    title: str
    author: list[str] = Field(default_factory=list)
    publication: list[str] | None = None
    type: int = 1


class FilterParams(Wire):
    """Bounds of the cell filter; the mitochondrial one in percent."""

    min_genes: float | None = None
    max_genes: float | None = None
    min_counts: float | None = None
    max_counts: float | None = None
    mito_controls_percentage: float | None = None


class SubmittedFile(Wire):
    """A file of a batch: what it is, and its path on the server."""

    key: str
    value: str


class SubmittedBatch(Wire):
    """One item of ``submission_info``."""

    name: str = ""
    format: str
    files: list[SubmittedFile]


class StudyRequest(Wire):
    """``study/create``: two fields are JSON inside the JSON."""

    project_id: str
    name: str
    normalize: bool = True
    filter_params: Json[FilterParams] | None = None
    submission_info: Json[list[SubmittedBatch]]

    @field_validator("filter_params", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return value or None


class DeleteRequest(Wire):
    """``project/stop_create_submit``: a project or a study."""

    key_id: str
    cleanup_flg: bool = False


class RestoreRequest(Wire):
    """``project/update`` and ``study/update``: the id of either is called ``project_id``."""

    project_id: str
    enable_status: int = 1


class ConvertRequest(Wire):
    """``study/convert_from_bbx``."""

    project_id: str
    name: str
    bbx_id: str


class StudyPathRequest(Wire):
    """Names a study of the project at a path."""

    project_path: str
    study_id: str


class MetadataRequest(StudyPathRequest):
    """``metadata/import_metadata``."""

    metadata_path: str


class DefaultsRequest(StudyPathRequest):
    """``study/update_default_info``; what is null stays as it is."""

    embedding: str | None = None
    metadata: str | None = None


class TermsRequest(StudyPathRequest):
    """``ontology/list_term_mapping``."""

    ontology_id: str = ""


class LayerRequest(StudyPathRequest):
    """``study/rename_layer``."""

    layer: str
    new_layer: str


class UploadedFile(Wire):
    """The fields of ``upload/simple`` beside the file; an empty ``unique_id`` opens a folder."""

    folder_name: str = ""
    unique_id: str = ""
    is_chunk: bool = False


class ChunkStart(Wire):
    """``upload/chunk/start``."""

    folder_name: str = ""


class Chunk(Wire):
    """The fields of ``upload/chunk/process`` beside the bytes; ``offset`` is where the chunk ends."""

    folder_name: str = ""
    unique_id: str
    name: str
    file_size: int = Field(ge=0)
    offset: int = Field(ge=0)


class ChunkMerge(Wire):
    """``upload/chunk/merge``."""

    folder_name: str = ""
    unique_id: str
    name: str
    move_to_parent: bool = True


class FolderFinish(Wire):
    """``upload/folder_finish``; nested folders send an empty name."""

    folder_name: str = ""
    unique_id: str
