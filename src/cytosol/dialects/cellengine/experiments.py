"""Experiments: listed, made, changed, cloned, marked, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.imports import Wanted
from cytosol.catalog.records import UNSET, Unset
from cytosol.catalog.studies import StudyFields, StudyFilter, StudyView
from cytosol.dialects.cellengine import wire
from cytosol.dialects.cellengine.calls import Asked, Call, parse, require_same
from cytosol.dialects.cellengine.experiment_documents import (
    DELETED,
    READ_ONLY,
    active_compensation,
    changed_own,
    experiment_document,
    given_comments,
    is_shown,
    people_of,
    plain_text,
    saved_exports,
)
from cytosol.dialects.cellengine.translate import NAME, given_key, given_time, own_extra, with_own

PAGE = 500
NEW_NAME = "Untitled Experiment"


async def experiment(asked: Asked) -> StudyView:
    """The live experiment in the path, of whatever rights; those that hold nothing for these clients do not exist."""
    view = await asked.catalog.studies.get(asked.actor, study_id=asked.id("experiment"))
    if not is_shown(view):
        raise NotFoundError("There is no such experiment: the study holds no cytometry")
    return view


async def documents(asked: Asked, views: Sequence[StudyView]) -> list[dict[str, Any]]:
    """Experiments as the clients read them."""
    details = await asked.catalog.study_details.of(asked.actor, study_ids=[view.study.id for view in views])
    wanted = {id for view in views for id in people_of(view)}
    people = await asked.catalog.accounts.people(asked.actor, user_ids=wanted)
    return [experiment_document(view, details[view.study.id], people) for view in views if view.study.id in details]


async def document(asked: Asked, view: StudyView) -> dict[str, Any]:
    """One experiment as the clients read it."""
    return (await documents(asked, [view]))[0]


async def list_experiments(asked: Asked) -> list[Any]:
    """The experiments that the actor may read."""
    chosen = [StudyFilter()] + ([StudyFilter(trash=True)] if asked.listing.shows_deleted else [])
    found: list[StudyView] = []
    for one in chosen:
        cursor: str | None = None
        while True:
            page = await asked.catalog.studies.list(asked.actor, chosen=one, limit=PAGE, cursor=cursor)
            found += [view for view in page.items if is_shown(view)]
            cursor = page.next
            if cursor is None:
                break
    return asked.listed(await documents(asked, found))


async def create_experiment(asked: Asked) -> dict[str, Any]:
    """Make an empty experiment."""
    said = await asked.said(wire.NewExperiment)
    given = {name: value for name in said.model_fields_set if (value := getattr(said, name)) is not None}
    await _check_researcher(asked, given)
    own = changed_own({}, given)
    description: str | None = None
    if "comments" in given:
        own["comments"] = given_comments(given["comments"])
        description = plain_text(own["comments"])
    fields = StudyFields(name=said.name or NEW_NAME, description=description, extra=with_own({}, own))
    folder_id = _folder(said.path or [])
    view = await asked.catalog.studies.create(asked.actor, fields=fields, folder_id=folder_id, origin=NAME)
    return await document(asked, view)


async def get_experiment(asked: Asked) -> dict[str, Any]:
    """One live experiment."""
    return await document(asked, await experiment(asked))


async def change_experiment(asked: Asked) -> dict[str, Any]:
    """Change properties; ``deleted`` set deletes, ``deleted: null`` brings back, whatever else is said."""
    body = await asked.body()
    said = parse(wire.ExperimentChange, body)
    given: dict[str, Any] = dict(body) if isinstance(body, dict) else {}
    if isinstance(researcher := given.get("primaryResearcher"), dict):  # as documents show it
        given["primaryResearcher"] = researcher.get("_id")
    study_id, deleted = asked.id("experiment"), given_time(said.deleted, "deleted")
    if "deleted" in given and deleted is None:
        view = await _undelete(asked, study_id)
    else:
        view = await _in_trash(asked, study_id) or await experiment(asked)
    if given.keys() - {"deleted"}:
        if given.keys() & set(READ_ONLY):
            require_same(given, await document(asked, view), READ_ONLY)
        view = await _change(asked, view, said, given)
    if deleted is not None and view.study.deleted_at is None:
        told = with_own(view.study.extra, own_extra(view.study.extra) | {DELETED: deleted})
        await asked.catalog.studies.delete(asked.actor, study_id=study_id, extra=told)
        view = await asked.catalog.studies.get(asked.actor, study_id=study_id, trash=True)
    return await document(asked, view)


async def _change(asked: Asked, view: StudyView, said: wire.ExperimentChange, given: dict[str, Any]) -> StudyView:
    await _check_researcher(asked, given)
    own = changed_own(own_extra(view.study.extra), given)
    description: str | None = None
    if "comments" in given:
        own["comments"] = given_comments(given["comments"])
        description = plain_text(own["comments"])
    chosen = active_compensation(said.activeCompensation) if "activeCompensation" in given else None
    folder_id: Key | Unset | None = _folder(said.path or []) if "path" in given else UNSET
    fields = StudyFields(
        name=said.name,
        description=description,
        locked=said.locked,
        compensation=chosen,
        extra=with_own(view.study.extra, own) if own != own_extra(view.study.extra) else None,
    )
    return await asked.catalog.studies.change(
        asked.actor,
        study_id=view.study.id,
        fields=fields,
        folder_id=folder_id,
        trash=view.study.deleted_at is not None,
    )


async def _in_trash(asked: Asked, study_id: Key) -> StudyView | None:
    try:
        return await asked.catalog.studies.get(asked.actor, study_id=study_id, trash=True)
    except NotFoundError:
        return None


async def _undelete(asked: Asked, study_id: Key) -> StudyView:
    try:
        return await asked.catalog.studies.undelete(asked.actor, study_id=study_id)
    except NotFoundError:
        return await experiment(asked)  # it was not deleted


async def delete_experiment(asked: Asked) -> Response:
    """Put an experiment into the trash; one that lies there already stays there."""
    study_id = asked.id("experiment")
    if await _in_trash(asked, study_id) is None:
        view = await experiment(asked)
        own = {name: value for name, value in own_extra(view.study.extra).items() if name != DELETED}
        told = with_own(view.study.extra, own)
        await asked.catalog.studies.delete(asked.actor, study_id=study_id, extra=told)
    return Response(status_code=204)


async def clone_experiment(asked: Asked) -> dict[str, Any]:
    """A copy of everything; the bytes of files are shared."""
    view = await experiment(asked)
    said = await asked.said(wire.Clone)
    name = said.name or f"{view.study.name[:253]}-1"
    folder_id = _folder(said.path or [])
    copy = await asked.catalog.studies.duplicate(asked.actor, study_id=view.study.id, name=name, folder_id=folder_id)
    own = own_extra(copy.study.extra) | {"cloneSourceExperiment": view.study.id.hex24}
    fields = StudyFields(extra=with_own(copy.study.extra, own))
    return await document(asked, await asked.catalog.studies.change(asked.actor, study_id=copy.study.id, fields=fields))


async def save_revision(asked: Asked) -> dict[str, Any]:
    """Mark the state of an experiment by a name; its history can be gone back to there."""
    view = await experiment(asked)
    said = await asked.said(wire.RevisionNote)
    await asked.catalog.history.mark(asked.actor, study_id=view.study.id, label=said.description)
    return await document(asked, view)


async def import_resources(asked: Asked) -> dict[str, Any]:
    """Bring gates, populations, compensations and saved statistics of another experiment."""
    view = await experiment(asked)
    said = await asked.said(wire.ImportRequest)
    source_id = given_key(said.srcExperiment, "srcExperiment")
    if source_id is None:
        raise InvalidInputError('"srcExperiment" is required')
    source = await asked.catalog.studies.get(asked.actor, study_id=source_id)
    what = said.resources
    chosen = what.compensations
    ids = [given_key(id, "compensations") for id in chosen] if isinstance(chosen, list) else []
    wanted = Wanted(
        populations=what.populations,
        compensation_ids=None if chosen is True else [id for id in ids if id is not None],
    )
    await asked.catalog.imports.bring(
        asked.actor,
        from_study=source.study.id,
        to_study=view.study.id,
        wanted=wanted,
        channels={old: new or "" for old, new in said.channelMap.items()},
        parent_id=given_key(said.dstPopulationId, "dstPopulationId"),
    )
    exports = saved_exports(own_extra(source.study.extra), what.savedStatisticExports)
    if exports:
        own = own_extra(view.study.extra)
        own["savedStatisticsExports"] = [*own.get("savedStatisticsExports", []), *exports]
        fields = StudyFields(extra=with_own(view.study.extra, own))
        await asked.catalog.studies.change(asked.actor, study_id=view.study.id, fields=fields)
    return {}


def _folder(path: list[str]) -> Key | None:
    """The folder that a path ends in; None = at the top."""
    return given_key(path[-1], "path") if path else None


async def _check_researcher(asked: Asked, given: dict[str, Any]) -> None:
    id = given_key(given.get("primaryResearcher"), "primaryResearcher")
    if id is not None and id not in await asked.catalog.accounts.people(asked.actor, user_ids=[id]):
        raise InvalidInputError('"primaryResearcher" must be the id of a user')


E = "experiments/{experiment}"
EXPERIMENT_CALLS = (
    Call("GET", "experiments", list_experiments),
    Call("POST", "experiments", create_experiment, status=201),
    Call("GET", E, get_experiment),
    Call("PATCH", E, change_experiment),
    Call("DELETE", E, delete_experiment),
    Call("POST", f"{E}/clone", clone_experiment, status=201),
    Call("POST", f"{E}/revision", save_revision),
    Call("POST", f"{E}/importResources", import_resources),
)
