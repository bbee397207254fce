"""The one place where a verb asks what the actor may do with a study or folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cytosol.base.errors import ConflictError, ForbiddenError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.records import to
from cytosol.db import rights, rows, tables
from cytosol.db.connections import Connection
from cytosol.model.rights import Actor, Permission, permissions_of, require
from cytosol.model.studies import Dataset, Folder, Study

_CHANGES = frozenset((Permission.STUDY_EDIT, Permission.FILE_UPLOAD, Permission.ANNOTATION_EDIT, Permission.GATE_EDIT))
"""What nobody may do in a study that is locked."""


@dataclass(frozen=True, slots=True)
class StudyAccess:
    """A study, and what the actor may do with it."""

    study: Study
    held: frozenset[Permission]

    def require(self, permission: Permission) -> None:
        """Refuse where the permission is missing, or the study is locked against such a change."""
        self.require_held(permission)
        if self.study.locked and permission in _CHANGES:
            raise ConflictError(f"The study '{self.study.name}' is locked", do="Unlock it first", field="locked")

    def require_held(self, permission: Permission) -> None:
        """Refuse where the permission is missing, whether the study is locked or not."""
        require(self.held, permission, what=f"study '{self.study.name}'")


def who(actor: Actor) -> rights.Who:
    """The actor as the database looks up rights."""
    return rights.Who(actor.user_id, actor.group_ids, sees_all=actor.kind == "system" or actor.is_admin)


async def study_access(
    conn: Connection, actor: Actor, study_id: Key, permission: Permission, *, deleted: bool | None = False
) -> StudyAccess:
    """The study, if the actor holds the permission on it.

    Parameters
    ----------
    deleted : False = it has to be live, True = it has to be in the trash, None = both

    Raises
    ------
    NotFoundError
        Where there is none that the actor may read.
    ForbiddenError
        Where the actor may read it, but lacks the permission.
    """
    row = await rows.get(conn, tables.studies, study_id)
    if row is None or (deleted is not None and (row["deleted_at"] is not None) != deleted):
        raise NotFoundError("There is no such study, or it is not shared with you")
    if actor.is_admin or (actor.user_id is not None and row["owner_id"] == actor.user_id):
        roles = {"owner"}  # holds everything already: nothing to look up
    else:
        roles = await rights.roles_on_study(conn, study_id, who(actor))
    access = StudyAccess(to(Study, row), permissions_of(actor, roles=roles))
    access.require(permission)
    return access


async def dataset_access(
    conn: Connection, actor: Actor, dataset_id: Key, permission: Permission, *, deleted: bool | None = False
) -> tuple[Dataset, StudyAccess]:
    """The dataset and its live study, if the actor holds the permission on the study.

    Parameters
    ----------
    deleted : False = the dataset has to be live, True = it has to be in the trash, None = both
    """
    row = await rows.get(conn, tables.datasets, dataset_id)
    if row is None or (deleted is not None and (row["deleted_at"] is not None) != deleted):
        raise NotFoundError("There is no such dataset, or it is not shared with you")
    try:
        access = await study_access(conn, actor, row["study_id"], permission)
    except NotFoundError as error:
        raise NotFoundError("There is no such dataset, or it is not shared with you") from error
    return to(Dataset, row), access


async def folder_access(
    conn: Connection, actor: Actor, folder_id: Key, permission: Permission
) -> tuple[Folder, frozenset[Permission]]:
    """The live folder and what the actor may do with it, if the actor holds the permission."""
    row = await rows.get(conn, tables.folders, folder_id)
    if row is None or row["deleted_at"] is not None:
        raise NotFoundError("There is no such folder, or it is not shared with you")
    roles = await rights.roles_on_folder(conn, folder_id, who(actor))
    held = permissions_of(actor, roles=roles)
    require(held, permission, what=f"folder '{row['name']}'")
    return to(Folder, row), held


async def deleted_folder(conn: Connection, actor: Actor, folder_id: Key) -> Folder:
    """The removed folder, if the actor may bring it back."""
    row = await rows.get(conn, tables.folders, folder_id)
    if row is None or row["deleted_at"] is None:
        raise NotFoundError("There is no such folder in the trash, or it is not shared with you")
    held = permissions_of(actor, roles=await rights.roles_on_folder(conn, folder_id, who(actor)))
    require(held, Permission.STUDY_DELETE, what=f"folder '{row['name']}'")
    return to(Folder, row)


async def permissions_on_studies(
    conn: Connection, actor: Actor, study_ids: Iterable[Key]
) -> dict[Key, frozenset[Permission]]:
    """What the actor may do with each of the studies."""
    ids = list(study_ids)
    found = await rights.roles_on_studies(conn, ids, who(actor))
    return {id: permissions_of(actor, roles=found.get(id, set())) for id in ids}


def require_readable_lists(actor: Actor) -> None:
    """Refuse a token without the scope 'read' where a list would come out empty for no visible reason."""
    if "read" not in actor.scopes:
        raise ForbiddenError("This token does not allow 'read'", do="Make a token with the scope 'read'", scope="read")
