"""Datasets, tables and annotations as JSON, and submissions back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cytosol.base.keys import Key
from cytosol.catalog.annotations import Added
from cytosol.catalog.datasets import ColumnView, DatasetView, EmbeddingView, TableView
from cytosol.catalog.submissions import Batch, FileRef, Submission
from cytosol.catalog.tables import FeatureHit
from cytosol.dialects.native.translate.common import head, hex_of, time_of
from cytosol.dialects.native.wire import datasets as wire
from cytosol.model.studies import Dataset


def column_json(column: ColumnView) -> dict[str, Any]:
    """An annotation."""
    return {
        "id": column.id.hex(),
        "name": column.name,
        "kind": column.kind,
        "n_categories": column.n_categories,
        "version": column.version,
        "created_by": column.made_by.get("user"),
        "private": column.is_private,
    }


def added_json(added: Added) -> dict[str, Any]:
    """What became of annotations that were sent."""
    return {
        "columns": [column_json(column) for column in added.columns],
        "unmatched": added.unmatched,
        "missing": added.missing,
        "unmatched_examples": list(added.unmatched_examples),
        "missing_examples": list(added.missing_examples),
    }


def embedding_json(embedding: EmbeddingView) -> dict[str, Any]:
    """Coordinates of the cells."""
    return {
        "id": embedding.id.hex(),
        "name": embedding.name,
        "n_dims": embedding.n_dims,
        "version": embedding.version,
    }


def table_json(table: TableView) -> dict[str, Any]:
    """A table."""
    return {
        "name": table.name,
        "n_cells": table.n_cells,
        "n_features": table.n_features,
        "kind": table.kind,
        "normalization": table.normalization,
        "columns": [column_json(column) for column in table.columns],
        "embeddings": [embedding_json(embedding) for embedding in table.embeddings],
    }


def dataset_json(view: DatasetView) -> dict[str, Any]:
    """A dataset."""
    return {
        **_plain_json(view.dataset, view.job_id),
        "n_cells": view.n_cells if view.tables else None,
        "tables": [table_json(table) for table in view.tables],
    }


def new_dataset_json(dataset: Dataset, job_id: Key) -> dict[str, Any]:
    """A dataset that is still to be made."""
    return {**_plain_json(dataset, job_id), "n_cells": None, "tables": []}


def _plain_json(dataset: Dataset, job_id: Key | None) -> Mapping[str, Any]:
    return {
        **head(dataset),
        "study_id": dataset.study_id.hex(),
        "sample_id": hex_of(dataset.sample_id),
        "name": dataset.name,
        "state": dataset.state,
        "technology": dataset.technology,
        "data_version": dataset.data_version,
        "notes": dataset.notes,
        "lineage": dataset.lineage,
        "job_id": hex_of(job_id),
        "deleted_at": time_of(dataset.deleted_at),
        **file_facts(dataset),
    }


def file_facts(dataset: Dataset) -> dict[str, Any]:
    """What only files of cytometry have."""
    return {
        "panel": dataset.panel,
        "panel_name": dataset.panel_name,
        "is_control": dataset.is_control,
        "compensation": dataset.compensation,
        "gates_locked": dataset.gates_locked,
    }


def file_changes(said: wire.DatasetChange) -> dict[str, Any]:
    """What is changed of a file of cytometry; {} where nothing but what all datasets have."""
    names = ("panel", "panel_name", "is_control", "compensation", "gates_locked")
    return {name: value for name in names if (value := said.model_dump().get(name)) is not None}


def feature_json(hit: FeatureHit) -> dict[str, Any]:
    """A feature that was found."""
    return {
        "index": hit.index,
        "symbol": hit.symbol,
        "feature_id": hit.feature_id,
        "feature_type": hit.feature_type,
    }


def inspection_of(said: wire.InspectionRequest) -> Submission:
    """Files to be looked at."""
    return Submission(batches=batches_of(said.batches), format=said.format, matrix=said.matrix, options=said.options)


def batches_of(said: Sequence[wire.BatchRequest]) -> list[Batch]:
    """Batches of files by role."""
    return [
        Batch(batch.name, {role: FileRef(ref.upload_id, ref.storage_id, ref.path) for role, ref in batch.files.items()})
        for batch in said
    ]


def submission_of(said: wire.DatasetRequest) -> Submission:
    """What shall become of some files."""
    return Submission(
        batches=batches_of(said.batches),
        name=said.name,
        sample_id=said.sample_id,
        format=said.format,
        matrix=said.matrix,
        filters=said.filters.model_dump(exclude_none=True),
        embeddings=said.embeddings,
        parameters=said.parameters,
        options=said.options,
        technology=said.technology,
    )
