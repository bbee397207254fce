"""Reader of MuData files (.h5mu): the modalities side by side, told apart by their feature type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
import pandas as pd

from cytosol.base.errors import InvalidInputError, UnreadableFileError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixKind
from cytosol.formats.features import GENE_EXPRESSION, MODALITY_TYPES
from cytosol.formats.files import only_file, open_hdf5, readable
from cytosol.formats.h5ad import read_anndata
from cytosol.formats.h5frame import read_frame
from cytosol.formats.h5guard import read_attribute
from cytosol.formats.modalities import combine_modalities
from cytosol.formats.table import MatrixTable

_DO = "In Python, write the modality that you want with mdata['rna'].write_h5ad(...), and give that"


def open_h5mu(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open an .h5mu file.

    Parameters
    ----------
    files : {"matrix": the file}
    matrix : as for .h5ad, for each modality. The first one (rna, where there is one) must have such a matrix;
        another without is left out, with a note
    options : "modality" names the only one to take

    Returns
    -------
    One table; ``var["feature_type"]`` tells the modalities apart, so that ``split_feature_types`` cuts them. A cell
    that a modality lacks has zeros there.

    Raises
    ------
    UnreadableFileError, InvalidInputError
        The file is damaged or no MuData; its modalities do not share cells; or there is no matrix of the kind.
    """
    source = only_file(files, "An .h5mu")
    file = open_hdf5(source)
    try:
        with readable(source.name, ".h5mu file"):
            table = _open(file, source.name, matrix, options.get("modality", ""))
    except BaseException:
        file.close()
        raise
    table.on_close = file.close
    return table


def _open(file: h5py.File, name: str, kind: MatrixKind, wanted: str) -> MatrixTable:
    modalities = _modalities(file, name, wanted)
    notes: list[str] = []
    tables: dict[str, MatrixTable] = {}
    for key in modalities:
        try:
            tables[key] = read_anndata(file["mod"][key], f"{name}, mod/{key}", kind)
        except InvalidInputError as error:
            if not tables:
                raise
            notes.append(f"The modality '{key}' was left out: {error.what}.")
    cells, frame, more = _cells(file, tables, name)
    table = combine_modalities(tables, cells, frame, kind=kind, name=name)
    table.notes[:0] = notes + more
    return table


def _modalities(file: h5py.File, name: str, wanted: str) -> list[str]:
    """Names of the modalities, that of the genes first."""
    group = file.get("mod")
    found = [key for key in group if isinstance(group[key], h5py.Group)] if isinstance(group, h5py.Group) else []
    if not found:
        raise UnreadableFileError("The MuData file has no modality", where=name, do="Write the file again")
    if read_attribute(file, "axis", 0) != 0:
        raise InvalidInputError("The modalities share features, not cells", where=name, do=_DO)
    if wanted:
        if wanted not in found:
            raise InvalidInputError(
                f"The file has no modality '{wanted}'", where=name, do=f"Name one of: {', '.join(found)}"
            )
        return [wanted]
    order = [_text(key) for key in np.atleast_1d(read_attribute(group, "mod-order", np.array([], dtype=object)))]
    found.sort(key=lambda key: (order.index(key) if key in order else len(order), key))
    return sorted(found, key=lambda key: MODALITY_TYPES.get(key.lower()) != GENE_EXPRESSION)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _cells(file: h5py.File, tables: dict[str, MatrixTable], name: str) -> tuple[list[str], pd.DataFrame, list[str]]:
    """Names of all cells that some modality has, in the order of the file, with the columns common to all."""
    present = dict.fromkeys(cell for table in tables.values() for cell in table.obs.index)
    if "obs" not in file:
        return list(present), pd.DataFrame(index=list(present)), []
    frame = read_frame(file["obs"], uns=None, place=f"{name}, obs")
    listed = dict.fromkeys(cell for cell in frame.index if cell in present)
    cells = [*listed, *(cell for cell in present if cell not in listed)]
    columns = pd.DataFrame(frame.columns, index=frame.index)
    return cells, columns[~columns.index.duplicated()], frame.notes
