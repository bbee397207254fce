from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytosol.analyses.matrix.filtering import FilterParams, keep_cells, mito_features
from cytosol.base.errors import InvalidInputError

small = st.integers(0, 6)


@given(
    st.lists(st.tuples(small, small, st.sampled_from([0.0, 0.25, 0.5, 1.0])), max_size=20), small, small, small, small
)
def test_keep_cells_is_the_plain_rule(
    cells: list[tuple[int, int, float]], low: int, high: int, few: int, many: int
) -> None:
    params = FilterParams(float(low), float(high), float(few), float(many), 0.25)
    totals, genes, share = (np.array([cell[i] for cell in cells], float) for i in range(3))
    wanted = [low <= t <= high and few <= g <= many and m <= 0.25 for t, g, m in cells]
    assert keep_cells(totals, genes, share, params).tolist() == wanted


def test_an_empty_cell_has_no_share_and_passes_its_bound() -> None:
    one = np.ones(2)
    assert keep_cells(one, one, np.array([np.nan, 0.5]), FilterParams(max_mito_share=0.1)).tolist() == [True, False]
    assert keep_cells(one, one, None, FilterParams(max_mito_share=0.1)).all()


def test_measures_of_different_length_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="differ in length"):
        keep_cells(np.ones(2), np.ones(3), None, FilterParams())


@pytest.mark.parametrize(
    ("species", "symbols"),
    [
        ("human", {"MT-ND1": 1, "MTOR": 0, "MT1X": 0, "mt-Nd1": 0, "GRCh38_MT-CO1": 1, "COX1": 0, "HMT-1": 0}),
        ("Homo sapiens", {"MT-CYB": 1, "ND1": 0}),
        ("mouse", {"mt-Nd1": 1, "MT-ND1": 0, "mm10___mt-Co1": 1, "Mtor": 0}),
        ("rat", {"Mt-nd1": 1, "mt-Nd1": 0}),
        ("fly", {"mt:ND1": 1, "mthl1": 0}),
        ("worm", {"nduo-1": 1, "ctc-1": 1, "mtl-1": 0}),
        ("", {"MT-ND1": 1, "mt-nd1": 1, "mt:ND1": 1, "ND4L": 1, "COX2": 1, "MTOR": 0, "ATP6V0A1": 0}),
        ("zebrafish", {"mt-nd1": 1, "CYTB": 1, "mtor": 0}),
    ],
)
def test_mitochondrial_symbols(species: str, symbols: dict[str, int]) -> None:
    assert mito_features(list(symbols), species).tolist() == [bool(known) for known in symbols.values()]
