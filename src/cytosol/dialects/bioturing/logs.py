"""A job's log and state as the clients poll them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from cytosol.model.work import LogEntry

_STATES = {
    "queued": "QUEUED",
    "running": "PROCESSING",
    "succeeded": "SUCCESS",
    "failed": "ERROR",
    "cancelled": "ERROR",
}


def task_state(state: str) -> str:
    """The state in the clients' words; only SUCCESS and ERROR end their loop."""
    return _STATES[state]


def render_log(entries: Iterable[LogEntry]) -> str:
    """The whole log so far: one line an entry, each stamped ``[YYYY-MM-DD HH:MM]`` and ended.

    The client prints only what stands before the last line break, and counts lines; so a text with breaks becomes
    one line.
    """
    return "".join(f"[{_stamp(entry.at)}] {' '.join(entry.text.split())}\n" for entry in entries)


def _stamp(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M")
