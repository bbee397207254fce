"""FlowSOM finds planted populations, and those that people gated."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from cytosol.analyses.cytometry.compensation import compensate, parse_spill
from cytosol.analyses.cytometry.flowsom import FlowSomParams, flowsom
from cytosol.analyses.cytometry.scales import ArcSinhScale
from cytosol.base.errors import InvalidInputError
from cytosol.formats.fcs.header import read_headers
from cytosol.formats.fcs.reader import read_events
from cytosol.store.sources import FileSource

MARKERS = ("CD8", "TCRyd", "TCRb", "NK1/1", "CD4", "CD19", "CD3")


def adjusted_rand(first: np.ndarray, second: np.ndarray) -> float:
    """Hubert and Arabie 1985, doi:10.1007/BF01908075."""
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    rows, columns, n = pairs(table.sum(axis=1)), pairs(table.sum(axis=0)), pairs(np.array([len(first)]))
    expected = rows * columns / n
    return (pairs(table) - expected) / ((rows + columns) / 2 - expected)


@pytest.fixture(scope="module")
def planted() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    sizes = [3000, 1500, 700, 300, 120]
    centres = rng.uniform(0, 10, (5, 6))
    truth = np.repeat(np.arange(5), sizes)
    values = centres[truth] + rng.normal(0, 0.45, (len(truth), 6))
    order = rng.permutation(len(truth))
    return values[order].astype(np.float32), truth[order]


def test_planted_populations_are_found_and_numbered_by_size(planted: tuple[np.ndarray, np.ndarray]) -> None:
    values, truth = planted
    found = flowsom(values, FlowSomParams(n_clusters=5))
    assert adjusted_rand(truth, found.clusters) > 0.999
    assert (truth == found.clusters).all()
    assert found.n_clusters == 5
    assert found.weights.shape == (100, 6)
    assert (found.cluster_of[found.nodes] == found.clusters).all()
    # every event is at its nearest node, in units of the spread
    spread = values.std(axis=0)
    apart = ((values[:200, None] / spread - found.weights / spread) ** 2).sum(axis=2)
    np.testing.assert_allclose(apart[np.arange(200), found.nodes[:200]], apart.min(axis=1), rtol=1e-4)


def test_the_seed_decides_and_missing_values_take_no_part(planted: tuple[np.ndarray, np.ndarray]) -> None:
    values, truth = planted
    again = [flowsom(values, FlowSomParams(n_clusters=5, seed=seed, n_training=1000)) for seed in (1, 1, 2)]
    assert (again[0].nodes == again[1].nodes).all()
    assert (again[0].nodes != again[2].nodes).any()
    holed = values.copy()
    holed[::10, 2] = np.nan
    found = flowsom(holed, FlowSomParams(n_clusters=5))
    assert (found.clusters[::10] == -1).all()
    assert (found.nodes[::10] == -1).all()
    rest = np.arange(len(values)) % 10 > 0
    assert adjusted_rand(truth[rest], found.clusters[rest]) > 0.999


def test_a_channel_without_spread_changes_nothing_but_itself(planted: tuple[np.ndarray, np.ndarray]) -> None:
    values, truth = planted
    flat = np.column_stack([values, np.full(len(values), 7, np.float32)])
    assert adjusted_rand(truth, flowsom(flat, FlowSomParams(n_clusters=5)).clusters) > 0.999


def test_too_few_events_or_nodes_are_refused(planted: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(InvalidInputError, match="too few"):
        flowsom(planted[0][:50])
    with pytest.raises(InvalidInputError, match="cannot be joined"):
        flowsom(planted[0], FlowSomParams(grid_width=3, grid_height=3, n_clusters=10))


def labelled(folder: Path) -> tuple[np.ndarray, list[str]]:
    """Compensated, scaled markers of a real mouse sample, and the population in which people gated each event."""
    path = folder / "68983.fcs"
    header = read_headers(FileSource(path.name, path.stat().st_size, path))[0]
    events = read_events(header)
    names = [channel.name for channel in header.channels]
    channels, matrix = parse_spill(header.keywords.text[header.keywords.spill_name])
    places = [names.index(name) for name in channels]
    for place, values in zip(places, compensate([events[place] for place in places], matrix), strict=True):
        events[place] = values
    reagents = [channel.reagent for channel in header.channels]
    scale = ArcSinhScale(-200, 262_144, 150)
    values = np.column_stack([scale.forward(events[reagents.index(name)]) for name in MARKERS])
    with (folder / "gatingResult.csv").open(newline="") as file:
        return values, [row[0] for row in csv.reader(file)]


def test_it_agrees_with_manual_gates(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values, labels = labelled(shared_data / "cytometry/flowjo/flowsom")
    truth = np.unique(labels, return_inverse=True)[1]
    gated = np.array(labels) != "Unlabeled"
    found = flowsom(values, FlowSomParams(n_clusters=10))
    of_all, of_gated = adjusted_rand(truth, found.clusters), adjusted_rand(truth[gated], found.clusters[gated])
    with capsys.disabled():
        print(f"\nFlowSOM against manual gates: ARI {of_all:.3f} of all 19,225 events, {of_gated:.3f} of those gated")
    assert of_all > 0.8
    assert of_gated > 0.95
