"""The clients' study types, and which of our formats each is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cytosol.base.errors import InvalidInputError, UnsupportedFormatError


@dataclass(frozen=True, slots=True)
class StudyType:
    """One value of the clients' enumeration ``StudyType``.

    Attributes
    ----------
    roles : wire key of a batch -> role of the file in our format
    uploads : suffixes that the client gives uploaded files, by role; "" = the batch name itself is the file name
    """

    title: str
    format: str
    roles: Mapping[str, str]
    uploads: Mapping[str, tuple[str, ...]]


_SINGLE = {"matrix": "matrix"}
_AS_NAMED = {"matrix": ("",)}
_TRIPLET = {"matrix": "matrix", "features": "features", "barcodes": "barcodes"}
_TRIPLET_NAMES = {
    "matrix": ("matrix.mtx", "matrix.mtx.gz"),
    "features": ("features.tsv", "features.tsv.gz"),
    "barcodes": ("barcodes.csv", "barcodes.csv.gz"),
}

STUDY_TYPES: Mapping[int, StudyType] = {
    0: StudyType("a BBrowser study", "bbrowser", _SINGLE, _AS_NAMED),
    1: StudyType("10x HDF5", "tenx-h5", _SINGLE, _AS_NAMED),
    2: StudyType("h5ad", "h5ad", _SINGLE, _AS_NAMED),
    3: StudyType("10x MTX", "tenx-mtx", _TRIPLET, _TRIPLET_NAMES),
    4: StudyType("BCS", "bcs", _SINGLE, _AS_NAMED),
    5: StudyType("Seurat RDS", "rds", _SINGLE, _AS_NAMED),
    6: StudyType("TSV", "delimited", _SINGLE, _AS_NAMED),
    15: StudyType("TileDB-SOMA", "tiledb-soma", {"folder": "matrix"}, _AS_NAMED),
    23: StudyType("a processed folder", "processed-folder", _SINGLE, _AS_NAMED),
}
_SPATIAL = {
    7: "GeoMx DSP",
    8: "Visium",
    9: "Vizgen MERSCOPE",
    10: "CosMx",
    11: "Xenium",
    12: "Visium RDS",
    13: "Visium AnnData",
    14: "Vizgen MERSCOPE 2",
    16: "QPTIFF proteomics",
    17: "OME-TIFF proteomics",
    19: "CosMx 2",
    "LENS_SC": "single-cell spatial",
    "PROTEOMICS": "spatial proteomics",
}


def study_type(code: int | str) -> StudyType:
    """The entry of a code as sent on the wire.

    Raises
    ------
    UnsupportedFormatError
        For the spatial types, which this version does not take in.
    InvalidInputError
        For a code that no client defines.
    """
    if isinstance(code, int) and code in STUDY_TYPES:
        return STUDY_TYPES[code]
    if code in _SPATIAL:
        raise UnsupportedFormatError(
            f"This version does not take in {_SPATIAL[code]} studies",
            do="Submit the cells × genes table alone, as h5ad or 10x MTX, with BBrowserXConnector",
        )
    raise InvalidInputError(f"There is no study type {code!r}", do="Use a value of the client's enumeration StudyType")
