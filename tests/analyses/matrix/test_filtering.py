from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytosol.analyses.matrix.filtering import FilterParams, keep_cells
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
