"""Expression values, cells and genes of a study."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
import orjson
import scipy.sparse as sp
from starlette.responses import Response, StreamingResponse

from cytosol.asgi.encoding import Base64Stream, encode_matrix
from cytosol.asgi.responses import json_response
from cytosol.base.errors import InvalidInputError
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.tables import Pinned, Unit
from cytosol.dialects.bioturing import wire
from cytosol.dialects.bioturing.calls import Call
from cytosol.dialects.bioturing.translate import key_of
from cytosol.model.rights import Actor

AT_ONCE = 64
"""Genes that are answered whole; more are streamed."""
Blocks = Callable[[], AsyncIterator[sp.csc_matrix]]


async def query_genes(catalog: Catalog, actor: Actor, body: wire.GenesRequest) -> Response:
    """Values of genes in the order asked for, of all genes where none is named."""
    pinned = await catalog.tables.pin_study(actor, study_id=key_of(body.study_id, "study"))
    unit = _unit(body.unit, pinned)
    if not body.gene_names:
        return _streamed(int(pinned.part.table.meta["n_features"]), pinned, lambda: _all_genes(catalog, pinned, unit))
    if len(body.gene_names) > AT_ONCE:
        places = await catalog.tables.places(pinned, body.gene_names)
        return _streamed(len(places), pinned, lambda: _some_genes(catalog, pinned, places, unit))
    values = await catalog.tables.values(pinned, features=body.gene_names, unit=unit, layout="sparse")
    data = await asyncio.to_thread(encode_matrix, values.sparse)
    return json_response({"status": 200, "data": data})


async def get_barcodes(catalog: Catalog, actor: Actor, body: wire.StudyRequest) -> list[str]:
    """Names of the cells, in the order of the rows of every other answer."""
    pinned = await catalog.tables.pin_study(actor, study_id=key_of(body.study_id, "study"))
    return [str(name) for name in await catalog.tables.barcodes(pinned)]


async def get_features(catalog: Catalog, actor: Actor, body: wire.StudyRequest) -> list[str]:
    """Names of the genes, in the order of the columns of the whole matrix."""
    pinned = await catalog.tables.pin_study(actor, study_id=key_of(body.study_id, "study"))
    return [str(name) for name in (await catalog.tables.feature_table(pinned)).frame.index]


def _unit(unit: str, pinned: Pinned) -> Unit:
    """The unit in our words; a study that was submitted as normalised has its own values in both units."""
    if unit not in ("raw", "lognorm"):
        raise InvalidInputError(f"'{unit[:32]}' is no unit", where="unit", do="Use raw or lognorm")
    return "raw" if unit == "raw" and pinned.part.table.meta["kind"] == "counts" else "lognorm"


async def _all_genes(catalog: Catalog, pinned: Pinned, unit: Unit) -> AsyncIterator[sp.csc_matrix]:
    async for _, block in catalog.tables.matrix_blocks(pinned, unit=unit):
        yield block


async def _some_genes(catalog: Catalog, pinned: Pinned, places: list[int], unit: Unit) -> AsyncIterator[sp.csc_matrix]:
    for first in range(0, len(places), AT_ONCE):
        part = places[first : first + AT_ONCE]
        yield (await catalog.tables.values(pinned, features=part, unit=unit, layout="sparse")).sparse


def _streamed(n_genes: int, pinned: Pinned, blocks: Blocks) -> Response:
    shape = (pinned.part.n_cells, n_genes)
    return StreamingResponse(stream_matrix(shape, blocks), media_type="application/json")


async def stream_matrix(shape: tuple[int, int], blocks: Blocks) -> AsyncIterator[bytes]:
    """The answer with a cells × genes matrix, whose blocks are gone through twice instead of being held.

    Parameters
    ----------
    blocks : each a part of the genes, (n_cells, n) CSC
    """
    lengths = [np.zeros(1, np.uint64)]
    yield b'{"status":200,"data":{"shape":' + orjson.dumps(shape) + b',"indices":"'
    indices = Base64Stream()
    async for block in blocks():
        lengths.append(np.diff(block.indptr).astype(np.uint64))
        yield await asyncio.to_thread(indices.add, np.ascontiguousarray(block.indices, "<u4").tobytes())
    yield indices.end() + b'","data":"'
    data = Base64Stream()
    async for block in blocks():
        yield await asyncio.to_thread(data.add, np.ascontiguousarray(block.data, "<f4").tobytes())
    pointers = Base64Stream()
    ends = np.cumsum(np.concatenate(lengths), dtype="<u8")
    yield data.end() + b'","indptr":"' + pointers.add(ends.tobytes()) + pointers.end() + b'"}}'


GENE_CALLS = (
    Call("study/query_genes", wire.GenesRequest, query_genes),
    Call("study/get_barcodes", wire.StudyRequest, get_barcodes),
    Call("study/get_features", wire.StudyRequest, get_features),
)
