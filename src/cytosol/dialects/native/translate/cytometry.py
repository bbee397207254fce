"""Files of cytometry as JSON, and requests about them back."""

from __future__ import annotations

from typing import Any

from cytosol.catalog.derivations import Derivation
from cytosol.catalog.fcs_records import FileView
from cytosol.catalog.fcs_selection import EventChoice
from cytosol.catalog.file_exports import FileFormat, ZipRequest
from cytosol.catalog.file_names import NamedFile
from cytosol.dialects.native.translate.common import head, time_of
from cytosol.dialects.native.translate.datasets import file_facts
from cytosol.dialects.native.wire import cytometry as wire


def file_json(view: FileView) -> dict[str, Any]:
    """A file."""
    dataset = view.dataset
    return {
        **head(dataset),
        "study_id": dataset.study_id.hex(),
        "name": dataset.name,
        "technology": dataset.technology,
        "n_events": view.n_events,
        "size": view.size,
        "md5": view.md5,
        "crc32c": view.crc32c,
        "sha256": view.sha256,
        "data_set": view.data_set,
        "has_internal_compensation": view.has_internal,
        "annotations": [{"name": name, "value": value} for name, value in view.annotations],
        **file_facts(dataset),
        "notes": dataset.notes,
        "deleted_at": time_of(dataset.deleted_at),
    }


def named_json(file: NamedFile) -> dict[str, Any]:
    """What a file gets by its name."""
    return {
        "dataset_id": file.dataset_id.hex(),
        "name": file.name,
        "matches": file.matches,
        "annotations": [{"name": name, "value": value} for name, value in file.annotations.items()],
        "new_name": file.new_name,
        "problem": file.problem,
    }


def choice_of(said: wire.Events) -> EventChoice:
    """Which events are taken."""
    return EventChoice(
        population_id=said.population,
        compensation=said.compensation,
        pre_n=said.pre_n,
        pre_p=said.pre_p,
        post_n=said.post_n,
        post_p=said.post_p,
        seed=said.seed,
    )


def format_of(said: wire.FileQuery) -> FileFormat:
    """How a file is written."""
    return FileFormat(said.format, said.compensated, said.headers, said.event_number)


def derivation_of(said: wire.DeriveRequest) -> Derivation:
    """What a file is made of."""
    return Derivation(
        dataset_ids=tuple(said.dataset_ids),
        filename=said.filename,
        add_file_number=said.add_file_number,
        add_event_number=said.add_event_number,
        choice=choice_of(said),
    )


def zip_of(said: wire.ZipQuery) -> ZipRequest:
    """What an archive holds."""
    return ZipRequest(
        dataset_ids=tuple(said.dataset_ids),
        population_ids=tuple(said.populations),
        choice=choice_of(said),
        format=format_of(said),
        template=said.template,
    )
