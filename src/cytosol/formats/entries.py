"""What is known about each format: names, files, options, and the reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cytosol.base.errors import UnsupportedFormatError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixKind
from cytosol.formats.bcs import open_bcs
from cytosol.formats.delimited import DELIMITERS, ORIENTATIONS, open_delimited
from cytosol.formats.fcs.table import open_fcs
from cytosol.formats.h5ad import open_h5ad
from cytosol.formats.h5mu import open_h5mu
from cytosol.formats.loom import open_loom
from cytosol.formats.processed import open_processed
from cytosol.formats.rds import open_rds
from cytosol.formats.sniff import FileHead
from cytosol.formats.soma import open_soma
from cytosol.formats.table import MatrixTable
from cytosol.formats.tenx_h5 import open_tenx_h5
from cytosol.formats.tenx_mtx import open_tenx_mtx
from cytosol.formats.xlsx import open_xlsx
from cytosol.formats.zarr_anndata import open_zarr


class OpenTable(Protocol):
    """Opens the files of one format."""

    def __call__(
        self, files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
    ) -> MatrixTable: ...


@dataclass(frozen=True, slots=True)
class FormatOption:
    """Something a user can tell a reader; ``values`` is empty where any text goes."""

    name: str
    description: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FormatEntry:
    """Everything about one format.

    Attributes
    ----------
    name : stable name, as in ``format=``
    suffixes : lower case, longest first, with the point
    example : a file name
    roles : role to what the file is
    priority : larger is tried first among formats that share a suffix
    sniff : whether a file's content is of this format; None if only its declaration tells
    open : the reader; None for a format that this version does not read
    instead : what to do with a file that is not read
    packings : how a file may be packed, "" for not at all
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    description: str
    example: str
    roles: Mapping[str, str]
    priority: int = 0
    sniff: Callable[[FileHead], bool] | None = None
    open: OpenTable | None = None
    options: tuple[FormatOption, ...] = ()
    instead: str = ""
    packings: tuple[str, ...] = ("", "gzip")

    @property
    def reads(self) -> bool:
        """Whether this version reads the format."""
        return self.open is not None

    def refuse(self, where: str) -> UnsupportedFormatError:
        """The error for a known format that is not read."""
        return UnsupportedFormatError(
            f"{self.title} files are not read by this version", where=where, do=self.instead, format=self.name
        )


def _holds(*contents: str) -> Callable[[FileHead], bool]:
    return lambda head: head.content in contents


def _unread(
    name: str, title: str, suffixes: tuple[str, ...] = (), *, contents: tuple[str, ...] = (), instead: str
) -> FormatEntry:
    return FormatEntry(
        name=name,
        title=title,
        suffixes=suffixes,
        description=f"{title}: known, but not read by this version.",
        example=f"study{suffixes[0]}" if suffixes else "study/",
        roles={"matrix": f"the {title} file or folder"},
        priority=5,
        sniff=_holds(*contents) if contents else None,
        instead=instead,
    )


DEFAULT_FORMATS: tuple[FormatEntry, ...] = (
    FormatEntry(
        name="h5ad",
        title="AnnData",
        suffixes=(".h5ad", ".hdf5", ".h5"),
        description="HDF5 file of AnnData, every layout since 0.5: counts, annotations, embeddings, colours.",
        example="pbmc.h5ad",
        roles={"matrix": "the .h5ad file"},
        priority=20,
        sniff=_holds("h5ad"),
        open=open_h5ad,
        options=(FormatOption("slot", "the matrix to take: X, raw/X or layers/NAME"),),
    ),
    FormatEntry(
        name="tenx-h5",
        title="10x HDF5",
        suffixes=(".h5", ".hdf5"),
        description="HDF5 matrix of Cell Ranger, versions 1 to 3 and later, one or more genomes and feature types.",
        example="filtered_feature_bc_matrix.h5",
        roles={"matrix": "the .h5 file"},
        priority=10,
        sniff=_holds("tenx-h5"),
        open=open_tenx_h5,
    ),
    FormatEntry(
        name="tenx-mtx",
        title="10x MTX",
        suffixes=(".mtx.gz", ".mtx"),
        description="Matrix Market triplet of Cell Ranger, plain or gzipped, or an archive of it.",
        example="matrix.mtx.gz + features.tsv.gz + barcodes.tsv.gz",
        roles={
            "matrix": "matrix.mtx(.gz)",
            "features": "features.tsv(.gz) or genes.tsv(.gz)",
            "barcodes": "barcodes.tsv(.gz)",
        },
        priority=10,
        sniff=_holds("mtx"),
        open=open_tenx_mtx,
    ),
    FormatEntry(
        name="delimited",
        title="Text matrix",
        suffixes=(".tsv.gz", ".csv.gz", ".txt.gz", ".tsv", ".csv", ".txt", ".tab"),
        description="TSV or CSV, plain or gzipped, names in the first row and column, genes x cells or cells x genes.",
        example="counts.tsv.gz",
        roles={"matrix": "the text file"},
        sniff=_holds("text"),
        open=open_delimited,
        options=(
            FormatOption("orientation", "what the rows are", ORIENTATIONS),
            FormatOption("delimiter", "what cuts the fields", ("auto", *DELIMITERS)),
        ),
    ),
    FormatEntry(
        name="rds",
        title="Seurat or SingleCellExperiment (R data)",
        suffixes=(".rds", ".rda", ".rdata"),
        description="R data file with a Seurat object (v3 to v5), a SingleCellExperiment or a matrix; no R is needed.",
        example="pbmc.rds",
        roles={"matrix": "the .rds or .rda file"},
        priority=5,
        sniff=_holds("rds"),
        open=open_rds,
        options=(FormatOption("assay", "the assay to take as the main one"),),
        packings=("", "gzip", "bzip2", "xz"),
    ),
    FormatEntry(
        name="bcs",
        title="BioTuring compressed study",
        suffixes=(".bcs",),
        description="Zipped study of BBrowser as rBCS writes it: counts, annotations, embeddings.",
        example="study.bcs",
        roles={"matrix": "the .bcs file"},
        priority=5,
        sniff=_holds("bcs"),
        open=open_bcs,
    ),
    FormatEntry(
        name="loom",
        title="Loom",
        suffixes=(".loom",),
        description="HDF5 file of loompy, versions 2 and 3: genes x cells, attributes, layers.",
        example="cortex.loom",
        roles={"matrix": "the .loom file"},
        priority=5,
        sniff=_holds("loom"),
        open=open_loom,
        options=(FormatOption("slot", "the matrix to take: matrix or layers/NAME"),),
    ),
    FormatEntry(
        name="h5mu",
        title="MuData",
        suffixes=(".h5mu",),
        description="HDF5 file of MuData: each modality (rna, prot …) becomes a table of its own.",
        example="citeseq.h5mu",
        roles={"matrix": "the .h5mu file"},
        priority=5,
        sniff=_holds("h5mu"),
        open=open_h5mu,
        options=(FormatOption("modality", "the only modality to take"),),
    ),
    _unread(
        "h5seurat",
        "h5Seurat",
        (".h5seurat",),
        contents=("h5seurat",),
        instead="In R: SeuratDisk::Convert(file, dest = 'h5ad'), and give the .h5ad",
    ),
    FormatEntry(
        name="tiledb-soma",
        title="TileDB-SOMA",
        suffixes=(".soma.tar.gz", ".soma.zip", ".soma", ".tiledb"),
        description="Experiment of TileDB-SOMA: a folder on a storage, or an archive of it; each measurement a table.",
        example="experiment.soma",
        roles={"matrix": "the folder of the experiment, or an archive of it"},
        priority=5,
        sniff=_holds("tiledb-soma"),
        open=open_soma,
        options=(
            FormatOption("measurement", "the only measurement to take, such as RNA"),
            FormatOption("layer", "the layer of X to take, such as counts or data"),
        ),
    ),
    FormatEntry(
        name="zarr",
        title="AnnData Zarr",
        suffixes=(".zarr.tar.gz", ".zarr.zip", ".zarr"),
        description="Zarr store of AnnData (Zarr 2 or 3) or a table of SpatialData: a folder, or an archive.",
        example="pbmc.zarr.zip",
        roles={"matrix": "the .zarr folder, or an archive of it"},
        priority=5,
        sniff=_holds("zarr"),
        open=open_zarr,
        options=(
            FormatOption("slot", "the matrix to take: X, raw/X or layers/NAME"),
            FormatOption("table", "the table to take, in a SpatialData store that has several"),
        ),
    ),
    FormatEntry(
        name="xlsx",
        title="Excel",
        suffixes=(".xlsx",),
        description="Excel workbook with names in the first row and column, genes x cells or cells x genes.",
        example="counts.xlsx",
        roles={"matrix": "the .xlsx file"},
        priority=5,
        sniff=_holds("xlsx"),
        open=open_xlsx,
        options=(
            FormatOption("sheet", "the sheet to take; else the first that is not empty"),
            FormatOption("orientation", "what the rows are", ORIENTATIONS),
        ),
    ),
    FormatEntry(
        name="fcs",
        title="FCS",
        suffixes=(".fcs", ".lmd"),
        description="Flow, spectral and mass cytometry: FCS 2.0 to 3.2 in list mode, and LMD of Beckman Coulter. "
        "Each data set of the file becomes a dataset of events.",
        example="Specimen_001_A1.fcs",
        roles={"matrix": "the .fcs or .lmd file"},
        priority=5,
        sniff=_holds("fcs"),
        open=open_fcs,
        packings=("",),
    ),
    FormatEntry(
        name="processed-folder",
        title="Processed study folder",
        suffixes=(),
        description="Folder of BBrowser's clients: matrix.hdf5 as in a BCS, coords.npy, custom_embeddings/*.npy, and "
        "tables of metadata.db and embeddings.db that have one row a cell with its barcode.",
        example="study/ with matrix.hdf5, metadata.db, coords.npy",
        roles={
            "matrix": "matrix.hdf5, or the folder or an archive of it",
            "coords": "coords.npy",
            "metadata": "metadata.db",
            "embeddings": "embeddings.db",
        },
        priority=4,
        sniff=_holds("processed-folder", "bcs-matrix"),
        open=open_processed,
        instead="A processed folder holds coords.npy, embeddings.db, metadata.db, custom_embeddings/*.npy, and a "
        "matrix.hdf5 with the group 'bioturing'",
    ),
    FormatEntry(
        name="bbrowser",
        title="BBrowser study",
        suffixes=(),
        description="What is documented of it: a study that BBrowser or rBCS exported as .bcs. Others are refused.",
        example="study.bcs",
        roles={"matrix": "the .bcs file"},
        priority=3,
        sniff=_holds("bcs"),
        open=open_bcs,
        instead="Export it from BBrowser as .bcs or .h5ad and give that; its other files are not documented",
    ),
)
