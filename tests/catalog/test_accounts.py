"""Users, sign-in, sessions and tokens."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

import pytest

from cytosol.base.errors import (
    ConflictError,
    CytosolError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
    TooManyError,
    VersionMismatchError,
)
from cytosol.base.keys import new_key
from cytosol.base.settings import load_settings
from cytosol.base.times import now_us
from cytosol.catalog import credentials
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.credentials import actor_again
from cytosol.catalog.studies import StudyFields
from cytosol.db import rows, tables
from cytosol.model.rights import ANONYMOUS, SYSTEM, Actor
from tests.catalog.people import PASSWORD, Bell, People, id_of


async def new_user(catalog: Catalog, email: str = "zoe@example.org", *, is_admin: bool = False) -> Actor:
    user = await catalog.accounts.create_user(SYSTEM, email=email, password=PASSWORD, is_admin=is_admin)
    return Actor("user", user_id=user.id, email=user.email, is_admin=is_admin)


async def test_the_first_admin_comes_with_the_one_time_key(catalog: Catalog) -> None:
    accounts = catalog.accounts
    assert await accounts.needs_setup()
    old = await accounts.new_setup_key(SYSTEM)
    key = await accounts.new_setup_key(SYSTEM)
    assert old
    assert key
    with pytest.raises(ForbiddenError):
        await accounts.new_setup_key(Actor("user", user_id=new_key()))
    who = {"email": "Ada@Example.org", "password": PASSWORD, "name": "Ada"}
    for wrong in (old, "", "x"):
        with pytest.raises(NotSignedInError, match="does not work any more"):
            await accounts.first_admin(ANONYMOUS, key=wrong, **who)
    with pytest.raises(InvalidInputError, match="at least 8"):
        await accounts.first_admin(ANONYMOUS, key=key, email="a@b", password="short")
    secret, user = await accounts.first_admin(ANONYMOUS, key=key, **who)
    assert (user.email, user.is_admin, user.uid) == ("ada@example.org", True, 1)
    assert PASSWORD not in user.password_hash
    assert user.password_hash.startswith("$argon2id$")
    actor = await accounts.resolve_session(secret, request_id="r1")
    assert (actor.user_id, actor.is_admin, actor.request_id) == (user.id, True, "r1")
    assert not await accounts.needs_setup()
    assert await accounts.new_setup_key(SYSTEM) is None
    with pytest.raises(NotSignedInError):
        await accounts.first_admin(ANONYMOUS, key=key, **who)


async def test_of_two_first_admins_at_once_only_one_is_made(catalog: Catalog) -> None:
    key = await catalog.accounts.new_setup_key(SYSTEM)
    assert key
    made = await asyncio.gather(
        *(catalog.accounts.first_admin(ANONYMOUS, key=key, email=f"{n}@b", password=PASSWORD) for n in range(3)),
        return_exceptions=True,
    )
    assert sum(not isinstance(one, BaseException) for one in made) == 1
    async with catalog.context.db.read() as conn:
        assert await rows.count(conn, tables.users) == 1


async def test_sign_in_and_out(catalog: Catalog) -> None:
    zoe = await new_user(catalog)
    secret, user = await catalog.accounts.sign_in(ANONYMOUS, email=" ZOE@example.org", password=PASSWORD)
    assert user.id == zoe.user_id
    assert len(secret) == 43
    assert await catalog.accounts.resolve_session(secret) == zoe
    async with catalog.context.db.read() as conn:
        [session] = await rows.find(conn, tables.sessions)
    assert secret.encode() not in session["secret_hash"]
    await catalog.accounts.sign_out(zoe, secret=secret)
    with pytest.raises(NotSignedInError):
        await catalog.accounts.resolve_session(secret)
    with pytest.raises(NotSignedInError):
        await catalog.accounts.resolve_session("\ud800 nonsense")


async def test_sign_in_does_not_reveal_who_has_an_account(catalog: Catalog) -> None:
    await new_user(catalog)
    times: dict[str, list[float]] = {}
    words = set()
    for _ in range(4):
        for email in ("zoe@example.org", "nobody@example.org"):
            start = time.perf_counter()
            with pytest.raises(NotSignedInError) as error:
                await catalog.accounts.sign_in(ANONYMOUS, email=email, password="wrong one")
            times.setdefault(email, []).append(time.perf_counter() - start)
            words.add(str(error.value))
    assert len(words) == 1
    known, unknown = (statistics.median(sorted(found)[:3]) for found in times.values())
    assert 0.2 < known / unknown < 5
    with pytest.raises(NotSignedInError) as error:
        await catalog.accounts.sign_in(ANONYMOUS, email="no address", password="x")
    assert str(error.value) in words


async def test_attempts_are_throttled_per_email(catalog: Catalog) -> None:
    await new_user(catalog)
    for email in ("zoe@example.org", "nobody@example.org"):
        for _ in range(10):
            with pytest.raises(NotSignedInError):
                await catalog.accounts.sign_in(ANONYMOUS, email=email, password="wrong one")
        with pytest.raises(TooManyError, match="10 minutes") as error:
            await catalog.accounts.sign_in(ANONYMOUS, email=email.upper(), password=PASSWORD)
        assert 0 < error.value.details["retry_after_s"] <= 601
    await new_user(catalog, "other@example.org")
    await catalog.accounts.sign_in(ANONYMOUS, email="other@example.org", password=PASSWORD)


async def test_a_session_ends_when_it_was_not_used_and_lives_on_when_it_was(catalog: Catalog) -> None:
    await new_user(catalog)
    secret, _ = await catalog.accounts.sign_in(ANONYMOUS, email="zoe@example.org", password=PASSWORD)
    db = catalog.context.db
    soon = now_us() + 3_600_000_000
    async with db.write() as conn:
        await rows.update(conn, tables.sessions, {}, {"expires_at": soon})
    await catalog.accounts.resolve_session(secret)
    async with db.read() as conn:
        assert (await rows.find(conn, tables.sessions))[0]["expires_at"] > soon
    async with db.write() as conn:
        await rows.update(conn, tables.sessions, {}, {"expires_at": now_us() - 1})
    with pytest.raises(NotSignedInError, match="ended"):
        await catalog.accounts.resolve_session(secret)


async def test_tokens_carry_their_scopes_and_end_when_revoked(catalog: Catalog, people: People) -> None:
    accounts = catalog.accounts
    secret, token = await accounts.new_token(people.ada, name="notebook", scopes=("read",))
    assert await accounts.resolve_token(secret) == await accounts.resolve_token(secret)
    actor = await accounts.resolve_token(secret, request_id="r")
    assert (actor.user_id, actor.scopes, actor.request_id) == (people.ada.user_id, {"read"}, "r")
    with pytest.raises(ForbiddenError, match="'write'"):
        await catalog.studies.create(actor, fields=StudyFields(name="X"))
    with pytest.raises(ForbiddenError, match="cannot give"):
        await accounts.new_token(actor, scopes=("read", "write"))
    with pytest.raises(InvalidInputError, match="not a scope"):
        await accounts.new_token(people.ada, scopes=("fly",))
    [listed] = await accounts.list_tokens(people.ada)
    assert (listed.id, listed.name) == (token.id, "notebook")
    assert listed.last_used_at is not None
    assert await accounts.list_tokens(people.bob) == []
    with pytest.raises(NotFoundError):
        await accounts.revoke_token(people.bob, token_id=token.id)
    with pytest.raises(ForbiddenError):
        await accounts.new_token(people.bob, user_id=people.ada.user_id)
    await accounts.revoke_token(people.ada, token_id=token.id)
    with pytest.raises(NotSignedInError, match="not known"):
        await accounts.resolve_token(secret)
    with pytest.raises(NotFoundError):
        await accounts.revoke_token(people.ada, token_id=token.id)


async def test_a_token_expires(catalog: Catalog, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    unused, _ = await catalog.accounts.new_token(people.ada, expires_days=1)
    secret, token = await catalog.accounts.new_token(people.ada, expires_days=1)
    expires_at = token.expires_at
    assert expires_at is not None
    monkeypatch.setattr(credentials, "now_us", lambda: expires_at - 1)
    await catalog.accounts.resolve_token(secret)
    monkeypatch.setattr(credentials, "now_us", lambda: expires_at + 1)
    for one in (unused, secret):
        with pytest.raises(NotSignedInError, match="expired"):
            await catalog.accounts.resolve_token(one)


async def test_another_process_that_revokes_is_noticed_at_once(
    catalog: Catalog, people: People, tmp_path: Path
) -> None:
    secret, token = await catalog.accounts.new_token(people.ada)
    for _ in range(3):
        await catalog.accounts.resolve_token(secret)
    other = await Catalog.open(load_settings(data=tmp_path / "data"), notifier=Bell())
    await other.accounts.revoke_token(people.ada, token_id=token.id)
    await other.close()
    with pytest.raises(NotSignedInError):
        await catalog.accounts.resolve_token(secret)


async def test_a_disabled_user_is_out_at_once(catalog: Catalog, people: People) -> None:
    zoe = await new_user(catalog)
    session, _ = await catalog.accounts.sign_in(ANONYMOUS, email=zoe.email, password=PASSWORD)
    token, _ = await catalog.accounts.new_token(zoe)
    await catalog.accounts.resolve_session(session)
    await catalog.accounts.resolve_token(token)
    stored = zoe.as_json()
    with pytest.raises(ForbiddenError):
        await catalog.accounts.disable(people.ada, user_id=id_of(zoe))
    await catalog.accounts.disable(people.admin, user_id=id_of(zoe))
    with pytest.raises(NotSignedInError):
        await catalog.accounts.resolve_session(session)
    with pytest.raises(NotSignedInError):
        await catalog.accounts.resolve_token(token)
    with pytest.raises(NotSignedInError, match="disabled"):
        await catalog.accounts.sign_in(ANONYMOUS, email=zoe.email, password=PASSWORD)
    with pytest.raises(NotSignedInError, match="password is wrong"):
        await catalog.accounts.sign_in(ANONYMOUS, email=zoe.email, password="wrong one")
    async with catalog.context.db.read() as conn:
        with pytest.raises(NotSignedInError, match="disabled"):
            await actor_again(conn, stored)
    await catalog.accounts.change_user(people.admin, user_id=id_of(zoe), disabled=False)
    await catalog.accounts.resolve_token(token)
    with pytest.raises(NotSignedInError):
        await catalog.accounts.resolve_session(session)


async def test_a_stored_actor_comes_back_with_the_rights_of_today(catalog: Catalog, people: People) -> None:
    group = await catalog.groups.create(people.ada, name="Lab")
    async with catalog.context.db.read() as conn:
        actor = await actor_again(conn, people.ada.as_json() | {"scopes": ["read"]})
        assert actor.group_ids == {group.group.id}
        assert actor.scopes == {"read"}
        assert (await actor_again(conn, SYSTEM.as_json())).is_admin
        with pytest.raises(NotSignedInError):
            await actor_again(conn, Actor("user", user_id=new_key()).as_json())


async def test_the_last_administrator_stays(catalog: Catalog, people: People) -> None:
    for change in ({"disabled": True}, {"is_admin": False}):
        with pytest.raises(ConflictError, match="last administrator"):
            await catalog.accounts.change_user(people.admin, user_id=id_of(people.admin), **change)
    await catalog.accounts.change_user(people.admin, user_id=id_of(people.ada), is_admin=True)
    await catalog.accounts.disable(people.admin, user_id=id_of(people.admin))
    with pytest.raises(ConflictError):
        await catalog.accounts.disable(people.admin, user_id=id_of(people.ada))


async def test_passwords_change(catalog: Catalog, people: People) -> None:
    zoe = await new_user(catalog)
    kept, _ = await catalog.accounts.sign_in(ANONYMOUS, email=zoe.email, password=PASSWORD)
    other, _ = await catalog.accounts.sign_in(ANONYMOUS, email=zoe.email, password=PASSWORD)
    with pytest.raises(InvalidInputError, match="old password"):
        await catalog.accounts.change_password(zoe, old="wrong one", new="another one")
    with pytest.raises(InvalidInputError, match="at least"):
        await catalog.accounts.change_password(zoe, old=PASSWORD, new="short")
    await catalog.accounts.change_password(zoe, old=PASSWORD, new="another one", keep_secret=kept)
    await catalog.accounts.resolve_session(kept)
    with pytest.raises(NotSignedInError):
        await catalog.accounts.resolve_session(other)
    with pytest.raises(NotSignedInError):
        await catalog.accounts.sign_in(ANONYMOUS, email=zoe.email, password=PASSWORD)
    await catalog.accounts.set_password(people.admin, user_id=id_of(zoe), password="a third one")
    with pytest.raises(NotSignedInError):
        await catalog.accounts.resolve_session(kept)
    await catalog.accounts.sign_in(ANONYMOUS, email=zoe.email, password="a third one")


async def test_users_are_listed_found_and_changed(catalog: Catalog, people: People) -> None:
    accounts = catalog.accounts
    first = await accounts.list_users(people.admin, limit=3)
    rest = await accounts.list_users(people.admin, limit=3, cursor=first.next)
    assert [user.name for user in first.items + rest.items] == ["Admin", "Ada", "Bob", "Eve"]
    assert rest.next is None
    for limit in (0, 501):
        with pytest.raises(InvalidInputError, match="1 to 500"):
            await accounts.list_users(people.admin, limit=limit)
    with pytest.raises(InvalidInputError, match="cursor"):
        await accounts.list_users(people.admin, cursor="nonsense")
    for actor, error in ((people.ada, ForbiddenError), (people.nobody, NotSignedInError)):
        with pytest.raises(error):
            await accounts.list_users(actor)
    assert (await accounts.find_user(people.bob, email="ADA@example.org")).id == people.ada.user_id
    with pytest.raises(NotFoundError):
        await accounts.find_user(people.bob, email="x@y")
    me = await accounts.change_me(people.ada, name="Countess", expected=1)
    assert (me.name, me.version) == ("Countess", 2)
    with pytest.raises(VersionMismatchError):
        await accounts.change_me(people.ada, name="X", expected=1)
    assert (await accounts.me(people.ada)).name == "Countess"
    with pytest.raises(ConflictError, match="already"):
        await accounts.create_user(people.admin, email="ada@EXAMPLE.org", password=PASSWORD)


async def test_transfer_moves_all_ownership(catalog: Catalog, people: People) -> None:
    folder = await catalog.folders.create(people.ada, name="F")
    study = await catalog.studies.create(people.ada, fields=StudyFields(name="S"), folder_id=folder.folder.id)
    group = await catalog.groups.create(people.ada, name="G")
    async with catalog.context.db.write() as conn:
        owner = id_of(people.ada)
        await rows.insert(conn, tables.originals, owner_id=owner, path="x", size=1)
        await rows.insert(conn, tables.storages, owner_id=owner, name="disk", kind="folder", location={})
        await rows.insert(conn, tables.uploads, owner_id=owner, name="x", expires_at=1)
    with pytest.raises(ForbiddenError):
        await catalog.accounts.transfer(people.ada, from_id=id_of(people.ada), to_id=id_of(people.bob))
    moved = await catalog.accounts.transfer(people.admin, from_id=id_of(people.ada), to_id=id_of(people.bob))
    assert moved == {"folders": 1, "studies": 1, "originals": 1, "storages": 1, "uploads": 1, "groups": 1}
    assert (await catalog.studies.get(people.bob, study_id=study.study.id)).owner_email == "bob@example.org"
    with pytest.raises(NotFoundError):
        await catalog.studies.get(people.ada, study_id=study.study.id)
    members = await catalog.groups.members(people.admin, group_id=group.group.id)
    assert [(member.email, member.role) for member in members] == [("bob@example.org", "owner")]
    for other in (new_key(), id_of(people.bob)):
        with pytest.raises(CytosolError):
            await catalog.accounts.transfer(people.admin, from_id=id_of(people.bob), to_id=other)


async def test_the_audit_tells_who_did_what(catalog: Catalog, people: People) -> None:
    await catalog.accounts.create_user(people.admin, email="x@y", password=PASSWORD)
    page = await catalog.audit.list(people.admin, verb="user.create")
    [entry] = page.items
    assert (entry.verb, entry.actor["email"], entry.detail) == ("user.create", "admin@example.org", {"email": "x@y"})
    assert PASSWORD not in str(entry)
    with pytest.raises(ForbiddenError):
        await catalog.audit.list(people.ada)
