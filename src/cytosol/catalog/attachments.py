"""Files that belong to a study and are no data: notes, protocols, pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cytosol.base.errors import ConflictError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog import audit, events
from cytosol.catalog.access import study_access
from cytosol.catalog.arrivals import insert_original, take_in
from cytosol.catalog.context import Context
from cytosol.catalog.records import all_to, to
from cytosol.catalog.uploads import Uploads, clean_path
from cytosol.catalog.writing import Writing
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.gating import Attachment
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission, require_user
from cytosol.model.work import Original
from cytosol.store.originals import original_path


@dataclass(frozen=True, slots=True)
class AttachmentView:
    """An attachment and its file."""

    attachment: Attachment
    original: Original


AttachmentViews = list[AttachmentView]
Made = Mapping[str, Any]
_PIECE = 1 << 20


class Attachments:
    """The verbs of attachments."""

    def __init__(self, context: Context, uploads: Uploads) -> None:
        self._context = context
        self._uploads = uploads

    async def list(self, actor: Actor, *, study_id: Key) -> AttachmentViews:
        """The attachments of a study, in the order they were added."""
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.STUDY_READ)
            found = all_to(Attachment, await rows.find(conn, tables.attachments, {"study_id": study_id}))
            return await _views(conn, found)

    async def keep(self, actor: Actor, *, study_id: Key, name: str, data: bytes, made: Made) -> AttachmentView:
        """Keep a file that was just made.

        Parameters
        ----------
        made : what it was made of: the kind of what it holds → JSON value
        """
        return await self.put(actor, study_id=study_id, name=name, body=_pieces(data), made=made)

    async def put(
        self, actor: Actor, *, study_id: Key, name: str, body: AsyncIterator[bytes], made: Made | None = None
    ) -> AttachmentView:
        """Keep a file that arrives now: its bytes are written, then its records in one transaction.

        Nothing of it stays where it breaks off or is refused, or where the server dies meanwhile.

        Parameters
        ----------
        made : see `keep`

        Raises
        ------
        LimitExceededError
            Where the file is larger than ``max_upload_bytes``, or too much for what the actor may store.
        """
        user_id = require_user(actor, "write")
        called = clean_name(name)
        path = clean_path(called.replace("/", "_"))
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
            await self._uploads.check_room(conn, user_id, 0)
        async with Writing(self._context) as writing:
            arrival = await take_in(self._context, body, path=path, writing=writing)
            async with self._context.db.write() as conn:
                await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
                await self._uploads.check_room(conn, user_id, arrival.digest.size)
                original = await insert_original(conn, user_id, arrival)
                view = await self._insert(conn, actor, study_id, original, name=called, made=made)
        self._context.notifier.events_stored()
        return view

    async def add(self, actor: Actor, *, study_id: Key, upload_id: Key, name: str = "") -> AttachmentView:
        """Make a complete upload of the actor an attachment; the upload is then gone.

        Parameters
        ----------
        name : "" = the name of the uploaded file
        """
        user_id = require_user(actor, "write")
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
            upload = await rows.get(conn, tables.uploads, upload_id)
            if upload is None or upload["owner_id"] != user_id or upload["original_id"] is None:
                raise NotFoundError("There is no such complete upload, or it is not yours", do="Upload the file first")
            original = to(Original, await rows.need(conn, tables.originals, upload["original_id"]))
            if original.dataset_id is not None:
                raise ConflictError("This upload became a dataset already", do="Upload the file again")
            called = clean_name(name or original.path.rpartition("/")[2])
            await rows.delete(conn, tables.uploads, {"id": upload_id})
            view = await self._insert(conn, actor, study_id, original, name=called)
        self._context.notifier.events_stored()
        return view

    async def _insert(
        self, conn: Connection, actor: Actor, study_id: Key, original: Original, *, name: str, made: Made | None = None
    ) -> AttachmentView:
        values = {"study_id": study_id, "original_id": original.id, "name": name, "extra": dict(made or {})}
        id = await rows.insert(conn, tables.attachments, **values)
        await self._note(conn, actor, "attachment.add", study_id=study_id, id=id)
        return AttachmentView(to(Attachment, await rows.need(conn, tables.attachments, id)), original)

    async def get(self, actor: Actor, *, attachment_id: Key) -> AttachmentView:
        """One attachment."""
        async with self._context.db.read() as conn:
            return await self._find(conn, actor, attachment_id, Permission.STUDY_READ)

    async def rename(
        self, actor: Actor, *, attachment_id: Key, name: str, expected: int | None = None
    ) -> AttachmentView:
        """Give an attachment another name."""
        async with self._context.db.write() as conn:
            view = await self._find(conn, actor, attachment_id, Permission.FILE_UPLOAD)
            await rows.change(conn, tables.attachments, attachment_id, {"name": clean_name(name)}, expected=expected)
            await self._note(conn, actor, "attachment.rename", study_id=view.attachment.study_id, id=attachment_id)
            view = await self._find(conn, actor, attachment_id, Permission.STUDY_READ)
        self._context.notifier.events_stored()
        return view

    async def delete(self, actor: Actor, *, attachment_id: Key, expected: int | None = None) -> None:
        """Remove an attachment for good."""
        async with self._context.db.write() as conn:
            view = await self._find(conn, actor, attachment_id, Permission.STUDY_EDIT)
            await rows.change(conn, tables.attachments, attachment_id, {}, expected=expected)
            await rows.delete(conn, tables.attachments, {"id": attachment_id})
            await rows.delete(conn, tables.originals, {"id": view.original.id})
            await self._note(conn, actor, "attachment.delete", study_id=view.attachment.study_id, id=attachment_id)
        self._context.notifier.events_stored()

    async def read(
        self, actor: Actor, *, attachment_id: Key, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes of an attachment, from ``start`` up to ``end``."""
        async with self._context.db.read() as conn:
            view = await self._find(conn, actor, attachment_id, Permission.FILE_READ)
        place = original_path(view.original.bytes_id or view.original.id)
        return self._context.blobs.stream(place, start, end)

    async def _find(self, conn: Connection, actor: Actor, id: Key, permission: Permission) -> AttachmentView:
        row = await rows.get(conn, tables.attachments, id)
        gone = NotFoundError("There is no such attachment, or it is not shared with you")
        if row is None:
            raise gone
        try:
            await study_access(conn, actor, row["study_id"], permission)
        except NotFoundError as error:
            raise gone from error
        return (await _views(conn, [to(Attachment, row)]))[0]

    async def _note(self, conn: Connection, actor: Actor, verb: str, *, study_id: Key, id: Key) -> None:
        await audit.note(conn, actor, verb, subject_kind="attachment", subject_id=id)
        data = {"verb": verb}
        await events.append(
            conn, "study.changed", subject_kind="study", subject_id=study_id, study_id=study_id, data=data
        )


async def _views(conn: Connection, found: Sequence[Attachment]) -> AttachmentViews:
    ids = {attachment.original_id for attachment in found}
    originals = {row["id"]: to(Original, row) for row in await rows.find(conn, tables.originals, {"id": ids})}
    return [AttachmentView(attachment, originals[attachment.original_id]) for attachment in found]


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE]
