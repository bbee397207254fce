"""Values of R data files (.rds, .rda) as plain Python, without R: slots, names, texts, numbers, factors, matrices."""

from __future__ import annotations

import bz2
import gzip
import lzma
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.base.errors import LimitExceededError, UnreadableFileError
from cytosol.base.protocols import Source
from cytosol.formats.files import readable

_FREE_BYTES = 256 << 20
_MAX_RATIO = 1000
_OPENERS: dict[bytes, Callable[[Any], Any]] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}


@dataclass(frozen=True, slots=True)
class RValue:
    """One value of an R file; ``node`` is what the parser made of it."""

    node: Any

    @property
    def kind(self) -> str:
        """Type of R: S4, VEC (list), STR, INT, REAL, LGL and so on."""
        return str(self.node.info.type.name)

    @property
    def slots(self) -> dict[str, RValue]:
        """Attributes, which S4 objects call slots."""
        return dict(_pairs(self.node.attributes))

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        found = self.slots.get("class")
        return found.texts() if found is not None and found.kind == "STR" else []

    @property
    def names(self) -> list[str]:
        """Names of the elements of a list or vector."""
        found = self.slots.get("names")
        return found.texts() if found is not None and found.kind == "STR" else []

    def items(self) -> dict[str, RValue]:
        """Elements of a named list; {} for anything else."""
        if self.kind != "VEC":
            return {}
        return {name: RValue(_target(node)) for name, node in zip(self.names, self.node.value, strict=False)}

    def texts(self) -> list[str]:
        """A character vector; "" for missing."""
        return [text or "" for text in self.texts_or_none()]

    def texts_or_none(self) -> list[str | None]:
        """A character vector; None for missing."""
        if self.kind != "STR":
            raise ValueError(f"texts were expected, not {self.kind}")
        return [None if node.value is None else node.value.decode("utf-8", "replace") for node in self.node.value]

    def numbers(self) -> np.ndarray:
        """Numbers; a missing one is NaN."""
        if self.kind not in ("INT", "REAL", "LGL"):
            raise ValueError(f"numbers were expected, not {self.kind}")
        values = self.node.value
        if np.ma.isMaskedArray(values) and np.ma.getmaskarray(values).any():
            return np.where(np.ma.getmaskarray(values), np.nan, np.ma.getdata(values).astype(np.float64))
        return np.asarray(np.ma.getdata(values))

    def dimnames(self) -> list[list[str]]:
        """Names of rows and columns of a matrix, [] each where it has none."""
        slots = self.slots
        found = slots.get("dimnames") or slots.get("Dimnames")
        nodes = [RValue(_target(node)) for node in found.node.value] if found is not None else []
        return [node.texts() if node.kind == "STR" else [] for node in [*nodes, self, self][:2]] if nodes else [[], []]

    def column(self) -> Any:
        """A column of a data frame: Categorical for a factor, else numbers or an object array of str and None."""
        slots = self.slots
        if "factor" in self.classes and "levels" in slots:
            levels = slots["levels"].texts()
            codes = np.nan_to_num(self.numbers().astype(np.float64), nan=0).astype(np.int64) - 1
            ordered = "ordered" in self.classes
            return pd.Categorical.from_codes(codes, categories=pd.Index(levels, dtype=object), ordered=ordered)
        if self.kind == "STR":
            return np.array(self.texts_or_none(), dtype=object)
        values = self.numbers()
        if self.kind == "LGL" and values.dtype.kind == "f":
            codes = np.nan_to_num(values, nan=-1).astype(np.int64)
            return pd.Categorical.from_codes(codes, categories=pd.Index(["False", "True"], dtype=object))
        return values.astype(np.bool_) if self.kind == "LGL" else values

    def cells_by_features(self) -> sp.csr_matrix:
        """A matrix of features × cells, dense or of the package Matrix, turned to cells × features.

        Raises
        ------
        ValueError
            It is no matrix that can be read.
        """
        slots = self.slots
        shape_of = slots.get("dim") or slots.get("Dim")
        if shape_of is None:
            raise ValueError(f"a matrix was expected, not {' '.join(self.classes) or self.kind}")
        n_features, n_cells = (int(size) for size in shape_of.numbers())
        shape = (n_cells, n_features)
        if self.kind in ("INT", "REAL", "LGL"):
            return sp.csr_matrix(self.numbers().reshape(shape))
        if "x" not in slots:
            raise ValueError(f"a matrix of numbers was expected, not {' '.join(self.classes) or self.kind}")
        values = slots["x"].numbers()
        if {"i", "p"} <= set(slots):
            made = sp.csr_matrix((values, slots["i"].numbers(), slots["p"].numbers()), shape=shape)
        elif {"j", "p"} <= set(slots):
            made = sp.csc_matrix((values, slots["j"].numbers(), slots["p"].numbers()), shape=shape)
        elif {"i", "j"} <= set(slots):
            made = sp.coo_matrix((values, (slots["j"].numbers(), slots["i"].numbers())), shape=shape)
        else:
            made = sp.csr_matrix(values.reshape(shape))
        if made.format != "coo":
            made.check_format(full_check=True)
        return sp.csr_matrix(made)


def _target(node: Any) -> Any:
    """What a reference leads to."""
    while node.referenced_object is not None:
        node = node.referenced_object
    return node


def _pairs(node: Any) -> Iterator[tuple[str, RValue]]:
    """Names and values of a pairlist."""
    while node is not None and node.info.type.name in ("LIST", "ATTRLIST"):
        value, rest = node.value
        if node.tag is not None:
            yield (_target(node.tag).value.value or b"").decode("utf-8", "replace"), RValue(_target(value))
        node = rest


def read_r_values(source: Source) -> dict[str, RValue]:
    """Read an R data file whole.

    Returns
    -------
    The objects of an .rda by name; that of an .rds under "".

    Raises
    ------
    UnreadableFileError, LimitExceededError
        It is damaged, or unpacks to more than 1,000 times its size.
    """
    # in a job process only: it imports xarray
    from rdata.parser import parse_data

    with readable(source.name, "R data file"):
        content = _unpacked(source)
        is_rda = content.startswith((b"RDX", b"RDA"))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # parts of no use here (tags of damaged files, byte code) are passed by
                root = parse_data(content, extension=".rda" if is_rda else ".rds").object
        except (AssertionError, RecursionError) as error:
            raise ValueError(str(error) or "its parts contradict each other") from error
        if is_rda:
            return dict(_pairs(root))
        return {"": RValue(_target(root))}


def _unpacked(source: Source) -> bytes:
    """The bytes inside of a file packed with gzip, bzip2 or xz."""
    limit = max(source.size * _MAX_RATIO, _FREE_BYTES)
    with source.open() as raw:
        head = raw.read(2)
        raw.seek(0)
        opener = _OPENERS.get(head)
        stream = cast(IO[bytes], opener(raw)) if opener is not None else raw
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise LimitExceededError(
            "The R data file unpacks to far more than its own size", where=source.name, do="Write it again with saveRDS"
        )
    if not content:
        raise UnreadableFileError("The R data file is empty", where=source.name, do="Write it again with saveRDS")
    return content
