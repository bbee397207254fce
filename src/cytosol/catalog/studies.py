"""Studies: made, found, changed, shared with the public, put into the trash, copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cytosol.base.errors import ConflictError, InvalidInputError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog import audit, events, history
from cytosol.catalog.access import folder_access, permissions_on_studies, require_readable_lists, study_access, who
from cytosol.catalog.context import Context
from cytosol.catalog.records import UNSET, Page, Unset, check_limit, decode_key_cursor, encode_cursor, to
from cytosol.db import rights, rows, studies, tables
from cytosol.db.connections import Connection
from cytosol.db.rights import StudyFilter as StudyFilter
from cytosol.model.names import clean_name, clean_text
from cytosol.model.rights import PUBLIC, Actor, Permission, require_user
from cytosol.model.studies import CYTOMETRY, Study

DAY_US = 86_400_000_000
MAX_AUTHORS = 1000


@dataclass(frozen=True, slots=True)
class StudyView:
    """A study as an actor sees it.

    Attributes
    ----------
    n_cells : cells of all finished datasets
    technologies : those that datasets tell
    all_told : whether each dataset tells its technology
    permissions : what the actor may do
    """

    study: Study
    owner_email: str
    owner_name: str
    permissions: frozenset[Permission]
    n_datasets: int
    n_cells: int
    technologies: tuple[str, ...]
    all_told: bool = True

    @property
    def is_cytometry(self) -> bool:
        """Whether it holds files of cytometry and nothing else."""
        return bool(self.technologies) and self.all_told and CYTOMETRY.issuperset(self.technologies)


@dataclass(frozen=True, slots=True)
class StudyFields:
    """What a study says about itself; None leaves a field as it is."""

    name: str | None = None
    description: str | None = None
    authors: Sequence[str] | None = None
    species: str | None = None
    display_id: str | None = None
    locked: bool | None = None
    compensation: str | None = None
    extra: Mapping[str, Any] | None = field(default=None)

    def checked(self) -> dict[str, Any]:
        """The given fields as they are stored."""
        values: dict[str, Any] = {}
        if self.name is not None:
            values["name"] = clean_name(self.name)
        if self.description is not None:
            values["description"] = clean_text(self.description, field="description")
        if self.authors is not None:
            if len(self.authors) > MAX_AUTHORS:
                raise InvalidInputError(f"More than {MAX_AUTHORS} authors", where="authors")
            values["authors"] = [clean_name(author, field="authors") for author in self.authors]
        if self.species is not None:
            values["species"] = clean_name(self.species, field="species", max_letters=64)
        if self.display_id is not None:
            values["display_id"] = clean_name(self.display_id, field="display_id", empty=True)
        if self.locked is not None:
            values["locked"] = self.locked
        if self.compensation is not None:
            values["compensation"] = _compensation(self.compensation)
        if self.extra is not None:
            values["extra"] = dict(self.extra)
        return values


def _compensation(text: str) -> str:
    """The word for a compensation, or the id of one, as it is stored."""
    return text if text in ("", "none", "internal", "own") else Key.parse(text).hex24


class Studies:
    """The verbs on studies."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(
        self,
        actor: Actor,
        *,
        fields: StudyFields,
        folder_id: Key | None = None,
        group_id: Key | None = None,
        origin: str = "native",
    ) -> StudyView:
        """Make an empty study, owned by the actor.

        Parameters
        ----------
        fields : with a name
        folder_id : a folder that the actor may edit; None = at the top
        group_id : the group that a client files it under; gives the group no rights
        origin : the dialect that made it
        """
        user_id = require_user(actor, "write")
        values = fields.checked()
        if "name" not in values:
            raise InvalidInputError("A study needs a name", where="name", field="name")
        async with self._context.db.write() as conn:
            if folder_id is not None:
                await folder_access(conn, actor, folder_id, Permission.STUDY_EDIT)
            id = await rows.insert(
                conn, tables.studies, owner_id=user_id, folder_id=folder_id, group_id=group_id, origin=origin, **values
            )
            await self._note(conn, actor, "study.create", study_id=id)
            view = await self._view(conn, actor, id)
        self._context.notifier.events_stored()
        return view

    async def get(self, actor: Actor, *, study_id: Key, trash: bool = False) -> StudyView:
        """One live study; anybody may read a public one.

        Parameters
        ----------
        trash : instead one in the trash that the actor may bring back
        """
        async with self._context.db.read() as conn:
            return await self._view(conn, actor, study_id, trash=trash)

    async def list(
        self, actor: Actor, *, chosen: StudyFilter | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[StudyView]:
        """The studies that the actor may see, newest first; the trash shows those that the actor may bring back.

        A page may be shorter than the limit although there is a next one.
        """
        require_readable_lists(actor)
        chosen = chosen or StudyFilter()
        after = decode_key_cursor(cursor)
        async with self._context.db.read() as conn:
            found = await rights.readable_studies(conn, who(actor), chosen, limit=check_limit(limit) + 1, after=after)
            shown = found[:limit]
            ids = [row["id"] for row in shown]
            held = await permissions_on_studies(conn, actor, ids)
            counted = await studies.counts(conn, ids)
        hidden = {"owner_email": ""} if actor.kind == "anonymous" else {}  # visitors learn names, not addresses
        views = [
            study_view({**row, **hidden}, held[row["id"]], counted.get(row["id"]))
            for row in shown
            if not chosen.trash or Permission.STUDY_DELETE in held[row["id"]]
        ]
        return Page(views, encode_cursor([ids[-1]]) if len(found) > limit else None)

    async def change(
        self,
        actor: Actor,
        *,
        study_id: Key,
        fields: StudyFields,
        expected: int | None = None,
        folder_id: Key | Unset | None = UNSET,
        trash: bool = False,
    ) -> StudyView:
        """Change what a study says about itself, as a revision; moving it changes who sees it and is for owners.

        Parameters
        ----------
        trash : instead change one in the trash that the actor may bring back

        Raises
        ------
        ConflictError
            Where it is locked and stays so.
        """
        values = fields.checked()
        async with self._context.db.write() as conn:
            first = Permission.STUDY_DELETE if trash else Permission.STUDY_READ
            access = await study_access(conn, actor, study_id, first, deleted=trash)
            (access.require_held if fields.locked is False else access.require)(Permission.STUDY_EDIT)
            study = to(Study, await rows.lock(conn, tables.studies, study_id))
            before = {name: getattr(study, name) for name in values if name != "extra"}
            after = {name: values[name] for name in before}
            if folder_id is not UNSET and folder_id != study.folder_id:
                access.require(Permission.MEMBER_MANAGE)
                if folder_id is not None:
                    await folder_access(conn, actor, folder_id, Permission.STUDY_EDIT)
                values["folder_id"] = folder_id
                detail = {"to": folder_id.hex24 if folder_id else None}
                await audit.note(conn, actor, "study.move", subject_kind="study", subject_id=study_id, detail=detail)
            await rows.change(conn, tables.studies, study_id, values, expected=expected)
            changed = [name for name in before if before[name] != after[name]]
            if changed:
                await history.record(
                    conn,
                    actor,
                    "study.change",
                    study_id=study_id,
                    subject=("study", study_id),
                    before={name: before[name] for name in changed},
                    after={name: after[name] for name in changed},
                )
            await _changed(conn, study_id)
            view = await self._view(conn, actor, study_id, trash=trash)
        self._context.notifier.events_stored()
        return view

    async def delete(
        self, actor: Actor, *, study_id: Key, expected: int | None = None, extra: Mapping[str, Any] | None = None
    ) -> None:
        """Put a study into the trash.

        Parameters
        ----------
        extra : what a dialect keeps with it from now on; None = it stays
        """
        values: dict[str, Any] = {"deleted_at": now_us()} | ({} if extra is None else {"extra": dict(extra)})
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.STUDY_DELETE)
            await rows.change(conn, tables.studies, study_id, values, expected=expected)
            await self._note(conn, actor, "study.delete", study_id=study_id)
        self._context.notifier.events_stored()

    async def undelete(self, actor: Actor, *, study_id: Key) -> StudyView:
        """Bring a study back from the trash; at the top, if its folder is gone.

        Raises
        ------
        ConflictError
            Where it has lain there for more than the retention time.
        """
        async with self._context.db.write() as conn:
            access = await study_access(conn, actor, study_id, Permission.STUDY_DELETE, deleted=True)
            days = self._context.settings.retention_days
            if (access.study.deleted_at or 0) < now_us() - int(days * DAY_US):
                raise ConflictError(
                    f"The study was deleted more than {days:g} days ago and cannot be brought back",
                    setting="retention_days",
                )
            values: dict[str, Any] = {"deleted_at": None}
            if access.study.folder_id is not None:
                folder = await rows.need(conn, tables.folders, access.study.folder_id)
                if folder["deleted_at"] is not None:
                    values["folder_id"] = None
            await rows.change(conn, tables.studies, study_id, values, expected=None)
            await self._note(conn, actor, "study.undelete", study_id=study_id)
            view = await self._view(conn, actor, study_id)
        self._context.notifier.events_stored()
        return view

    async def duplicate(
        self, actor: Actor, *, study_id: Key, name: str | None = None, folder_id: Key | None = None
    ) -> StudyView:
        """A copy of a study that the actor owns, unlocked; the bytes are shared.

        It has the samples, attributes, gates, populations, compensations, scales, attachments and finished datasets.

        Parameters
        ----------
        name : None = that of the study with ' (copy)'
        folder_id : a folder that the actor may edit; None = at the top
        """
        user_id = require_user(actor, "write")
        async with self._context.db.write() as conn:
            access = await study_access(conn, actor, study_id, Permission.FILE_READ)
            access.require(Permission.EXPORT)
            if folder_id is not None:
                await folder_access(conn, actor, folder_id, Permission.STUDY_EDIT)
            source = access.study
            id = await rows.insert(
                conn,
                tables.studies,
                owner_id=user_id,
                folder_id=folder_id,
                name=clean_name(name if name is not None else f"{source.name[:240]} (copy)"),
                display_id=source.display_id,
                description=source.description,
                authors=source.authors,
                species=source.species,
                origin=source.origin,
                compensation=source.compensation,
                extra=source.extra,
            )
            copied = await studies.copy_contents(conn, study_id, id, owner_id=user_id)
            await self._note(conn, actor, "study.duplicate", study_id=id, source=study_id.hex24, **copied)
            view = await self._view(conn, actor, id)
        self._context.notifier.events_stored()
        return view

    async def publish(self, actor: Actor, *, study_id: Key, is_public: bool = True) -> StudyView:
        """Let everybody read a study, also without signing in; or end that."""
        grant = {"subject_kind": "study", "subject_id": study_id, "principal_kind": "builtin", "principal_name": PUBLIC}
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.STUDY_PUBLISH)
            await rows.delete(conn, tables.grants, grant)
            if is_public:
                await rows.insert(conn, tables.grants, **grant, principal_id=None, role="reader")
            values = {"published_at": now_us() if is_public else None}
            await rows.change(conn, tables.studies, study_id, values, expected=None)
            await self._note(conn, actor, "study.publish", study_id=study_id, is_public=is_public)
            view = await self._view(conn, actor, study_id)
        self._context.notifier.events_stored()
        return view

    async def _view(self, conn: Connection, actor: Actor, study_id: Key, *, trash: bool = False) -> StudyView:
        permission = Permission.STUDY_DELETE if trash else Permission.STUDY_READ
        access = await study_access(conn, actor, study_id, permission, deleted=trash)
        owner = await rows.need(conn, tables.users, access.study.owner_id)
        counted = (await studies.counts(conn, [study_id])).get(study_id, studies.Counts())
        return StudyView(
            access.study,
            "" if actor.kind == "anonymous" else owner["email"],
            owner["name"],
            access.held,
            counted.n_datasets,
            counted.n_cells,
            counted.technologies,
            all_told=counted.all_told,
        )

    async def _note(self, conn: Connection, actor: Actor, verb: str, *, study_id: Key, **detail: Any) -> None:
        await audit.note(conn, actor, verb, subject_kind="study", subject_id=study_id, detail=detail)
        await _changed(conn, study_id)


class StudySubject:
    """What a study says about itself, for undo."""

    kind = "study"
    permission = Permission.STUDY_EDIT

    async def current(self, conn: Connection, subject_id: Key, like: history.Values) -> history.Values:
        row = await rows.get(conn, tables.studies, subject_id)
        return {} if row is None else {name: row[name] for name in like}

    async def restore(self, conn: Connection, actor: Actor, subject_id: Key, values: history.Values) -> None:
        await rows.change(conn, tables.studies, subject_id, values, expected=None)

    async def restored(self, subject_id: Key) -> None:
        """Nothing lies outside the database."""


async def _changed(conn: Connection, study_id: Key) -> None:
    await events.append(conn, "study.changed", subject_kind="study", subject_id=study_id, study_id=study_id)


def study_view(row: Mapping[Any, Any], held: frozenset[Permission], counted: studies.Counts | None) -> StudyView:
    """A row of a study with its owner's e-mail and name, as people see it."""
    counted = counted or studies.Counts()
    return StudyView(
        to(Study, row),
        row["owner_email"],
        row["owner_name"],
        held,
        counted.n_datasets,
        counted.n_cells,
        counted.technologies,
        all_told=counted.all_told,
    )
