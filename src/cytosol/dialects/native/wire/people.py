"""Wire models of users, sessions, tokens and groups."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cytosol.dialects.native.wire.common import HexId, Record, Scope, Time, Wire


class ServerRecord(Wire):
    """What a server says about itself."""

    name: str
    version: str
    api_version: str
    needs_setup: bool
    """Whether the first administrator is still to be made."""
    limits: dict[str, float]
    """Settings that limit requests, by name."""


class UserRecord(Record):
    """Somebody who signs in."""

    email: str
    name: str
    is_admin: bool
    disabled: bool
    disabled_at: Time | None


class UserAnswer(Wire):
    """The user who is signed in now."""

    user: UserRecord


class SessionRecord(Wire):
    """Who is signed in, and what the credential allows."""

    user: UserRecord
    scopes: list[Scope]


class SetupRequest(Wire):
    """Makes the first administrator."""

    key: str
    """From the one-time link that the server printed."""
    email: str = Field(examples=["ada@example.org"])
    name: str = Field("", examples=["Ada"])
    password: str = Field(examples=["correct horse"])


class SignInRequest(Wire):
    """Signs in."""

    email: str = Field(examples=["ada@example.org"])
    password: str = Field(examples=["correct horse"])


class MeChange(Wire):
    """A change of one's own record."""

    name: str = Field(examples=["Ada Lovelace"])


class PasswordChange(Wire):
    """A change of one's own password."""

    old: str
    new: str


class TokenRequest(Wire):
    """A token to be made."""

    name: str = Field("", examples=["notebook"])
    scopes: list[Scope] = Field(["read", "write"])
    expires_days: float | None = Field(None, examples=[90])
    """Null = never."""


class TokenRecord(Record):
    """A secret for programs; the secret itself is never shown again."""

    name: str
    scopes: list[Scope]
    expires_at: Time | None
    last_used_at: Time | None


class NewToken(TokenRecord):
    """A token just made."""

    token: str
    """The secret, shown only now."""


class UserRequest(Wire):
    """A user to be made."""

    email: str = Field(examples=["bob@example.org"])
    name: str = ""
    password: str = Field(examples=["correct horse"])
    is_admin: bool = False


class UserChange(Wire):
    """A change of a user; what is left out stays."""

    name: str | None = None
    is_admin: bool | None = None
    disabled: bool | None = None


class GroupRecord(Record):
    """People."""

    name: str
    role: Literal["owner", "member", ""]
    """The asker's own; empty for an administrator from outside."""
    n_members: int


class GroupRequest(Wire):
    """A group to be made or renamed."""

    name: str = Field(examples=["Immunology"])


class MemberRecord(Wire):
    """Somebody in a group."""

    user_id: HexId
    email: str
    name: str
    role: Literal["owner", "member"]
    created_at: Time


class MemberRequest(Wire):
    """A role in a group."""

    role: Literal["owner", "member"] = "member"
