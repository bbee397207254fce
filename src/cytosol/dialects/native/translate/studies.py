"""Folders, studies, sharing, samples and revisions as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytosol.base.keys import Key
from cytosol.base.times import to_rfc3339
from cytosol.catalog.folders import FolderView
from cytosol.catalog.samples import Imported, SampleTable, SampleView
from cytosol.catalog.sharing import GrantView
from cytosol.catalog.studies import StudyFields, StudyView
from cytosol.dialects.native.translate.common import head, hex_of, time_of
from cytosol.dialects.native.wire import studies as wire
from cytosol.model.studies import Attribute, Revision


def folder_json(view: FolderView) -> dict[str, Any]:
    """A folder."""
    folder = view.folder
    return {
        **head(folder),
        "name": folder.name,
        "parent_id": hex_of(folder.parent_id),
        "position": folder.position,
        "owner_id": folder.owner_id.hex(),
        "permissions": sorted(view.permissions),
    }


def study_json(view: StudyView) -> dict[str, Any]:
    """A study."""
    study = view.study
    return {
        **head(study),
        "name": study.name,
        "display_id": study.display_id,
        "description": study.description,
        "authors": study.authors,
        "species": study.species,
        "folder_id": hex_of(study.folder_id),
        "owner": {"id": study.owner_id.hex(), "name": view.owner_name, "email": view.owner_email},
        "origin": study.origin,
        "n_cells": view.n_cells,
        "n_datasets": view.n_datasets,
        "technologies": list(view.technologies),
        "permissions": sorted(view.permissions),
        "locked": study.locked,
        "compensation": study.compensation,
        "deleted_at": time_of(study.deleted_at),
        "published_at": time_of(study.published_at),
        "extra": study.extra,
    }


def study_fields(said: wire.StudyRequest | wire.StudyChange) -> StudyFields:
    """What a study shall say about itself."""
    return StudyFields(
        name=said.name,
        description=said.description,
        authors=said.authors,
        species=said.species,
        display_id=said.display_id,
        locked=said.locked if isinstance(said, wire.StudyChange) else None,
        compensation=said.compensation if isinstance(said, wire.StudyChange) else None,
    )


def grant_json(grant: GrantView) -> dict[str, Any]:
    """A role given."""
    principal = {
        "kind": grant.principal_kind,
        "id": hex_of(grant.principal_id),
        "name": grant.principal_name,
    }
    return {"principal": principal, "role": grant.role}


def grant_of(said: wire.Grant) -> GrantView:
    """A role to be given."""
    return GrantView(said.principal.kind, said.principal.id, said.principal.name or "", said.role)


def attribute_json(attribute: Attribute) -> dict[str, Any]:
    """A column of the sample table."""
    return {
        **head(attribute),
        "study_id": attribute.study_id.hex(),
        "name": attribute.name,
        "kind": attribute.kind,
        "unit": attribute.unit,
        "position": attribute.position,
    }


def sample_json(view: SampleView) -> dict[str, Any]:
    """A row of the sample table; only the values that are there."""
    sample = view.sample
    return {
        **head(sample),
        "study_id": sample.study_id.hex(),
        "name": sample.name,
        "position": sample.position,
        "values": {id.hex(): value for id, value in view.values.items()},
    }


def sample_table_json(table: SampleTable) -> dict[str, Any]:
    """The sample table; every row has a value or null for every column."""
    ids = [attribute.id for attribute in table.attributes]
    rows = [{**sample_json(view), "values": {id.hex(): view.values.get(id) for id in ids}} for view in table.samples]
    return {"attributes": [attribute_json(attribute) for attribute in table.attributes], "samples": rows}


def import_json(report: Imported) -> dict[str, Any]:
    """What a sample file changed."""
    return {"created": report.created, "updated": report.updated, "attributes": report.attributes}


def revision_json(revision: Revision, people: Mapping[Key, tuple[str, str]]) -> dict[str, Any]:
    """A revision.

    Parameters
    ----------
    people : name and e-mail of the actors
    """
    actor = None
    if revision.actor_id is not None and revision.actor_id in people:
        name, email = people[revision.actor_id]
        actor = {"id": revision.actor_id.hex(), "name": name or email, "email": email}
    return {
        "id": revision.id.hex(),
        "created_at": to_rfc3339(revision.created_at),
        "study_id": revision.study_id.hex(),
        "subject_kind": revision.subject_kind,
        "subject_id": revision.subject_id.hex(),
        "actor": actor,
        "verb": revision.verb,
        "label": revision.label,
        "before": revision.before,
        "after": revision.after,
        "undone_at": time_of(revision.undone_at),
    }
