"""Who may do what: pure decisions on actor, permission and grants.

Permissions are a closed list; roles are sets of them. A role is granted to a user, a group or a built-in principal on
a folder or a study, and holds for everything below.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from cytosol.base.errors import ForbiddenError, NotFoundError, NotSignedInError
from cytosol.base.keys import Key

Scope = Literal["read", "write", "share", "admin"]
ALL_SCOPES: frozenset[Scope] = frozenset(("read", "write", "share", "admin"))
ALL_MEMBERS = "all_members"
PUBLIC = "public"


class Permission(StrEnum):
    """What can be allowed on a folder or study."""

    STUDY_READ = "study.read"
    STUDY_EDIT = "study.edit"
    STUDY_DELETE = "study.delete"
    STUDY_PUBLISH = "study.publish"
    FILE_READ = "file.read"
    FILE_UPLOAD = "file.upload"
    DATA_READ = "data.read"
    ANNOTATION_EDIT = "annotation.edit"
    GATE_EDIT = "gate.edit"
    ANALYSIS_RUN = "analysis.run"
    EXPORT = "export"
    MEMBER_MANAGE = "member.manage"


_LIMITED = frozenset((Permission.STUDY_READ, Permission.DATA_READ))
_READER = _LIMITED | {Permission.FILE_READ, Permission.EXPORT}
_EDITOR = _READER | {
    Permission.STUDY_EDIT,
    Permission.FILE_UPLOAD,
    Permission.ANNOTATION_EDIT,
    Permission.GATE_EDIT,
    Permission.ANALYSIS_RUN,
}
ROLES: dict[str, frozenset[Permission]] = {
    "limited_reader": _LIMITED,
    "reader": _READER,
    "editor": _EDITOR,
    "owner": frozenset(Permission),
}

_SCOPE_OF: dict[Permission, Scope] = {
    Permission.STUDY_READ: "read",
    Permission.FILE_READ: "read",
    Permission.DATA_READ: "read",
    Permission.EXPORT: "read",
    Permission.STUDY_PUBLISH: "share",
    Permission.MEMBER_MANAGE: "share",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a user (with the scopes of the token), an anonymous visitor, or the system itself."""

    kind: Literal["user", "anonymous", "system"]
    user_id: Key | None = None
    email: str = ""
    is_admin: bool = False
    group_ids: frozenset[Key] = frozenset()
    scopes: frozenset[Scope] = ALL_SCOPES
    request_id: str = ""

    def as_json(self) -> dict[str, Any]:
        """The actor as it is stored with a job or in the audit."""
        return {
            "kind": self.kind,
            "user_id": self.user_id.hex24 if self.user_id else None,
            "email": self.email,
            "scopes": sorted(self.scopes),
            "request_id": self.request_id,
        }


ANONYMOUS = Actor("anonymous", scopes=frozenset(("read",)))
SYSTEM = Actor("system", is_admin=True)


def require_user(actor: Actor, scope: Scope = "read") -> Key:
    """The id of the signed-in user.

    Raises
    ------
    NotSignedInError
        Where nobody is signed in.
    ForbiddenError
        Where the token lacks the scope.
    """
    if actor.user_id is None:
        raise NotSignedInError("You are not signed in", do="Sign in, or send a token of this server")
    require_scope(actor, scope)
    return actor.user_id


def require_scope(actor: Actor, scope: Scope) -> None:
    """Refuse a token that lacks the scope."""
    if scope not in actor.scopes:
        raise ForbiddenError(
            f"This token does not allow '{scope}'", do=f"Make a token with the scope '{scope}'", scope=scope
        )


def require_admin(actor: Actor) -> None:
    """Refuse everybody but administrators with the scope admin."""
    if actor.kind == "anonymous":
        raise NotSignedInError("You are not signed in", do="Sign in as an administrator")
    if not actor.is_admin:
        raise ForbiddenError("Only an administrator can do this", do="Ask an administrator of this server")
    require_scope(actor, "admin")


def permissions_of(actor: Actor, *, roles: set[str]) -> frozenset[Permission]:
    """The permissions that the roles give the actor, cut to the scopes of the token.

    Administrators hold every permission; nobody else gains one without a role.
    """
    if actor.kind == "system":
        return frozenset(Permission)
    held: frozenset[Permission] = frozenset(Permission) if actor.is_admin else frozenset()
    for role in roles:
        held |= ROLES[role]
    return frozenset(permission for permission in held if _SCOPE_OF.get(permission, "write") in actor.scopes)


def require(held: frozenset[Permission], permission: Permission, *, what: str) -> None:
    """Refuse where the permission is missing; what cannot be read does not exist for the actor.

    Parameters
    ----------
    what : the thing in words, for example "study 'PBMC 8k'"
    """
    if permission in held:
        return
    if Permission.STUDY_READ not in held:
        raise NotFoundError(f"There is no such {what.split(' ')[0]}, or it is not shared with you")
    raise ForbiddenError(
        f"You may not do this with {what}: it needs the permission '{permission}'",
        do="Ask an owner to give you a role that includes it",
        permission=str(permission),
    )
