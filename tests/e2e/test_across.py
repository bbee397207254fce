"""Where a gene is expressed over all studies, and analyses that are started from the page."""

from __future__ import annotations

import re
from pathlib import Path

import anndata
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DATA, Site, faults
from tests.e2e.plots import open_plot

LABELLED = DATA / "pbmc68k_reduced.h5ad"
_JOB_MS = 120_000


@pytest.fixture(scope="module")
def analysed(site: Site) -> tuple[str, str]:
    """A study of its own: what is computed here shall not show in other tests."""
    return site.add_labelled("Analysed")


def test_a_gene_is_found_by_its_alias_and_shown_in_the_cell_types_of_all_studies(
    page: Page, site: Site, analysed: tuple[str, str], axe: str
) -> None:
    page.goto(f"{site.url}/app/studies")
    page.get_by_role("heading", name="Studies", exact=True).wait_for()
    page.keyboard.press("g")
    page.keyboard.press("e")
    page.get_by_role("heading", name="Expression across studies").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("CD3epsilon")
    expect(page.get_by_role("listbox").get_by_role("option").first).to_contain_text("CD3E")
    page.get_by_role("combobox", name="Search a gene").fill("CD3E")
    expect(page.get_by_role("listbox").get_by_role("option").first).to_contain_text("CD3E")
    page.keyboard.press("Enter")
    figure = page.get_by_role("region", name=re.compile("CD3E in the cells of"))
    dots = figure.locator("circle[data-study='Analysed']")
    file = anndata.read_h5ad(LABELLED)
    types = file.obs["bulk_labels"]
    expect(dots).to_have_count(types.nunique())
    values = np.asarray(file[:, "CD3E"].X.todense() if hasattr(file.X, "todense") else file[:, "CD3E"].X).ravel()
    for name in types.cat.categories:
        of_type = values[(types == name).to_numpy()]
        dot = figure.locator(f"circle[data-study='Analysed'][data-type='{name}']")
        share = float(dot.get_attribute("data-rate") or "nan")
        mean = float(dot.get_attribute("data-mean") or "nan")
        assert share == pytest.approx((of_type > 0).mean())
        assert mean == pytest.approx(of_type[of_type > 0].mean() if (of_type > 0).any() else 0, rel=1e-5)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        assert faults(page, axe) == [], theme
    # the table below says the same, and leads to the cells
    table = page.get_by_role("table", name="Cell types and studies")
    table.get_by_role("button", name="Study").click()
    row = table.get_by_role("row").filter(has_text="Analysed").filter(has_text="CD19+ B").first
    row.click()
    page.wait_for_url(re.compile(f"/studies/{analysed[0]}/tables/"))
    expect(page.get_by_role("region", name="Legend").get_by_role("heading", name="CD3E")).to_be_visible()


def test_an_analysis_is_filled_in_run_and_its_annotation_shown(
    page: Page, site: Site, analysed: tuple[str, str], axe: str
) -> None:
    study_id, dataset_id = analysed
    table = site.client.dataset(dataset_id).table()
    open_plot(page, f"{site.url}/app/studies/{study_id}/tables/{dataset_id}/{table.name}", 700)
    # a gene is found by its alias too
    page.get_by_role("combobox", name="Colour by a gene").fill("CD3epsilon")
    expect(page.get_by_role("listbox").get_by_role("option")).to_contain_text("CD3E")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Legend").get_by_role("heading", name="CD3E")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("v")
    page.keyboard.press("a")
    page.get_by_role("navigation", name="Analyses").get_by_role("button", name="Leiden clustering").click()
    form = page.get_by_role("form", name="Leiden clustering")
    # help, unit and bounds come from the registry; a value outside of them is not sent
    expect(form.get_by_text("2 to 200 cells")).to_be_visible()
    form.get_by_label("Number of neighbors (cells)").fill("1")
    expect(form.get_by_role("button", name="Run Leiden clustering")).to_be_disabled()
    expect(form.get_by_text("has to be 2 to 200").first).to_be_visible()
    form.get_by_label("Number of neighbors (cells)").fill("12")
    form.get_by_label("Resolutions").fill("0.4")
    form.get_by_label("Name of the result").fill("Coarse")
    assert faults(page, axe) == []
    form.get_by_role("button", name="Run Leiden clustering").click()
    made = form.get_by_role("region", name="What was made")
    expect(made).to_be_visible(timeout=_JOB_MS)
    name = site.client.jobs()[0].result["elements"][0]["name"]
    assert name.startswith("Coarse")
    expect(made).to_contain_text(name)
    made.get_by_role("button", name="Show").first.click()
    legend = page.get_by_role("region", name="Legend")
    expect(legend.get_by_role("heading", name=name)).to_be_visible()
    clusters = site.client.dataset(dataset_id).table().obs([name])[name]
    sizes = clusters.value_counts()
    assert 1 < len(sizes) < 15
    expect(legend.locator(".entry")).to_have_count(len(sizes))
    expect(legend.locator(".entry .count").first).to_contain_text(str(sizes.max()))


def test_features_of_an_analysis_are_searched(page: Page, site: Site, analysed: tuple[str, str], axe: str) -> None:
    """FlowSOM on genes: a list of all of them would be too long, so they are found by name."""
    study_id, dataset_id = analysed
    table = site.client.dataset(dataset_id).table()
    page.goto(f"{site.url}/app/studies/{study_id}/tables/{dataset_id}/{table.name}?views=analyses")
    page.get_by_role("navigation", name="Analyses").get_by_role("button", name="FlowSOM").click()
    form = page.get_by_role("form", name="FlowSOM")
    channels = form.get_by_role("group", name="Channels", exact=True)
    for gene in ("CD3D", "MS4A1", "LYZ"):
        channels.get_by_role("combobox", name="Add a feature").fill(gene)
        page.keyboard.press("Enter")
        expect(channels.get_by_role("button", name=f"Take {gene} out")).to_be_visible()
    channels.get_by_role("button", name="Take CD3D out").click()
    assert faults(page, axe) == []
    form.get_by_label("Number of clusters").fill("3")
    with page.expect_request(lambda request: request.method == "POST" and "analyses" in request.url) as asked:
        form.get_by_role("button", name="Run FlowSOM").click()
    assert asked.value.post_data_json["parameters"] == {"channels": ["MS4A1", "LYZ"], "n_clusters": 3}
    expect(form.get_by_role("region", name="What was made")).to_be_visible(timeout=_JOB_MS)


def test_gene_sets_are_pasted_uploaded_kept_and_shown_as_dots(
    page: Page, site: Site, analysed: tuple[str, str], axe: str, tmp_path: Path
) -> None:
    study_id, dataset_id = analysed
    table = site.client.dataset(dataset_id).table()
    page.goto(f"{site.url}/app/studies/{study_id}/tables/{dataset_id}/{table.name}?views=sets")
    panel = page.get_by_role("region", name="Genes of the set")
    panel.get_by_label("Genes", exact=True).fill("CD3D, cd3e\nCD3epsilon\nMS4A1\tNOSUCHGENE")
    expect(panel.get_by_role("status")).to_have_text("3 of 5 names are genes of this table")
    expect(panel.get_by_text("Not here: NOSUCHGENE")).to_be_visible()
    assert faults(page, axe) == []
    panel.get_by_label("Name of the list").fill("My lymphocytes")
    panel.get_by_role("button", name="Keep this list").click()
    kept = page.get_by_role("navigation", name="Gene sets")
    expect(kept.get_by_role("button", name="My lymphocytes 1 set")).to_be_visible()

    gmt = tmp_path / "blood.gmt"
    gmt.write_text("B cells\tof blood\tMS4A1\tCD79A\nMonocytes\tof blood\tLYZ\tCST3\tFCN1\n")
    kept.get_by_label("Upload GMT or CSV").set_input_files(gmt)
    kept.get_by_role("button", name="blood 2 sets").click()
    kept.get_by_role("button", name="Monocytes 3").click()
    expect(panel.get_by_role("heading", name="Monocytes")).to_be_visible()
    expect(panel.get_by_label("Genes", exact=True)).to_have_value("LYZ\nCST3\nFCN1")
    panel.get_by_role("button", name="Show as dot plot").click()
    figure = page.get_by_role("region", name=re.compile("LYZ.*CST3"))
    expect(figure.locator("circle[data-gene='LYZ'], circle[data-feature='LYZ']").first).to_be_visible()
