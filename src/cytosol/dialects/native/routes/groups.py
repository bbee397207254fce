"""Groups and their members."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cytosol.dialects.native.answers import list_answer, no_answer, record_answer
from cytosol.dialects.native.conditions import expected_version
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.people import group_json, member_json
from cytosol.dialects.native.wire import people as wire
from cytosol.dialects.native.wire.common import Id, Page


class GroupRoutes(Routes):
    """Groups of people."""

    tag = "People"

    @endpoint("GET", "/groups", gives=Page[wire.GroupRecord])
    async def list_groups(self, request: Request) -> Response:
        """One's own groups; all for administrators."""
        return list_answer(await self.catalog.groups.list(actor_of(request)), group_json)

    @endpoint("POST", "/groups", gives=wire.GroupRecord, status=201)
    async def create_group(self, request: Request, body: wire.GroupRequest) -> Response:
        """Make a group and be its owner."""
        view = await self.catalog.groups.create(actor_of(request), name=body.name)
        return record_answer(group_json(view), status=201)

    @endpoint("GET", "/groups/{group_id}", gives=wire.GroupRecord)
    async def get_group(self, request: Request, group_id: Id) -> Response:
        """One group."""
        return record_answer(group_json(await self.catalog.groups.get(actor_of(request), group_id=group_id)))

    @endpoint("PATCH", "/groups/{group_id}", gives=wire.GroupRecord, versioned=True)
    async def change_group(self, request: Request, group_id: Id, body: wire.GroupRequest) -> Response:
        """Rename a group."""
        view = await self.catalog.groups.change(
            actor_of(request), group_id=group_id, name=body.name, expected=expected_version(request)
        )
        return record_answer(group_json(view))

    @endpoint("DELETE", "/groups/{group_id}", status=204, versioned=True)
    async def delete_group(self, request: Request, group_id: Id) -> Response:
        """Dissolve a group."""
        await self.catalog.groups.delete(actor_of(request), group_id=group_id, expected=expected_version(request))
        return no_answer()

    @endpoint("GET", "/groups/{group_id}/members", gives=Page[wire.MemberRecord])
    async def list_members(self, request: Request, group_id: Id) -> Response:
        """Who is in a group."""
        return list_answer(await self.catalog.groups.members(actor_of(request), group_id=group_id), member_json)

    @endpoint("PUT", "/groups/{group_id}/members/{user_id}", status=204)
    async def put_member(self, request: Request, group_id: Id, user_id: Id, body: wire.MemberRequest) -> Response:
        """Take somebody into a group, or give another role."""
        await self.catalog.groups.put_member(actor_of(request), group_id=group_id, user_id=user_id, role=body.role)
        return no_answer()

    @endpoint("DELETE", "/groups/{group_id}/members/{user_id}", status=204)
    async def remove_member(self, request: Request, group_id: Id, user_id: Id) -> Response:
        """Take somebody out of a group; everybody may leave."""
        await self.catalog.groups.remove_member(actor_of(request), group_id=group_id, user_id=user_id)
        return no_answer()
