"""Studies, their revisions, and who may see them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cytosol.catalog.records import UNSET
from cytosol.catalog.studies import StudyFilter
from cytosol.dialects.native.answers import answer, list_answer, no_answer, record_answer
from cytosol.dialects.native.conditions import expected_version
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.studies import (
    grant_json,
    grant_of,
    revision_json,
    study_fields,
    study_json,
)
from cytosol.dialects.native.wire import studies as wire
from cytosol.dialects.native.wire.common import Cursor, Id, Limit, Page


class StudyRoutes(Routes):
    """What people work on and share."""

    tag = "Studies"

    @endpoint("GET", "/studies/{study_id}", gives=wire.StudyRecord)
    async def get_study(self, request: Request, study_id: Id) -> Response:
        """One study."""
        return record_answer(study_json(await self.catalog.studies.get(actor_of(request), study_id=study_id)))

    @endpoint("GET", "/studies", gives=Page[wire.StudyRecord])
    async def list_studies(  # noqa: PLR0917 (a query's parameters)
        self,
        request: Request,
        search: str = "",
        species: str = "",
        folder_id: Id | None = None,
        trash: bool = False,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        """The studies that one may see, newest first.

        ``trash=true`` shows the deleted ones that one may bring back.
        """
        chosen = StudyFilter(search=search, species=species, folder_id=folder_id, trash=trash)
        page = await self.catalog.studies.list(actor_of(request), chosen=chosen, limit=limit, cursor=cursor)
        return list_answer(page.items, study_json, page.next)

    @endpoint("POST", "/studies", gives=wire.StudyRecord, status=201)
    async def create_study(self, request: Request, body: wire.StudyRequest) -> Response:
        """Make an empty study."""
        view = await self.catalog.studies.create(actor_of(request), fields=study_fields(body), folder_id=body.folder_id)
        return record_answer(study_json(view), status=201)

    @endpoint("PATCH", "/studies/{study_id}", gives=wire.StudyRecord, versioned=True)
    async def change_study(self, request: Request, study_id: Id, body: wire.StudyChange) -> Response:
        """Change what a study says about itself, or move it to a folder."""
        view = await self.catalog.studies.change(
            actor_of(request),
            study_id=study_id,
            fields=study_fields(body),
            expected=expected_version(request),
            folder_id=body.folder_id if "folder_id" in body.model_fields_set else UNSET,
        )
        return record_answer(study_json(view))

    @endpoint("DELETE", "/studies/{study_id}", status=204, versioned=True)
    async def delete_study(self, request: Request, study_id: Id) -> Response:
        """Put a study into the trash."""
        await self.catalog.studies.delete(actor_of(request), study_id=study_id, expected=expected_version(request))
        return no_answer()

    @endpoint("POST", "/studies/{study_id}/undelete", gives=wire.StudyRecord)
    async def undelete_study(self, request: Request, study_id: Id) -> Response:
        """Bring a study back from the trash."""
        return record_answer(study_json(await self.catalog.studies.undelete(actor_of(request), study_id=study_id)))

    @endpoint("POST", "/studies/{study_id}/duplicate", gives=wire.StudyRecord, status=201)
    async def duplicate_study(
        self, request: Request, study_id: Id, body: wire.DuplicateRequest | None = None
    ) -> Response:
        """Copy a study; the bytes are shared."""
        view = await self.catalog.studies.duplicate(
            actor_of(request), study_id=study_id, name=body.name if body else None
        )
        return record_answer(study_json(view), status=201)

    @endpoint("GET", "/studies/{study_id}/revisions", gives=Page[wire.RevisionRecord])
    async def list_revisions(
        self, request: Request, study_id: Id, limit: Limit = 100, cursor: Cursor = None
    ) -> Response:
        """The changes of a study, newest first."""
        history = self.catalog.history
        page = await history.list(actor_of(request), study_id=study_id, limit=limit, cursor=cursor)
        people = await history.people(page.items)
        return list_answer(page.items, lambda revision: revision_json(revision, people), page.next)

    @endpoint("POST", "/studies/{study_id}/revisions", gives=wire.RevisionRecord, status=201)
    async def mark_study(self, request: Request, study_id: Id, body: wire.MarkRequest) -> Response:
        """Give the state of a study a name, to go back to it later."""
        made = await self.catalog.history.mark(actor_of(request), study_id=study_id, label=body.label)
        return answer(revision_json(made, await self.catalog.history.people([made])), status=201)

    @endpoint("POST", "/revisions/{revision_id}/undo", gives=wire.RevisionRecord, status=201)
    async def undo_revision(self, request: Request, revision_id: Id) -> Response:
        """Undo one change; undoing is a revision, too."""
        made = await self.catalog.history.undo(actor_of(request), revision_id=revision_id)
        return answer(revision_json(made, await self.catalog.history.people([made])), status=201)

    @endpoint("POST", "/revisions/{revision_id}/go-back", gives=Page[wire.RevisionRecord], status=201)
    async def go_back(self, request: Request, revision_id: Id) -> Response:
        """Bring a study back to where it was at a mark, or just after a change: every later change is undone, or none.

        What was done for it is answered, newest first; each of it is a revision, too.
        """
        history = self.catalog.history
        made = await history.go_back(actor_of(request), revision_id=revision_id, whole_study=True)
        people = await history.people(made)
        return list_answer(made, lambda revision: revision_json(revision, people), status=201)


class SharingRoutes(Routes):
    """Who may see and do what."""

    tag = "Sharing"

    @endpoint("GET", "/studies/{study_id}/grants", gives=Page[wire.GrantRecord])
    async def list_study_grants(self, request: Request, study_id: Id) -> Response:
        """The roles given on a study, without those of its folder."""
        found = await self.catalog.sharing.list(actor_of(request), subject_kind="study", subject_id=study_id)
        return list_answer(found, grant_json)

    @endpoint("PUT", "/studies/{study_id}/grants", gives=Page[wire.GrantRecord], versioned=True)
    async def put_study_grants(self, request: Request, study_id: Id, body: wire.GrantList) -> Response:
        """Replace the roles given on a study.

        If-Match is the version of the study, which is raised.
        """
        made = await self.catalog.sharing.put(
            actor_of(request),
            subject_kind="study",
            subject_id=study_id,
            grants=[grant_of(grant) for grant in body.items],
            expected=expected_version(request),
        )
        return list_answer(made, grant_json)

    @endpoint("GET", "/folders/{folder_id}/grants", gives=Page[wire.GrantRecord])
    async def list_folder_grants(self, request: Request, folder_id: Id) -> Response:
        """The roles given on a folder, without those of the folders above."""
        found = await self.catalog.sharing.list(actor_of(request), subject_kind="folder", subject_id=folder_id)
        return list_answer(found, grant_json)

    @endpoint("PUT", "/folders/{folder_id}/grants", gives=Page[wire.GrantRecord], versioned=True)
    async def put_folder_grants(self, request: Request, folder_id: Id, body: wire.GrantList) -> Response:
        """Replace the roles given on a folder; they hold for everything below.

        If-Match is the version of the folder, which is raised.
        """
        made = await self.catalog.sharing.put(
            actor_of(request),
            subject_kind="folder",
            subject_id=folder_id,
            grants=[grant_of(grant) for grant in body.items],
            expected=expected_version(request),
        )
        return list_answer(made, grant_json)
