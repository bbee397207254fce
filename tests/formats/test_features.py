"""Names of features and cells, and what reads like a gene or a cell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytosol.base.errors import UnreadableFileError
from cytosol.formats.features import cell_index, feature_table, looks_like_ensembl, make_unique
from cytosol.formats.orientation import find_orientation, gene_share
from tests.formats.samples import barcodes, ids


@given(st.lists(st.text(alphabet="AB-1", min_size=1, max_size=4)))
def test_make_unique(names: list[str]) -> None:
    unique, changed = make_unique(names)
    assert len(set(unique)) == len(unique) == len(names)
    assert changed == sum(one != other for one, other in zip(names, unique, strict=True))
    firsts = {name: names.index(name) for name in names}
    assert all(unique[place] == name for name, place in firsts.items()), "the first keeps its name"


@pytest.mark.parametrize(
    "name", ["ENSG00000243485", "ENSMUSG00000051951.6", "ENSG00000182378_PAR_Y", "FBgn0000008", "WBGene00000001"]
)
def test_stable_ids(name: str) -> None:
    assert looks_like_ensembl(name)


@pytest.mark.parametrize("name", ["ACTB", "ENSA", "ENST00000000001", "MT-CO1", ""])
def test_symbols(name: str) -> None:
    assert not looks_like_ensembl(name)


def test_empty_names_take_the_id_or_are_refused() -> None:
    var, notes = feature_table(["A", ""], ids=["", "ENSG00000000001"], where="f")
    assert list(var.index) == ["A", "ENSG00000000001"]
    assert any("named by their id" in note for note in notes)
    with pytest.raises(UnreadableFileError, match="Feature 2 has no name"):
        feature_table(["A", " "], where="f")
    with pytest.raises(UnreadableFileError, match="no features"):
        feature_table([], where="f")
    with pytest.raises(UnreadableFileError, match="no cells"):
        cell_index([], where="f")


def test_control_characters_leave_names() -> None:
    assert list(cell_index(["a\x00b", "c\td"], where="f")[0]) == ["ab", "cd"]


def test_shares() -> None:
    assert gene_share(ids(50)) == 1
    assert gene_share(barcodes(50)) == -1
    assert gene_share(["Actb", "Gapdh", "Rpl3", "Gm1992", "0610005C13Rik", "mt-Co1"]) == 1
    assert gene_share([f"V{number}" for number in range(10)]) == -1
    assert find_orientation("", barcodes(5), ids(5)).rows_are_genes is False
    assert find_orientation("", ids(5), ["s one", "s two"]).rows_are_genes is True
