from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from cytosol.analyses.cytometry.exchange import evaluate_regions
from cytosol.analyses.cytometry.scales import LogicleScale
from cytosol.base.errors import InvalidInputError
from cytosol.base.gating import Axis, Gating, Matrix, Region
from cytosol.formats.gating_ml.reader import read_gating_ml
from tests.formats.gating_samples import EVERY_KIND, scale_values

EVENTS = {name: np.random.default_rng(place).uniform(0, 9000, 3000) for place, name in enumerate("ABC")}


def test_every_kind_against_the_formulas() -> None:
    a, b = EVENTS["A"], EVENTS["B"]
    internal = Matrix(("A", "B"), ("A", "B"), ((1, 0.5), (0, 1)))
    found = evaluate_regions(read_gating_ml(EVERY_KIND.encode()), EVENTS.__getitem__, internal)
    fitc = np.linalg.solve(np.array([[1, 0.1], [0.2, 1]]), np.array([a, b]))[0]
    bent = np.minimum(LogicleScale(10000, 0.5, 4.5, 0).forward(b), 0.9)
    share = np.maximum(2 * (a - 1) / (b - 0.5 * a + 1), 0)
    box = (fitc >= 100) & (fitc < 5000) & (bent < 0.8) & (share >= 1)
    assert np.array_equal(found["box"], box)
    corners = [(0, 0.1), (9000, 0.2), (500, 0.95)]
    sides = [
        (x2 - x1) * (bent - y1) - (a - x1) * (y2 - y1)
        for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True)
    ]
    triangle = box & (np.array(sides) >= 0).all(axis=0)
    assert np.array_equal(found["triangle"], triangle)
    apart = np.array([a - 4000, b - 3000])
    egg = (apart * np.linalg.solve(np.array([[4e6, 1e6], [1e6, 2e6]]), apart)).sum(axis=0) <= 1.5
    assert np.array_equal(found["egg"], egg)
    assert np.array_equal(found["++"], egg & (a >= 4000) & (b >= 2500))
    assert np.array_equal(found["-+"], egg & (a < 4000) & (b >= 2500))
    both = triangle | ~found["++"]
    assert np.array_equal(found["both"], both)
    assert np.array_equal(found["neither"], ~both)
    assert 0 < triangle.sum() < box.sum()


def test_without_a_compensation_of_the_file_there_is_none() -> None:
    axis = Axis("A", "FCS")
    gating = Gating({"a": Region("a", "a", "box", {"limits": [[4000, None]]}, (axis,))})
    assert np.array_equal(evaluate_regions(gating, EVENTS.__getitem__)["a"], EVENTS["A"] >= 4000)


def test_more_detectors_than_dyes_are_unmixed_by_least_squares() -> None:
    spectra = np.array([[1, 0.5, 0.1], [0, 0.3, 1]])
    dyes = np.random.default_rng(5).uniform(0, 100, (2, 50))
    seen = dict(zip("ABC", spectra.T @ dyes, strict=True))
    matrix = Matrix(("one", "two"), ("A", "B", "C"), tuple(map(tuple, spectra)))
    region = Region("a", "a", "box", {"limits": [[50.0, None]]}, (Axis("two", "m"),), outside=True)
    found = evaluate_regions(Gating({"a": region}, {"m": matrix}), seen.__getitem__)["a"]
    assert np.array_equal(found, dyes[1] < 50)


def test_a_gate_may_not_contain_itself() -> None:
    regions = {
        "a": Region("a", "a", "boolean", {"op": "and", "refs": [["b", False]]}),
        "b": Region("b", "b", "box", {"limits": [[0, 1]]}, (Axis("A"),), parent="a"),
    }
    with pytest.raises(InvalidInputError, match="contains itself"):
        evaluate_regions(Gating(regions), EVENTS.__getitem__)


def test_the_compliance_set_of_gating_ml_event_by_event(shared_data: Path) -> None:
    """All 60 expected results; FlowKit 1.3.2 reaches 51, as it leaves the bounds of transformations out."""
    folder = shared_data / "cytometry" / "gatingml2" / "set_1"
    gating = read_gating_ml((folder / "gates1.xml").read_bytes())
    found = evaluate_regions(gating, scale_values(folder / "data1.fcs"))
    with zipfile.ZipFile(folder / "expected_results.zip") as results:
        wanted = {
            Path(name).stem.removeprefix("Results_"): np.array(results.read(name).split(), int) == 1
            for name in results.namelist()
        }
    assert len(wanted) == 60
    missed = [name for name, mask in wanted.items() if not np.array_equal(mask, found[name])]
    assert missed == []
