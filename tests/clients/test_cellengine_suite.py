"""The integration suite of the CellEngine toolkit for Python, where ``CELLENGINE_TOOLKIT_PYTHON`` names a checkout.

The toolkit is in no package index, so a plain run skips this; the other tests of the wire cover the same ground.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import flowio
import numpy as np
import pytest

from tests.clients.cellengine_suite import FILES, FIRST, UNMEETABLE, SignIn, lay_out, missed, run_suite, stand_in
from tests.clients.cellengine_world import CHANNELS, CellEngineWorld

VARIABLE = "CELLENGINE_TOOLKIT_PYTHON"


@pytest.mark.parametrize("name", FILES)
def test_stand_ins_have_the_events_that_the_suite_asks_for(name: str) -> None:
    said = FILES[name]
    content = flowio.FlowData(io.BytesIO(stand_in(name)))
    values = np.reshape(np.array(content.events, np.float32), (-1, len(CHANNELS)))
    assert (content.event_count, content.text["well id"]) == (said.n_events, said.well)
    np.testing.assert_array_equal(values[0], np.array(FIRST, np.float32))
    columns = [values[:, CHANNELS.index(channel)].astype(np.float64) for channel in said.axes]
    inside = np.logical_and.reduce([(column >= 10) & (column <= 100_000) for column in columns])
    assert inside.sum() == said.n_inside
    for column, axis in zip(columns, said.axes.values(), strict=True):
        q90 = np.quantile(column[inside], 0.9, method="median_unbiased")
        np.testing.assert_allclose(
            (column[inside].mean(), np.median(column[inside]), q90), (axis.mean, axis.median, axis.q90), rtol=1e-6
        )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("sign_in", ["password", "token"])
def test_the_suite_of_the_toolkit_passes(cellengine: CellEngineWorld, tmp_path: Path, sign_in: SignIn) -> None:
    checkout = os.environ.get(VARIABLE)
    if not checkout:
        pytest.skip(f"{VARIABLE} names no checkout of the toolkit, which is in no package index")
    lay_out(Path(checkout), tmp_path)
    found = run_suite(tmp_path, cellengine, sign_in)
    assert not missed(found), f"see {tmp_path / f'{sign_in}.log'}"
    assert sum(outcome == "passed" for outcome in found.values()) >= 98
    assert {name.rpartition("::")[2] for name, outcome in found.items() if outcome == "failed"} <= UNMEETABLE
