"""A table seen as AnnData in Zarr version 2, for clients that know nothing newer.

Nothing is recompressed: chunks of both versions hold the same bytes, so only names and metadata are translated. Text
with gaps, which old readers do not know, becomes a categorical column.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numcodecs import VLenUTF8
from zarr.abc.store import Store
from zarr.core.sync import sync

from cytosol.base.errors import DamagedDataError, UnsupportedFormatError
from cytosol.formats.spatialdata.columns import read_column_at
from cytosol.formats.spatialdata.layout import INDEX, TableSpec, free_name, path_part
from cytosol.formats.spatialdata.zarr_io import get_document, get_many, json_bytes

_DTYPES = {
    "bool": "|b1",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint8": "|u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "float32": "<f4",
    "float64": "<f8",
    "string": "|O",
}
_SHUFFLES = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}
TEXT_FILTER = {"id": "vlen-utf8"}
_DICT = {"encoding-type": "dict", "encoding-version": "0.1.0"}
Content = Callable[[], bytes]


class ZarrV2View:
    """The files of a Zarr v2 folder of one table, made when they are asked for.

    Parameters
    ----------
    root : the dataset's store
    spec : the table, as the records or ``read_table_spec`` give it
    uns : further notes: text, lists of text, and mappings of them

    Attributes
    ----------
    columns, embeddings : the names that those of ``spec`` have here, in order
    """

    def __init__(self, root: Store, spec: TableSpec, uns: Mapping[str, Any] | None = None) -> None:
        self._root = root
        self._files: dict[str, Content] = {}
        place = f"tables/{spec.path}"
        self.group("", {"encoding-type": "anndata", "encoding-version": "0.1.0"})
        self._copy(f"{place}/X", "X")
        self._features(f"{place}/var")
        columns = usable_names([(entry.name, entry.path) for entry in spec.columns])
        self.columns = [name for name, _ in columns]
        encoding = {"encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": INDEX}
        self.group("obs", {**encoding, "column-order": [name for name, _ in columns]})
        self._copy(f"{place}/obs/{INDEX}", f"obs/{INDEX}")
        for name, path in columns:
            self._copy(f"{place}/obs/{path}", f"obs/{name}")
        for slot in ("obsm", "varm", "obsp", "varp", "layers"):
            self.group(slot, _DICT)
        self._notes("uns", uns or {})
        embeddings = usable_names([(entry.name, entry.path) for entry in spec.embeddings])
        self.embeddings = [name for name, _ in embeddings]
        for name, path in embeddings:
            self._copy(f"{place}/obsm/{path}", f"obsm/{name}")

    def paths(self) -> Iterator[str]:
        """Relative paths of all files, '/' between parts."""
        yield from self._files

    def get(self, path: str) -> bytes | None:
        """The bytes of one file; None where there is none."""
        content = self._files.get(path)
        return None if content is None else content()

    def write_folder(self, folder: Path) -> None:
        """Write all files below a folder."""
        for key, content in self._files.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content())

    def write_zip(self, path: Path) -> None:
        """Write all files into one zip file, without compressing them again; whole or absent."""
        part = path.with_name(path.name + ".part")
        try:
            with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
                for key, content in self._files.items():
                    archive.writestr(key, content())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _features(self, source: str) -> None:
        attributes = get_document(self._root, source)["attributes"]
        known = attributes.get("cytosol", {}).get("names", {})
        columns = usable_names([(known.get(path, path), path) for path in attributes["column-order"]])
        encoding = {key: value for key, value in attributes.items() if key != "cytosol"}
        self.group("var", {**encoding, "column-order": [name for name, _ in columns]})
        self._copy(f"{source}/{INDEX}", f"var/{INDEX}")
        for name, path in columns:
            self._copy(f"{source}/{path}", f"var/{name}")

    def _notes(self, path: str, notes: Mapping[str, Any]) -> None:
        self.group(path, _DICT)
        for (name, _), value in zip(
            usable_names([(key, path_part(key)) for key in notes]), notes.values(), strict=True
        ):
            if isinstance(value, Mapping):
                self._notes(f"{path}/{name}", value)
            else:
                self._text(f"{path}/{name}", value)

    def _text(self, path: str, value: str | list[str]) -> None:
        """One text, or a list of texts."""
        if isinstance(value, str):
            document = {**_plain_v2(1, f"<U{max(1, len(value))}", ""), "shape": [], "chunks": []}
            self.array(path, document, {"encoding-type": "string", "encoding-version": "0.2.0"})
            self._files[f"{path}/0"] = lambda: np.array(value or "\0", dtype="<U").tobytes()
            return
        document = {**_plain_v2(len(value), "|O", ""), "filters": [TEXT_FILTER]}
        self.array(path, document, {"encoding-type": "string-array", "encoding-version": "0.2.0"})
        if value:
            self._files[f"{path}/0"] = lambda: bytes(VLenUTF8().encode(np.array(value, dtype=object)))

    def group(self, path: str, attributes: dict[str, Any]) -> None:
        """Add a group, or say something else of it."""
        prefix = f"{path}/" if path else ""
        self._files[f"{prefix}.zgroup"] = lambda: json_bytes({"zarr_format": 2})
        self._files[f"{prefix}.zattrs"] = lambda: json_bytes(attributes)

    def array(self, path: str, document: dict[str, Any], attributes: dict[str, Any]) -> None:
        """Add an array whose chunks follow with ``content``."""
        self._files[f"{path}/.zarray"] = lambda: json_bytes(document)
        self._files[f"{path}/.zattrs"] = lambda: json_bytes(attributes)

    def content(self, path: str, content: Content) -> None:
        """Add a file that is made when it is asked for."""
        self._files[path] = content

    def attributes(self, path: str) -> dict[str, Any]:
        """What a group or array says of itself."""
        said: dict[str, Any] = json.loads(self._files[f"{path}/.zattrs"]())
        return said

    def move(self, path: str, target: str) -> None:
        """Give a group or array another place."""
        for key in [key for key in self._files if key.startswith(f"{path}/")]:
            self._files[target + key.removeprefix(path)] = self._files.pop(key)

    def drop(self, path: str) -> None:
        """Take a group or array out; none there is no error."""
        for key in [key for key in self._files if key.startswith(f"{path}/")]:
            del self._files[key]

    def _copy(self, source: str, target: str) -> None:
        """Show the array at a path of the store, or the group with the arrays that its encoding names."""
        document = get_document(self._root, source)
        attributes = {key: value for key, value in document["attributes"].items() if key != "cytosol"}
        if document["node_type"] == "array":
            self.array(target, _array_v2(document, source), attributes)
            for number in self._chunks(source):
                key = f"{target}/{number.replace('/', '.')}"
                self._files[key] = lambda at=f"{source}/c/{number}": self._fetch(at)  # type: ignore[misc]
            return
        encoding = attributes.get("encoding-type", "")
        if encoding == "nullable-string-array":
            self._text_with_gaps(source, target)
            return
        self.group(target, attributes)
        children = {"csr_matrix": ("data", "indices", "indptr"), "categorical": ("codes", "categories")}
        for child in children.get(encoding, ()):
            self._copy(f"{source}/{child}", f"{target}/{child}")

    def _chunks(self, source: str) -> list[str]:
        async def run() -> list[str]:
            prefix = f"{source}/c/"
            return sorted([key.removeprefix(prefix) async for key in self._root.list_prefix(prefix)])

        return sync(run())

    def _fetch(self, key: str) -> bytes:
        (data,) = get_many(self._root, [key])
        if data is None:
            raise DamagedDataError("A chunk of the dataset is gone", where=key)
        return data

    def _text_with_gaps(self, source: str, target: str) -> None:
        values = pd.Categorical(read_column_at(self._root, source).values)
        encoding = {"encoding-type": "categorical", "encoding-version": "0.2.0", "ordered": False}
        self.group(target, encoding)
        codes = np.ascontiguousarray(values.codes)
        levels = values.categories.to_numpy(dtype=object)
        packed = codes.tobytes()
        self.array(
            f"{target}/codes",
            _plain_v2(len(codes), codes.dtype.str, 0),
            {"encoding-type": "array", "encoding-version": "0.2.0"},
        )
        self.array(
            f"{target}/categories",
            {**_plain_v2(len(levels), "|O", ""), "filters": [TEXT_FILTER]},
            {"encoding-type": "string-array", "encoding-version": "0.2.0"},
        )
        if len(codes):
            self._files[f"{target}/codes/0"] = lambda: packed
        if len(levels):
            encoded = bytes(VLenUTF8().encode(levels))
            self._files[f"{target}/categories/0"] = lambda: encoded


def usable_names(entries: list[tuple[str, str]], index: str = INDEX) -> list[tuple[str, str]]:
    """True names where a Zarr v2 folder can hold them, path parts elsewhere; all different."""
    taken: list[str] = [index]
    out = []
    for name, path in entries:
        usable = path_part(path) if "/" in name or name.startswith(".") or len(name.encode()) > 200 else name
        taken.append(free_name(usable or path_part(name), taken))
        out.append((taken[-1], path))
    return out


def _plain_v2(length: int, dtype: str, fill: Any) -> dict[str, Any]:
    return {
        "zarr_format": 2,
        "shape": [length],
        "chunks": [max(1, length)],
        "dtype": dtype,
        "compressor": None,
        "fill_value": fill,
        "order": "C",
        "filters": None,
    }


def _array_v2(document: dict[str, Any], where: str) -> dict[str, Any]:
    """Translate the metadata of an array; codecs that the store never uses are refused."""
    try:
        dtype = _DTYPES[document["data_type"]]
        first, *packers = document["codecs"]
        chunks = document["chunk_grid"]["configuration"]["chunk_shape"]
        if first["name"] not in ("bytes", "vlen-utf8") or len(packers) > 1:
            raise KeyError(first["name"])
        compressor = _compressor_v2(packers[0]) if packers else None
    except KeyError as error:
        raise UnsupportedFormatError(f"An array uses {error}, which Zarr v2 has no word for", where=where) from error
    fill = document["fill_value"]
    return {
        "zarr_format": 2,
        "shape": document["shape"],
        "chunks": chunks,
        "dtype": dtype,
        "compressor": compressor,
        "fill_value": fill,
        "order": "C",
        "filters": [TEXT_FILTER] if first["name"] == "vlen-utf8" else None,
        "dimension_separator": ".",
    }


def _compressor_v2(codec: dict[str, Any]) -> dict[str, Any]:
    options = codec["configuration"]
    if codec["name"] == "blosc":
        return {
            "id": "blosc",
            "cname": options["cname"],
            "clevel": options["clevel"],
            "shuffle": _SHUFFLES[options["shuffle"]],
            "blocksize": options["blocksize"],
        }
    if codec["name"] == "zstd":
        return {"id": "zstd", "level": options["level"]}
    raise KeyError(codec["name"])
