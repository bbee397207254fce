"""Immune receptors: V(D)J contigs of Cell Ranger and AIRR rearrangements, summed up to annotations of cells.

One row of such a file is a contig; a cell has several. Fields as in
https://docs.airr-community.org/en/stable/datarep/rearrangements.html and in Cell Ranger's contig annotations.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytosol.base.errors import InvalidInputError, UnreadableFileError
from cytosol.base.protocols import Source
from cytosol.formats.files import open_unpacked, readable
from cytosol.formats.table import MatrixTable

ROLE = "contigs"
"""The role of such a file among those of a batch."""
LOCI = ("TRA", "TRB", "TRG", "TRD", "IGH", "IGK", "IGL")
CLONOTYPE, CLONE_SIZE, CHAINS = "Clonotype", "Clone size", "Chains"
_FIELDS = {
    "barcode": ("barcode", "cell_id"),
    "chain": ("chain", "locus"),
    "v_gene": ("v_gene", "v_call"),
    "cdr3": ("cdr3", "junction_aa", "cdr3_aa"),
    "productive": ("productive",),
    "umis": ("umis", "umi_count", "duplicate_count", "consensus_count", "reads"),
    "clonotype": ("raw_clonotype_id", "clone_id", "clonotype_id"),
    "is_cell": ("is_cell",),
    "high_confidence": ("high_confidence",),
}
_NEEDED = ("barcode", "productive", "cdr3")
_TRUE = frozenset(("true", "t", "1", "yes"))
_NOTHING = frozenset(("", "none", "na", "nan", "null"))
_RUN = re.compile(r"-\d+$")
_DO = (
    "Give filtered_contig_annotations.csv or airr_rearrangement.tsv of Cell Ranger, or another file of AIRR "
    "rearrangements with cell_id, locus, productive and junction_aa"
)


@dataclass(frozen=True, slots=True)
class Contig:
    """A productive chain of a cell."""

    barcode: str
    locus: str
    cdr3: str
    umis: float
    clonotype: str


def looks_like_contigs(header: Sequence[str]) -> bool:
    """Whether the columns of a table are those of contigs."""
    names = {name.strip().lower() for name in header}
    return all(names.intersection(_FIELDS[field]) for field in (*_NEEDED, "chain"))


def read_contigs(source: Source) -> pd.DataFrame:
    """Annotations by barcode, of the cells that have a productive chain.

    Returns
    -------
    Frame indexed by barcode, in the order of the file, with 'Clonotype' (text), 'Clone size' (cells of the file that
    have it, int64), 'Chains' such as 'TRA+TRB+TRB', and for each locus 'TRB CDR3', the amino acids of its chain with
    the most UMIs (None where it has none).

    Raises
    ------
    UnreadableFileError
        The file is damaged, has no such columns, or no productive chain.
    """
    with readable(source.name, "contig file"), open_unpacked(source) as stream:
        lines = (line.decode("utf-8-sig", "replace") for line in stream)
        first = next(lines, "")
        delimiter = "\t" if "\t" in first else ","
        header = next(csv.reader([first], delimiter=delimiter), [])
        places = _places(header, source.name)
        chains: dict[str, list[Contig]] = {}
        for row in csv.reader(lines, delimiter=delimiter):
            contig = _contig(row, places)
            if contig is not None:
                chains.setdefault(contig.barcode, []).append(contig)
    if not chains:
        raise UnreadableFileError("The file has no productive chain of a cell", where=source.name, do=_DO)
    return _summed(chains)


def _places(header: Sequence[str], name: str) -> dict[str, int]:
    """Where each field that is used stands."""
    lower = [text.strip().lower() for text in header]
    found = {
        field: next(lower.index(title) for title in titles if title in lower)
        for field, titles in _FIELDS.items()
        if any(title in lower for title in titles)
    }
    missing = [" or ".join(_FIELDS[field]) for field in _NEEDED if field not in found]
    if "chain" not in found and "v_gene" not in found:
        missing.append("chain or locus")
    if missing:
        raise UnreadableFileError(
            f"The file lacks the columns {', '.join(missing)}, so it holds no contigs", where=name, do=_DO
        )
    return found


def _contig(row: Sequence[str], places: Mapping[str, int]) -> Contig | None:
    """A row, or None for one that is not a productive, certain chain of a cell."""

    def field(name: str) -> str:
        place = places.get(name, -1)
        text = row[place].strip() if 0 <= place < len(row) else ""
        return "" if text.lower() in _NOTHING else text

    barcode, cdr3 = field("barcode"), field("cdr3")
    locus = (field("chain") or field("v_gene")[:3]).upper()
    certain = all(name not in places or field(name).lower() in _TRUE for name in ("is_cell", "high_confidence"))
    if not (barcode and cdr3 and certain and locus in LOCI and field("productive").lower() in _TRUE):
        return None
    number = field("umis")
    umis = float(number) if number.replace(".", "", 1).isdigit() else 0.0
    return Contig(barcode, locus, cdr3, umis, field("clonotype"))


def _summed(chains: Mapping[str, list[Contig]]) -> pd.DataFrame:
    clonotypes = {barcode: _clonotype(found) for barcode, found in chains.items()}
    sizes = Counter(clonotypes.values())
    columns: dict[str, list[object]] = {
        CLONOTYPE: list(clonotypes.values()),
        CLONE_SIZE: [sizes[clonotype] for clonotype in clonotypes.values()],
        CHAINS: ["+".join(sorted((contig.locus for contig in found), key=LOCI.index)) for found in chains.values()],
    }
    for locus in LOCI:
        best = [_best(found, locus) for found in chains.values()]
        if any(best):
            columns[f"{locus} CDR3"] = list(best)
    index = pd.Index(list(chains), dtype=object)
    kinds = {CLONE_SIZE: np.int64}
    return pd.DataFrame({name: pd.Series(values, index, kinds.get(name, object)) for name, values in columns.items()})


def _clonotype(contigs: Iterable[Contig]) -> str:
    """The clonotype that the file says, else the chains themselves: equal ones are of one clone."""
    contigs = list(contigs)
    said = next((contig.clonotype for contig in contigs if contig.clonotype), "")
    return said or ";".join(sorted({f"{contig.locus}:{contig.cdr3}" for contig in contigs}))


def _best(contigs: Iterable[Contig], locus: str) -> str | None:
    """Amino acids of the chain of a locus with the most UMIs; the first of equal ones."""
    of_locus = [contig for contig in contigs if contig.locus == locus]
    return max(of_locus, key=lambda contig: contig.umis).cdr3 if of_locus else None


def join_contigs(found: pd.DataFrame, cells: pd.Index, *, where: str) -> tuple[pd.DataFrame, list[str]]:
    """Put annotations of contigs to the cells of a table, by barcode.

    Barcodes are compared letter by letter; where none fits, without the number of the run behind them ('-1').

    Returns
    -------
    Frame indexed by ``cells``, missing where a cell has no chain; and notes on what did not match.

    Raises
    ------
    InvalidInputError
        No barcode fits.
    """
    index = pd.Index(found.index.map(str))
    notes: list[str] = []
    names = pd.Index([str(cell) for cell in cells])
    if not index.isin(names).any():
        bare_index, bare_names = _bare(index), _bare(names)
        if bare_index.is_unique and bare_names.is_unique and bare_index.isin(bare_names).any():
            index, names = bare_index, bare_names
            notes.append("Barcodes were compared without the number of the run behind them (-1).")
    n_matched = int(index.isin(names).sum())
    if not n_matched:
        raise InvalidInputError(
            f"None of the {len(index):,} barcodes with contigs is a cell of the table (such as {index[0]}; the table "
            f"has {names[0]})",
            where=where,
            do="Give the contigs of the same run as the matrix",
        )
    joined = found.set_axis(index).reindex(names).set_axis(cells)
    notes.append(
        f"{n_matched:,} of {len(cells):,} cells have a productive immune receptor; {len(index) - n_matched:,} barcodes "
        f"of {where} are no cells of the table."
    )
    columns = {}
    for name in joined.columns:
        if name == CLONE_SIZE:
            columns[name] = joined[name].to_numpy(dtype=np.float64)
        else:
            texts = joined[name].where(joined[name].notna(), None)
            columns[name] = pd.Categorical(texts, categories=pd.Index(_by_size(texts), dtype=object))
    return pd.DataFrame(columns, index=cells), notes


def _bare(names: pd.Index) -> pd.Index:
    return pd.Index([_RUN.sub("", name) for name in names])


def _by_size(texts: Iterable[object]) -> list[str]:
    """Levels, the most frequent first."""
    counts = Counter(str(text) for text in texts if text is not None)
    return sorted(counts, key=lambda text: (-counts[text], text))


def attach_contigs(table: MatrixTable, source: Source, *, batch: str = "") -> None:
    """Add the annotations of a contig file to a table; a name that is taken gets ' (contigs)' behind.

    Parameters
    ----------
    batch : put in front of the clonotypes, where several batches are joined: each run numbers its own
    """
    found = read_contigs(source)
    if batch:
        found[CLONOTYPE] = [f"{batch}: {clonotype}" for clonotype in found[CLONOTYPE]]
    joined, notes = join_contigs(found, table.obs.index, where=source.name)
    colors = table.obs.attrs
    table.obs = table.obs.copy()
    table.obs.attrs = colors
    for name in joined.columns:
        table.obs[name if name not in table.obs.columns else f"{name} (contigs)"] = joined[name]
    table.notes += notes
