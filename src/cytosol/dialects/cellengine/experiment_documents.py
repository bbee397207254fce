"""Studies as these clients see them: experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.studies import StudyView
from cytosol.catalog.study_details import StudyDetails
from cytosol.dialects.cellengine.translate import (
    compensation_said,
    compensation_value,
    given_key,
    id_of,
    own_extra,
    time_of,
    user_document,
)
from cytosol.model.people import User
from cytosol.model.studies import CYTOMETRY

KEPT: Mapping[str, Any] = {
    "data": {},
    "dataOrder": [],
    "retentionPolicy": {"history": []},
    "perFileCompensationsEnabled": False,
    "tags": [],
    "sortingSpec": {},
    "colorSpec": [],
    "savedStatisticsExports": [],
    "palettes": {},
    "annotationNameOrder": [],
    "annotationTableSortColumns": [],
    "annotationValidators": {},
    "analysisSourceExperiment": None,
    "analysisTask": None,
    "cloneSourceExperiment": None,
    "revisionSourceExperiment": None,
}
"""Properties that only these clients need, kept as they come, and what they are at first."""
DELETED = "deleted"
"""The time of deletion that a client told; the server counts from its own."""
SETTABLE = frozenset(KEPT) - {"cloneSourceExperiment", "revisionSourceExperiment"}
READ_ONLY = ("_id", "created", "uploader", "permissions", "revisions")
"""Properties that a change may repeat but not alter; the times of changes are ignored there."""


def is_shown(view: StudyView) -> bool:
    """Whether a study is an experiment here: it holds cytometry, or it is an empty one that was made here."""
    if CYTOMETRY & set(view.technologies):
        return True
    return view.study.origin == "cellengine" and view.n_datasets == 0


def people_of(view: StudyView) -> set[Key]:
    """The users that its document tells about."""
    researcher = own_extra(view.study.extra).get("primaryResearcher")
    return {view.study.owner_id, *([Key.parse(researcher)] if researcher else [])}


def experiment_document(view: StudyView, details: StudyDetails, people: Mapping[Key, User]) -> dict[str, Any]:
    """An experiment."""
    study = view.study
    own = own_extra(study.extra)
    uploader = user_document(people[study.owner_id])
    researcher = own.get("primaryResearcher")
    known = people.get(Key.parse(researcher)) if researcher else None
    return {
        "_id": study.id.hex24,
        "__v": 0,
        "name": study.name,
        "comments": comments_of(study.description, own.get("comments")),
        "created": time_of(study.created_at),
        "updated": time_of(study.updated_at),
        "deepUpdated": time_of(details.changed_at),
        "deleted": study.deleted_at and (own.get(DELETED) or time_of(study.deleted_at)),
        "uploader": uploader,
        "primaryResearcher": user_document(known) if known else uploader,
        "path": [folder.hex24 for folder in details.folders],
        "activeCompensation": compensation_value(study.compensation),
        "locked": study.locked,
        "public": study.published_at is not None,
        "permissions": [{"grantee": uploader, "roles": ["owner"]}],
        "revisions": [
            {
                "_id": mark.id.hex24,
                "description": mark.label,
                "date": time_of(mark.created_at),
                "userId": id_of(mark.actor_id),
            }
            for mark in details.marks
        ],
        **{name: own.get(name, first) for name, first in KEPT.items()},
    }


def comments_of(description: str, operations: Any) -> list[Any]:
    """The comments as rich text: as they came, unless the description was changed elsewhere since."""
    if isinstance(operations, list) and plain_text(operations) == description:
        return operations
    return [{"insert": f"{description}\n"}]


def given_comments(value: Any) -> list[Any]:
    """Comments as a list of operations: they come as text, as one operation, or as a list of them."""
    if isinstance(value, str):
        return [{"insert": value if value.endswith("\n") else f"{value}\n"}]
    operations = [value] if isinstance(value, Mapping) else value
    if not isinstance(operations, list) or not all(isinstance(one, Mapping) and "insert" in one for one in operations):
        raise InvalidInputError('"comments" must be a text or operations {"insert": text}')
    return operations


def plain_text(operations: list[Any]) -> str:
    """The text of comments without its last line end."""
    texts = [one.get("insert") for one in operations if isinstance(one, Mapping)]
    return "".join(text for text in texts if isinstance(text, str)).removesuffix("\n")


def changed_own(own: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What only these clients need, with the given properties set."""
    fresh = dict(own)
    for name in SETTABLE & said.keys():
        first, value = KEPT[name], said[name]
        if first is not None and not isinstance(value, type(first)):
            words = {bool: "a Boolean", list: "an array", dict: "an object"}
            if value == [] and isinstance(first, dict):  # R spells an empty object []
                value = {}
            elif isinstance(value, str) and isinstance(first, list):  # and an array of one text as the text
                value = [value]
            else:
                raise InvalidInputError(f'"{name}" must be {words[type(first)]}')
        fresh[name] = value
    if "primaryResearcher" in said:
        researcher = given_key(said["primaryResearcher"], "primaryResearcher")
        fresh["primaryResearcher"] = id_of(researcher)
    return fresh


def active_compensation(value: Any) -> str:
    """The compensation of a study in our words."""
    return compensation_said(value, "activeCompensation")


def saved_exports(own: Mapping[str, Any], chosen: bool | list[str]) -> list[Any]:
    """The saved statistics exports that are chosen: all, none, or those with the ids."""
    known: list[Any] = own.get("savedStatisticsExports", [])
    if isinstance(chosen, bool):
        return known if chosen else []
    return [one for one in known if isinstance(one, Mapping) and one.get("_id") in chosen]
