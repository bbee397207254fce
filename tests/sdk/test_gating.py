"""Gates on anything: one suite over files of cytometry and over a study of single cells, through the client.

The truths are those of matplotlib (points in polygons) and numpy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from matplotlib.path import Path as Outline

from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.sdk import Dataset, Study
from tests.formats.fcs_files import build, plain
from tests.sdk.conftest import REDUCED, Lab

CHANNELS = ("FSC-A", "SSC-A", "FITC-A", "PE-A")
SPILL = np.array([[1, 0.1], [0.2, 1]])
LINEAR = {"type": "linear", "minimum": -1e6, "maximum": 1e6}
FITC = {"type": "arcsinh", "minimum": -200, "maximum": 262144, "cofactor": 150}


@dataclass
class Case:
    """A study with two datasets, what its axes measure, and two polygons around some cells.

    Attributes
    ----------
    values : dataset → reference → values as they are gated, in data units
    scaled : how gated values become scaled ones
    first, second : axes and vertices; the second lies below the first
    """

    study: Study
    datasets: list[Dataset]
    values: list[dict[str, np.ndarray]]
    first: tuple[str, str, list[list[float]]]
    second: tuple[str, str, list[list[float]]]
    compensation: str
    other: Study
    copied: dict[str, Any] = field(default_factory=dict)
    scaled: dict[str, Any] = field(default_factory=dict)

    def inside(self, place: int, polygon: tuple[str, str, list[list[float]]]) -> np.ndarray:
        """Who is in a polygon, as matplotlib has it: shape (n,), bool."""
        x, y, vertices = polygon
        points = [self.scaled.get(axis, lambda v: v)(self.values[place][axis].astype(float)) for axis in (x, y)]
        found: np.ndarray = Outline(vertices).contains_points(np.column_stack(points))
        return found

    def truths(self, place: int) -> list[np.ndarray]:
        """All cells, those in the first polygon, and those of these in the second."""
        first = self.inside(place, self.first)
        return [np.ones(len(first), bool), first, first & self.inside(place, self.second)]


def single_cells(lab: Lab, folder: Path) -> Case:
    whole = anndata.read_h5ad(REDUCED)
    study, other = lab.client.create_study("Gated cells"), lab.client.create_study("More cells")
    values, names = [], ("half 1", "half 2")
    for number, name in enumerate(names):
        half = whole[number::2].copy()
        path = folder / f"{number}.h5ad"
        half.write_h5ad(path)
        study.submit(path, name=name, matrix="normalized", embeddings="keep", progress=False).wait(progress=False)
        genes = {f"var:{gene}": np.asarray(half[:, gene].X).ravel() for gene in ("CD3E", "CD4", "LYZ")}
        places = {f"obsm:X_umap:{dim}": half.obsm["X_umap"][:, dim] for dim in (0, 1)}
        values.append(genes | places | {"obs:n_genes": half.obs["n_genes"].to_numpy(float)})
    other.submit(folder / "0.h5ad", name="copy", matrix="normalized", embeddings="keep", progress=False).wait(
        progress=False
    )
    umap = whole.obsm["X_umap"]
    middle = [float(value) for value in np.median(umap, axis=0)]
    low, high = [float(umap[:, 0].min()) - 1, float(umap[:, 1].min()) - 1], float(umap[:, 1].max()) + 1
    return Case(
        study,
        [study.dataset(name) for name in names],
        values,
        ("var:CD3E", "var:CD4", [[0.013, -5], [9, -5], [9, 6], [3, 9], [0.013, 6]]),
        ("obsm:X_umap:0", "obsm:X_umap:1", [low, [middle[0], low[1]], [middle[0] + 0.5, high], [low[0], high]]),
        "none",
        other,
    )


def fcs(seed: int, names: tuple[str, ...], reagents: tuple[str, str]) -> tuple[bytes, np.ndarray]:
    """A file of two kinds of cells, and its events, shape (n, 4)."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 2, 4000)
    scatter = rng.normal([60_000, 30_000], [9_000, 6_000], (4000, 2))
    dyes = np.sinh(rng.normal(np.where(kinds, 4, 1)[:, None], 0.6, (4000, 2))) * 150 @ SPILL
    events = np.column_stack([scatter, dyes]).astype("<f4")
    words = plain(4000, names, _P3S=reagents[0], _P4S=reagents[1], _CYT="LSRII")
    words["SPILL"] = f"2,{names[2]},{names[3]},1,0.1,0.2,1"
    return build(words, events.tobytes()), events


def cytometry(lab: Lab, folder: Path) -> Case:
    study, other = lab.client.create_study("Gated files"), lab.client.create_study("Another panel")
    values = []
    for number in (1, 2):
        data, events = fcs(number, CHANNELS, ("CD3", "CD4"))
        path = folder / f"file {number}.fcs"
        path.write_bytes(data)
        study.submit(path, name=path.name, progress=False).wait(progress=False)
        held = {f"var:{name}": events[:, place] for place, name in enumerate(CHANNELS[:2])}
        clean = events[:, 2:].astype(float) @ np.linalg.inv(SPILL)
        values.append(held | {"var:FITC-A": clean[:, 0], "var:PE-A": clean[:, 1]})
    # the same cells with their antibodies on other dyes
    data, _ = fcs(1, ("FSC-A", "SSC-A", "APC-A", "BV421-A"), ("CD3", "CD4"))
    (folder / "other.fcs").write_bytes(data)
    other.submit(folder / "other.fcs", name="copy", progress=False).wait(progress=False)
    study.set_scales({"var:FITC-A": FITC, "var:PE-A": FITC, "var:FSC-A": LINEAR, "var:SSC-A": LINEAR})
    curve = lambda v: np.arcsinh(np.clip(v, -200, 262144) / 150)  # noqa: E731
    return Case(
        study,
        [study.dataset(f"file {number}.fcs") for number in (1, 2)],
        values,
        ("var:FITC-A", "var:PE-A", [[2.5, 2.5], [7, 2.5], [7, 7], [5, 7.5], [2.5, 7]]),
        ("var:FSC-A", "var:SSC-A", [[40_000, 20_000], [80_000, 20_000], [70_000, 40_000]]),
        "internal",
        other,
        {"by_reagent": True},
        {"var:FITC-A": curve, "var:PE-A": curve},
    )


@pytest.fixture(scope="module", params=[single_cells, cytometry], ids=["cells", "files"])
def case(request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Case:
    made: Case = request.param(lab, tmp_path_factory.mktemp("gating"))
    return made


@pytest.fixture
def gated(case: Case) -> Iterator[Case]:
    """The case with its two polygons drawn."""
    study = case.study
    x, y, vertices = case.first
    study.gates.create("polygon", "T", x, y, geometry={"vertices": vertices})
    x, y, vertices = case.second
    study.gates.create("polygon", "left", x, y, geometry={"vertices": vertices}, parent=study.populations.get("T").id)
    yield case
    study.gates.reset()


def test_counts_and_percent_are_those_of_the_polygons(gated: Case) -> None:
    counts = gated.study.populations.counts(compensation=gated.compensation)
    for place, dataset in enumerate(gated.datasets):
        found = counts[counts["dataset_id"] == dataset.id].set_index("population")
        truths = gated.truths(place)
        sizes = [int(truth.sum()) for truth in truths]
        assert 0 < sizes[2] < sizes[1] < sizes[0]
        assert list(found.loc[["Ungated", "T", "left"], "n_events"]) == sizes
        assert found.loc["left", "percent_of_parent"] == pytest.approx(100 * sizes[2] / sizes[1])
        assert found.loc["left", "percent_of_total"] == pytest.approx(100 * sizes[2] / sizes[0])
        tree = gated.study.populations.tree(dataset=dataset.id, compensation=gated.compensation)
        assert repr(tree).splitlines() == [
            f"all cells  {sizes[0]:,}",
            f"  T  {sizes[1]:,} ({100 * sizes[1] / sizes[0]:.1f} %)",
            f"    left  {sizes[2]:,} ({100 * sizes[2] / sizes[1]:.1f} %)",
        ]


def test_statistics_per_sample(gated: Case) -> None:
    study = gated.study
    names = ["donor 1", "donor 2"]
    study.set_samples(pd.DataFrame({"dose": [1, 2]}, index=names))
    by_name = {name: id for id, name in study.sample_names().items()}
    for dataset, name in zip(gated.datasets, names, strict=True):
        study._http.change(
            "PATCH", f"datasets/{dataset.id}", {"sample_id": by_name[name]}, version=dataset.refresh().version
        )
    axes = [gated.first[0], gated.second[0]]
    table = study.statistics(
        ["median", "mean", "percent", "event_count"], axes, populations=["T", "left"],
        compensation=gated.compensation, annotations=True, percent_of=["parent", "T"],
    )  # fmt: skip
    assert list(table["annotation:dose"].unique()) == [1, 2]
    for place, dataset in enumerate(gated.datasets):
        _, first, second = gated.truths(place)
        for name, truth in (("T", first), ("left", second)):
            rows = table[(table["dataset_id"] == dataset.id) & (table["population"] == name)].set_index("axis")
            for axis in axes:
                values = gated.values[place][axis][truth].astype(float)
                assert rows.loc[axis, "median"].iloc[0] == pytest.approx(np.median(values), rel=1e-4, abs=1e-5)
                assert rows.loc[axis, "mean"].iloc[0] == pytest.approx(values.mean(), rel=1e-4, abs=1e-5)
            of_t = rows[rows["percent_of"] == "T"]["percent"].iloc[0]
            assert of_t == pytest.approx(100 * truth.sum() / first.sum())
    wide = study.statistics("percent", populations=["T"], compensation=gated.compensation, layout="wide")
    expected = [100 * gated.truths(place)[1].mean() for place in (0, 1)]
    np.testing.assert_allclose(wide["T | percent of parent"], expected)


def test_events_of_a_population_come_as_a_frame(gated: Case) -> None:
    axes = [*gated.first[:2], gated.second[0]]
    dataset, truth = gated.datasets[1], gated.truths(1)[2]
    frame = dataset.events(axes, population="left", compensation=gated.compensation)
    assert list(frame.index) == list(np.flatnonzero(truth))
    for axis in axes:
        np.testing.assert_allclose(frame[axis], gated.values[1][axis][truth], rtol=1e-4, atol=2e-2)
    few = dataset.events(axes, population="T", compensation=gated.compensation, n=10, seed=4)
    again = dataset.events(axes, population="T", compensation=gated.compensation, n=10, seed=4)
    pd.testing.assert_frame_equal(few, again)
    assert len(few) == 10
    cells = dataset.events_anndata(axes, population="left", compensation=gated.compensation)
    assert (cells.n_obs, list(cells.var_names)) == (int(truth.sum()), axes)
    if gated.compensation == "internal":
        assert list(dataset.events(n=5).columns) == list(CHANNELS)
        raw = dataset.events(["var:FITC-A"], compensation="none")["var:FITC-A"].to_numpy()
        assert abs(raw - gated.values[1]["var:FITC-A"]).max() > 1
    with pytest.raises(NotFoundError, match="no population 'nobody'"):
        dataset.events(axes, population="nobody")


def test_names_stand_for_ids_and_references(gated: Case, tmp_path: Path) -> None:
    study, dataset, how = gated.study, gated.datasets[0], {"compensation": gated.compensation}
    x, y = [axis.removeprefix("var:") for axis in gated.first[:2]]
    _, first, second = gated.truths(0)
    frame = dataset.events([x, gated.second[0]], population="left", **how)
    assert list(frame.columns) == [x, gated.second[0]]
    assert len(frame) == second.sum()
    low = study.gates.create("range", "low", x, geometry={"x1": -1e6, "x2": 0.5}, parent="T", populations=False)
    assert low.geometry["y"] == 0.5
    not_left = {"and": [{"gate": "T"}, {"not": [{"gate": "left"}]}]}
    study.populations.create("right", not_left, parent="T")
    assert study.populations.change("right", name="other side", parent=None).parent_id is None
    found = study.statistics("mean", x, populations="other side", datasets=dataset.name, percent_of="total", **how)
    expected = gated.values[0][gated.first[0]][first & ~second].astype(float).mean()
    assert found["mean"].tolist() == pytest.approx([expected], rel=1e-4, abs=1e-5)
    assert "other side" in repr(study.populations.tree(dataset=dataset.name, **how))
    drawn = dataset.plot("dot", x, y, population="T", color_by=x, overlays=None, **how)
    assert (
        drawn.data
        == dataset.table().plot("dot", *gated.first[:2], population=study.populations.get("T"), color_by=x, **how).data
    )
    assert study.heatmap([x, y], [dataset], population="left", **how).data.startswith(b"\x89PNG")
    grid = study.plots([{"kind": "histogram", "x": x, "population": "T", **how}], [dataset.name], format="svg")
    assert b"<svg" in grid.data
    if gated.compensation == "internal":
        path = dataset.download_file(tmp_path / "left.tsv", format="tsv", population="left")
        assert len(pd.read_csv(path, sep="\t")) == second.sum()
        assert dataset.change(compensation="none").compensation == "none"
        assert dataset.change(compensation="internal").compensation == "internal"
    with pytest.raises(NotFoundError, match="no gate 'nothing'"):
        study.populations.create("x", {"gate": "nothing"})
    study.gates.create("range", "T", x, geometry={"x1": 0, "x2": 1}, populations=False)
    with pytest.raises(InvalidInputError, match="2 gates are called 'T'"):
        study.populations.create("x", {"gate": "T"})
    with pytest.raises(NotFoundError, match="no dataset 'nowhere'"):
        study.populations.counts(datasets=["nowhere"])


@pytest.mark.parametrize("name", ["gates.xml", "gates.wsp"])
def test_gates_go_to_other_programs_and_come_back(gated: Case, name: str, tmp_path: Path) -> None:
    study, compensation = gated.study, gated.compensation
    before = study.populations.counts(compensation=compensation)
    path = study.write_gates(tmp_path / name, compensation=compensation)
    said = "".join(re.findall(r"<!--(.*?)-->", path.read_text(), re.DOTALL))
    if gated.second[0].startswith("obsm:"):
        assert "left" in said  # no other program knows embeddings
        assert "PolygonGate" in path.read_text()
        return
    assert said == ""
    study.gates.reset()
    brought = study.read_gates(path)
    assert brought["notes"] == []
    after = study.populations.counts(compensation=brought["compensation"])
    for dataset in gated.datasets:
        counts = [one[one["dataset_id"] == dataset.id].set_index("population")["n_events"] for one in (before, after)]
        for population in ("Ungated", "T", "left"):
            assert abs(counts[0][population] - counts[1][population]) <= 1


def test_undo_brings_gates_back(gated: Case) -> None:
    before = gated.study.populations.counts(compensation=gated.compensation)
    gate = gated.study.gates.list()[0]
    x0 = gate.geometry["vertices"]
    gate.change(geometry={"vertices": [[x + 1, y] for x, y in x0]}, locked=True)
    with pytest.raises(ConflictError, match="locked"):
        gate.delete()
    moved = gated.study.populations.counts(compensation=gated.compensation)
    assert not moved["n_events"].equals(before["n_events"])
    newest = gated.study._http.get(f"studies/{gated.study.id}/revisions")["items"][0]
    gated.study._http.post(f"revisions/{newest['id']}/undo")
    pd.testing.assert_frame_equal(gated.study.populations.counts(compensation=gated.compensation), before)
    gated.study.gates.reset()
    assert gated.study.populations.list() == []
    newest = gated.study._http.get(f"studies/{gated.study.id}/revisions")["items"][0]
    gated.study._http.post(f"revisions/{newest['id']}/undo")
    pd.testing.assert_frame_equal(gated.study.populations.counts(compensation=gated.compensation), before)


def test_a_gate_is_tailored_to_one_dataset(gated: Case) -> None:
    gate = gated.study.gates.list()[0]
    nobody = {"vertices": [[1e5, 1e5], [1e5 + 1, 1e5], [1e5, 1e5 + 1]]}
    done = gate.tailor([gated.datasets[0].id], nobody)
    assert len(done["inserted"]) == 1
    counts = gated.study.populations.counts(compensation=gated.compensation).set_index(["dataset_id", "population"])
    sizes = counts["n_events"]
    assert sizes[gated.datasets[0].id, "T"] == sizes[gated.datasets[0].id, "left"] == 0
    assert sizes[gated.datasets[1].id, "T"] == int(gated.truths(1)[1].sum())
    assert len(gate.tailor([gated.datasets[0].id])["deleted"]) == 1


def test_gates_are_copied_to_another_study(gated: Case) -> None:
    brought = gated.study.gates.copy(gated.other, **gated.copied)
    assert [one["name"] for one in brought["populations"]] == ["T", "left"]
    counts = gated.other.populations.counts(compensation=gated.compensation).set_index("population")
    assert list(counts.loc[["Ungated", "T", "left"], "n_events"]) == [int(t.sum()) for t in gated.truths(0)]
    gated.other.gates.reset()


def test_a_population_against_the_rest(gated: Case) -> None:
    said = {"population": gated.study.populations.get("T").id}
    table = gated.datasets[0].table()
    found = table.compare(said, {"rest": True}, method="t-test", progress=False)
    first = gated.truths(0)[1]
    if gated.compensation == "internal":  # channels are compared as they were measured
        raw = gated.datasets[0].events(["var:FITC-A"], compensation="none")["var:FITC-A"].to_numpy()
        means = found.loc["FITC-A", ["mean_first", "mean_second"]].to_numpy(float)
        np.testing.assert_allclose(means, [raw[first].mean(), raw[~first].mean()], rtol=1e-4)
        change = found.loc["FITC-A", "log2_fold_change"]
        assert change == pytest.approx(np.log2(raw[first].mean() / raw[~first].mean()), rel=1e-4)
        return
    values = gated.values[0]["var:LYZ"]
    means = found.loc["LYZ", ["mean_first", "mean_second"]].to_numpy(float)
    np.testing.assert_allclose(means, [values[first].mean(), values[~first].mean()], rtol=1e-4, atol=1e-5)
    assert found.loc["CD3E", "statistic"] > 10
    assert table.comparisons()[0]["name"] == "T vs all others"
    table.subset(said, name="T cells").wait(progress=False)
    subset = gated.study.dataset("T cells")
    assert subset.n_cells == int(first.sum())
    gated.study._http.change("DELETE", f"datasets/{subset.id}", version=subset.version)
