"""Files on their way in: made, filled in chunks or by offset, completed into originals, dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from cytosol.base.errors import (
    ConflictError,
    DamagedDataError,
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
    TooManyError,
)
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog.arrivals import Arrival, check_size, insert_original
from cytosol.catalog.context import Context
from cytosol.catalog.records import all_to, to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.db.usage import stored_bytes
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, require_user
from cytosol.model.work import Job, Original, Upload, UploadChunk
from cytosol.store import uploads as staged
from cytosol.store.digests import Digest
from cytosol.store.originals import digest_blob, original_path
from cytosol.store.space import check_free

HOUR_US = 3_600_000_000
MAX_CHUNKS = 1_000_000
MAX_TURNS = 1000
_MAX_PATH = 1024
_RENEW_US = 600_000_000
UploadViews = list["UploadView"]
FolderNames = list[str]


@dataclass(frozen=True, slots=True)
class UploadView:
    """An upload, and how far it is.

    Attributes
    ----------
    received : bytes that arrived; of a raw upload without a gap from its start
    chunks : numbers of the chunks that arrived
    original : what it became, once complete
    """

    upload: Upload
    received: int
    chunks: tuple[int, ...] = ()
    original: Original | None = None

    @property
    def all_chunks_here(self) -> bool:
        """Whether nothing of a chunked upload is missing."""
        return self.upload.n_chunks is not None and len(self.chunks) == self.upload.n_chunks


class Uploads:
    """The verbs of uploads; one sees only one's own."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings = context.settings
        self._turns: dict[Key, asyncio.Lock] = {}

    async def create(
        self, actor: Actor, *, name: str, size: int | None = None, n_chunks: int | None = None, folder: str = ""
    ) -> UploadView:
        """Announce a file.

        Parameters
        ----------
        name : its path as the user has it, with '/' between parts
        size : bytes, if known
        n_chunks : it comes in so many numbered chunks; None = by offset
        folder : the client's own name for the files of one batch
        """
        user_id = require_user(actor, "write")
        name = clean_path(name)
        folder = clean_name(folder, field="folder", empty=True)
        limit = self._settings.max_upload_bytes
        if size is not None and not 0 <= size <= limit:
            raise LimitExceededError(
                f"The file has {size:,} bytes; {limit:,} are allowed", where=name, setting="max_upload_bytes"
            )
        if n_chunks is not None and not 0 <= n_chunks <= MAX_CHUNKS:
            raise InvalidInputError(f"A file comes in 0 to {MAX_CHUNKS:,} chunks, not {n_chunks:,}", where=name)
        await check_free(self._context.blobs, self._settings, size or 0)
        async with self._context.db.write() as conn:
            await self._check_user(conn, user_id, size or 0)
            id = await rows.insert(
                conn,
                tables.uploads,
                owner_id=user_id,
                name=name,
                size=size,
                n_chunks=n_chunks,
                folder=folder,
                expires_at=self._expiry(),
            )
            return UploadView(to(Upload, await rows.lock(conn, tables.uploads, id)), 0)

    async def check_disk(self, n_bytes: int) -> None:
        """Refuse bytes that are to come, where the disk has no room for them.

        Raises
        ------
        OutOfSpaceError
            It has not.
        """
        await check_free(self._context.blobs, self._settings, n_bytes)

    async def find_or_create(self, actor: Actor, *, name: str, size: int, folder: str) -> UploadView:
        """The newest upload of a file in a batch; announced now, where there is none. Callers take turns."""
        user_id = require_user(actor, "write")
        async with self._turns.setdefault(user_id, asyncio.Lock()):
            found = [view for view in await self.list(actor, folder=folder) if view.upload.name == clean_path(name)]
            return found[-1] if found else await self.create(actor, name=name, size=size, folder=folder)

    async def get(self, actor: Actor, *, upload_id: Key) -> UploadView:
        """One upload and how far it is."""
        async with self._context.db.read() as conn:
            upload = await self._own(conn, actor, upload_id)
            return await self._view(conn, upload)

    async def list(self, actor: Actor, *, folder: str) -> UploadViews:
        """The uploads of one batch, in the order they were announced."""
        user_id = require_user(actor)
        async with self._context.db.read() as conn:
            found = await rows.find(
                conn, tables.uploads, {"owner_id": user_id, "folder": folder, "deleted_at": None}, order=("id",)
            )
            return [await self._view(conn, upload) for upload in all_to(Upload, found)]

    async def folders(self, actor: Actor, *, below: str) -> FolderNames:
        """The folders of one's uploads that begin with some text, in the order of their first file."""
        user_id = require_user(actor)
        async with self._context.db.read() as conn:
            found = await rows.find(conn, tables.uploads, {"owner_id": user_id, "deleted_at": None}, order=("id",))
        return list(dict.fromkeys(row["folder"] for row in found if row["folder"].startswith(below)))

    async def put_chunk(
        self, actor: Actor, *, upload_id: Key, n: int, body: AsyncIterator[bytes], crc32c: int | None = None
    ) -> UploadView:
        """Take one numbered chunk; it may come late, twice or out of order. Nothing of a broken one stays."""
        upload = await self._open(actor, upload_id)
        if upload.n_chunks is None or not 0 <= n < upload.n_chunks:
            raise InvalidInputError(
                f"There is no chunk {n} in this upload of {upload.n_chunks or 0} chunks", do="Number them from 0"
            )
        await check_free(self._context.blobs, self._settings, 0)
        info = await staged.write_chunk(
            self._context.blobs, upload.id, n, body, max_bytes=self._settings.max_chunk_bytes, expected_crc32c=crc32c
        )
        async with self._context.db.write() as conn:
            upload = await self._own(conn, actor, upload_id)
            await rows.put(
                conn, tables.upload_chunks, upload_id=upload.id, n=n, size=info.size, crc32c=f"{info.crc32c:08x}"
            )
            await rows.update(conn, tables.uploads, {"id": upload.id}, {"expires_at": self._expiry()})
            view = await self._view(conn, upload)
        check_size(view.received, upload.name, self._settings.max_upload_bytes)
        return view

    async def write_at(
        self, actor: Actor, *, upload_id: Key, offset: int, body: AsyncIterator[bytes], crc32c: int | None = None
    ) -> int:
        """Take a raw body from an offset on; how many bytes are there without a gap.

        Raises
        ------
        ConflictError
            Where the offset leaves a gap; ``details["received"]`` is where to go on.
        """
        upload = await self._open(actor, upload_id)
        if upload.n_chunks is not None:
            raise ConflictError("This upload comes in numbered chunks", do="Send its chunks")
        most = self._settings.max_upload_bytes if upload.size is None else upload.size
        await check_free(self._context.blobs, self._settings, 0)
        if offset > most:
            raise InvalidInputError(f"The file ends at byte {most:,}", where=f"offset {offset:,}")
        written = await staged.write_at(
            self._context.blobs,
            upload.id,
            offset,
            body,
            max_bytes=min(self._settings.max_chunk_bytes, most - offset),
            expected_crc32c=crc32c,
        )
        if upload.expires_at < self._expiry() - _RENEW_US:
            async with self._context.db.write() as conn:
                await rows.update(conn, tables.uploads, {"id": upload.id}, {"expires_at": self._expiry()})
        return written.received

    async def complete(self, actor: Actor, *, upload_id: Key, sha256: str = "") -> Original:
        """Join what arrived into an original; may be called again.

        Parameters
        ----------
        sha256 : hex, to be compared; "" = not compared

        Raises
        ------
        ConflictError
            Where something is missing.
        DamagedDataError
            Where the bytes are not what was announced; the upload starts over.
        """
        async with self._turn(upload_id):
            return await self._complete(actor, upload_id, sha256)

    async def _complete(self, actor: Actor, upload_id: Key, sha256: str) -> Original:
        async with self._context.db.read() as conn:
            upload = await self._own(conn, actor, upload_id, scope="write")
            if upload.original_id is not None:
                return to(Original, await rows.get(conn, tables.originals, upload.original_id) or {})
            found = await rows.find(conn, tables.upload_chunks, {"upload_id": upload.id}, order=("n",))
            known = [staged.ChunkInfo(row["n"], row["size"], int(row["crc32c"], 16)) for row in found]
        await self._check_whole(upload)
        key = self._original_key(upload)
        digest = await self._assemble(upload, key, known)
        if sha256 and sha256.lower() != digest.sha256:
            await self._start_over(upload, key)
            raise DamagedDataError(
                f"The SHA-256 of what arrived is {digest.sha256}, not {sha256.lower()[:64]}",
                where=upload.name,
                do="Upload the file again",
            )
        async with self._context.db.write() as conn:
            upload = to(Upload, await rows.lock(conn, tables.uploads, upload.id))
            if upload.original_id is None:
                await self._check_user(conn, upload.owner_id, digest.size, opening=False)
                await self._insert_original(conn, upload, key, digest)
            original_id = to(Upload, await rows.lock(conn, tables.uploads, upload.id)).original_id
            original = to(Original, await rows.lock(conn, tables.originals, original_id or key))
        if original.bytes_id != key:
            await self._context.blobs.delete(original_path(key))
        await staged.drop(self._context.blobs, upload.id)
        return original

    def _turn(self, upload_id: Key) -> asyncio.Lock:
        """Those who complete one upload take turns."""
        if len(self._turns) > MAX_TURNS:
            self._turns = {key: lock for key, lock in self._turns.items() if lock.locked()}
        return self._turns.setdefault(upload_id, asyncio.Lock())

    async def drop(self, actor: Actor, *, upload_id: Key) -> None:
        """Forget an unfinished upload and its bytes."""
        async with self._context.db.write() as conn:
            upload = await self._own(conn, actor, upload_id, scope="write")
            if upload.original_id is not None:
                raise ConflictError("This upload is complete", do="Delete what it became instead")
            await rows.delete(conn, tables.upload_chunks, {"upload_id": upload.id})
            await rows.delete(conn, tables.uploads, {"id": upload.id})
        await staged.drop(self._context.blobs, upload.id)

    async def discard(self, upload_id: Key) -> None:
        """Forget an upload whose file was refused, with its bytes, unless something else has come to use them."""
        async with self._context.db.write() as conn:
            row = await rows.get(conn, tables.uploads, upload_id)
            if row is None:
                return
            original = await rows.get(conn, tables.originals, row["original_id"]) if row["original_id"] else None
            await rows.delete(conn, tables.upload_chunks, {"upload_id": upload_id})
            await rows.delete(conn, tables.uploads, {"id": upload_id})
        if original is not None:
            await self.forget_original(original["id"])
        await staged.drop(self._context.blobs, upload_id)

    async def drop_refused(self, job: Job, *, endings: tuple[str, ...]) -> bool:
        """Forget the uploads of a submission whose files cannot be read, with their bytes; it is not tried again.

        Parameters
        ----------
        endings : only where all its files are called so; any case

        Returns
        -------
        Whether they were forgotten.
        """
        said = [file for batch in job.params["batches"] for file in batch["files"].values()]
        if job.dataset_id is None or any("storage" in file for file in said):
            return False
        async with self._context.db.write() as conn:
            found = all_to(Original, await rows.find(conn, tables.originals, {"dataset_id": job.dataset_id}))
            ids = [Key.parse(file["upload"]) for file in said if "upload" in file]
            uploads = await rows.find(conn, tables.uploads, {"id": ids}) if ids else []
            names = [*(one.path for one in found), *(row["name"] for row in uploads)]
            of_storage = any(one.storage_id is not None for one in found)
            if of_storage or not names or not all(name.lower().endswith(endings) for name in names):
                return False
            for one in found:
                await rows.delete(conn, tables.uploads, {"original_id": one.id})
                await rows.update(conn, tables.originals, {"id": one.id}, {"dataset_id": None})
            await rows.change(conn, tables.jobs, job.id, {"params": {**job.params, "refused": True}}, expected=None)
        for one in found:
            await self.forget_original(one.id)
        for id in ids:
            await self.discard(id)
        return True

    async def forget_original(self, original_id: Key) -> None:
        """Remove a file that nothing came of, with its bytes, unless others have the same."""
        async with self._context.db.write() as conn:
            original = await rows.get(conn, tables.originals, original_id)
            if original is None or original["dataset_id"] is not None:
                return
            await rows.delete(conn, tables.originals, {"id": original_id})
            lost = original["bytes_id"]
            in_use = lost is None or await rows.count(conn, tables.originals, {"bytes_id": lost})
        if not in_use:
            await self._context.blobs.delete(original_path(lost))

    async def _assemble(self, upload: Upload, key: Key, known: Sequence[staged.ChunkInfo]) -> Digest:
        place = original_path(key)
        if upload.n_chunks == 0 or (upload.n_chunks is None and upload.size == 0):
            await self._context.blobs.put(place, b"")
            return await digest_blob(self._context.blobs, place)
        return await staged.assemble(self._context.blobs, upload.id, upload.n_chunks, place, expected=known or None)

    async def _start_over(self, upload: Upload, key: Key) -> None:
        async with self._context.db.write() as conn:
            await rows.delete(conn, tables.upload_chunks, {"upload_id": upload.id})
        await self._context.blobs.delete(original_path(key))
        await staged.drop(self._context.blobs, upload.id)

    async def _check_whole(self, upload: Upload) -> None:
        if upload.n_chunks is not None or not upload.size:
            return
        stands = await staged.received(self._context.blobs, upload.id)
        if stands != upload.size and await self._context.blobs.stat(original_path(self._original_key(upload))) is None:
            raise ConflictError(
                f"{stands:,} of {upload.size:,} bytes have arrived",
                where=upload.name,
                do=f"Send the rest from byte {stands:,} on",
                received=stands,
            )

    @staticmethod
    def _original_key(upload: Upload) -> Key:
        """The key of what it becomes: the same at every try, so that a try that was cut off leaves nothing behind."""
        return upload.id

    async def _insert_original(self, conn: Connection, upload: Upload, key: Key, digest: Digest) -> None:
        original_id = (await insert_original(conn, upload.owner_id, Arrival(key, upload.name, digest))).id
        values = {"original_id": original_id, "state": "complete", "size": digest.size, "expires_at": self._expiry()}
        await rows.change(conn, tables.uploads, upload.id, values, expected=None)
        await rows.delete(conn, tables.upload_chunks, {"upload_id": upload.id})

    async def check_room(self, conn: Connection, user_id: Key, size: int) -> None:
        """Refuse a file that would be too much for what a user may store."""
        await self._check_user(conn, user_id, size, opening=False)

    async def _check_user(self, conn: Connection, user_id: Key, size: int, *, opening: bool = True) -> None:
        if opening:
            n_open = await rows.count(conn, tables.uploads, {"owner_id": user_id, "state": "open", "deleted_at": None})
            if n_open >= self._settings.max_open_uploads:
                raise TooManyError(
                    f"You have {n_open:,} unfinished uploads; {self._settings.max_open_uploads:,} are allowed",
                    do="Complete or drop some",
                    setting="max_open_uploads",
                )
        used = await stored_bytes(conn, user_id)
        if used + size > self._settings.max_user_bytes:
            raise LimitExceededError(
                f"You store {used:,} bytes, and {self._settings.max_user_bytes:,} are allowed",
                do="Delete what you no longer need, or ask an administrator to raise the limit",
                setting="max_user_bytes",
            )

    async def _open(self, actor: Actor, upload_id: Key) -> Upload:
        async with self._context.db.read() as conn:
            upload = await self._own(conn, actor, upload_id, scope="write")
        if upload.state != "open":
            raise ConflictError("This upload is complete", do="Start another one")
        return upload

    async def _own(self, conn: Connection, actor: Actor, upload_id: Key, scope: Any = "read") -> Upload:
        row = await rows.get(conn, tables.uploads, upload_id)
        if actor.kind == "system" and row is not None:
            return to(Upload, row)
        user_id = require_user(actor, scope)
        if row is None or row["owner_id"] != user_id or row["deleted_at"] is not None:
            raise NotFoundError("There is no such upload, or it is not yours", do="It may have expired; start another")
        return to(Upload, row)

    async def _view(self, conn: Connection, upload: Upload) -> UploadView:
        if upload.original_id is not None:
            row = await rows.get(conn, tables.originals, upload.original_id)
            original = to(Original, row) if row is not None else None
            return UploadView(upload, upload.size or 0, original=original)
        if upload.n_chunks is None:
            return UploadView(upload, await staged.received(self._context.blobs, upload.id))
        found = await rows.find(conn, tables.upload_chunks, {"upload_id": upload.id}, order=("n",))
        chunks = all_to(UploadChunk, found)
        return UploadView(upload, sum(chunk.size for chunk in chunks), tuple(chunk.n for chunk in chunks))

    def _expiry(self) -> int:
        return now_us() + int(self._settings.upload_expiry_hours * HOUR_US)


def clean_path(text: str) -> str:
    """A path as a user gives it: parts between '/', each a name; '.', '..' and empty parts fall away."""
    parts = [clean_name(part, field="name") for part in text.replace("\\", "/").split("/") if part.strip()]
    kept = [part for part in parts if part not in (".", "..")]
    if not kept:
        raise InvalidInputError("The file has no name", where="name", do="Give its name")
    path = "/".join(kept)
    if len(path) > _MAX_PATH:
        raise InvalidInputError(f"The path has {len(path)} letters; {_MAX_PATH} are allowed", where="name")
    return path
