"""What the commands do on a data folder, also while a server runs on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.settings import Settings
from cytosol.base.times import to_rfc3339
from cytosol.catalog.accounts import Accounts
from cytosol.catalog.context import OnlyRecords
from cytosol.db.engine import Database
from cytosol.db.migrate import prepare, upgrade
from cytosol.db.single import running_server
from cytosol.model.rights import ALL_SCOPES, SYSTEM
from cytosol.model.work import Job

if TYPE_CHECKING:
    from cytosol.catalog.catalog import Catalog

Told = Callable[[int, int], None]
URL_FILE = "server.url"


class _Quiet:
    """A command wakes nobody; the server looks at the queue by itself."""

    def jobs_waiting(self) -> None:
        """Nobody waits here."""

    def events_stored(self) -> None:
        """Nobody watches here."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Catalog]:
    """The catalog of a data folder."""
    from cytosol.catalog.catalog import Catalog  # seconds to load: readers and analyses

    catalog = await Catalog.open(settings, notifier=_Quiet())
    try:
        yield catalog
    finally:
        await catalog.close()


@asynccontextmanager
async def _accounts(settings: Settings) -> AsyncIterator[Accounts]:
    """Users and tokens alone: a command that needs no more starts in a second."""
    db = await Database.open(settings.database_url)
    try:
        await prepare(db)
        yield Accounts(OnlyRecords(settings, db))
    finally:
        await db.close()


async def add_user(settings: Settings, *, email: str, password: str, name: str, is_admin: bool) -> str:
    """Make a user; gives the id."""
    async with _accounts(settings) as accounts:
        user = await accounts.create_user(SYSTEM, email=email, password=password, name=name, is_admin=is_admin)
        return user.id.hex24


async def list_users(settings: Settings) -> list[dict[str, Any]]:
    """All users."""
    async with _accounts(settings) as accounts:
        found, cursor = [], None
        while True:
            page = await accounts.list_users(SYSTEM, limit=500, cursor=cursor)
            found += [
                {
                    "id": user.id.hex24,
                    "email": user.email,
                    "name": user.name,
                    "admin": user.is_admin,
                    "disabled": user.disabled_at is not None,
                }
                for user in page.items
            ]
            cursor = page.next
            if cursor is None:
                return found


async def set_password(settings: Settings, *, email: str, password: str) -> None:
    """Set a user's password; ends all sessions."""
    async with _accounts(settings) as accounts:
        user = await accounts.find_user(SYSTEM, email=email)
        await accounts.set_password(SYSTEM, user_id=user.id, password=password)


async def disable_user(settings: Settings, *, email: str) -> None:
    """End all sessions and tokens of a user."""
    async with _accounts(settings) as accounts:
        user = await accounts.find_user(SYSTEM, email=email)
        await accounts.disable(SYSTEM, user_id=user.id)


async def transfer(settings: Settings, *, from_email: str, to_email: str) -> dict[str, int]:
    """Make all that one user owns another's; how many of what."""
    async with _accounts(settings) as accounts:
        from_user = await accounts.find_user(SYSTEM, email=from_email)
        to_user = await accounts.find_user(SYSTEM, email=to_email)
        return await accounts.transfer(SYSTEM, from_id=from_user.id, to_id=to_user.id)


async def new_token(
    settings: Settings, *, email: str, name: str, scopes: Sequence[str], expires_days: float | None
) -> str:
    """Make a token for a user; gives the secret."""
    async with _accounts(settings) as accounts:
        user = await accounts.find_user(SYSTEM, email=email)
        secret, _token = await accounts.new_token(
            SYSTEM, name=name, scopes=scopes, expires_days=expires_days, user_id=user.id
        )
        return secret


async def list_tokens(settings: Settings, *, email: str) -> list[dict[str, Any]]:
    """The tokens of a user, without their secrets."""
    async with _accounts(settings) as accounts:
        user = await accounts.find_user(SYSTEM, email=email)
        return [
            {
                "id": token.id.hex24,
                "name": token.name,
                "scopes": ",".join(token.scopes),
                "created": to_rfc3339(token.created_at),
                "expires": to_rfc3339(token.expires_at) if token.expires_at else "never",
            }
            for token in await accounts.list_tokens(SYSTEM, user_id=user.id)
        ]


async def revoke_token(settings: Settings, *, token_id: str) -> None:
    """End a token at once."""
    async with _accounts(settings) as accounts:
        await accounts.revoke_token(SYSTEM, token_id=Key.parse(token_id))


async def add_storage(settings: Settings, *, name: str, target: str, email: str, group: str) -> str:
    """Mount a folder or bucket for a user, a group or all members; gives the id."""
    kind, location = _location(settings, target)
    async with opened(settings) as catalog:
        owner = (await catalog.accounts.find_user(SYSTEM, email=email)).id if email else None
        view = await catalog.storages.add(
            SYSTEM,
            name=name,
            kind=kind,
            location=location,
            owner_id=owner,
            group_id=await _group(catalog, group) if group else None,
        )
        return view.storage.id.hex24


def _location(settings: Settings, target: str) -> tuple[str, Mapping[str, Any]]:
    if not target.startswith("s3://"):
        return "folder", {"path": str(Path(target).resolve())}
    return "s3", {
        "url": target,
        "endpoint": settings.s3_endpoint,
        "region": settings.s3_region,
        "access_key": settings.s3_access_key,
        "secret_key": settings.s3_secret_key,
        "machine_keys": not settings.s3_access_key,
    }


async def _group(catalog: Catalog, name: str) -> Key:
    for view in await catalog.groups.list(SYSTEM):
        if name in (view.group.name, view.group.id.hex24):
            return view.group.id
    raise NotFoundError(f"There is no group '{name}'", do="Make it at the page, or with POST /api/v1/groups")


async def migrate(settings: Settings) -> str:
    """Bring the database to this version; gives its revision."""
    db = await Database.open(settings.database_url)
    try:
        return (await upgrade(db)).head
    finally:
        await db.close()


async def check(settings: Settings, *, deep: bool) -> list[tuple[str, str, bool]]:
    """Compare the bytes with the records, and mend what can be: where, what, whether it was mended."""
    async with opened(settings) as catalog:
        findings = await catalog.care.check(SYSTEM, deep=deep)
        return [(finding.where, finding.problem, finding.mended) for finding in findings]


async def weigh(settings: Settings) -> list[dict[str, Any]]:
    """What each study takes on disk, bytes."""
    async with opened(settings) as catalog:
        return [
            {
                "study": weight.study,
                "originals": weight.originals,
                "datasets": weight.datasets,
                "indexes": weight.indexes,
                "total": weight.total,
            }
            for weight in await catalog.care.du(SYSTEM)
        ]


async def back_up(settings: Settings, target: Path, progress: Told) -> str:
    """Copy everything into an empty folder; gives a sentence on what was copied."""
    async with opened(settings) as catalog:
        report = await catalog.care.backup(SYSTEM, target=target, progress=progress)
        return f"{report.n_files} files, {report.n_bytes:,} bytes"


async def restore(settings: Settings, source: Path, progress: Told) -> str:
    """Bring a backup back into an empty data folder; gives a sentence on what was copied."""
    from cytosol.catalog.backups import restore as restore_backup  # seconds to load: readers and analyses

    if running_server(settings.data) is not None:
        raise ConflictError("A server runs on this data folder", where=str(settings.data), do="Stop it first")
    report = await restore_backup(settings, source, progress)
    return f"{report.n_files} files, {report.n_bytes:,} bytes"


async def job_log(settings: Settings, job: str) -> list[str]:
    """The log of a job, by number or id, one line an entry."""
    async with opened(settings) as catalog:
        found: Job
        if job.isdigit() and len(job) < 20:
            found = (await catalog.jobs.find_serial(SYSTEM, serial=int(job))).job
        else:
            found = (await catalog.jobs.get(SYSTEM, job_id=Key.parse(job))).job
        entries = await catalog.jobs.log(SYSTEM, job_id=found.id)
        return [f"{to_rfc3339(entry.at)} {entry.level:7} {entry.text}" for entry in entries]


async def local_access(settings: Settings, *, email: str = "") -> tuple[str, str]:
    """Address of the server that runs on the data folder, and a token for it that lasts a day.

    Parameters
    ----------
    email : who the token is for; the only user where empty
    """
    place = settings.data / URL_FILE
    if running_server(settings.data) is None or not place.is_file():
        raise NotFoundError(
            "No server runs on this data folder",
            where=str(settings.data),
            do="Start it with 'cytosol serve', or name another server with --url and --token",
        )
    users = [user["email"] for user in await list_users(settings) if not user["disabled"]]
    if not email and len(users) != 1:
        raise InvalidInputError(f"There are {len(users)} users on this server", do="Say who you are with --token")
    token = await new_token(
        settings, email=email or users[0], name="command line", scopes=sorted(ALL_SCOPES), expires_days=1
    )
    return place.read_text(encoding="utf-8").strip(), token
