"""Wire models of attachments."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cytosol.dialects.native.wire.common import HexId, Id, Record, Wire


class AttachmentRecord(Record):
    """A file that belongs to a study and is no data."""

    study_id: HexId
    name: str
    size: int
    """Bytes."""
    sha256: str
    md5: str
    crc32c: str
    statistics: dict[str, Any] | None
    """What a saved table of statistics was asked for as; null of any other file."""


class AttachmentRequest(Wire):
    """An attachment to be made of a complete upload, which is then gone."""

    upload_id: Id
    name: str = Field("", examples=["protocol.pdf"])
    """Empty = the name of the uploaded file."""


class AttachmentChange(Wire):
    """A change of an attachment."""

    name: str
