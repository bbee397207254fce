"""Who may see and do what: roles granted on folders and studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog import audit, events
from cytosol.catalog.access import folder_access, study_access
from cytosol.catalog.context import Context
from cytosol.db import rows, studies, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_email
from cytosol.model.rights import ALL_MEMBERS, PUBLIC, ROLES, Actor, Permission

SubjectKind = Literal["folder", "study"]
PrincipalKind = Literal["user", "group", "builtin"]
PUBLIC_ROLES = ("limited_reader", "reader")


@dataclass(frozen=True, slots=True)
class GrantView:
    """A role given to somebody.

    Attributes
    ----------
    principal_kind : user, group or builtin
    principal_id : of a user or group
    principal_name : all_members or public; else the e-mail of the user or the name of the group
    """

    principal_kind: PrincipalKind
    principal_id: Key | None
    principal_name: str
    role: str


GrantViews = list[GrantView]


class Sharing:
    """Lists and replaces the grants of a folder or study; for those who may manage its members."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, actor: Actor, *, subject_kind: SubjectKind, subject_id: Key) -> GrantViews:
        """The grants given directly on it, without those inherited from above."""
        async with self._context.db.read() as conn:
            await self._require(conn, actor, subject_kind, subject_id)
            return await self._views(conn, subject_kind, subject_id)

    async def put(
        self,
        actor: Actor,
        *,
        subject_kind: SubjectKind,
        subject_id: Key,
        grants: Sequence[GrantView],
        expected: int | None = None,
    ) -> GrantViews:
        """Replace the grants; an empty list leaves the owner alone with it.

        Parameters
        ----------
        grants : users and groups by id or by name; one role each
        expected : version of the folder or study, which is raised; None = whatever it is
        """
        async with self._context.db.write() as conn:
            await self._require(conn, actor, subject_kind, subject_id)
            chosen = {}
            for number, grant in enumerate(grants, 1):
                full = await self._checked(conn, grant, where=f"grant {number}")
                who = (full.principal_kind, full.principal_id, full.principal_name)
                if who in chosen:
                    raise InvalidInputError(
                        f"'{grant.principal_name or grant.principal_id}' has two roles",
                        where=f"grant {number}",
                        do="Give one",
                    )
                chosen[who] = full
            table = tables.studies if subject_kind == "study" else tables.folders
            await rows.change(conn, table, subject_id, {}, expected=expected)
            before = await self._views(conn, subject_kind, subject_id)
            subject = {"subject_kind": subject_kind, "subject_id": subject_id}
            await rows.delete(conn, tables.grants, subject)
            for full in chosen.values():
                await rows.insert(
                    conn,
                    tables.grants,
                    **subject,
                    principal_kind=full.principal_kind,
                    principal_id=full.principal_id,
                    principal_name=full.principal_name,
                    role=full.role,
                )
            after = await self._views(conn, subject_kind, subject_id)
            detail = {"before": _told(before), "after": _told(after)}
            await audit.note(conn, actor, "share", subject_kind=subject_kind, subject_id=subject_id, detail=detail)
            await events.append(
                conn,
                f"{subject_kind}.changed",
                subject_kind=subject_kind,
                subject_id=subject_id,
                study_id=subject_id if subject_kind == "study" else None,
                owner_id=actor.user_id,
            )
        self._context.notifier.events_stored()
        return after

    async def _require(self, conn: Connection, actor: Actor, kind: SubjectKind, id: Key) -> None:
        if kind == "study":
            await study_access(conn, actor, id, Permission.MEMBER_MANAGE)
        else:
            await folder_access(conn, actor, id, Permission.MEMBER_MANAGE)

    async def _checked(self, conn: Connection, grant: GrantView, *, where: str) -> GrantView:
        """The grant with its principal found; the name is stored for built-in principals only."""
        if grant.role not in ROLES:
            raise InvalidInputError(f"'{grant.role}' is not a role", where=where, do=f"Choose of {', '.join(ROLES)}")
        if grant.principal_kind == "builtin":
            if grant.principal_name not in (ALL_MEMBERS, PUBLIC):
                raise InvalidInputError(
                    f"'{grant.principal_name}' is not a built-in principal",
                    where=where,
                    do=f"Choose {ALL_MEMBERS} or {PUBLIC}",
                )
            if grant.principal_name == PUBLIC and grant.role not in PUBLIC_ROLES:
                raise InvalidInputError(
                    f"The public cannot be {grant.role}", where=where, do=f"Choose {' or '.join(PUBLIC_ROLES)}"
                )
            return GrantView("builtin", None, grant.principal_name, grant.role)
        if grant.principal_kind not in ("user", "group"):
            raise InvalidInputError(
                f"'{grant.principal_kind}' is not a kind of principal", where=where, do="Choose user, group or builtin"
            )
        table = tables.users if grant.principal_kind == "user" else tables.groups
        if grant.principal_id is not None:
            row = await rows.get(conn, table, grant.principal_id)
        elif grant.principal_kind == "user":
            row = await rows.first(conn, table, {"email": clean_email(grant.principal_name)})
        else:
            row = await rows.first(conn, table, {"name": grant.principal_name})
        if row is None or row["deleted_at"] is not None:
            raise NotFoundError(
                f"There is no {grant.principal_kind} '{grant.principal_name or grant.principal_id}'", where=where
            )
        return GrantView(grant.principal_kind, row["id"], "", grant.role)

    async def _views(self, conn: Connection, kind: SubjectKind, id: Key) -> GrantViews:
        found = await studies.grants_on(conn, kind, id)
        ids = [row["principal_id"] for row in found if row["principal_kind"] == "group"]
        names = {row["id"]: row["name"] for row in await rows.find(conn, tables.groups, {"id": ids})} if ids else {}
        return [
            GrantView(
                row["principal_kind"],
                row["principal_id"],
                row["principal_name"] or row["email"] or names.get(row["principal_id"], ""),
                row["role"],
            )
            for row in found
        ]


def _told(grants: GrantViews) -> dict[str, str]:
    return {f"{grant.principal_kind} {grant.principal_name}": grant.role for grant in grants}
