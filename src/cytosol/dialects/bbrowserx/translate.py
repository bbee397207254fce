"""The words of this client and ours: projects are our studies, its studies our datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.datasets import DatasetView
from cytosol.catalog.gene_names import species_of
from cytosol.catalog.group_studies import Filed
from cytosol.catalog.studies import StudyView
from cytosol.dialects.bbrowserx.wire import FilterParams

ORIGIN = "bbrowserx"
PERSONAL, ALL_MEMBERS = "personal", "all_members"
DEFAULT_GROUPS = {PERSONAL: "Personal workspace", ALL_MEMBERS: "All members"}
PUBLIC = "bioturing_public_studies"
CREATED, SUCCESS, PROCESSING, DELETED = 0, 1, 2, 3
_ROOT = "/projects/"
_KNOWN_SPECIES = ("human", "mouse", "primate")
PROJECT_COLUMNS = (
    "project_id", "map_publication", "title", "map_author", "map_doi_url", "description", "total_study", "total_cell",
    "created_at", "updated_at", "email_id", "species", "status", "root_path",
)  # fmt: skip
STUDY_COLUMNS = ("study_id", "title", "total_cell", "email_id", "created_at", "updated_at", "status")


def key_of(text: str, what: str) -> Key:
    """The key behind an id; one that cannot be ours is one that does not exist."""
    try:
        return Key.parse(text)
    except InvalidInputError as error:
        raise NotFoundError(f"There is no such {what}, or it is not shared with you", where=text[:64]) from error


def project_of(path: str) -> Key:
    """The study behind the ``root_path`` of a project."""
    return key_of(path.strip("/").rpartition("/")[2], "project")


def filed_under(group_id: str) -> Filed:
    """Where projects of a group are."""
    names: Mapping[str, Filed] = {PERSONAL: "personal", ALL_MEMBERS: "all_members", PUBLIC: "public"}
    return names[group_id] if group_id in names else key_of(group_id, "group")


def is_species(known: str, wanted: str) -> bool:
    """Whether a study of one species is listed under another spelling; ``others`` are all without a name here."""
    ours, name = species_of(known), species_of(wanted)
    return ours == name or (name == "others" and ours not in _KNOWN_SPECIES)


def matches(state: int, *, active: int, compare: int) -> bool:
    """Whether a state is equal to (0), not larger than (1) or larger than (2) another."""
    return (state == active, state <= active, state > active)[compare]


def project_item(view: StudyView) -> dict[str, Any]:
    """A project in a list.

    ``map_publication`` is one text: as a list it would have to have an item a study, or the client fails.
    """
    study = view.study
    state = DELETED if study.deleted_at is not None else SUCCESS if view.n_datasets else CREATED
    return {
        "project_id": study.id.hex32,
        "map_publication": study.display_id,
        "title": study.name,
        "map_author": ", ".join(study.authors),
        "map_doi_url": str(study.extra.get("doi", "")),
        "description": study.description,
        "total_study": view.n_datasets,
        "total_cell": view.n_cells,
        "created_at": study.created_at // 1_000_000,
        "updated_at": study.updated_at // 1_000_000,
        "email_id": view.owner_email,
        "species": study.species,
        "status": state,
        "root_path": f"{_ROOT}{study.id.hex32}",
    }


def study_item(view: DatasetView, email: str) -> dict[str, Any]:
    """A study in a list."""
    dataset = view.dataset
    state = DELETED if dataset.deleted_at is not None else SUCCESS if dataset.data_version else PROCESSING
    return {
        "study_id": dataset.id.hex32,
        "title": dataset.name,
        "total_cell": view.n_cells,
        "email_id": email,
        "created_at": dataset.created_at // 1_000_000,
        "updated_at": dataset.updated_at // 1_000_000,
        "status": state,
    }


def study_detail(view: DatasetView, email: str) -> dict[str, Any]:
    """A study with what can be chosen in it."""
    known = view.dataset.extra.get(ORIGIN, {})
    names = known.get("layers", {})
    main = view.tables[0] if view.tables else None
    return study_item(view, email) | {
        "project_id": view.dataset.study_id.hex32,
        "embeddings": [embedding.name for embedding in main.embeddings] if main else [],
        "metadata": [column.name for column in main.columns] if main else [],
        "layers": [names.get(table.name, table.name) for table in view.tables],
        "default_embedding": known.get("embedding"),
        "default_metadata": known.get("metadata"),
    }


def listed(items: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Any:
    """A list as the client puts it into a data frame; an empty one needs its columns."""
    return list(items) if items else {column: [] for column in columns}


def filters_of(wire: FilterParams | None) -> dict[str, float]:
    """The bounds of the cell filter in our words; null is no bound, percents become shares."""
    if wire is None:
        return {}
    found = {name: getattr(wire, name) for name in ("min_genes", "max_genes", "min_counts", "max_counts")}
    if wire.mito_controls_percentage is not None:
        found["max_mito_share"] = wire.mito_controls_percentage / 100
    return {name: value for name, value in found.items() if value is not None}
