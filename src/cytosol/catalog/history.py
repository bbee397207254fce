"""Revisions: who changed what and when, undo of one, and the way back to an earlier one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog import events
from cytosol.catalog.access import StudyAccess, study_access
from cytosol.catalog.context import Context
from cytosol.catalog.gate_limits import require_free
from cytosol.catalog.records import Page, all_to, check_limit, decode_key_cursor, page_of, to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission
from cytosol.model.studies import Revision

Values = Mapping[str, Any]
Revisions = list[Revision]
_EVENTS = {"annotation": "annotation.changed", "dataset": "dataset.changed"}
_STUDY_EVENTS = dict.fromkeys(("gate", "population", "compensation", "scale_set", "gating"), "gate.changed")
"""What watchers are told, of the thing or of its study; changes of everything else are changes of the study."""


class Subject(Protocol):
    """A kind of thing whose changes can be undone.

    Attributes
    ----------
    kind : the subject kind of its revisions
    permission : what an actor needs to restore it
    """

    @property
    def kind(self) -> str: ...
    @property
    def permission(self) -> Permission: ...

    async def current(self, conn: Connection, subject_id: Key, like: Values) -> Values:
        """What the fields named in ``like`` hold now, in the same spelling; {} where the thing is gone."""
        ...

    async def restore(self, conn: Connection, actor: Actor, subject_id: Key, values: Values) -> None:
        """Set the fields."""
        ...

    async def restored(self, subject_id: Key) -> None:
        """Called after the commit."""
        ...


async def record(
    conn: Connection,
    actor: Actor,
    verb: str,
    *,
    study_id: Key,
    subject: tuple[str, Key],
    before: Values,
    after: Values,
) -> Key:
    """Write down a change in its own transaction; only the fields that changed.

    Parameters
    ----------
    verb : what was done, for example "sample.change"
    subject : kind and id of the changed thing
    before, after : JSON values of the same fields; a thing that is made or deleted has the field ``deleted``
    """
    return await rows.insert(
        conn,
        tables.revisions,
        study_id=study_id,
        subject_kind=subject[0],
        subject_id=subject[1],
        actor_id=actor.user_id,
        verb=verb,
        before=dict(before),
        after=dict(after),
    )


class History:
    """Reads revisions and goes back to them."""

    def __init__(self, context: Context, subjects: Iterable[Subject]) -> None:
        self._context = context
        self._subjects = {subject.kind: subject for subject in subjects}

    async def list(
        self,
        actor: Actor,
        *,
        study_id: Key,
        subject_id: Key | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Revision]:
        """The revisions of a study, or of one thing in it, newest first."""
        where = {"study_id": study_id} | ({"subject_id": subject_id} if subject_id is not None else {})
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.STUDY_READ)
            found = await rows.find(
                conn,
                tables.revisions,
                where,
                order=("-id",),
                limit=check_limit(limit) + 1,
                after=decode_key_cursor(cursor),
            )
        return page_of(all_to(Revision, found), limit, [(row["id"],) for row in found])

    async def people(self, revisions: Iterable[Revision]) -> dict[Key, tuple[str, str]]:
        """Name and e-mail of those who made revisions that the caller has read."""
        ids = {revision.actor_id for revision in revisions if revision.actor_id is not None}
        if not ids:
            return {}
        async with self._context.db.read() as conn:
            found = await rows.find(conn, tables.users, {"id": ids})
        return {row["id"]: (row["name"], row["email"]) for row in found}

    async def name(self, actor: Actor, *, revision_id: Key, label: str) -> Revision:
        """Give a revision a name, to go back to it later; "" takes the name away."""
        label = clean_name(label, field="label", empty=True)
        async with self._context.db.write() as conn:
            revision, access = await self._revision(conn, actor, revision_id)
            access.require(Permission.STUDY_EDIT)
            await rows.update(conn, tables.revisions, {"id": revision.id}, {"label": label})
            return await self._reread(conn, revision.id)

    async def mark(self, actor: Actor, *, study_id: Key, label: str) -> Revision:
        """Write down a revision that changes nothing and has a name, to go back to it later."""
        label = clean_name(label, field="label")
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.STUDY_EDIT)
            subject = ("study", study_id)
            id = await record(conn, actor, "study.mark", study_id=study_id, subject=subject, before={}, after={})
            await rows.update(conn, tables.revisions, {"id": id}, {"label": label})
            await events.append(conn, "study.changed", subject_kind="study", subject_id=study_id, study_id=study_id)
            made = await self._reread(conn, id)
        self._context.notifier.events_stored()
        return made

    async def undo(self, actor: Actor, *, revision_id: Key) -> Revision:
        """Take one change back; the new revision.

        Raises
        ------
        ConflictError
            Where a later change built on it, or it changed a gate that is locked now.
        """
        async with self._context.db.write() as conn:
            revision, access = await self._revision(conn, actor, revision_id)
            if revision.undone_at is not None:
                raise ConflictError("This change was undone already", do="Undo the undoing to have it again")
            subject = self._subject(revision, access)
            await require_free(conn, revision.study_id, [revision.before or {}])
            made = await self._reverse(conn, actor, revision, subject=subject, verb="undo")
            await self._tell(conn, revision)
            answer = await self._reread(conn, made)
        await subject.restored(revision.subject_id)
        self._context.notifier.events_stored()
        return answer

    async def go_back(self, actor: Actor, *, revision_id: Key, whole_study: bool = False) -> Revisions:
        """Restore what was there just after a revision; the new revisions, newest first.

        Parameters
        ----------
        whole_study : everything in the study, not only the thing that the revision is about

        Raises
        ------
        ConflictError
            Where a gate that was changed since is locked now.
        """
        async with self._context.db.write() as conn:
            target, access = await self._revision(conn, actor, revision_id)
            self._subject(target, access)  # who may not undo it may not go back to it, even where that changes nothing
            where: dict[str, Any] = {"study_id": target.study_id, "id": rows.Above(target.id)}
            if not whole_study:
                where["subject_id"] = target.subject_id
            later = all_to(Revision, await rows.find(conn, tables.revisions, where, order=("-id",)))
            await require_free(conn, target.study_id, [revision.before or {} for revision in later])
            made = []
            for revision in later:
                subject = self._subject(revision, access)
                made.append(await self._reverse(conn, actor, revision, subject=subject, verb="go back"))
            for revision in {revision.subject_id: revision for revision in later}.values():
                await self._tell(conn, revision)
            answer = [await self._reread(conn, id) for id in reversed(made)]
        for kind, subject_id in {(revision.subject_kind, revision.subject_id) for revision in later}:
            await self._subjects[kind].restored(subject_id)
        self._context.notifier.events_stored()
        return answer

    async def _reverse(self, conn: Connection, actor: Actor, revision: Revision, *, subject: Subject, verb: str) -> Key:
        before, after = revision.before or {}, revision.after or {}
        now = await subject.current(conn, revision.subject_id, after)
        if now != after:
            newer = await self._newer(conn, revision)
            raise ConflictError(
                f"A later change{newer} built on this one, so it cannot be undone alone",
                do="Undo the later change first, or go back to an earlier revision",
                revision_id=revision.id.hex24,
            )
        await subject.restore(conn, actor, revision.subject_id, before)
        await rows.update(conn, tables.revisions, {"id": revision.id}, {"undone_at": now_us()})
        return await record(
            conn,
            actor,
            f"{verb}: {revision.verb}".replace("undo: undo: ", "redo: ").replace("undo: redo: ", "undo: ")[:64],
            study_id=revision.study_id,
            subject=(revision.subject_kind, revision.subject_id),
            before=after,
            after=before,
        )

    async def _newer(self, conn: Connection, revision: Revision) -> str:
        found = await rows.find(
            conn,
            tables.revisions,
            {"subject_id": revision.subject_id, "id": rows.Above(revision.id), "undone_at": None},
            order=("-id",),
            limit=1,
        )
        return f" ('{found[0]['verb']}')" if found else ""

    async def _revision(self, conn: Connection, actor: Actor, id: Key) -> tuple[Revision, StudyAccess]:
        row = await rows.get(conn, tables.revisions, id)
        if row is None:
            raise NotFoundError("There is no such revision, or it is not shared with you")
        try:
            return to(Revision, row), await study_access(conn, actor, row["study_id"], Permission.STUDY_READ)
        except NotFoundError as error:
            raise NotFoundError("There is no such revision, or it is not shared with you") from error

    def _subject(self, revision: Revision, access: StudyAccess) -> Subject:
        subject = self._subjects.get(revision.subject_kind)
        if subject is None:
            raise InvalidInputError(f"Changes of a {revision.subject_kind} cannot be undone")
        access.require(subject.permission)
        return subject

    async def _reread(self, conn: Connection, id: Key) -> Revision:
        return to(Revision, await rows.need(conn, tables.revisions, id))

    async def _tell(self, conn: Connection, revision: Revision) -> None:
        kind = _EVENTS.get(revision.subject_kind)
        await events.append(
            conn,
            kind or _STUDY_EVENTS.get(revision.subject_kind, "study.changed"),
            subject_kind=revision.subject_kind if kind else "study",
            subject_id=revision.subject_id if kind else revision.study_id,
            study_id=revision.study_id,
            data={"verb": revision.verb},
        )
