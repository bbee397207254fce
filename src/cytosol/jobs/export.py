"""The job that makes a file of a dataset."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from zarr.abc.store import Store

from cytosol.analyses.matrix.normalization import log_normalize
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog.commit import commit_result
from cytosol.catalog.exports import SUFFIXES
from cytosol.catalog.layouts import TableLayout, dataset_path, remainder_of, table_spec
from cytosol.catalog.tables import Pinned
from cytosol.formats.seurat_writer import SeuratAssay, SeuratStudy, seurat_feature_names, write_seurat
from cytosol.formats.spatialdata.cell_sums import CellSums
from cytosol.formats.spatialdata.cells import CellMatrix
from cytosol.formats.spatialdata.columns import column_to_pandas, read_barcodes, read_column, read_embedding, read_var
from cytosol.formats.spatialdata.export import write_h5ad
from cytosol.formats.spatialdata.give_back import KeptFile, Origins, give_back
from cytosol.formats.spatialdata.layout import free_name, path_part
from cytosol.formats.spatialdata.zarr_v2_kept import give_back_v2
from cytosol.formats.spatialdata.zarr_v2_view import ZarrV2View
from cytosol.jobs.pipeline import LOUVAIN
from cytosol.jobs.registry import JobRun
from cytosol.jobs.sources import fetch_blob

_BLOCK_BYTES = 32 << 20
_ASSAYS = {"rna": "RNA", "antibody": "ADT", "crispr": "GDO", "multiplexing": "HTO"}
"""What Seurat's users call the assay of each of our tables."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """What is taken away: a table at a version, the store it lies in, and what was kept of its submitted file."""

    run: JobRun
    pinned: Pinned
    root: Store
    kept: Path | None = None

    @property
    def part(self) -> TableLayout:
        return self.pinned.part

    @property
    def path(self) -> str:
        return self.pinned.part.table.path

    def columns(self) -> dict[str, ColumnData]:
        return {element.name: read_column(self.root, self.path, element.path) for element in self.part.columns}

    def embeddings(self) -> dict[str, np.ndarray]:
        return {element.name: read_embedding(self.root, self.path, element.path) for element in self.part.embeddings}

    def origins(self, columns: Sequence[str], embeddings: Sequence[str]) -> Origins:
        """What of the export is in the submitted file; both sequences are the names in the export, in order."""
        element = remainder_of(self.part)
        said = element.meta if element is not None else {"columns": {}, "embeddings": {}}
        ours = zip(columns, self.part.columns, strict=True), zip(embeddings, self.part.embeddings, strict=True)
        found = [
            {name: known[each.path] for name, each in pairs if each.path in known}
            for pairs, known in zip(ours, (said["columns"], said["embeddings"]), strict=True)
        ]
        return Origins(*found)

    def _slot(self) -> str:
        """Where the matrix of the table stands in the file."""
        element = remainder_of(self.part)
        return str(element.meta["slot"]) if element is not None else "X"

    def notes(self) -> dict[str, Any]:
        """Where the file comes from."""
        return {
            "dataset": self.pinned.dataset.name,
            "dataset_id": self.pinned.dataset.id.hex24,
            "version": str(self.pinned.version),
            "table": self.part.table.name,
            "values": self.part.table.meta["kind"],
            "matrix": self._slot(),
        }


async def export(run: JobRun) -> None:
    """Write the file of one table at the version that was asked for."""
    params = run.job.params
    pinned = await run.catalog.tables.pin(
        run.actor,
        dataset_id=run.job.dataset_id or Key(bytes(12)),
        table=params["table"],
        version=params["version"],
    )
    filename = f"{path_part(pinned.dataset.name)}{SUFFIXES[params['format']]}"
    run.report.log(f"Writing {filename}: {pinned.part.n_cells} cells x {pinned.part.table.meta['n_features']} genes")
    local = run.scratch / f"export{SUFFIXES[params['format']]}"
    root = run.catalog.context.blobs.zarr(dataset_path(pinned.dataset.bytes_id), read_only=True)
    element = remainder_of(pinned.part) if params["format"] in ("h5ad", "zarr") else None
    kept = await fetch_blob(run, element.path) if element is not None else None
    await asyncio.to_thread(_WRITERS[params["format"]], _Taken(run, pinned, root, kept), local)
    size = (await asyncio.to_thread(local.stat)).st_size
    path = f"exports/{run.job.id.hex24}/{filename}"
    await run.catalog.context.blobs.put_file(path, local, move=True)
    run.channel.flush()
    result = run.catalog.exports.finished(path, filename, size)
    await commit_result(run.catalog.context, run.job.id, run.job.epoch, result)


# AnnData


def _write_h5ad(taken: _Taken, local: Path) -> None:
    columns = taken.columns()
    series = {name: column_to_pandas(column) for name, column in columns.items()}
    obs = pd.DataFrame(
        {
            name: one.array if isinstance(one.dtype, pd.CategoricalDtype) else one.to_numpy()
            for name, one in series.items()
        },
        index=pd.Index(read_barcodes(taken.root, taken.path), dtype=object),
    )
    names, embeddings = write_h5ad(
        local,
        x_blocks=_blocks(taken.run, CellMatrix(taken.root, taken.path)),
        obs=obs,
        var=read_var(taken.root, taken.path),
        obsm=taken.embeddings(),
        uns={**_colors(columns), "cytosol": taken.notes()},
    )
    if taken.kept is not None:
        n_levels = {name: len(one.categories or ()) for name, one in zip(names, columns.values(), strict=True)}
        with h5py.File(taken.kept, "r") as file:
            give_back(local, KeptFile(file, taken.origins(names, embeddings)), n_levels)


def _blocks(run: JobRun, matrix: CellMatrix) -> Iterator[sp.csr_matrix]:
    """Values as float32, which AnnData's users expect, unless counts are too large for that to be exact."""
    exact = matrix.dtype.kind == "f" or matrix.dtype.itemsize <= 2
    for start, block in matrix.blocks(_BLOCK_BYTES):
        run.report.progress(start / max(1, matrix.shape[0]), "Writing the matrix")
        yield block.astype(np.float32) if exact else block


def _colors(columns: Mapping[str, ColumnData]) -> dict[str, list[str]]:
    return {f"{name}_colors": list(column.colors) for name, column in columns.items() if column.colors}


def _write_zarr(taken: _Taken, local: Path) -> None:
    """The chunks of the store as they are, under the names of Zarr 2, which every AnnData reads."""
    columns = taken.columns()
    view = ZarrV2View(taken.root, table_spec(taken.part), {**_colors(columns), "cytosol": taken.notes()})
    taken.run.report.progress(0.1, "Packing the chunks")
    if taken.kept is None:
        view.write_zip(local)
        return
    n_levels = {name: len(one.categories or ()) for name, one in zip(view.columns, columns.values(), strict=True)}
    with h5py.File(taken.kept, "r") as file:
        give_back_v2(view, KeptFile(file, taken.origins(view.columns, view.embeddings)), n_levels)
        view.write_zip(local)


# Seurat


def _write_rds(taken: _Taken, local: Path) -> None:
    layout = taken.pinned.layout
    named = {part.table.name: part for part in layout.tables}
    others = [named[name] for name in taken.run.job.params.get("assays", ()) if name != taken.part.table.name]
    columns = taken.columns()
    assays: list[SeuratAssay] = []
    for part in (taken.part, *others):
        title = free_name(_ASSAYS.get(part.table.name, part.table.name), [assay.name for assay in assays])
        assays.append(_assay(taken, part, title))
    grouped = [name for name, column in columns.items() if column.categories and not (column.values < 0).any()]
    identity = LOUVAIN if LOUVAIN in grouped else next(iter(grouped), "")
    study = SeuratStudy(
        project=taken.pinned.dataset.name,
        barcodes=read_barcodes(taken.root, taken.path),
        assays=assays,
        columns=columns,
        identity=identity,
        embeddings=taken.embeddings(),
    )
    write_seurat(local, study)


def _assay(taken: _Taken, part: TableLayout, title: str) -> SeuratAssay:
    """An assay whose counts and values are read anew, block by block, each time they are written."""
    matrix = CellMatrix(taken.root, part.table.path)
    var = read_var(taken.root, part.table.path)
    symbols = [str(symbol) for symbol in var.index]
    renamed = sum(one != other for one, other in zip(symbols, seurat_feature_names(symbols), strict=True))
    taken.run.report.log(f"Assay {title}: {len(var)} features")
    if renamed:
        taken.run.report.log(
            f"Seurat allows no '_' in names of features: {renamed} have '-' instead, and a column symbol"
        )

    def counts() -> Iterator[sp.csr_matrix]:
        for start, block in matrix.blocks(_BLOCK_BYTES):
            taken.run.report.progress(start / max(1, matrix.shape[0]), f"Writing {title}")
            yield block

    def normalized() -> Iterator[sp.csr_matrix]:
        for block in counts():
            sums = CellSums(block.shape[0], "counts", clr=part.table.meta.get("normalization") == "clr")
            sums.add_cells(0, block)
            yield log_normalize(block, sums.scale(block.shape[1]))

    if part.table.meta["kind"] != "counts":
        return SeuratAssay(title, var, matrix.indptr, None, counts)
    return SeuratAssay(title, var, matrix.indptr, counts, normalized)


_WRITERS: Mapping[str, Callable[[_Taken, Path], None]] = {
    "h5ad": _write_h5ad,
    "zarr": _write_zarr,
    "rds": _write_rds,
}
