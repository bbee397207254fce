"""V(D)J contigs and AIRR rearrangements as annotations of cells, judged by plain pandas on the real file."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytosol.base.errors import InvalidInputError, UnreadableFileError
from cytosol.formats.contigs import attach_contigs, join_contigs, looks_like_contigs, read_contigs
from cytosol.formats.files import BytesSource, FileSource
from cytosol.formats.join import join_tables
from cytosol.formats.registry import open_table
from tests.formats.samples import barcodes, counts, triplet

TENX = """barcode,is_cell,contig_id,high_confidence,length,chain,v_gene,productive,cdr3,umis,raw_clonotype_id
A-1,True,A-1_1,True,500,TRB,TRBV1,True,CASSF,4,clonotype1
A-1,True,A-1_2,True,500,TRA,TRAV1,True,CAAF,2,clonotype1
A-1,True,A-1_3,True,500,TRA,TRAV2,True,CAGF,9,clonotype1
B-1,True,B-1_1,True,500,TRB,TRBV1,True,CASSF,1,clonotype1
B-1,True,B-1_2,True,500,TRA,None,False,None,7,clonotype1
C-1,True,C-1_1,False,500,TRB,TRBV1,True,CASSL,1,clonotype2
D-1,True,D-1_1,True,500,Multi,TRBV1,True,CASSL,1,clonotype3
E-1,True,E-1_1,True,500,IGH,IGHV1,True,CARW,3,clonotype4
"""
AIRR = (
    "cell_id\tsequence_id\tlocus\tproductive\tv_call\tjunction_aa\tduplicate_count\tclone_id\n"
    "A-1\t1\tTRB\tT\tTRBV1\tCASSF\t4\t\nA-1\t2\tTRA\tT\tTRAV1\tCAAF\t2\t\n"
    "B-1\t3\tTRA\tT\tTRAV1\tCAAF\t1\t\nB-1\t4\tTRB\tT\tTRBV1\tCASSF\t1\t\nC-1\t5\tTRB\tF\tTRBV1\t\t1\t\n"
)


def test_contigs_of_cell_ranger_are_summed_up() -> None:
    found = read_contigs(BytesSource("contigs.csv.gz", gzip.compress(TENX.encode())))
    assert list(found.index) == ["A-1", "B-1", "E-1"]
    assert list(found["Clonotype"]) == ["clonotype1", "clonotype1", "clonotype4"]
    assert list(found["Clone size"]) == [2, 2, 1]
    assert list(found["Chains"]) == ["TRA+TRA+TRB", "TRB", "IGH"]
    assert list(found["TRA CDR3"]) == ["CAGF", None, None]
    assert list(found["TRB CDR3"]) == ["CASSF", "CASSF", None]


def test_rearrangements_without_clones_are_of_one_clone_where_their_chains_are_equal() -> None:
    found = read_contigs(BytesSource("airr.tsv", AIRR.encode()))
    assert list(found["Clonotype"]) == ["TRA:CAAF;TRB:CASSF"] * 2
    assert list(found["Clone size"]) == [2, 2]


def test_cells_are_matched_by_barcode_and_what_is_left_is_told() -> None:
    found = read_contigs(BytesSource("contigs.csv", TENX.encode()))
    joined, notes = join_contigs(found, pd.Index(["E-1", "X-1", "A-1"]), where="contigs.csv")
    assert list(joined["Clonotype"].astype(object).where(joined["Clonotype"].notna(), None)) == [
        "clonotype4", None, "clonotype1",
    ]  # fmt: skip
    assert np.array_equal(joined["Clone size"], [1, np.nan, 2], equal_nan=True)
    assert notes == [
        "2 of 3 cells have a productive immune receptor; 1 barcodes of contigs.csv are no cells of the table."
    ]
    joined, notes = join_contigs(found, pd.Index(["A", "B"]), where="contigs.csv")
    assert list(joined["Clonotype"]) == ["clonotype1"] * 2
    assert "without the number of the run" in notes[0]
    with pytest.raises(InvalidInputError, match=r"None of the 3 barcodes.*such as A-1; the table has Q.*same run"):
        join_contigs(found, pd.Index(["Q"]), where="contigs.csv")


def test_clonotypes_of_several_batches_stay_apart() -> None:
    tables = []
    for number in (1, 2):
        table = open_table(dict(triplet(counts())))
        rows = "".join(f"{cell},TRB,True,CASS{at % 2},clonotype{at % 2}\n" for at, cell in enumerate(barcodes(30)))
        content = f"barcode,chain,productive,cdr3,raw_clonotype_id\n{rows}".encode()
        attach_contigs(table, BytesSource("c.csv", content), batch=f"run {number}")  # type: ignore[arg-type]
        tables.append(table)
    joined = join_tables(tables, ["run 1", "run 2"])
    assert set(joined.obs["Clonotype"]) == {f"run {run}: clonotype{at}" for run in (1, 2) for at in (0, 1)}
    assert set(joined.obs["Clone size"]) == {15}


def test_other_tables_are_refused_with_what_is_missing() -> None:
    for text, reason in (
        ("a,b\n1,2\n", "lacks the columns barcode or cell_id, productive, cdr3"),
        (TENX.splitlines()[0] + "\n", "no productive chain"),
        ("", "lacks the columns"),
        ('barcode,chain,productive,cdr3\n"' + "x" * 200_000, "damaged, cut short"),
    ):
        with pytest.raises(UnreadableFileError, match=reason):
            read_contigs(BytesSource("c.csv", text.encode()))
    assert not looks_like_contigs(["barcode", "label", "score"])


def test_the_real_file_as_pandas_reads_it(shared_data: Path) -> None:
    path = shared_data / "scrna/vdj/vdj_nextgem_hs_pbmc3_t_filtered_contig_annotations.csv.gz"
    found = read_contigs(FileSource(path))
    rows = pd.read_csv(path)
    true = {True, "True", "true"}
    rows = rows[rows["productive"].isin(true) & rows["is_cell"].isin(true) & rows["high_confidence"].isin(true)]
    rows = rows[rows["chain"].isin(["TRA", "TRB"]) & (rows["cdr3"] != "None")]
    groups = rows.groupby("barcode", sort=False)
    assert list(found.index) == list(groups.groups)
    assert found["Clonotype"].to_dict() == groups["raw_clonotype_id"].first().to_dict()
    sizes = groups["raw_clonotype_id"].first().value_counts()
    assert list(found["Clone size"]) == [sizes[clone] for clone in found["Clonotype"]]
    best = rows[rows["chain"] == "TRB"].sort_values("umis", ascending=False, kind="stable").drop_duplicates("barcode")
    assert found["TRB CDR3"].dropna().to_dict() == best.set_index("barcode")["cdr3"].to_dict()
    assert list(found["Chains"]) == ["+".join(sorted(group)) for _, group in groups["chain"]]
