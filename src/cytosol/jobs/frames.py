"""The line between a worker and its runner: JSON frames, one a line, over a stream socket.

From the worker: ``log`` (time in µs, level, text), ``progress`` (0 to 1) with ``step``, ``flush`` (a number, answered
by ``ack``), ``events`` and ``jobs`` (something was stored), ``end`` ("ok" or "error", with ``error``, ``again`` and
``trace``). To the worker: the task first, then ``ack``.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import Any

import orjson

from cytosol.base.protocols import LogLevel
from cytosol.base.times import now_us

MAX_FRAME_BYTES = 16 << 20
_PROGRESS_S = 0.2
_ACK_S = 60.0


class Channel:
    """The worker's end; safe for threads. When the other end closes, the worker and its group are killed."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._lock = threading.Lock()
        self._answered = threading.Condition()
        self._last_ack = 0
        self._n_flushes = 0
        self._file = line.makefile("rb")

    def first(self) -> dict[str, Any]:
        """The task; then listening goes on in the background."""
        task: dict[str, Any] = orjson.loads(self._file.readline())
        threading.Thread(target=self._listen, name="channel", daemon=True).start()
        return task

    def send(self, **frame: Any) -> None:
        """Say something; a line that is gone is noticed by the listener."""
        data = orjson.dumps(frame) + b"\n"
        with self._lock:
            try:
                self._line.sendall(data)
            except OSError:
                end_group()

    def flush(self) -> None:
        """Come back when the runner has written down all that was said."""
        self._n_flushes += 1
        number = self._n_flushes
        self.send(flush=number)
        with self._answered:
            if not self._answered.wait_for(lambda: self._last_ack >= number, _ACK_S):
                end_group()

    def _listen(self) -> None:
        try:
            for line in self._file:
                ack = orjson.loads(line).get("ack", 0)
                with self._answered:
                    self._last_ack = max(self._last_ack, ack)
                    self._answered.notify_all()
        except (OSError, ValueError):
            end_group()
        end_group()

    def jobs_waiting(self) -> None:
        """Wake the runner: a job was stored."""
        self.send(jobs=True)

    def events_stored(self) -> None:
        """Wake the watchers: an event was stored."""
        self.send(events=True)


class ChannelReport:
    """Sends what running work says through the channel; progress at most five times a second.

    Parameters
    ----------
    span : the part of the whole that this report's progress stands for
    """

    def __init__(self, channel: Channel, span: tuple[float, float] = (0.0, 1.0)) -> None:
        self._channel = channel
        self._low, self._high = span
        self._told = 0.0
        self._step = ""

    def log(self, text: str, *, level: LogLevel = "info") -> None:
        """Add a line to the log."""
        for line in text.splitlines() or [""]:
            self._channel.send(log=[now_us(), level, line])

    def progress(self, fraction: float, step: str = "") -> None:
        """Say how far the work is."""
        now = time.monotonic()
        if now - self._told < _PROGRESS_S and step == self._step:
            return
        self._told, self._step = now, step
        share = min(1.0, max(0.0, fraction))
        self._channel.send(progress=round(self._low + share * (self._high - self._low), 4), step=step[:255])

    def part(self, low: float, high: float) -> ChannelReport:
        """A report whose progress is a part of this one's."""
        width = self._high - self._low
        return ChannelReport(self._channel, (self._low + low * width, self._low + high * width))


def end_group() -> None:
    """Kill this worker and all that it started."""
    os.killpg(os.getpgid(0), signal.SIGKILL)
