"""Folders."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cytosol.catalog.records import UNSET
from cytosol.dialects.native.answers import list_answer, no_answer, record_answer
from cytosol.dialects.native.conditions import expected_version
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.studies import folder_json
from cytosol.dialects.native.wire import studies as wire
from cytosol.dialects.native.wire.common import Id, Page


class FolderRoutes(Routes):
    """Nested places for studies."""

    tag = "Folders"

    @endpoint("GET", "/folders", gives=Page[wire.FolderRecord])
    async def list_folders(self, request: Request) -> Response:
        """All folders that one may see."""
        return list_answer(await self.catalog.folders.list(actor_of(request)), folder_json)

    @endpoint("POST", "/folders", gives=wire.FolderRecord, status=201)
    async def create_folder(self, request: Request, body: wire.FolderRequest) -> Response:
        """Make a folder."""
        view = await self.catalog.folders.create(actor_of(request), name=body.name, parent_id=body.parent_id)
        return record_answer(folder_json(view), status=201)

    @endpoint("GET", "/folders/{folder_id}", gives=wire.FolderRecord)
    async def get_folder(self, request: Request, folder_id: Id) -> Response:
        """One folder."""
        return record_answer(folder_json(await self.catalog.folders.get(actor_of(request), folder_id=folder_id)))

    @endpoint("PATCH", "/folders/{folder_id}", gives=wire.FolderRecord, versioned=True)
    async def change_folder(self, request: Request, folder_id: Id, body: wire.FolderChange) -> Response:
        """Rename, reorder or move a folder."""
        view = await self.catalog.folders.change(
            actor_of(request),
            folder_id=folder_id,
            expected=expected_version(request),
            name=body.name,
            position=body.position,
            parent_id=body.parent_id if "parent_id" in body.model_fields_set else UNSET,
        )
        return record_answer(folder_json(view))

    @endpoint("DELETE", "/folders/{folder_id}", status=204, versioned=True)
    async def delete_folder(self, request: Request, folder_id: Id) -> Response:
        """Remove an empty folder; it can be brought back."""
        await self.catalog.folders.delete(actor_of(request), folder_id=folder_id, expected=expected_version(request))
        return no_answer()

    @endpoint("POST", "/folders/{folder_id}/undelete", gives=wire.FolderRecord)
    async def undelete_folder(self, request: Request, folder_id: Id) -> Response:
        """Bring back a removed folder; at the top, if the folder above is gone."""
        view = await self.catalog.folders.undelete(actor_of(request), folder_id=folder_id)
        return record_answer(folder_json(view))
