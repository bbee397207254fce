"""What happens when a disk is full, and the check that comes before."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from cytosol.base.errors import OutOfSpaceError, UnavailableError
from cytosol.base.settings import Settings

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_BROKEN = frozenset({errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ESTALE, errno.ENODEV})


class _HasFreeBytes(Protocol):
    async def free_bytes(self) -> int | None: ...


@contextmanager
def disk_errors(where: str) -> Iterator[None]:
    """Turn what the operating system says while writing into errors of ours.

    Raises
    ------
    OutOfSpaceError
        Where the disk or the quota is full; ``details["setting"]`` is ``min_free_bytes``.
    UnavailableError
        Where the disk is read-only, broken, or not ours to write.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise OutOfSpaceError(
                "There is no room left on the disk",
                where=where,
                do="Free some space or ask whoever runs this server, then try again",
                setting="min_free_bytes",
            ) from error
        if error.errno in _BROKEN:
            raise UnavailableError(
                f"The store cannot be used: {error.strerror}",
                where=where,
                do="Check the disk and the rights on its folder",
            ) from error
        raise


async def check_free(store: _HasFreeBytes, settings: Settings, need_bytes: int) -> None:
    """Refuse work that would leave less than ``min_free_bytes`` free; a bucket has no such limit.

    Raises
    ------
    OutOfSpaceError
        With ``free_bytes``, ``need_bytes`` and the setting's name.
    """
    free = await store.free_bytes()
    if free is None or free - need_bytes >= settings.min_free_bytes:
        return
    raise OutOfSpaceError(
        f"This needs {need_bytes:,} bytes, and {free:,} are free, of which {settings.min_free_bytes:,} stay reserved",
        do="Free some space, or lower min_free_bytes",
        setting="min_free_bytes",
        free_bytes=free,
        need_bytes=need_bytes,
    )
