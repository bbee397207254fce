"""Differential expression and markers on the page: their numbers are those of scipy and of the SDK."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from urllib.parse import quote

import anndata
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect
from scipy.stats import mannwhitneyu

from tests.e2e.conftest import DATA, Site, Watch, faults
from tests.e2e.plots import draw_lasso, far_apart, is_inside, open_plot, place_of, settled

_JOB_MS = 120_000
COUNTS = DATA / "pbmc8k_2700.h5"
GROUP, GENE = "T cells", "CD3D"


@pytest.fixture(scope="module")
def compared(site: Site) -> tuple[str, str]:
    """A study of its own: what is computed here shall not show in other tests."""
    return site.add_labelled("Compared")


@pytest.fixture(scope="module")
def counted(site: Site) -> tuple[str, str]:
    """Counts of blood cells, annotated by whether CD3E was seen."""
    study = site.client.create_study("Counted")
    study.submit(COUNTS, embeddings="keep", progress=False).wait(progress=False, timeout_s=120)
    dataset = study.dataset()
    seen = dataset.table().values(["CD3E"])["CD3E"] > 0
    dataset.table().annotate("kind", seen.map({True: GROUP, False: "other"}))
    return study.id, dataset.id


def test_two_selections_are_compared_and_read_as_table_and_volcano(
    page: Page, site: Site, counted: tuple[str, str], axe: str
) -> None:
    study_id, dataset_id = counted
    table = site.client.dataset(dataset_id).table()
    page.goto(f"{site.url}/app/studies/{study_id}/tables/{dataset_id}/{table.name}?views=compare")
    form = page.get_by_role("form", name="New comparison")
    form.get_by_label("These cells: annotation").select_option("kind")
    expect(form.get_by_role("button", name="Compare")).to_be_disabled()
    form.get_by_role("group", name="These cells: groups").get_by_label(GROUP).check()
    assert faults(page, axe) == []
    form.get_by_role("button", name="Compare").click()
    genes = page.get_by_role("table", name="Genes compared")
    expect(genes).to_be_visible(timeout=_JOB_MS)

    # the numbers of a gene: scipy's test, shares as counted here
    values, kind = table.values([GENE])[GENE].to_numpy(), table.obs(["kind"])["kind"].to_numpy()
    inside, outside = values[kind == GROUP], values[kind != GROUP]
    expected = mannwhitneyu(inside, outside, method="asymptotic", use_continuity=False)
    page.get_by_label("Find genes").fill(GENE)
    row = genes.get_by_role("row").filter(has_text=GENE)
    expect(row).to_have_count(1)
    cells = row.get_by_role("cell").all_inner_texts()
    assert cells[0] == GENE
    frame = (
        site.client.dataset(dataset_id)
        .table()
        .comparison(site.client.dataset(dataset_id).table().comparisons()[0]["id"])
    )
    assert frame.loc[GENE, "p"] == pytest.approx(expected.pvalue, rel=1e-3)
    assert float(cells[1]) == pytest.approx(frame.loc[GENE, "log2_fold_change"], abs=0.006)
    assert float(cells[2]) == pytest.approx(frame.loc[GENE, "statistic"], abs=0.006)
    assert float(cells[4]) == pytest.approx(100 * (inside > 0).mean(), abs=0.06)
    assert float(cells[5]) == pytest.approx(100 * (outside > 0).mean(), abs=0.06)


def test_the_table_is_sorted_and_filtered_and_the_volcano_is_pointed_at(
    page: Page, site: Site, counted: tuple[str, str], axe: str, tmp_path: Path
) -> None:
    study_id, dataset_id = counted
    table = site.client.dataset(dataset_id).table()
    frame = table.compare({"column": "kind", "groups": [GROUP]}, name="By a script", progress=False)
    made = next(c for c in table.comparisons() if c["name"] == "By a script")
    state = json.dumps({"id": made["id"]})
    page.goto(
        f"{site.url}/app/studies/{study_id}/tables/{dataset_id}/{table.name}?views=compare&comparison={quote(state)}"
    )
    genes = page.get_by_role("table", name="Genes compared")
    # all genes, sorted by a click on a head and walked by keys; the limits decide which stand out
    expect(page.get_by_text(f"{len(frame):,} of {len(frame):,} genes")).to_be_visible()
    genes.get_by_role("button", name="log2 FC").click()
    best = frame["log2_fold_change"].sort_values(ascending=False, kind="stable")
    expect(genes.get_by_role("row").nth(1).get_by_role("cell").first).to_have_text(best.index[0])
    up = (frame["p_adjusted"] <= 0.05) & (frame["log2_fold_change"] >= 1)
    page.get_by_label("Which genes").select_option("first")
    expect(page.get_by_text(f"{int(up.sum()):,} of {len(frame):,} genes")).to_be_visible()
    page.get_by_label("Smallest fold change").fill("2")
    up &= frame["log2_fold_change"] >= 2
    expect(page.get_by_text(f"{int(up.sum()):,} of {len(frame):,} genes")).to_be_visible()
    assert faults(page, axe) == []

    # the volcano shows the same, and a click on a gene marks it
    figure = page.get_by_role("region", name=re.compile("compared with all other cells"))
    point = figure.locator(f"circle[data-gene='{GENE}']")
    change = frame.loc[GENE, "log2_fold_change"]
    assert float(point.get_attribute("data-change") or "nan") == pytest.approx(change)
    assert point.get_attribute("data-call") == ("first" if change >= 2 else "neither")
    # a name may lie over the point: the events are its own
    point.dispatch_event("pointermove")
    expect(figure.locator(".hover-card")).to_contain_text(GENE)
    point.dispatch_event("click")
    page.get_by_label("Find genes").fill(GENE)
    expect(genes.locator("tr[aria-current='true']")).to_contain_text(GENE)

    # files of all genes
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    waiting.value.save_as(tmp_path / "genes.csv")
    saved = pd.read_csv(io.BytesIO((tmp_path / "genes.csv").read_bytes()), index_col="feature")
    assert len(saved) == len(frame)
    np.testing.assert_allclose(saved.loc[frame.index, "p"], frame["p"], rtol=1e-12)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Excel").click()
    assert waiting.value.suggested_filename.endswith(".xlsx")


def test_markers_are_found_and_colour_the_cells(
    page: Page, site: Site, compared: tuple[str, str], axe: str, watch: Watch
) -> None:
    # there are none at first, which browsers write on the console
    watch.expected.append("/markers.arrow")
    study_id, dataset_id = compared
    table = site.client.dataset(dataset_id).table()
    page.goto(
        f"{site.url}/app/studies/{study_id}/tables/{dataset_id}/{table.name}?views=markers,cells&group=bulk_labels"
    )
    page.get_by_role("button", name="Find markers").click()
    group = page.get_by_role("region", name="Markers of CD19+ B")
    expect(group).to_be_visible(timeout=_JOB_MS)
    found = site.client.dataset(dataset_id).table().markers("bulk_labels", limit=10)
    found = found[found["group"] == "CD19+ B"].reset_index(drop=True)
    rows = group.locator("tbody tr")
    expect(rows).to_have_count(10)
    for place in (0, 4, 9):
        assert rows.nth(place).get_attribute("data-gene") == found["feature"][place]
        assert float(rows.nth(place).get_attribute("data-z") or "nan") == pytest.approx(found["z"][place])
    assert faults(page, axe) == []
    rows.first.get_by_role("button").click()
    legend = page.get_by_role("region", name="Legend")
    expect(legend.get_by_role("heading", name=found["feature"][0])).to_be_visible()


def outline(points: np.ndarray, size_px: float) -> list[tuple[float, float]]:
    """A square of whole pixels around the middle of some points."""
    x, y = np.median(points, axis=0).round()
    return [(x + dx * size_px, y + dy * size_px) for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def test_two_lassos_are_the_two_sides(page: Page, site: Site, compared: tuple[str, str]) -> None:
    study_id, dataset_id = compared
    table = site.client.dataset(dataset_id).table()
    open_plot(page, f"{site.url}/app/studies/{study_id}/tables/{dataset_id}/{table.name}?views=cells", 700)
    xy = table.embedding("X_umap")
    points = place_of(page, xy).to_screen(xy)
    types = table.obs(["bulk_labels"])["bulk_labels"].to_numpy()
    bar = page.get_by_role("region", name="Selected cells")
    sides = []
    for cell_type, button in (("CD19+ B", "Compare"), ("CD14+ Monocyte", "Compare with the first")):
        page.get_by_role("tab", name="Cells").click()
        settled(page)
        polygon = outline(points[types == cell_type], 45)
        draw_lasso(page, polygon)
        sides.append(is_inside(points, polygon))
        expect(bar).to_contain_text(f"{sides[-1].sum()} cells")
        bar.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("form", name="New comparison")).to_contain_text(f"{sides[-1].sum()} cells")
    form = page.get_by_role("form", name="New comparison")
    for label, side in zip(("These cells", "Compared with"), sides, strict=True):
        expect(form.get_by_role("region", name=label)).to_contain_text(f"{side.sum()} cells")
    form.get_by_label("Name of the comparison").fill("Two lassos")
    form.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("table", name="Genes compared")).to_be_visible(timeout=_JOB_MS)
    made = next(c for c in table.comparisons() if c["name"] == "Two lassos")
    assert (made["n_first"], made["n_second"]) == tuple(int(side.sum()) for side in sides)
    values = table.values(["LYZ"])["LYZ"].to_numpy()
    expected = mannwhitneyu(values[sides[0]], values[sides[1]], method="asymptotic", use_continuity=False)
    assert table.comparison(made["id"]).loc["LYZ", "p"] == pytest.approx(expected.pvalue, rel=1e-6)
    expect(page.get_by_role("heading", name=f"{sides[0].sum()} selected cells compared with")).to_be_visible()


@pytest.fixture(scope="module")
def arms(site: Site, counted: tuple[str, str]) -> tuple[str, str, np.ndarray]:
    """Counts of few genes in six donors of two arms; also which cells are treated."""
    table = site.client.dataset(counted[1]).table()
    counts = table.matrix(unit="raw").tocsr()[:1200]
    most = np.sort(np.argsort(-np.asarray(counts.sum(axis=0)).ravel(), kind="stable")[:150])
    names = np.union1d(table.features().index[most], [GENE])
    genes = [int(n) for n in np.flatnonzero(table.features().index.isin(names))]
    donors = np.array([f"donor {n}" for n in range(1, 7)])
    of_cell = donors[np.random.default_rng(0).integers(0, 6, counts.shape[0])]
    data = anndata.AnnData(
        counts[:, genes].astype(np.float32),
        obs=pd.DataFrame({"who": of_cell}, index=table.barcodes()[: counts.shape[0]]),
        var=pd.DataFrame(index=table.features().index[genes]),
    )
    study = site.client.create_study("Arms")
    buffer = Path(str(site.server.data)) / "arms.h5ad"
    data.write_h5ad(buffer)
    study.submit(buffer, name="arms", embeddings="keep", progress=False).wait(progress=False, timeout_s=120)
    values = {"arm": ["treated"] * 3 + ["control"] * 3}
    study.set_samples(pd.DataFrame(values, index=pd.Index(donors, name="sample")))
    return study.id, study.dataset().id, np.isin(of_cell, donors[:3])


def test_pseudobulk_compares_samples_by_an_attribute(page: Page, site: Site, arms: tuple[str, str, np.ndarray]) -> None:
    study_id, dataset_id, treated = arms
    table = site.client.dataset(dataset_id).table()
    page.goto(f"{site.url}/app/studies/{study_id}/tables/{dataset_id}/{table.name}?views=compare")
    form = page.get_by_role("form", name="New comparison")
    for label, arm in (("These cells", "treated"), ("Compared with", "control")):
        side = form.get_by_role("region", name=label)
        side.get_by_role("button", name="Samples").click()
        side.get_by_label(f"{label}: attribute").select_option("arm")
        side.get_by_label(arm).check()
    # what only pseudobulk looks at is asked for it alone, and it says what is missing
    assert form.get_by_label(re.compile("^Replicate")).count() == 0
    form.get_by_label(re.compile("^Method")).select_option("pseudobulk")
    expect(form.get_by_text("Choose under Replicate what tells the donors or samples apart")).to_be_visible()
    form.get_by_label(re.compile("^Replicate")).select_option(label="sample")
    form.get_by_label("Name of the comparison").fill("Arms")
    form.get_by_role("button", name="Compare").click()
    genes = page.get_by_role("table", name="Genes compared")
    expect(genes).to_be_visible(timeout=_JOB_MS)
    made = next(c for c in table.comparisons() if c["name"] == "Arms")
    assert (made["method"], made["n_first"], made["n_second"]) == ("pseudobulk", treated.sum(), (~treated).sum())
    frame = table.comparison(made["id"])
    page.get_by_label("Find genes").fill(GENE)
    row = genes.get_by_role("row").filter(has_text=GENE)
    expect(row).to_have_count(1)
    cells = row.get_by_role("cell").all_inner_texts()
    assert float(cells[1]) == pytest.approx(frame.loc[GENE, "log2_fold_change"], abs=0.006)
    values = table.values([GENE])[GENE].to_numpy()
    assert float(cells[4]) == pytest.approx(100 * (values[treated] > 0).mean(), abs=0.06)
    expect(page.get_by_role("region", name=re.compile("^arm: treated compared with arm: control"))).to_contain_text(
        "pseudobulk"
    )


def test_cells_are_coloured_by_the_score_of_a_gene_set(page: Page, site: Site, compared: tuple[str, str]) -> None:
    study_id, dataset_id = compared
    table = site.client.dataset(dataset_id).table()
    page.goto(f"{site.url}/app/studies/{study_id}/tables/{dataset_id}/{table.name}?views=sets")
    page.get_by_label("Genes", exact=True).fill("CD79A, CD79B\nMS4A1")
    expect(page.get_by_role("status").filter(has_text="genes of this table")).to_contain_text("3 of 3 names")
    page.get_by_label("Name of the list").fill("B cell genes")
    page.get_by_role("button", name="Colour cells by its score").click()
    legend = page.get_by_role("region", name="Legend")
    expect(legend.get_by_role("heading")).to_contain_text("B cell genes", timeout=_JOB_MS)
    name = legend.get_by_role("heading").inner_text()
    scores = site.client.dataset(dataset_id).table().obs([name])[name].to_numpy(float)
    genes = ["CD79A", "CD79B", "MS4A1"]
    means = table.values(genes)[genes].to_numpy().mean(axis=1)
    assert pd.Series(scores).corr(pd.Series(means), method="spearman") > 0.7
    types = table.obs(["bulk_labels"])["bulk_labels"].to_numpy()
    assert scores[types == "CD19+ B"].mean() > scores[types != "CD19+ B"].mean() + 0.5
    # the plot shows these very numbers
    settled(page)
    xy = table.embedding("X_umap")
    points = place_of(page, xy).to_screen(xy)
    barcodes = table.barcodes()
    for cell in far_apart(points, 9)[[0, -1]]:
        page.mouse.move(*(points[cell] - 30))
        page.mouse.move(*points[cell])
        expect(page.locator(".hover-card .mono")).to_have_text(barcodes[cell])
        shown = page.locator(".hover-card dd").first
        expect(shown).to_have_text(re.compile(r"\d"))
        assert float(shown.inner_text().replace(",", "").replace("−", "-")) == pytest.approx(scores[cell], rel=1e-3)
