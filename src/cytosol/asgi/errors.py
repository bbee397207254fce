"""The statuses that most dialects share."""

from __future__ import annotations

from cytosol.asgi.dialect import ErrorTable
from cytosol.base import errors

HTTP_STATUS: ErrorTable = {
    errors.InvalidInputError: 422,
    errors.NotSignedInError: 401,
    errors.ForbiddenError: 403,
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.VersionMismatchError: 412,
    errors.LimitExceededError: 413,
    errors.TooManyError: 429,
    errors.OutOfSpaceError: 507,
    errors.DamagedDataError: 500,
    errors.UnavailableError: 503,
    errors.CytosolError: 500,
}
