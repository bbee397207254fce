"""Wire models of datasets, tables and annotations."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cytosol.dialects.native.wire.common import HexId, Id, Record, Time, Wire
from cytosol.dialects.native.wire.work import JobRecord


class ColumnRecord(Wire):
    """An annotation of the cells."""

    id: HexId
    name: str
    kind: Literal["categorical", "numeric", "text"]
    n_categories: int | None
    version: int
    created_by: str | None
    """E-mail of who added it; null for one that came with the data or was computed."""
    private: bool
    """Whether only you see it."""


class EmbeddingRecord(Wire):
    """Coordinates of the cells."""

    id: HexId
    name: str
    n_dims: int
    version: int


class TableRecord(Wire):
    """Cells × features."""

    name: str
    n_cells: int
    n_features: int
    kind: Literal["counts", "normalized", "events"]
    """events: values as a cytometer measured them, one row an event."""
    normalization: Literal["log", "clr", ""]
    """What unit=lognorm gives: log-normalised counts, CLR of antibody counts, or the values as they are."""
    columns: list[ColumnRecord]
    embeddings: list[EmbeddingRecord]


class PanelEntry(Wire):
    """A channel of cytometry; ``index`` is its place in the file, from 1."""

    index: int
    channel: str
    reagent: str | None
    """What it measures, such as CD4; null = nothing is said."""


class DatasetRecord(Record):
    """One measured thing."""

    study_id: HexId
    sample_id: HexId | None
    name: str
    state: Literal["staging", "ready", "published"]
    technology: str
    data_version: int
    """Raised by every change of the data."""
    n_cells: int | None
    """Null while it is being made."""
    tables: list[TableRecord]
    notes: list[str]
    """What was detected or mended while reading."""
    lineage: dict[str, Any]
    """Of a subset: parent_id, parent_version, table, selection and n_cells; of a file made of files: source_files; else
    empty."""
    job_id: HexId | None
    deleted_at: Time | None
    panel: list[PanelEntry]
    """Of cytometry, else empty."""
    panel_name: str
    """Files with equal panels share it."""
    is_control: bool
    """Left out where all files are meant."""
    compensation: str
    """What the file is read with: none, internal (its own matrix), an id, or empty = not chosen."""
    gates_locked: bool
    """Whether gates may not be tailored to it."""


class FileReference(Wire):
    """A file that was uploaded, or a file or folder on a storage."""

    upload_id: Id | None = None
    storage_id: Id | None = None
    path: str = ""


class BatchRequest(Wire):
    """Files of one batch by role: matrix, features, barcodes; contigs of V(D)J or AIRR beside any of them."""

    name: str = Field(examples=["batch 1"])
    files: dict[str, FileReference]


class Filters(Wire):
    """Bounds of the cells that are kept, inclusive; null = no bound."""

    min_counts: float | None = None
    max_counts: float | None = None
    min_genes: float | None = None
    max_genes: float | None = None
    max_mito_share: float | None = None
    """From 0 to 1."""


class DatasetRequest(Wire):
    """A dataset to be made from files."""

    name: str = ""
    sample_id: Id | None = None
    batches: list[BatchRequest]
    format: str | None = None
    """Name of a format; null = found out from the content."""
    matrix: Literal["raw", "normalized"] = "raw"
    filters: Filters = Filters()
    embeddings: Literal["compute", "keep"] = "compute"
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Of the way from counts to clusters; GET /analyses tells them under the name pipeline."""
    options: dict[str, str] = Field(default_factory=dict)
    """For the reader of the format; GET /formats tells them."""
    technology: str = ""


class InspectionRequest(Wire):
    """Files to be looked at before they are submitted."""

    study_id: Id
    """Where they would become a dataset; its species says which genes are mitochondrial."""
    batches: list[BatchRequest]
    format: str | None = None
    """Name of a format; null = found out from the content."""
    matrix: Literal["raw", "normalized"] = "raw"
    options: dict[str, str] = Field(default_factory=dict)
    """For the reader of the format; GET /formats tells them."""


class SubmissionRecord(Wire):
    """A job and the dataset that it makes."""

    job: JobRecord
    dataset: DatasetRecord


class DatasetChange(Wire):
    """A change of a dataset; what is left out stays, ``sample_id: null`` takes it off its sample."""

    name: str | None = None
    sample_id: Id | None = None
    technology: str | None = None
    panel: list[PanelEntry] | None = None
    panel_name: str | None = None
    is_control: bool | None = None
    compensation: str | None = None
    gates_locked: bool | None = None


class FeatureRecord(Wire):
    """A feature of a table; ``index`` is its place."""

    index: int
    symbol: str
    feature_id: str
    feature_type: str


class CategoryRequest(Wire):
    """A category and its cells, by row number."""

    name: str
    color: str | None = Field(None, examples=["#1f77b4"])
    cells: list[int]


class ColumnRequest(Wire):
    """An annotation drawn by hand."""

    name: str = Field(examples=["my clusters"])
    categories: list[CategoryRequest]


class ColumnChange(Wire):
    """A change of an annotation, in this order: merge, rename, order, colors."""

    name: str | None = None
    merge: dict[str, list[str]] = Field(default_factory=dict)
    """New category to the old ones that become it."""
    rename: dict[str, str] = Field(default_factory=dict)
    """Old category to its new name."""
    order: list[str] = Field(default_factory=list)
    """All categories, or those that shall come first."""
    colors: dict[str, str] = Field(default_factory=dict)
    """Category to '#rrggbb'."""


class ColumnsAdded(Wire):
    """The new annotations."""

    columns: list[ColumnRecord]
    unmatched: int
    """Rows sent whose barcode is not in the table."""
    missing: int
    """Cells of the table for which nothing was sent."""
    unmatched_examples: list[str]
    missing_examples: list[str]
    """The first barcodes of each."""


class ExportRequest(Wire):
    """A file to be made of a table."""

    format: Literal["h5ad", "zarr", "rds"] = Field(
        "h5ad", description="h5ad; zarr: AnnData in Zarr 2, as a zip file; rds: a Seurat object for R"
    )
    table: str = Field("", description="The main table where empty; an rds file then has the others as further assays")
