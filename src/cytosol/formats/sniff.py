"""What a file is, told by its first bytes and, for containers, by what they list; never by its name."""

from __future__ import annotations

import bz2
import lzma
import tarfile
import zipfile
import zlib
from dataclasses import dataclass

import h5py

from cytosol.base.errors import UnreadableFileError
from cytosol.base.protocols import Source
from cytosol.formats.files import is_gzip, open_hdf5, readable
from cytosol.formats.folders import FolderSource, folder_content, is_junk, tree_content
from cytosol.formats.h5guard import SIGNATURE, read_attribute
from cytosol.formats.tenx_h5 import is_tenx_group

_HEAD = 64 << 10
_MAX_MEMBERS = 500
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")


@dataclass(frozen=True, slots=True)
class FileHead:
    """The beginning of a file.

    Attributes
    ----------
    name, size : of the source
    content : what it is: h5ad, tenx-h5, loom, h5mu, h5seurat, molecule-info, bcs-matrix, hdf5, mtx, text, rds, zip,
        tar, xlsx, bcs, fcs, html, empty, or "" for anything else; of a folder, or an archive of one: zarr, tiledb-soma,
        processed-folder, else folder
    packed : "gzip", "bzip2", "xz", "zstd" or ""
    """

    name: str
    size: int
    content: str
    packed: str

    @property
    def title(self) -> str:
        """The content in words, for errors."""
        text = _TITLES.get(self.content, "of a kind that is not known")
        return f"{text}, packed with {self.packed}" if self.packed and self.content else text


_TITLES = {
    "h5ad": "an AnnData HDF5 file (.h5ad)",
    "tenx-h5": "a 10x Genomics HDF5 matrix",
    "loom": "a Loom file",
    "h5mu": "a MuData file (.h5mu)",
    "h5seurat": "an h5Seurat file",
    "molecule-info": "a 10x molecule_info.h5, which holds molecules and no matrix",
    "hdf5": "an HDF5 file without a known layout",
    "mtx": "a Matrix Market file (.mtx)",
    "text": "text",
    "rds": "an R data file (.rds, .rda)",
    "bcs-matrix": "the matrix.hdf5 of a BioTuring study",
    "zip": "a zip archive",
    "tar": "a tar archive",
    "xlsx": "an Excel workbook",
    "zarr": "a Zarr store",
    "bcs": "a BioTuring compressed study (.bcs)",
    "tiledb-soma": "a TileDB-SOMA experiment",
    "processed-folder": "a processed study folder",
    "folder": "a folder",
    "fcs": "a flow cytometry file (.fcs)",
    "html": "a web page, as a failed download leaves it",
    "empty": "empty",
}


def read_head(source: Source) -> FileHead:
    """Look at the first 64 KiB of a file, and at the list of contents of a container or folder."""
    if isinstance(source, FolderSource):
        with readable(source.name, "folder"):
            return FileHead(source.name, source.size, folder_content(source.path), "")
    with readable(source.name), source.open() as stream:
        head = stream.read(_HEAD)
    inner, packed = _unpack(head, source.name)
    return FileHead(name=source.name, size=source.size, content=_content(source, head, inner, packed), packed=packed)


def _unpack(head: bytes, name: str) -> tuple[bytes, str]:
    """The first bytes inside of a packed file; what can be had of them if it is damaged further on."""
    if is_gzip(head):
        with readable(name, "gzip file"):
            return zlib.decompressobj(wbits=31).decompress(head, _HEAD), "gzip"
    if head.startswith(b"BZh"):
        with readable(name, "bzip2 file"):
            return bz2.BZ2Decompressor().decompress(head, _HEAD), "bzip2"
    if head.startswith(b"\xfd7zXZ\x00"):
        with readable(name, "xz file"):
            return lzma.LZMADecompressor().decompress(head, _HEAD), "xz"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return b"", "zstd"
    return head, ""


def _content(source: Source, head: bytes, inner: bytes, packed: str) -> str:
    if not head:
        return "empty"
    if not packed and any(head[at : at + 8] == SIGNATURE for at in (0, 512, 1024, 2048, 4096, 8192, 16384, 32768)):
        return _hdf5_content(source)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_content(source)
    if inner[257:262] == b"ustar":
        return _tar_content(source)
    if inner.startswith((b"X\n\x00\x00", b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n", b"A\n2\n", b"A\n3\n")):
        return "rds"
    if inner.startswith(b"%%MatrixMarket"):
        return "mtx"
    if inner.startswith((b"FCS2.0", b"FCS3.")):
        return "fcs"
    return _text_content(inner)


def _text_content(inner: bytes) -> str:
    if not inner:
        return ""
    start = inner[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "html"
    if inner.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"
    controls = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in inner[:4096])
    return "" if controls else "text"


def _hdf5_content(source: Source) -> str:
    file = open_hdf5(source)
    try:
        with readable(source.name, "HDF5 file"):
            return _hdf5_layout(file)
    finally:
        file.close()


def _hdf5_layout(file: h5py.File) -> str:
    kind = read_attribute(file, "encoding-type", "")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    keys = set(file)
    if kind == "MuData" or {"mod", "obs"} <= keys:
        return "h5mu"
    if "barcode_idx" in keys or "molecule_idx" in keys:
        return "molecule-info"
    if {"row_attrs", "col_attrs"} <= keys:
        return "loom"
    if isinstance(file.get("bioturing"), h5py.Group):
        return "bcs-matrix"
    if {"assays", "cell.names"} <= keys:
        return "h5seurat"
    if "matrix" in keys and isinstance(file["matrix"], h5py.Group):
        return "tenx-h5"
    if kind == "anndata" or {"obs", "var"} <= keys or ("X" in keys and ("obs" in keys or "var" in keys)):
        return "h5ad"
    return "tenx-h5" if any(is_tenx_group(file[key]) for key in keys) else "hdf5"


def _zip_content(source: Source) -> str:
    with readable(source.name, "zip archive"), source.open() as stream, zipfile.ZipFile(stream) as archive:
        names = archive.namelist()[:200_000]
    if "xl/workbook.xml" in names:
        return "xlsx"
    last = {name.rsplit("/", 1)[-1] for name in names}
    if "run_info.json" in last and any(name.endswith("main/matrix.hdf5") for name in names):
        return "bcs"
    return _archived_tree(names) or "zip"


def _tar_content(source: Source) -> str:
    with readable(source.name, "tar archive"), source.open() as stream, tarfile.open(fileobj=stream) as archive:
        names = [member.name for member, _ in zip(archive, range(_MAX_MEMBERS), strict=False)]
    return _archived_tree(names) or "tar"


def _archived_tree(names: list[str]) -> str:
    """What the names at the top of an archive say, below folders that hold nothing but one other."""
    paths = [tuple(part for part in name.split("/") if part not in ("", ".")) for name in names]
    paths = [path for path in paths if path and not any(is_junk(part) for part in path)]
    found = ""
    for depth in range(8):
        tops = {path[depth] for path in paths if len(path) > depth}
        found = tree_content(tops)
        if found or len(tops) != 1:
            break
    # a long archive may list its top after what lies below
    return found or tree_content({path[-1] for path in paths})


def refuse_content(head: FileHead, *, expected: str = "", do: str = "") -> UnreadableFileError:
    """The error for a file whose content does not fit."""
    if head.content == "empty":
        return UnreadableFileError("The file is empty", where=head.name, do="Copy or download it again")
    wanted = f", not {expected}" if expected else ""
    return UnreadableFileError(
        f"The file is {head.title}{wanted}",
        where=head.name,
        do=do
        or "Give a file of a format that is read: h5ad, Zarr, 10x .h5, 10x matrix.mtx with features and barcodes, "
        "Loom, h5mu, Seurat .rds, TileDB-SOMA, BCS, TSV, CSV or Excel",
    )
