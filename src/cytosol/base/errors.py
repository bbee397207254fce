"""The errors of Cytosol, one small tree.

Every error says what was wrong, where, and what to do, in words a biologist understands. Dialects map the classes
to the statuses and bodies that their clients expect; nothing below the edge knows HTTP.

CytosolError
├── InvalidInputError             a value that cannot be accepted
│   ├── UnreadableFileError       a file that is foreign, truncated or contradicts itself
│   └── UnsupportedFormatError    a format that is known but not read by this version
├── NotSignedInError              no or wrong credentials
├── ForbiddenError                signed in, but lacking a permission
├── NotFoundError                 no such thing, or not visible to the actor
├── ConflictError                 the request contradicts the state of a thing
│   ├── VersionMismatchError      the thing changed since it was read
│   └── LeaseLostError            a worker commits with an old lease
├── LimitExceededError            above a limit of the settings
│   ├── TooManyError              too many at once, or too many so far
│   └── OutOfSpaceError           no room on disk
├── JobFailedError                a job ended without its result
├── DamagedDataError              stored bytes do not match their record
└── UnavailableError              a service that Cytosol needs does not answer
"""

from __future__ import annotations

from typing import Any, ClassVar


class CytosolError(Exception):
    """Base of all errors that a user can meet.

    Parameters
    ----------
    what : what was wrong, one sentence without the final stop
    where : file, field, row or record that it was found in
    do : what the user can do about it
    details : further facts, JSON values only
    """

    code: ClassVar[str] = "error"

    def __init__(self, what: str, *, where: str = "", do: str = "", **details: Any) -> None:
        self.what = what
        self.where = where
        self.do = do
        self.details = details
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """The whole message: what, where, what to do."""
        text = self.what.rstrip(".")
        if self.where:
            text += f" ({self.where})"
        text += "."
        if self.do:
            text += f" {self.do.rstrip('.')}."
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), (self.what, self.where, self.do), self.details)


def _rebuild(cls: type[CytosolError], texts: tuple[str, str, str], details: dict[str, Any]) -> CytosolError:
    what, where, do = texts
    return cls(what, where=where, do=do, **details)


class InvalidInputError(CytosolError):
    """A value that cannot be accepted."""

    code = "invalid-input"


class UnreadableFileError(InvalidInputError):
    """A file that is foreign, truncated or contradicts itself."""

    code = "unreadable-file"


class UnsupportedFormatError(InvalidInputError):
    """A format that is known but not read by this version."""

    code = "unsupported-format"


class NotSignedInError(CytosolError):
    """No or wrong credentials."""

    code = "not-signed-in"


class ForbiddenError(CytosolError):
    """Signed in, but lacking a permission."""

    code = "forbidden"


class NotFoundError(CytosolError):
    """No such thing, or not visible to the actor."""

    code = "not-found"


class ConflictError(CytosolError):
    """The request contradicts the state of a thing."""

    code = "conflict"


class VersionMismatchError(ConflictError):
    """The thing changed since it was read."""

    code = "version-mismatch"


class LeaseLostError(ConflictError):
    """A worker commits with an old lease."""

    code = "lease-lost"


class LimitExceededError(CytosolError):
    """Above a limit of the settings; ``details["setting"]`` names it."""

    code = "limit-exceeded"


class TooManyError(LimitExceededError):
    """Too many at once, or too many so far."""

    code = "too-many"


class OutOfSpaceError(LimitExceededError):
    """No room on disk."""

    code = "out-of-space"


class JobFailedError(CytosolError):
    """A job ended without its result."""

    code = "job-failed"


class DamagedDataError(CytosolError):
    """Stored bytes do not match their record."""

    code = "damaged-data"


class UnavailableError(CytosolError):
    """A service that Cytosol needs does not answer."""

    code = "unavailable"
