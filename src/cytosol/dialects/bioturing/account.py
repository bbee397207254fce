"""Connection, groups and buckets of the one who holds the token."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from cytosol.asgi.responses import json_response
from cytosol.catalog.catalog import Catalog
from cytosol.dialects.bioturing import wire
from cytosol.dialects.bioturing.calls import Call
from cytosol.dialects.bioturing.translate import ALL_MEMBERS, group_items, key_of, storage_item
from cytosol.model.rights import Actor, require_user


async def check_connection(catalog: Catalog, actor: Actor, body: wire.Empty) -> Response:
    """The token is good; 1.5.3 prints the message."""
    require_user(actor)
    return json_response({"status": 200, "message": f"signed in as {actor.email}"})


async def get_user_groups(catalog: Catalog, actor: Actor, body: wire.Empty) -> list[dict[str, str]]:
    """Personal workspace, all members, and the groups of the user."""
    return group_items(await catalog.groups.list(actor))


async def get_user_s3(catalog: Catalog, actor: Actor, body: wire.Empty) -> list[dict[str, str]]:
    """The user's own buckets."""
    views = await catalog.storages.list(actor, kind="s3")
    return [storage_item(view) for view in views if view.storage.owner_id == actor.user_id]


async def get_shared_s3(catalog: Catalog, actor: Actor, body: wire.GroupRequest) -> list[dict[str, Any]]:
    """The buckets of a group, or those of all members; the personal workspace shares none."""
    views = [view for view in await catalog.storages.list(actor, kind="s3") if view.reach != "user"]
    if body.group_id == ALL_MEMBERS:
        return [storage_item(view) for view in views if view.reach == "all"]
    if body.group_id == "personal":
        return []
    group = await catalog.groups.get(actor, group_id=key_of(body.group_id, "group"))
    return [storage_item(view) for view in views if view.storage.group_id == group.group.id]


ACCOUNT_CALLS = (
    Call("test_connection", wire.Empty, check_connection),
    Call("get_user_groups", wire.Empty, get_user_groups),
    Call("get_user_s3", wire.Empty, get_user_s3),
    Call("get_shared_s3_of_group", wire.GroupRequest, get_shared_s3),
)
