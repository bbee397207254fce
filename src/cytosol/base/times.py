"""Time: UTC, int64 microseconds inside, RFC 3339 outside."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now_us() -> int:
    """Microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


def to_rfc3339(at_us: int) -> str:
    """Spell a time, for example ``2026-01-31T12:00:00.000001Z``."""
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
