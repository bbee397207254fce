"""Projects, which are our studies: made, listed, put into the trash and brought back."""

from __future__ import annotations

from typing import Any

from cytosol.asgi.dialect import Services
from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.datasets import DatasetView
from cytosol.catalog.group_studies import Filed
from cytosol.catalog.studies import StudyFields, StudyView
from cytosol.catalog.submissions import NewStudy
from cytosol.dialects.bbrowserx import wire
from cytosol.dialects.bbrowserx.calls import Call
from cytosol.dialects.bbrowserx.translate import (
    DELETED,
    ORIGIN,
    PROJECT_COLUMNS,
    filed_under,
    is_species,
    key_of,
    listed,
    matches,
    project_item,
    study_item,
)
from cytosol.model.rights import Actor
from cytosol.model.studies import CYTOMETRY

_PAGE = 500


async def list_projects(services: Services, actor: Actor, body: wire.ProjectsRequest) -> dict[str, Any]:
    """The projects of a species in a group whose state fits; deleted ones only where they are asked for."""
    filed = filed_under(body.group_id)
    groups = services.catalog.group_studies
    views = await groups.list(actor, filed=filed, finished=False)
    if matches(DELETED, active=body.active, compare=body.compare):
        views += await groups.list(actor, filed=filed, finished=False, trash=True)
    return _page(views, body, lambda state: matches(state, active=body.active, compare=body.compare))


async def list_public(services: Services, actor: Actor, body: wire.ProjectsRequest) -> dict[str, Any]:
    """The published projects of a species, whatever group is named."""
    views = await services.catalog.group_studies.list(actor, filed="public", finished=False)
    return _page(views, body, lambda state: matches(state, active=body.active, compare=1))


def _page(views: list[StudyView], body: wire.ProjectsRequest, fits: Any) -> dict[str, Any]:
    ours = [view for view in views if not view.is_cytometry]
    items = [project_item(view) for view in ours if is_species(view.study.species, body.species)]
    items = [item for item in items if fits(item["status"])]
    shown = items[body.offset : body.offset + body.limit]
    return {"list": listed(shown, PROJECT_COLUMNS), "total": len(items)}


async def create_project(services: Services, actor: Actor, body: wire.ProjectRequest) -> dict[str, str]:
    """Make an empty project, shared with its group."""
    fields = StudyFields(
        name=body.title,
        authors=[author for author in body.author if author.strip()],
        species=body.species,
        display_id=", ".join(body.publication or ())[:255],
        extra={ORIGIN: {"group_id": body.group_id, "type": body.type, "publication": body.publication or []}},
    )
    filed: Filed = filed_under(body.group_id)
    if filed == "public":
        raise NotFoundError("Nothing can be submitted to the public projects", do="Choose another group")
    share: Any = "group" if isinstance(filed, Key) else "all_members" if filed == "all_members" else ""
    group_id = filed if isinstance(filed, Key) else None
    new = NewStudy(fields, group_id=group_id, origin=ORIGIN, share_with=share)
    return {"project_id": (await services.catalog.submissions.begin(actor, study=new)).hex32}


async def get_project(services: Services, actor: Actor, body: wire.KeyRequest) -> dict[str, Any]:
    """A project with the first of its studies."""
    view = await services.catalog.studies.get(actor, study_id=key_of(body.key, "project"))
    found = await datasets_of(services, actor, view)
    studies = [study_item(dataset, view.owner_email) for dataset in found[body.offset : body.offset + body.limit]]
    return {"project": project_item(view), "study": studies, "total": len(found)}


async def datasets_of(services: Services, actor: Actor, view: StudyView) -> list[DatasetView]:
    """All datasets of a study, also those that are being made, without files of cytometry."""
    found: list[DatasetView] = []
    cursor = None
    while True:
        page = await services.catalog.datasets.list(actor, study_id=view.study.id, limit=_PAGE, cursor=cursor)
        found += page.items
        if (cursor := page.next) is None:
            return [one for one in found if one.dataset.technology not in CYTOMETRY]


async def delete(services: Services, actor: Actor, body: wire.DeleteRequest) -> dict[str, str]:
    """Put a project or a study into the trash; the client sends both here."""
    key = key_of(body.key_id, "project or study")
    try:
        await services.catalog.studies.delete(actor, study_id=key)
    except NotFoundError:
        await services.catalog.datasets.delete(actor, dataset_id=key)
    return {"data": body.key_id}


async def restore_project(services: Services, actor: Actor, body: wire.RestoreRequest) -> dict[str, str]:
    """Bring a project back from the trash."""
    view = await services.catalog.studies.undelete(actor, study_id=key_of(body.project_id, "project"))
    return {"project_id": view.study.id.hex32}


async def restore_study(services: Services, actor: Actor, body: wire.RestoreRequest) -> dict[str, str]:
    """Bring a study back from the trash."""
    view = await services.catalog.datasets.undelete(actor, dataset_id=key_of(body.project_id, "study"))
    return {"project_id": view.dataset.id.hex32}


PROJECT_CALLS = (
    Call("openapi/project/list", wire.ProjectsRequest, list_projects),
    Call("openapi/project/list_public", wire.ProjectsRequest, list_public),
    Call("openapi/project/create", wire.ProjectRequest, create_project),
    Call("openapi/project/detail", wire.KeyRequest, get_project, "GET"),
    Call("openapi/project/stop_create_submit", wire.DeleteRequest, delete),
    Call("openapi/project/update", wire.RestoreRequest, restore_project),
    Call("openapi/study/update", wire.RestoreRequest, restore_study),
)
