"""Sending files in pieces that can be resumed."""

from __future__ import annotations

import os
from pathlib import Path

from cytosol.base.errors import UnavailableError, UnreadableFileError
from cytosol.sdk.aio.http import AsyncHttp
from cytosol.sdk.records import progress_bar

_TRIES = 5


async def upload_file(http: AsyncHttp, path: Path, *, name: str = "", progress: bool = True) -> str:
    """Send a file and give the id of the upload.

    Parameters
    ----------
    name : name on the server; the file's own where empty

    Raises
    ------
    UnreadableFileError
        Where the file is not there, cannot be read, is a folder, or is empty.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise UnreadableFileError(
            f"The file cannot be read: {error.strerror}", where=str(path), do="Check the path"
        ) from error
    if size == 0:
        raise UnreadableFileError("The file is empty", where=str(path), do="Check that it was written to the end")
    upload = await http.post("uploads", {"name": name or path.name, "size": size})
    offset, tries = 0, _TRIES
    bar = progress_bar(progress, total=size, label=path.name, unit="B")
    try:
        with path.open("rb") as file:
            while offset < size:
                file.seek(offset)
                piece = file.read(upload["chunk_bytes"])
                try:
                    answer = await http.put_bytes(f"uploads/{upload['id']}/data", piece, {}, offset=offset)
                except UnavailableError:
                    tries -= 1
                    if tries == 0:
                        raise
                    answer = await http.get(f"uploads/{upload['id']}")
                bar.update(answer["offset"] - offset)
                offset = answer["offset"]
    finally:
        bar.close()
    await http.post(f"uploads/{upload['id']}/complete", {})
    return str(upload["id"])
