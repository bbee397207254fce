"""What Cytobank and FlowRepository add to Gating-ML: populations out of gate sets, limits, gates of one file."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from cytosol.base.gating import Axis
from cytosol.formats.gating_ml.cytobank import read_samples
from tests.formats.gating_samples import CYTOBANK, EVERY_KIND

ARCSINH = {"type": "arcsinh", "minimum": -200.0, "maximum": 262144.0, "cofactor": 150.0}


def test_gate_sets_become_a_tree_of_populations() -> None:
    everyone, one = read_samples(CYTOBANK.encode())
    assert (everyone.name, one.name) == ("", "one.fcs")
    regions = everyone.gating.regions
    populations = {id: region for id, region in regions.items() if region.is_population}
    assert {region.name: (region.parent, region.geometry["refs"]) for region in populations.values()} == {
        "Cells": ("", [["Gate_1", False]]),
        "T cells": ("GateSet_11", [["Gate_2", False]]),
        "CD4": ("GateSet_12", [["Gate_3UR", False]]),
        "CD8": ("GateSet_12", [["Gate_3UL", False]]),
        "not CD4": ("GateSet_12", [["Gate_3UR", True]]),
    }
    # a sector is called like its population, other gates have names of their own
    assert [regions[id].name for id in ("Gate_1", "Gate_3UR", "Gate_3UL", "Gate_3LL")] == [
        "cells gate",
        "CD4",
        "CD8",
        "Gate_3LL",
    ]
    assert everyone.gating.family_names == {"Gate_3": "CD4 by CD8"}
    assert list(everyone.gating.matrices) == ["one.fcs - spill string"]


def test_axes_have_the_limits_that_were_seen() -> None:
    everyone, _ = read_samples(CYTOBANK.encode())
    regions = everyone.gating.regions
    assert regions["Gate_2"].axes == (Axis("PE-A", "FCS", ARCSINH), Axis("SSC-A", "one.fcs - spill string"))
    assert regions["Gate_3UL"].geometry == {
        "limits": [[None, 1.5], [2.5, None]],
        "angles": [0.1, math.pi / 2, math.pi, 4.7],
    }
    # a scale that is not the one of the document, or no scale at all, leaves the document's
    for broken in ('"flag":2', '"flag":4,"min":9'):
        found = read_samples(CYTOBANK.replace('"flag":4', broken).encode())[0].gating
        assert found.regions["Gate_2"].axes[0].scale is not None
        assert found.regions["Gate_2"].axes[0].scale["type"] == ("gml-asinh" if "2" in broken else "arcsinh")
    found = read_samples(CYTOBANK.replace('{"scale"', "[[[").encode())[0].gating
    assert found.regions["Gate_2"].axes[0].scale == pytest.approx(
        {"type": "gml-asinh", "t": 150 * math.sinh(1), "m": math.log10(math.e), "a": 0}
    )


def test_gates_of_one_file() -> None:
    everyone, one = read_samples(CYTOBANK.encode())
    assert list(one.gating.regions) == list(everyone.gating.regions)
    assert everyone.gating.regions["Gate_1"].geometry == {"limits": [[100, 900]]}
    assert one.gating.regions["Gate_1"].geometry == {"limits": [[150, 900]]}
    assert one.gating.regions["Gate_1"].name == "cells gate"
    same = [id for id, region in one.gating.regions.items() if region == everyone.gating.regions[id]]
    assert set(one.gating.regions) - set(same) == {"Gate_1"}


def test_documents_of_others_stay_as_they_are(shared_data: Path) -> None:
    (sample,) = read_samples(EVERY_KIND.encode())
    assert all(region.is_population for region in sample.gating.regions.values())
    folder = shared_data / "cytometry" / "gatingml2" / "cytobank_export"
    (sample,) = read_samples((folder / "GatingML2.0_Export_166889.xml").read_bytes())
    assert [(region.name, region.kind, region.is_population) for region in sample.gating.regions.values()] == [
        ("PE-A SSC-A E1", "ellipsoid", False),
        ("PE-A SSC-A E1", "boolean", True),
    ]
