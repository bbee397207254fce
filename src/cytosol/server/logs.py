"""One structured, rotating log: a JSON object a line in ``logs/cytosol.log``, with the request id."""

from __future__ import annotations

import logging
import sys
import traceback
from contextvars import ContextVar
from logging.handlers import RotatingFileHandler
from pathlib import Path

import orjson

from cytosol.base.times import now_us, to_rfc3339

request_id_var: ContextVar[str] = ContextVar("request_id", default="")
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}
_MAX_BYTES = 10_000_000
_BACKUPS = 5


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Spell time, level, logger, text, request id, extra fields and the trace."""
        entry = {
            "at": to_rfc3339(now_us()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        if request_id := request_id_var.get():
            entry["request_id"] = request_id
        entry |= {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            entry["trace"] = "".join(traceback.format_exception(*record.exc_info))
        return orjson.dumps(entry, default=str).decode()


def configure_logging(folder: Path, level: str) -> None:
    """Send every logger to the rotating file, and warnings of our own to standard error."""
    folder.mkdir(parents=True, exist_ok=True)
    to_file = RotatingFileHandler(folder / "cytosol.log", maxBytes=_MAX_BYTES, backupCount=_BACKUPS, encoding="utf-8")
    to_file.setFormatter(JsonFormatter())
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.setLevel(logging.WARNING)
    to_terminal.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    to_terminal.addFilter(lambda record: not record.exc_info)
    root = logging.getLogger()
    root.handlers[:] = [to_file, to_terminal]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn.access").disabled = True
