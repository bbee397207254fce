from __future__ import annotations

import pytest

from cytosol.base.errors import UnreadableFileError
from cytosol.formats.gene_sets import read_gene_sets


def genes(text: str, filename: str = "") -> dict[str, list[str]]:
    return {one["name"]: one["genes"] for one in read_gene_sets(text, filename)}


def test_gmt() -> None:
    text = "T cell\tof blood\tCD3D\tCD3E\t\n\nB cell\thttp://x\tMS4A1\r\nT cell\t\tTRAC\n"
    found = read_gene_sets(text, "a.gmt")
    assert found[0] == {"name": "T cell", "description": "of blood", "genes": ["CD3D", "CD3E", "TRAC"], "negative": []}
    assert found[1]["genes"] == ["MS4A1"]
    assert genes(text) == genes(text, "a.gmt")


@pytest.mark.parametrize(
    "text",
    [
        "cell_type,gene\nT,CD3D\nT,CD3E\nB,MS4A1\n",
        "\ufeffGene;Set\nCD3D;T\nCD3E;T\nMS4A1;B\n",
        "cluster\tgene\textra\nT\tCD3D\t1\nT\tCD3E\t2\nB\tMS4A1\t3\n",
        "set,genes\nT,CD3D;CD3E\nB,MS4A1\n",
        'set,genes\nT,"CD3D, CD3E"\nB,MS4A1\n',
        "T,B\nCD3D,MS4A1\nCD3E,\n",
    ],
)
def test_tables(text: str) -> None:
    assert genes(text, "a.csv") == {"T": ["CD3D", "CD3E"], "B": ["MS4A1"]}


@pytest.mark.parametrize(
    "text",
    [
        "type,gene,sign,description\nT,CD3D,+,of blood\nT,MS4A1,-,\n",
        "type,gene,negative\nT,CD3D,0\nT,MS4A1,1\n",
        "type,gene,direction\nT,CD3D,up\nT,MS4A1,negative\n",
    ],
)
def test_genes_that_must_be_absent(text: str) -> None:
    (found,) = read_gene_sets(text, "a.csv")
    assert (found["genes"], found["negative"]) == (["CD3D"], ["MS4A1"])


@pytest.mark.parametrize(
    ("text", "filename", "said"),
    [
        ("", "a.gmt", "empty"),
        ("T\tonly\n", "a.gmt", "Line 1 is no gene set"),
        ("just one line", "a.csv", "no column for the set"),
        ("set,gene\n,CD3D\n", "a.csv", "Line 2 names no set"),
        ('set,gene\nA,"CD3D\n' + "A,CD3E\n" * 30_000, "a.csv", "never closed"),
    ],
)
def test_files_without_sets(text: str, filename: str, said: str) -> None:
    with pytest.raises(UnreadableFileError, match=said):
        read_gene_sets(text, filename)
