"""Several batches put one below the other as one table, over the features that all of them have."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import MatrixBlock, TableSource
from cytosol.formats.features import FEATURE_COLUMNS, make_unique
from cytosol.formats.spool import CellSpool
from cytosol.formats.table import DEFAULT_BLOCK_BYTES, MatrixTable
from cytosol.formats.values import Checker

BATCH = "Batch"
_VERSION = re.compile(r"\.\d+$")
_SHOWN = 5
_GUESSED_DENSITY = 10


def join_tables(sources: Sequence[TableSource], names: Sequence[str]) -> TableSource:
    """Join batches; cells keep the order of the batches.

    Parameters
    ----------
    sources : the batches; they are closed with the result
    names : one name a batch, all different

    Returns
    -------
    A table of the shared features (by feature id where all batches have unique ones, else by symbol), in the order of
    the first batch. ``obs`` has all columns of all batches and a categorical column 'Batch'; ``obsm`` the embeddings
    that all batches have with equal width. Lost features, renamed barcodes and left out embeddings are notes.

    Raises
    ------
    InvalidInputError
        The batches share no feature, differ in the kind of their values, or the names do not fit.
    """
    _check(sources, names)
    keys, by_id = _feature_keys(sources)
    others = [set(part) for part in keys[1:]]
    shared = [key for key in keys[0] if all(key in other for other in others)]
    if not shared:
        first = "; ".join(f"{name}: {', '.join(part[:3])}" for name, part in zip(names, keys, strict=True))
        raise InvalidInputError(
            "The batches share no feature", where=first, do="Give batches of one species whose features are named alike"
        )
    notes = [f"{name}: {note}" for name, source in zip(names, sources, strict=True) for note in source.notes]
    notes += _lost_notes(sources, names, keys, shared=shared, by_id=by_id)
    picks = [_positions(part, shared) for part in keys]
    # what a file says of its features beyond their names holds for that file only
    var = pd.DataFrame(sources[0].var.loc[:, list(FEATURE_COLUMNS)].iloc[picks[0]])
    symbols = sources[0].var.attrs.get("symbols") or list(sources[0].var.index)
    var.attrs = {"symbols": [symbols[place] for place in picks[0]]}
    cells, more = _cells(sources, names)
    obs = _join_obs(sources, names, cells)
    obsm, even_more = _join_obsm(sources)
    kind = sources[0].kind
    check = Checker(kind=kind, place="joined batches", cells=cells, features=var.index)

    def close() -> None:
        for source in sources:
            source.close()

    return MatrixTable(
        obs=obs,
        var=var,
        kind=kind,
        make_blocks=_joined_blocks(sources, picks, check),
        obsm=obsm,
        notes=notes + more + even_more,
        memory_bytes=max(source.memory_bytes for source in sources) + 2 * DEFAULT_BLOCK_BYTES,
        on_close=close,
    )


def _check(sources: Sequence[TableSource], names: Sequence[str]) -> None:
    if not sources or len(sources) != len(names):
        raise InvalidInputError(
            f"There are {len(sources)} batches and {len(names)} names", do="Give each batch one name"
        )
    empty = [place + 1 for place, name in enumerate(names) if not name.strip()]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if empty or twice:
        problem = f"Batch {empty[0]} has no name" if empty else f"The batch name '{twice[0]}' occurs more than once"
        raise InvalidInputError(problem, do="Give each batch a name of its own")
    kinds = {source.kind for source in sources}
    if len(kinds) > 1:
        listed = ", ".join(f"{name}: {source.kind}" for name, source in zip(names, sources, strict=True))
        raise InvalidInputError(
            "Raw counts and normalised values cannot be joined", where=listed, do="Give all batches alike"
        )


def _feature_keys(sources: Sequence[TableSource]) -> tuple[list[list[str]], bool]:
    """Names to join by, one list a batch, and whether they are ids (without their versions)."""
    ids = [[_VERSION.sub("", text) for text in source.var["feature_id"]] for source in sources]
    if all(all(part) and len(set(part)) == len(part) for part in ids):
        return ids, True
    return [[str(name) for name in source.var.index] for source in sources], False


def _positions(keys: list[str], shared: list[str]) -> np.ndarray:
    place = {key: number for number, key in enumerate(keys)}
    return np.array([place[key] for key in shared], dtype=np.int64)


def _lost_notes(
    sources: Sequence[TableSource], names: Sequence[str], keys: list[list[str]], *, shared: list[str], by_id: bool
) -> list[str]:
    how = "feature id" if by_id else "symbol"
    notes = [f"{len(sources)} batches were joined over {len(shared)} shared features, by {how}."]
    kept = set(shared)
    for source, name, part in zip(sources, names, keys, strict=True):
        lost = [symbol for symbol, key in zip(source.var.index, part, strict=True) if key not in kept]
        if lost:
            shown = ", ".join(lost[:_SHOWN]) + (", …" if len(lost) > _SHOWN else "")
            notes.append(f"{len(lost)} of {len(part)} features of {name} are not in all batches: {shown}.")
    return notes


def _cells(sources: Sequence[TableSource], names: Sequence[str]) -> tuple[pd.Index, list[str]]:
    """Barcodes of all batches; those that occur in more than one get the batch name behind."""
    counts = Counter(barcode for source in sources for barcode in source.obs.index)
    clashes = sum(count - 1 for count in counts.values())
    result = [
        f"{barcode}-{name}" if counts[barcode] > 1 else str(barcode)
        for source, name in zip(sources, names, strict=True)
        for barcode in source.obs.index
    ]
    unique, _ = make_unique(result)
    repeated = sum(count > 1 for count in counts.values())
    notes = (
        [f"{repeated} barcodes occur in several batches and got '-' and the name of their batch."] if clashes else []
    )
    return pd.Index(unique, dtype=object), notes


def _join_obs(sources: Sequence[TableSource], names: Sequence[str], cells: pd.Index) -> pd.DataFrame:
    sizes = [source.n_cells for source in sources]
    columns = list(dict.fromkeys(str(column) for source in sources for column in source.obs.columns))
    obs = pd.DataFrame({column: _join_column(sources, column) for column in columns}, index=cells)
    title = BATCH
    number = 1
    while title in obs.columns:
        title = f"{BATCH} ({number})"
        number += 1
    obs[title] = pd.Categorical.from_codes(np.repeat(np.arange(len(sizes)), sizes), categories=list(names))
    obs.attrs["colors"] = _join_colors(sources, obs)
    return obs


def _join_column(sources: Sequence[TableSource], column: str) -> object:
    parts = [source.obs[column] if column in source.obs.columns else None for source in sources]
    known = [part for part in parts if part is not None]
    if all(part.dtype.kind in "iufb" for part in known):
        kinds = {part.dtype.kind == "b" for part in known}
        if len(known) == len(parts) and len(kinds) == 1:
            return np.concatenate([part.to_numpy() for part in known])
        if kinds == {False}:
            return np.concatenate(
                [
                    np.full(source.n_cells, np.nan) if part is None else part.to_numpy(dtype=np.float64)
                    for part, source in zip(parts, sources, strict=True)
                ]
            )
    texts: list[object] = []
    for part, source in zip(parts, sources, strict=True):
        texts += (
            [None] * source.n_cells
            if part is None
            else [None if gone else str(value) for value, gone in zip(part, part.isna(), strict=True)]
        )
    if not any(isinstance(part.dtype, pd.CategoricalDtype) or part.dtype.kind == "b" for part in known):
        return np.array(texts, dtype=object)
    levels = list(dict.fromkeys(level for part in known for level in _levels(part)))
    ordered = all(
        isinstance(part.dtype, pd.CategoricalDtype) and part.cat.ordered and _levels(part) == levels for part in known
    )
    return pd.Categorical(texts, categories=pd.Index(levels, dtype=object), ordered=ordered)


def _levels(part: pd.Series) -> list[str]:
    if isinstance(part.dtype, pd.CategoricalDtype):
        return [str(level) for level in part.cat.categories]
    return sorted({str(value) for value in part.dropna()})


def _join_colors(sources: Sequence[TableSource], obs: pd.DataFrame) -> dict[str, list[str]]:
    """Colours that all batches which have a column agree on, level by level."""
    found: dict[str, dict[str, str]] = {}
    for source in sources:
        for column, colors in source.obs.attrs.get("colors", {}).items():
            levels = found.setdefault(column, {})
            for level, color in zip(source.obs[column].cat.categories, colors, strict=False):
                levels.setdefault(str(level), color)
    return {
        column: [levels[level] for level in obs[column].cat.categories]
        for column, levels in found.items()
        if isinstance(obs[column].dtype, pd.CategoricalDtype)
        and all(level in levels for level in obs[column].cat.categories)
    }


def _join_obsm(sources: Sequence[TableSource]) -> tuple[dict[str, np.ndarray], list[str]]:
    result, notes = {}, []
    for key in dict.fromkeys(key for source in sources for key in source.obsm):
        parts = [source.obsm[key] for source in sources if key in source.obsm]
        if len(parts) == len(sources) and len({part.shape[1] for part in parts}) == 1:
            result[key] = np.concatenate(parts)
        else:
            notes.append(f"The embedding '{key}' is not in all batches with the same width and was left out.")
    return result, notes


def _joined_blocks(
    sources: Sequence[TableSource], picks: list[np.ndarray], check: Checker
) -> Callable[[int], Iterator[MatrixBlock]]:
    def blocks(block_bytes: int) -> Iterator[MatrixBlock]:
        offset = 0
        for source, pick in zip(sources, picks, strict=True):
            for start, piece in _cell_rows(source, pick, block_bytes):
                yield check.rows(offset + start, piece)
            offset += source.n_cells

    return blocks


def _cell_rows(source: TableSource, pick: np.ndarray, block_bytes: int) -> Iterator[tuple[int, sp.csr_matrix]]:
    """Rows of a batch over the shared features; a batch that comes feature by feature is sorted through a file."""
    spool: CellSpool | None = None
    target = np.full(source.n_features, -1, dtype=np.int64)
    target[pick] = np.arange(len(pick))
    try:
        for block in source.blocks(block_bytes=block_bytes):
            if block.axis == "cells":
                yield block.start, sp.csr_matrix(block.values[:, pick])
                continue
            if spool is None:
                guess = source.n_cells * source.n_features // _GUESSED_DENSITY
                spool = CellSpool(source.n_cells, len(pick), n_entries=guess, block_bytes=block_bytes)
            entries = block.values.tocoo()
            features = target[entries.col + block.start]
            kept = features >= 0
            spool.add(entries.row[kept], features[kept], entries.data[kept])
        if spool is not None:
            yield from spool.rows()
    finally:
        if spool is not None:
            spool.close()
