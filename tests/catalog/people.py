"""The people of the catalog's tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.db import rows, tables
from cytosol.model.rights import ANONYMOUS, SYSTEM, Actor

PASSWORD = "correct horse"


@dataclass
class Bell:
    """A notifier that counts."""

    jobs: int = 0
    events: int = 0
    rung: list[str] = field(default_factory=list)

    def jobs_waiting(self) -> None:
        self.jobs += 1

    def events_stored(self) -> None:
        self.events += 1


@dataclass(frozen=True)
class People:
    """An administrator, three users, and those who are none."""

    admin: Actor
    ada: Actor
    bob: Actor
    eve: Actor
    nobody: Actor = ANONYMOUS
    system: Actor = SYSTEM

    @classmethod
    async def come(cls, catalog: Catalog) -> People:
        """Make the users without passwords, which takes no time."""
        made: dict[str, Actor] = {}
        async with catalog.context.db.write() as conn:
            for name in ("admin", "ada", "bob", "eve"):
                uid = await rows.next_number(conn, tables.users, "uid")
                email = f"{name}@example.org"
                is_admin = name == "admin"
                id = await rows.insert(conn, tables.users, uid=uid, email=email, name=name.title(), is_admin=is_admin)
                made[name] = Actor("user", user_id=id, email=email, is_admin=is_admin)
        return cls(**made)


def id_of(actor: Actor) -> Key:
    """The id of a user who has one."""
    assert actor.user_id is not None
    return actor.user_id
