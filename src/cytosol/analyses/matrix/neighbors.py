"""Nearest neighbours of each cell: exact in small data, by a hierarchical graph (HNSW) in large."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

_TILE = 1024
_ROWS = 256
_FAR = np.float32(3e38)


@dataclass(frozen=True, slots=True)
class NeighborParams(Params):
    """Parameters of the search and of the graph that is made from it."""

    n_neighbors: int = parameter(
        15, "Size of a neighbourhood, counting the cell itself as UMAP does", unit="cells", minimum=2, maximum=1000
    )
    method: str = parameter(
        "auto", "Exact search, approximate HNSW, or exact below a number of cells", choices=("auto", "exact", "hnsw")
    )
    exact_below: int = parameter(50_000, "Number of cells below which 'auto' is exact", unit="cells", minimum=0)
    graph: str = parameter(
        "umap", "Weights of the graph: UMAP's fuzzy set, or shared neighbours by rank", choices=("umap", "snn")
    )
    threads: int = parameter(1, "Threads; an exact search does not depend on them", minimum=1, maximum=256)


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The nearest other cells of each cell, nearest first.

    Attributes
    ----------
    index : shape (n_cells, k), int32; never the cell itself. Where fewer than k neighbours exist, k is smaller
    distance : shape (n_cells, k), float32; Euclidean, in the unit of the coordinates
    method : how they were found
    recall : share of 1 of the true neighbours that were found; 1 if exact, else measured on 500 cells
    """

    index: np.ndarray
    distance: np.ndarray
    method: Literal["exact", "hnsw"]
    recall: float

    def first(self, k: int) -> Neighbors:
        """The k nearest of these."""
        return Neighbors(self.index[:, :k], self.distance[:, :k], self.method, self.recall)


def find_neighbors(points: np.ndarray, n_others: int, params: NeighborParams | None = None) -> Neighbors:
    """Find the nearest other cells of each cell.

    Parameters
    ----------
    points : shape (n_cells, n_dimensions), float; coordinates, for example principal components
    n_others : how many, without the cell itself; one search serves several analyses (take ``first``)
    params : method, threads; None = defaults

    Raises
    ------
    InvalidInputError
        For fewer than two cells, or coordinates that are missing.

    Notes
    -----
    Exact: distances are bounded in single precision by blocks and tiles, decided in double precision; equal
    distances are ordered by cell number. HNSW: 16 links, breadth 200 when built and at least 96 when searched, built
    by one thread with a fixed seed, so that the same machine gives the same neighbours.
    """
    params = params or NeighborParams()
    if points.ndim != 2 or len(points) < 2:
        raise InvalidInputError("Neighbours need at least two cells", do="Loosen the filter of the cells")
    if not np.isfinite(points).all():
        raise InvalidInputError("Some coordinates of the cells are missing", do="Leave these cells out")
    n_others = max(1, min(n_others, len(points) - 1))
    exact = params.method == "exact" or (params.method == "auto" and len(points) < params.exact_below)
    if exact or len(points) <= 2 * _ROWS:
        index, distance = _exact(points, np.arange(len(points)), n_others, params.threads)
        return Neighbors(index, distance, "exact", 1.0)
    return _hnsw(points, n_others, params.threads)


def _hnsw(points: np.ndarray, k: int, threads: int) -> Neighbors:
    import knncolle  # heavy library; runs in job processes only

    builder = knncolle.HnswParameters(num_links=16, ef_construction=200, ef_search=max(96, 2 * k))
    found = knncolle.find_knn(knncolle.build_index(builder, points.astype(np.float64)), k, num_threads=threads)
    sample = np.unique(np.linspace(0, len(points) - 1, 500).astype(np.int64))
    truth, _ = _exact(points, sample, k, threads)
    mine = found.index[sample].astype(np.int64)
    hits = sum(len(np.intersect1d(a, b)) for a, b in zip(mine, truth, strict=True))
    distance = np.asarray(found.distance, np.float32)
    return Neighbors(np.asarray(found.index, np.int32), distance, "hnsw", hits / truth.size)


@dataclass(frozen=True, slots=True)
class _Search:
    """What all blocks of an exact search share.

    Attributes
    ----------
    points : shape (n_cells, n_dimensions), float64, centred
    left : shape (n_cells, n_dimensions + 1), float32; coordinates and a one
    tiles : each of shape (n_dimensions + 1, _TILE), float32; -2 × coordinates over squared length: left @ tile is the
        squared distance less the squared length of the asking cell
    length : shape (n_cells,), float32; squared length of each cell
    rounding : bound of the rounding of that product, relative to the squared lengths that it is made of
    """

    points: np.ndarray
    left: np.ndarray
    tiles: list[np.ndarray]
    length: np.ndarray
    rounding: np.float32


def _exact(points: np.ndarray, asking: np.ndarray, k: int, threads: int) -> tuple[np.ndarray, np.ndarray]:
    from threadpoolctl import threadpool_limits  # opens every loaded library; not needed by the server process

    search = _prepare(points)
    index = np.empty((len(asking), k), np.int32)
    distance = np.empty((len(asking), k), np.float32)

    def work(start: int) -> None:
        rows = asking[start : start + _ROWS]
        index[start : start + _ROWS], distance[start : start + _ROWS] = _block(search, rows, k)

    starts = range(0, len(asking), _ROWS)
    with threadpool_limits(1, user_api="blas"):
        if threads == 1:
            for start in starts:
                work(start)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(work, starts))
    return index, distance


def _prepare(points: np.ndarray) -> _Search:
    n_cells, n_dims = points.shape
    wide = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    length = np.einsum("ij,ij->i", wide, wide)
    n_tiles = -(-n_cells // _TILE)
    right = np.zeros((n_tiles * _TILE, n_dims + 1), np.float32)
    right[:n_cells, :-1] = -2 * wide
    right[:n_cells, -1] = length
    right[n_cells:, -1] = _FAR
    left = np.ones((n_cells, n_dims + 1), np.float32)
    left[:, :-1] = wide
    tiles = [np.ascontiguousarray(right[t * _TILE : (t + 1) * _TILE].T) for t in range(n_tiles)]
    rounding = np.float32(np.finfo(np.float32).eps * 8 * (n_dims + 8))
    return _Search(wide, left, tiles, length.astype(np.float32), rounding)


def _block(search: _Search, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours of some cells: index int32 and distance float32, both of shape (n_rows, k).

    The columns of a tile fall into groups; a row's k-th smallest group minimum bounds its k-th smallest distance, so
    that only the few groups below the bound are looked into.
    """
    n_rows, n_tiles = len(rows), len(search.tiles)
    group = 16
    while group > 1 and n_tiles * (_TILE // group) < 8 * k:
        group //= 2
    width = _TILE // group
    products = np.empty((n_tiles, n_rows, _TILE), np.float32)
    minima = np.empty((n_rows, n_tiles, width), np.float32)
    left = search.left[rows]
    for number, tile in enumerate(search.tiles):
        product = np.matmul(left, tile, out=products[number])
        own = np.flatnonzero(rows // _TILE == number)
        product[own, rows[own] - number * _TILE] = _FAR
        minima[:, number] = _halve(product, width)
    flat = minima.reshape(n_rows, -1)
    bound = np.partition(flat, k - 1, axis=1)[:, k - 1] if k <= flat.shape[1] else flat.max(axis=1)
    # A cell near enough to matter is no longer than the asking cell and their distance together.
    bound = bound + search.rounding * (search.length[rows] + np.abs(bound))
    at_row, at_group = np.nonzero(flat <= bound[:, None])
    tile_of, column = np.divmod(at_group, width)
    candidates = products[tile_of[:, None], at_row[:, None], column[:, None] + np.arange(group) * width]
    which, step = np.nonzero(candidates <= np.minimum(bound, _FAR / 2)[at_row, None])
    row = at_row[which]
    cell = tile_of[which] * _TILE + column[which] + step * width
    return _nearest(search.points, rows, (row, cell), k)


def _halve(product: np.ndarray, width: int) -> np.ndarray:
    """Minimum over the columns that are equal modulo ``width``."""
    while product.shape[1] > width:
        half = product.shape[1] // 2
        product = np.minimum(product[:, :half], product[:, half:])
    return product


def _nearest(
    points: np.ndarray, rows: np.ndarray, pairs: tuple[np.ndarray, np.ndarray], k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of the candidates (row, cell) by their distance in double precision, ties by cell number."""
    row, cell = pairs
    difference = points[rows[row]] - points[cell]
    squared = np.einsum("ij,ij->i", difference, difference)
    count = np.bincount(row, minlength=len(rows))
    order = np.argsort(row, kind="stable")
    place = np.empty(len(row), np.int64)
    place[order] = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    table = np.full((len(rows), int(count.max())), np.inf)
    cells = np.full(table.shape, len(points), np.int64)
    table[row, place] = squared
    cells[row, place] = cell
    pick = np.lexsort((cells, table), axis=1)[:, :k]
    index = np.take_along_axis(cells, pick, axis=1).astype(np.int32)
    return index, np.sqrt(np.take_along_axis(table, pick, axis=1)).astype(np.float32)
