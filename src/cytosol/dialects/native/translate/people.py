"""Users, tokens and groups as JSON."""

from __future__ import annotations

from typing import Any

from cytosol.base.times import to_rfc3339
from cytosol.catalog.groups import GroupView, MemberView
from cytosol.dialects.native.translate.common import head, time_of
from cytosol.model.people import Token, User


def user_json(user: User) -> dict[str, Any]:
    """A user, without what only the server knows."""
    return {
        **head(user),
        "email": user.email,
        "name": user.name,
        "is_admin": user.is_admin,
        "disabled": user.disabled_at is not None,
        "disabled_at": time_of(user.disabled_at),
    }


def token_json(token: Token) -> dict[str, Any]:
    """A token without its secret."""
    return {
        **head(token),
        "name": token.name,
        "scopes": token.scopes,
        "expires_at": time_of(token.expires_at),
        "last_used_at": time_of(token.last_used_at),
    }


def group_json(view: GroupView) -> dict[str, Any]:
    """A group."""
    return {**head(view.group), "name": view.group.name, "role": view.role, "n_members": view.n_members}


def member_json(member: MemberView) -> dict[str, Any]:
    """Somebody in a group."""
    return {
        "user_id": member.user_id.hex(),
        "email": member.email,
        "name": member.name,
        "role": member.role,
        "created_at": to_rfc3339(member.created_at),
    }
