"""The verbs on PostgreSQL, once through; the suite in ``conformance/db.py`` holds the statements themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cytosol.base.errors import (
    ConflictError,
    NotFoundError,
    NotSignedInError,
    UnavailableError,
    VersionMismatchError,
)
from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.sharing import GrantView
from cytosol.catalog.studies import StudyFields
from cytosol.db.engine import Database
from cytosol.db.migrate import upgrade
from cytosol.model.people import User
from cytosol.model.rights import ANONYMOUS, ROLES, SYSTEM
from tests.catalog.people import PASSWORD, Bell, People, id_of


@pytest.fixture
async def catalog(postgres_url: str, tmp_path: Path) -> AsyncIterator[Catalog]:
    settings = load_settings(data=tmp_path, database=postgres_url, min_free_bytes=0)
    with pytest.raises(ConflictError, match="cytosol migrate"):
        await Catalog.open(settings, notifier=Bell())
    db = await Database.open(postgres_url)
    await upgrade(db)
    await db.close()
    opened = await Catalog.open(settings, notifier=Bell())
    yield opened
    await opened.close()


async def test_people_sign_in_and_hold_tokens(catalog: Catalog) -> None:
    key = await catalog.accounts.new_setup_key(SYSTEM)
    assert key
    made = await asyncio.gather(
        *(catalog.accounts.first_admin(ANONYMOUS, key=key, email=f"{n}@b", password=PASSWORD) for n in range(3)),
        return_exceptions=True,
    )
    [(secret, user)] = [one for one in made if not isinstance(one, BaseException)]
    admin = await catalog.accounts.resolve_session(secret)
    assert admin.user_id == user.id
    token, record = await catalog.accounts.new_token(admin)
    assert await catalog.accounts.resolve_token(token) == await catalog.accounts.resolve_token(token)
    await catalog.accounts.revoke_token(admin, token_id=record.id)
    with pytest.raises(NotSignedInError):
        await catalog.accounts.resolve_token(token)
    with pytest.raises(ConflictError, match="last administrator"):
        await catalog.accounts.disable(admin, user_id=user.id)


async def test_of_two_administrators_who_disable_each_other_one_stays(catalog: Catalog, people: People) -> None:
    await catalog.accounts.change_user(people.admin, user_id=id_of(people.ada), is_admin=True)
    ids = [id_of(people.admin), id_of(people.ada)]
    disabled = (catalog.accounts.disable(people.system, user_id=id) for id in ids)
    outcomes = await asyncio.gather(*disabled, return_exceptions=True)
    assert all(isinstance(one, User | ConflictError | UnavailableError) for one in outcomes)
    page = await catalog.accounts.list_users(people.system)
    assert any(user.is_admin and user.disabled_at is None for user in page.items)


async def test_studies_samples_and_rights(catalog: Catalog, people: People) -> None:
    folder = (await catalog.folders.create(people.ada, name="F")).folder.id
    study = (await catalog.studies.create(people.ada, fields=StudyFields(name="S"), folder_id=folder)).study
    await catalog.samples.read_csv(people.ada, study_id=study.id, text="S,Dose\nA,1\nB,2\n")
    grants = [GrantView("user", people.bob.user_id, "", "editor"), GrantView("builtin", None, "public", "reader")]
    await catalog.sharing.put(people.ada, subject_kind="folder", subject_id=folder, grants=grants)
    assert (await catalog.studies.get(people.bob, study_id=study.id)).permissions == ROLES["editor"]
    assert [view.study.id for view in (await catalog.studies.list(ANONYMOUS)).items] == [study.id]
    changes = await asyncio.gather(
        *(
            catalog.studies.change(people.bob, study_id=study.id, fields=StudyFields(name=name), expected=1)
            for name in "abc"
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(change, VersionMismatchError) for change in changes) == 2
    adds = await asyncio.gather(
        *(catalog.samples.add(people.bob, study_id=study.id, name="C") for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(add, ConflictError) for add in adds) == 2
    first = (await catalog.history.list(people.ada, study_id=study.id)).items[-1]
    await catalog.history.go_back(people.ada, revision_id=first.id, whole_study=True)
    assert await catalog.samples.write_csv(people.ada, study_id=study.id) == "Sample,Dose\r\nA,1\r\nB,2\r\n"
    copy = await catalog.studies.duplicate(people.bob, study_id=study.id)
    assert len((await catalog.samples.table(people.bob, study_id=copy.study.id)).samples) == 2
    await catalog.studies.delete(people.ada, study_id=study.id)
    with pytest.raises(NotFoundError):
        await catalog.studies.get(people.bob, study_id=study.id)
    assert (await catalog.studies.undelete(people.ada, study_id=study.id)).study.folder_id == folder
    moved = await catalog.accounts.transfer(people.admin, from_id=id_of(people.ada), to_id=id_of(people.eve))
    assert moved == {"folders": 1, "studies": 1}
    assert len(await catalog.events.after(people.eve, last_id=0)) > 5
    group = (await catalog.groups.create(people.eve, name="G")).group
    await catalog.groups.put_member(people.eve, group_id=group.id, user_id=id_of(people.bob))
    await catalog.groups.delete(people.admin, group_id=group.id)
