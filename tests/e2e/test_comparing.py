"""Differential expression and markers on the page: their numbers are those of scipy and of the SDK."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect
from scipy.stats import mannwhitneyu

from tests.e2e.conftest import DATA, Site, Watch, faults

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
