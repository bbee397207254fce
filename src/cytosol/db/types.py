"""Column types: keys as 12 bytes, times as int64 microseconds, JSON as text."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import BigInteger, LargeBinary, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from cytosol.base.keys import Key


class KeyType(TypeDecorator[Key]):
    """A :class:`Key`, stored as its 12 bytes, so that order in the database is order of creation."""

    impl = LargeBinary(12)
    cache_ok = True

    def process_bind_param(self, value: Key | None, dialect: Dialect) -> bytes | None:
        return None if value is None else bytes(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Key | None:
        return None if value is None else Key(bytes(value))


class JsonType(TypeDecorator[Any]):
    """A JSON value, stored as text on every database, so that what was written comes back unchanged."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else orjson.loads(value)


TimeType = BigInteger
"""Microseconds since 1970 UTC."""
