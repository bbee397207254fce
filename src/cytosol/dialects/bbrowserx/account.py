"""Who holds the token, the groups, and where files lie."""

from __future__ import annotations

from typing import Any

from cytosol.asgi.dialect import Services
from cytosol.dialects.bbrowserx import wire
from cytosol.dialects.bbrowserx.calls import Call
from cytosol.dialects.bbrowserx.paths import UPLOADS, entities, storage_path
from cytosol.dialects.bbrowserx.translate import DEFAULT_GROUPS
from cytosol.model.rights import Actor

PREFIX = "/bbrowserx"


async def get_info(services: Services, actor: Actor, body: wire.Empty) -> dict[str, Any]:
    """The user, and the folder of the user's uploads."""
    user = await services.catalog.accounts.me(actor)
    root = services.settings.root_path
    return {
        "email": user.email,
        "name": user.name,
        "sub_dir": UPLOADS.strip("/"),
        "app_base_url": root or "/",
        "routing_table": {"openapi": f"{root}{PREFIX}/openapi", "pyapi": f"{root}{PREFIX}/pyapi/v1"},
        "default_mount": {"folders": [{"name": "My uploads", "path": UPLOADS}], "s3": []},
    }


async def list_groups(services: Services, actor: Actor, body: wire.Empty) -> dict[str, Any]:
    """Personal workspace, all members, and the groups of the user."""
    views = await services.catalog.groups.list(actor)
    own = [{"id": view.group.id.hex32, "name": view.group.name} for view in views if view.role]
    return {"default": DEFAULT_GROUPS, "groups": own}


async def list_mounts(services: Services, actor: Actor, body: wire.Empty) -> dict[str, Any]:
    """Mounted folders, and the buckets that others share."""
    views = await services.catalog.storages.list(actor)
    folders = [view for view in views if view.storage.kind == "folder"]
    shared = [view for view in views if view.storage.kind == "s3" and view.reach != "user"]
    return {
        name: [{"name": view.storage.name, "path": storage_path(view)} for view in found]
        for name, found in {"folders": folders, "s3": shared}.items()
    }


async def list_buckets(services: Services, actor: Actor, body: wire.PageRequest) -> list[dict[str, Any]]:
    """The user's own buckets."""
    views = await services.catalog.storages.list(actor, kind="s3")
    own = [view for view in views if view.reach == "user" and view.storage.owner_id == actor.user_id]
    return [
        {"map_settings": {"name": view.storage.name, "path": storage_path(view)}}
        for view in own[body.offset : body.offset + body.limit]
    ]


async def list_directory(services: Services, actor: Actor, body: wire.DirectoryRequest) -> dict[str, Any]:
    """What lies at a path; hidden are names that begin with a dot."""
    found = await entities(services.catalog, actor, body.path)
    return {"entities": [one for one in found if not (body.ignore_hidden and one["name"].startswith("."))]}


ACCOUNT_CALLS = (
    Call("openapi/account/info", wire.Empty, get_info, "GET"),
    Call("openapi/account/groups", wire.Empty, list_groups, "GET"),
    Call("openapi/mount/external_listing", wire.Empty, list_mounts, "GET"),
    Call("openapi/cloud/setting_list", wire.PageRequest, list_buckets),
    Call("openapi/directory/entities", wire.DirectoryRequest, list_directory),
)
