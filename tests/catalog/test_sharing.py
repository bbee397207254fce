"""Groups, folders and grants: who sees what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cytosol.base.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
    VersionMismatchError,
)
from cytosol.base.keys import Key, new_key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.sharing import GrantView, SubjectKind
from cytosol.catalog.studies import StudyFields
from cytosol.db import rows, tables
from cytosol.db.rights import StudyFilter
from cytosol.model.rights import ROLES, Actor, Permission
from tests.catalog.people import People, id_of


async def study_of(catalog: Catalog, actor: Actor, folder: Key | None = None) -> Key:
    return (await catalog.studies.create(actor, fields=StudyFields(name="S"), folder_id=folder)).study.id


async def share(catalog: Catalog, actor: Actor, kind: SubjectKind, id: Key, *grants: GrantView) -> list[GrantView]:
    return await catalog.sharing.put(actor, subject_kind=kind, subject_id=id, grants=grants)


def to_user(actor: Actor, role: str) -> GrantView:
    return GrantView("user", actor.user_id, "", role)


async def sees(catalog: Catalog, actor: Actor) -> set[Key]:
    return {view.study.id for view in (await catalog.studies.list(actor)).items}


async def test_what_is_not_shared_does_not_exist(catalog: Catalog, people: People) -> None:
    study = await study_of(catalog, people.ada)
    for actor in (people.bob, people.nobody):
        with pytest.raises(NotFoundError, match="no such study"):
            await catalog.studies.get(actor, study_id=study)
        with pytest.raises(NotFoundError):
            await catalog.studies.change(actor, study_id=study, fields=StudyFields(name="X"))
        with pytest.raises(NotFoundError):
            await catalog.sharing.list(actor, subject_kind="study", subject_id=study)
        assert await sees(catalog, actor) == set()
    for actor in (people.ada, people.admin, people.system):
        assert (await catalog.studies.get(actor, study_id=study)).permissions == set(Permission)
        assert await sees(catalog, actor) == {study}


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_each_role_gives_its_permissions(catalog: Catalog, people: People, role: str) -> None:
    study = await study_of(catalog, people.ada)
    await share(catalog, people.ada, "study", study, to_user(people.bob, role))
    view = await catalog.studies.get(people.bob, study_id=study)
    assert view.permissions == ROLES[role]
    [listed] = (await catalog.studies.list(people.bob)).items
    assert listed == view
    if role in ("reader", "limited_reader"):
        with pytest.raises(ForbiddenError, match="needs the permission"):
            await catalog.studies.change(people.bob, study_id=study, fields=StudyFields(name="X"))
    if role != "owner":
        with pytest.raises(ForbiddenError):
            await catalog.studies.delete(people.bob, study_id=study)
        with pytest.raises(ForbiddenError):
            await share(catalog, people.bob, "study", study, to_user(people.bob, "owner"))


async def test_folders_pass_their_grants_on(catalog: Catalog, people: People) -> None:
    top = (await catalog.folders.create(people.ada, name="Top")).folder.id
    middle = (await catalog.folders.create(people.ada, name="Middle", parent_id=top)).folder.id
    low = (await catalog.folders.create(people.ada, name="Low", parent_id=middle)).folder.id
    study = await study_of(catalog, people.ada, low)
    await share(catalog, people.ada, "folder", top, to_user(people.bob, "reader"))
    assert (await catalog.studies.get(people.bob, study_id=study)).permissions == ROLES["reader"]
    assert [view.folder.name for view in await catalog.folders.list(people.bob)] == ["Low", "Middle", "Top"]
    with pytest.raises(ForbiddenError):
        await catalog.folders.create(people.bob, name="X", parent_id=low)
    with pytest.raises(NotFoundError):
        await catalog.folders.create(people.eve, name="X", parent_id=low)
    await catalog.folders.change(people.ada, folder_id=middle, parent_id=None)
    with pytest.raises(NotFoundError):
        await catalog.studies.get(people.bob, study_id=study)


async def test_moving_is_for_owners_and_never_in_a_circle(catalog: Catalog, people: People) -> None:
    top = await catalog.folders.create(people.ada, name="Top")
    low = await catalog.folders.create(people.ada, name="Low", parent_id=top.folder.id)
    own = await catalog.folders.create(people.bob, name="Bob's")
    for target in (top.folder.id, low.folder.id):
        with pytest.raises(InvalidInputError, match="into itself"):
            await catalog.folders.change(people.ada, folder_id=top.folder.id, parent_id=target)
    await share(catalog, people.ada, "folder", top.folder.id, to_user(people.bob, "editor"))
    with pytest.raises(ForbiddenError, match=r"member\.manage"):
        await catalog.folders.change(people.bob, folder_id=low.folder.id, parent_id=own.folder.id)
    study = await study_of(catalog, people.ada, top.folder.id)
    with pytest.raises(ForbiddenError):
        await catalog.studies.change(people.bob, study_id=study, fields=StudyFields(), folder_id=own.folder.id)
    renamed = await catalog.folders.change(people.bob, folder_id=low.folder.id, name="Löw", expected=1)
    assert renamed.folder.name == "Löw"
    with pytest.raises(VersionMismatchError):
        await catalog.folders.change(people.bob, folder_id=low.folder.id, name="X", expected=1)


async def test_folders_are_deleted_when_empty(catalog: Catalog, people: People) -> None:
    folder = (await catalog.folders.create(people.ada, name="F")).folder.id
    study = await study_of(catalog, people.ada, folder)
    with pytest.raises(ConflictError, match="1 studies"):
        await catalog.folders.delete(people.ada, folder_id=folder)
    await catalog.studies.delete(people.ada, study_id=study)
    await catalog.folders.delete(people.ada, folder_id=folder)
    assert await catalog.folders.list(people.ada) == []
    with pytest.raises(NotFoundError):
        await catalog.folders.get(people.ada, folder_id=folder)
    assert (await catalog.studies.undelete(people.ada, study_id=study)).study.folder_id is None


async def test_folders_lie_at_most_32_deep(catalog: Catalog, people: People) -> None:
    parent = None
    for _ in range(32):
        parent = (await catalog.folders.create(people.ada, name="F", parent_id=parent)).folder.id
    with pytest.raises(InvalidInputError, match="32 deep"):
        await catalog.folders.create(people.ada, name="F", parent_id=parent)


async def test_groups_and_built_in_principals(catalog: Catalog, people: People) -> None:
    study = await study_of(catalog, people.ada)
    group = (await catalog.groups.create(people.ada, name="Lab")).group.id
    in_group = replace(people.bob, group_ids=frozenset({group}))
    grants = await share(
        catalog,
        people.ada,
        "study",
        study,
        GrantView("group", None, "Lab", "editor"),
        GrantView("builtin", None, "all_members", "limited_reader"),
        GrantView("user", None, "EVE@example.org", "reader"),
    )
    assert {(grant.principal_kind, grant.principal_name, grant.role) for grant in grants} == {
        ("group", "Lab", "editor"),
        ("builtin", "all_members", "limited_reader"),
        ("user", "eve@example.org", "reader"),
    }
    assert grants == await catalog.sharing.list(people.ada, subject_kind="study", subject_id=study)
    assert (await catalog.studies.get(in_group, study_id=study)).permissions == ROLES["editor"]
    assert (await catalog.studies.get(people.bob, study_id=study)).permissions == ROLES["limited_reader"]
    assert (await catalog.studies.get(people.eve, study_id=study)).permissions == ROLES["reader"]
    with pytest.raises(NotFoundError):
        await catalog.studies.get(people.nobody, study_id=study)
    await catalog.groups.delete(people.ada, group_id=group)
    assert len(await catalog.sharing.list(people.ada, subject_kind="study", subject_id=study)) == 2
    await share(catalog, people.ada, "study", study)
    assert await sees(catalog, people.eve) == set()


async def test_anonymous_visitors_read_what_is_public_and_change_nothing(catalog: Catalog, people: People) -> None:
    study = await study_of(catalog, people.ada)
    published = await catalog.studies.publish(people.ada, study_id=study)
    assert published.study.published_at is not None
    seen = await catalog.studies.get(people.nobody, study_id=study)
    assert (seen.permissions, seen.owner_email) == (ROLES["reader"], "")
    assert [view.owner_email for view in (await catalog.studies.list(people.nobody)).items] == [""]
    assert (await catalog.studies.get(people.bob, study_id=study)).owner_email
    assert await sees(catalog, people.nobody) == await sees(catalog, people.bob) == {study}
    assert (await catalog.samples.table(people.nobody, study_id=study)).samples == []
    assert await catalog.events.after(people.nobody, last_id=0, study_id=study)
    with pytest.raises(ForbiddenError):
        await catalog.samples.add(people.nobody, study_id=study, name="X")
    for verb in (
        catalog.studies.create(people.nobody, fields=StudyFields(name="X")),
        catalog.studies.duplicate(people.nobody, study_id=study),
        catalog.folders.create(people.nobody, name="X"),
        catalog.groups.list(people.nobody),
        catalog.accounts.me(people.nobody),
        catalog.events.after(people.nobody, last_id=0),
    ):
        with pytest.raises(NotSignedInError):
            await verb
    await catalog.studies.publish(people.ada, study_id=study, is_public=False)
    assert await sees(catalog, people.nobody) == set()


@pytest.mark.parametrize(
    ("grant", "reason"),
    [
        (GrantView("user", None, "x@y", "reader"), "There is no user"),
        (GrantView("user", new_key(), "", "reader"), "There is no user"),
        (GrantView("group", None, "None", "reader"), "There is no group"),
        (GrantView("builtin", None, "everybody", "reader"), "not a built-in"),
        (GrantView("builtin", None, "public", "editor"), "public cannot be editor"),
        (GrantView("user", None, "bob@example.org", "king"), "not a role"),
        (GrantView("robot", None, "x", "reader"), "not a kind"),  # type: ignore[arg-type]
    ],
)
async def test_grants_that_cannot_be_given(catalog: Catalog, people: People, grant: GrantView, reason: str) -> None:
    study = await study_of(catalog, people.ada)
    await share(catalog, people.ada, "study", study, to_user(people.eve, "reader"))
    with pytest.raises((InvalidInputError, NotFoundError), match=reason):
        await share(catalog, people.ada, "study", study, to_user(people.bob, "reader"), grant)
    [kept] = await catalog.sharing.list(people.ada, subject_kind="study", subject_id=study)
    assert kept.principal_id == people.eve.user_id
    with pytest.raises(InvalidInputError, match="two roles"):
        await share(catalog, people.ada, "study", study, to_user(people.bob, "reader"), to_user(people.bob, "editor"))


async def test_groups_are_changed_by_their_owners(catalog: Catalog, people: People) -> None:
    groups = catalog.groups
    view = await groups.create(people.ada, name="Lab")
    id = view.group.id
    assert (view.role, view.n_members) == ("owner", 1)
    with pytest.raises(ConflictError, match="already"):
        await groups.create(people.bob, name="Lab")
    ada = replace(people.ada, group_ids=frozenset({id}))
    bob = replace(people.bob, group_ids=frozenset({id}))
    with pytest.raises(NotFoundError):
        await groups.get(people.bob, group_id=id)
    await groups.put_member(ada, group_id=id, user_id=id_of(bob))
    assert (await groups.get(bob, group_id=id)).role == "member"
    assert [view.group.name for view in await groups.list(bob)] == ["Lab"]
    assert await groups.list(people.eve) == []
    assert [view.role for view in await groups.list(people.admin)] == [""]
    with pytest.raises(ForbiddenError, match="owners of the group"):
        await groups.put_member(bob, group_id=id, user_id=id_of(people.eve))
    with pytest.raises(ConflictError, match="needs an owner"):
        await groups.remove_member(ada, group_id=id, user_id=id_of(ada))
    with pytest.raises(ConflictError, match="needs an owner"):
        await groups.put_member(ada, group_id=id, user_id=id_of(ada), role="member")
    with pytest.raises(InvalidInputError, match="owner or member"):
        await groups.put_member(ada, group_id=id, user_id=id_of(bob), role="king")
    await groups.remove_member(bob, group_id=id, user_id=id_of(bob))
    with pytest.raises(NotFoundError):
        await groups.remove_member(ada, group_id=id, user_id=id_of(bob))
    renamed = await groups.change(ada, group_id=id, name="Core", expected=1)
    assert renamed.group.name == "Core"
    async with catalog.context.db.write() as conn:
        await rows.insert(conn, tables.storages, group_id=id, name="disk", kind="folder", location={})
    with pytest.raises(ConflictError, match="storages"):
        await groups.delete(people.admin, group_id=id)
    async with catalog.context.db.write() as conn:
        await rows.update(conn, tables.storages, {}, {"deleted_at": 1})
    await groups.delete(people.admin, group_id=id)
    with pytest.raises(NotFoundError):
        await groups.get(people.admin, group_id=id)


async def test_a_token_cuts_what_a_list_may_show(catalog: Catalog, people: People) -> None:
    await study_of(catalog, people.ada)
    blind = replace(people.ada, scopes=frozenset({"write"}))
    with pytest.raises(ForbiddenError, match="'read'"):
        await catalog.studies.list(blind, chosen=StudyFilter())
    with pytest.raises(ForbiddenError, match="'read'"):
        await catalog.folders.list(blind)
