"""Attachments: an upload becomes one, and who may do what."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cytosol.base.errors import ForbiddenError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.collector import Collector
from cytosol.catalog.sharing import GrantView
from cytosol.catalog.studies import StudyFields
from cytosol.db import rows, tables
from cytosol.model.rights import Actor
from tests.catalog.making import folder_of, pieces
from tests.catalog.people import People, id_of

TEXT = b"hello world\n\n"


async def uploaded(catalog: Catalog, actor: Actor, name: str = "folder/text.txt") -> Key:
    """A complete upload of the text."""

    async def body() -> AsyncIterator[bytes]:
        yield TEXT

    upload = await catalog.uploads.create(actor, name=name, size=len(TEXT))
    await catalog.uploads.write_at(actor, upload_id=upload.upload.id, offset=0, body=body())
    await catalog.uploads.complete(actor, upload_id=upload.upload.id)
    return upload.upload.id


async def test_an_upload_becomes_an_attachment(catalog: Catalog, people: People) -> None:
    study_id = (await catalog.studies.create(people.ada, fields=StudyFields(name="Blood"))).study.id
    upload_id = await uploaded(catalog, people.ada)
    view = await catalog.attachments.add(people.ada, study_id=study_id, upload_id=upload_id)
    assert (view.attachment.name, view.original.size) == ("text.txt", 13)
    assert view.original.md5 == "d300fa70af75aa4b157382293609dcd9"
    assert view.original.crc32c == "4afc08fb"
    with pytest.raises(NotFoundError):
        await catalog.attachments.add(people.ada, study_id=study_id, upload_id=upload_id)
    id = view.attachment.id
    async with catalog.context.db.write() as conn:
        await rows.update(conn, tables.uploads, {}, {"expires_at": 0})
    await Collector(catalog.context, lambda text: None).run()
    body = await catalog.attachments.read(people.ada, attachment_id=id, start=6)
    assert b"".join([piece async for piece in body]) == TEXT[6:]
    renamed = await catalog.attachments.rename(people.ada, attachment_id=id, name="new.txt")
    assert await catalog.attachments.list(people.ada, study_id=study_id) == [renamed]
    (weight,) = await catalog.care.du(people.admin)
    assert (weight.study_id, weight.originals) == (study_id, len(TEXT))
    await catalog.attachments.delete(people.ada, attachment_id=id)
    with pytest.raises(NotFoundError):
        await catalog.attachments.get(people.ada, attachment_id=id)


async def test_a_file_that_arrives_becomes_an_attachment_or_leaves_nothing(catalog: Catalog, people: People) -> None:
    study_id = (await catalog.studies.create(people.ada, fields=StudyFields(name="Blood"))).study.id

    async def broken() -> AsyncIterator[bytes]:
        yield b"other bytes"
        raise InvalidInputError("The body breaks off")

    view = await catalog.attachments.put(people.ada, study_id=study_id, name="a/b.txt", body=pieces(TEXT))
    assert (view.attachment.name, view.original.size) == ("a/b.txt", len(TEXT))
    assert view.original.md5 == "d300fa70af75aa4b157382293609dcd9"
    assert await catalog.attachments.list(people.ada, study_id=study_id) == [view]
    body = await catalog.attachments.read(people.ada, attachment_id=view.attachment.id)
    assert b"".join([piece async for piece in body]) == TEXT
    with pytest.raises(InvalidInputError, match="breaks off"):
        await catalog.attachments.put(people.ada, study_id=study_id, name="c", body=broken())
    with pytest.raises(NotFoundError):
        await catalog.attachments.put(people.bob, study_id=study_id, name="c", body=pieces(TEXT))
    # equal bytes are kept once
    await catalog.attachments.put(people.ada, study_id=study_id, name="c", body=pieces(TEXT))
    assert len(await catalog.attachments.list(people.ada, study_id=study_id)) == 2
    assert [path.read_bytes() for path in folder_of(catalog, "originals").rglob("*") if path.is_file()] == [TEXT]
    async with catalog.context.db.read() as conn:
        assert await rows.count(conn, tables.uploads) == 0


async def test_rights(catalog: Catalog, people: People) -> None:
    study_id = (await catalog.studies.create(people.ada, fields=StudyFields(name="Blood"))).study.id
    grants = [
        GrantView("user", id_of(people.bob), "", "reader"),
        GrantView("user", id_of(people.eve), "", "limited_reader"),
    ]
    await catalog.sharing.put(people.ada, subject_kind="study", subject_id=study_id, grants=grants)
    mine = await uploaded(catalog, people.ada)
    with pytest.raises(NotFoundError):
        await catalog.attachments.add(people.admin, study_id=study_id, upload_id=mine)
    id = (await catalog.attachments.add(people.ada, study_id=study_id, upload_id=mine)).attachment.id
    for actor in (people.bob, people.eve):
        assert len(await catalog.attachments.list(actor, study_id=study_id)) == 1
        with pytest.raises(ForbiddenError):
            await catalog.attachments.rename(actor, attachment_id=id, name="x")
        with pytest.raises(ForbiddenError):
            await catalog.attachments.delete(actor, attachment_id=id)
        with pytest.raises(ForbiddenError):
            await catalog.attachments.add(actor, study_id=study_id, upload_id=mine)
    await catalog.attachments.read(people.bob, attachment_id=id)
    with pytest.raises(ForbiddenError):
        await catalog.attachments.read(people.eve, attachment_id=id)
    with pytest.raises(NotFoundError):
        await catalog.attachments.get(people.nobody, attachment_id=id)


async def test_a_removed_folder_comes_back(catalog: Catalog, people: People) -> None:
    above = (await catalog.folders.create(people.ada, name="Above")).folder.id
    id = (await catalog.folders.create(people.ada, name="Below", parent_id=above)).folder.id
    with pytest.raises(NotFoundError):
        await catalog.folders.undelete(people.ada, folder_id=id)
    await catalog.folders.delete(people.ada, folder_id=id)
    assert [view.folder.id for view in await catalog.folders.trash(people.ada)] == [id]
    assert await catalog.folders.trash(people.bob) == []
    with pytest.raises(NotFoundError):
        await catalog.folders.undelete(people.bob, folder_id=id)
    assert (await catalog.folders.undelete(people.ada, folder_id=id)).folder.parent_id == above
    await catalog.folders.delete(people.ada, folder_id=id)
    await catalog.folders.delete(people.ada, folder_id=above)
    assert (await catalog.folders.undelete(people.ada, folder_id=id)).folder.parent_id is None
