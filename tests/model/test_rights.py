"""Decisions on actors, roles and scopes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from cytosol.base.errors import ForbiddenError, NotFoundError, NotSignedInError
from cytosol.base.keys import new_key
from cytosol.model.rights import (
    ANONYMOUS,
    ROLES,
    SYSTEM,
    Actor,
    Permission,
    permissions_of,
    require,
    require_admin,
    require_user,
)

USER = Actor("user", user_id=new_key(), email="a@b")


def test_each_role_holds_what_the_smaller_one_holds() -> None:
    order = [ROLES[name] for name in ("limited_reader", "reader", "editor", "owner")]
    assert all(small < large for small, large in pairwise(order))
    assert order[-1] == set(Permission)
    assert Permission.EXPORT not in order[0]
    assert not {Permission.STUDY_DELETE, Permission.MEMBER_MANAGE, Permission.STUDY_PUBLISH} & order[2]


def test_scopes_cut_permissions() -> None:
    reader = replace(USER, scopes=frozenset({"read"}))
    assert permissions_of(reader, roles={"owner"}) == ROLES["reader"]
    writer = replace(USER, scopes=frozenset({"read", "write"}))
    assert permissions_of(writer, roles={"owner"}) == ROLES["owner"] - {
        Permission.STUDY_PUBLISH,
        Permission.MEMBER_MANAGE,
    }
    assert permissions_of(replace(USER, scopes=frozenset({"write"})), roles={"reader"}) == set()
    assert permissions_of(ANONYMOUS, roles={"editor"}) <= ROLES["reader"]
    assert permissions_of(replace(reader, is_admin=True), roles=set()) == ROLES["reader"]
    assert permissions_of(USER, roles=set()) == set()
    assert permissions_of(SYSTEM, roles=set()) == set(Permission)


def test_what_cannot_be_read_does_not_exist() -> None:
    require(ROLES["editor"], Permission.STUDY_EDIT, what="study 'Rare'")
    with pytest.raises(ForbiddenError, match=r"study\.delete"):
        require(ROLES["editor"], Permission.STUDY_DELETE, what="study 'Rare'")
    with pytest.raises(NotFoundError, match="no such study") as error:
        require(frozenset(), Permission.STUDY_READ, what="study 'Rare'")
    assert "Rare" not in str(error.value)


def test_users_and_administrators() -> None:
    assert require_user(USER) == USER.user_id
    with pytest.raises(NotSignedInError):
        require_user(ANONYMOUS)
    with pytest.raises(ForbiddenError, match="'write'"):
        require_user(replace(USER, scopes=frozenset({"read"})), "write")
    with pytest.raises(NotSignedInError):
        require_admin(ANONYMOUS)
    with pytest.raises(ForbiddenError, match="administrator"):
        require_admin(USER)
    with pytest.raises(ForbiddenError, match="'admin'"):
        require_admin(replace(USER, is_admin=True, scopes=frozenset({"read", "write"})))
    require_admin(replace(USER, is_admin=True))
    require_admin(SYSTEM)
