"""Embeddings of a study, and positions of its cells in tissue."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from starlette.responses import Response

from cytosol.asgi.encoding import encode_embedding
from cytosol.asgi.responses import json_response
from cytosol.base.errors import NotFoundError
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.layouts import lasting_id
from cytosol.catalog.tables import Pinned
from cytosol.dialects.bioturing import wire
from cytosol.dialects.bioturing.calls import Call
from cytosol.dialects.bioturing.translate import column_values, key_of
from cytosol.model.rights import Actor

BATCH = "Batch"
_SPATIAL = ("spatial", "x_spatial", "spatial_coordinates")
_PAIRS = (
    ("x", "y"),
    ("x_centroid", "y_centroid"),
    ("centroid_x", "centroid_y"),
    ("center_x", "center_y"),
    ("spatial_x", "spatial_y"),
)


async def list_embeddings(catalog: Catalog, actor: Actor, body: wire.StudyRequest) -> list[dict[str, str]]:
    """Id and name of each."""
    pinned = await catalog.tables.pin_study(actor, study_id=key_of(body.study_id, "study"))
    return [{"embedding_id": lasting_id(e).hex32, "embedding_name": e.name} for e in pinned.part.embeddings]


async def retrieve_embedding(catalog: Catalog, actor: Actor, body: wire.EmbeddingRequest) -> dict[str, Any]:
    """Coordinates of all cells."""
    pinned = await catalog.tables.pin_study(actor, study_id=key_of(body.study_id, "study"))
    wanted = key_of(body.embedding_id, "embedding")
    for element in pinned.part.embeddings:
        if lasting_id(element) == wanted:
            return encode_embedding(await catalog.tables.embedding(pinned, name=element.name))
    raise NotFoundError("This study has no such embedding", where=body.embedding_id[:64])


async def get_cell_centers(catalog: Catalog, actor: Actor, body: wire.StudyRequest) -> Response:
    """Positions of the cells by sample; a bare object, every key of which is a sample."""
    pinned = await catalog.tables.pin_study(actor, study_id=key_of(body.study_id, "study"))
    positions = await _positions(catalog, pinned)
    cells = await catalog.tables.barcodes(pinned)
    samples = await _samples(catalog, pinned)
    return json_response(await asyncio.to_thread(centers, cells, positions, samples))


async def _positions(catalog: Catalog, pinned: Pinned) -> np.ndarray:
    """Where the cells are: an embedding that says so by its name, or two numeric annotations."""
    for name in (element.name for element in pinned.part.embeddings if element.name.lower() in _SPATIAL):
        return await catalog.tables.embedding(pinned, name=name)
    known = {e.name.lower(): e.name for e in pinned.part.columns if e.meta.get("kind") == "numeric"}
    for pair in _PAIRS:
        if all(name in known for name in pair):
            columns = [await catalog.tables.column(pinned, known[name]) for name in pair]
            return np.column_stack([column.values.astype(np.float64) for column in columns])
    raise NotFoundError(
        "This study has no positions of cells",
        do="Submit an h5ad that has them as obsm 'spatial', or add numeric annotations x and y",
    )


async def _samples(catalog: Catalog, pinned: Pinned) -> np.ndarray:
    """The sample of each cell: its batch, or the dataset where there is one batch."""
    if any(element.name == BATCH for element in pinned.part.columns):
        values = column_values(await catalog.tables.column(pinned, BATCH))
        return np.array([str(value) for value in values], dtype=object)
    return np.full(pinned.part.n_cells, pinned.dataset.name, dtype=object)


def centers(cells: np.ndarray, positions: np.ndarray, samples: np.ndarray) -> dict[str, Any]:
    """Positions by sample.

    Parameters
    ----------
    cells : shape (n_cells,), names
    positions : shape (n_cells, 2 or more), in the unit of the file; NaN = unknown
    samples : shape (n_cells,), names
    """
    found = {}
    for sample in dict.fromkeys(samples):
        rows = samples == sample
        found[str(sample)] = {
            "cell": [str(cell) for cell in cells[rows]],
            "x": positions[rows, 0].tolist(),
            "y": positions[rows, 1].tolist(),
        }
    return found


EMBEDDING_CALLS = (
    Call("list_all_custom_embeddings", wire.StudyRequest, list_embeddings),
    Call("retrieve_custom_embedding", wire.EmbeddingRequest, retrieve_embedding),
    Call("study/get_cell_centers", wire.StudyRequest, get_cell_centers),
)
