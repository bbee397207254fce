"""The whole matrix of a table as an HDF5 file, written block by block."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import scipy.sparse as sp

from cytosol.catalog.context import Context
from cytosol.store.space import check_free

_PIECE_BYTES = 1 << 20
_VALUE_BYTES = 8


@dataclass(frozen=True, slots=True)
class MatrixFile:
    """A temporary file without a name; it is gone when it was read once or is let go of."""

    file: IO[bytes]
    size: int

    async def pieces(self) -> AsyncIterator[bytes]:
        """Its bytes, once."""
        with self.file:
            for start in range(0, self.size, _PIECE_BYTES):
                yield await asyncio.to_thread(os.pread, self.file.fileno(), _PIECE_BYTES, start)


async def write_matrix_file(
    context: Context, blocks: AsyncIterator[tuple[int, sp.csc_matrix]], shape: tuple[int, int], nnz: int
) -> MatrixFile:
    """A cells × features matrix as CSC.

    Parameters
    ----------
    blocks : pairs of the first feature and a block (n_cells, n) CSC, float32
    shape : cells and features

    Returns
    -------
    Root datasets ``data`` (float32), ``indices`` (uint32, cells), ``indptr`` (uint64) and ``shape``.
    """
    import h5py  # seldom needed; takes time to load

    await check_free(context.blobs, context.settings, nnz * _VALUE_BYTES)
    context.scratch.root.mkdir(parents=True, exist_ok=True)
    file = tempfile.TemporaryFile(dir=context.scratch.root)  # noqa: SIM115 (lives on in the answer)
    try:
        with h5py.File(file, "w") as target:
            target["shape"] = np.array(shape, "<i8")
            data = target.create_dataset("data", (nnz,), "<f4")
            indices = target.create_dataset("indices", (nnz,), "<u4")
            lengths = np.zeros(shape[1] + 1, "<u8")
            at = 0
            async for first, block in blocks:
                piece = slice(at, at + block.nnz)
                await asyncio.to_thread(data.write_direct, block.data.astype("<f4", copy=False), None, piece)
                await asyncio.to_thread(indices.write_direct, block.indices.astype("<u4"), None, piece)
                lengths[first + 1 : first + 1 + block.shape[1]] = np.diff(block.indptr)
                at += block.nnz
            target["indptr"] = np.cumsum(lengths, dtype="<u8")
        size = os.fstat(file.fileno()).st_size
    except BaseException:
        file.close()
        raise
    return MatrixFile(file, size)
