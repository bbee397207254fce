"""Subsets, one's own annotations and standard terms: what is done on the page is what the server holds."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import Site, Watch, new_context, sign_in
from tests.e2e.plots import draw_lasso, is_inside, open_plot, place_of

LABELS = "bulk_labels"
READER, PASSWORD = "rosalind@example.org", "photograph fifty-one"


@pytest.fixture(scope="module")
def own(site: Site) -> Site:
    """A study of its own, so that other tests see nothing of what is made here."""
    study_id, dataset_id = site.add_labelled("Subsets and terms")
    return Site(site.server, site.client, study_id, dataset_id)


def legend(page: Page) -> Locator:
    return page.get_by_role("region", name="Legend")


def color_by(page: Page, name: str) -> None:
    page.get_by_label("Colour by an annotation").select_option(name)
    expect(legend(page).get_by_role("heading")).to_have_text(name)


def lasso(page: Page, site: Site, cell_type: str) -> np.ndarray:
    """Draw around some cells; which ones the page took, as far as the outline tells."""
    xy = site.table.embedding("X_umap")
    points = place_of(page, xy).to_screen(xy)
    types = site.table.obs([LABELS])[LABELS].to_numpy()
    x, y = np.median(points[types == cell_type], axis=0).round()
    polygon = [(x - 60, y - 50), (x + 70, y - 50), (x + 70, y + 60), (x - 60, y + 60)]
    draw_lasso(page, polygon)
    inside = is_inside(points, polygon)
    expect(page.get_by_role("region", name="Selected cells")).to_contain_text(f"{inside.sum()} cells")
    return inside


def test_filtered_cells_become_a_dataset_of_their_own(page: Page, own: Site) -> None:
    open_plot(page, own.explorer(), 700)
    color_by(page, LABELS)
    entry = legend(page).get_by_role("button", name=re.compile("^CD14"))
    entry.click(modifiers=["Shift"])
    panel = page.get_by_role("region", name="Filters")
    panel.get_by_role("button", name="New dataset of the 129 cells").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name of the dataset")).to_have_value("labelled: CD14+ Monocyte")
    dialog.get_by_label("Name of the dataset").fill("Monocytes")
    expect(dialog.get_by_label("Compute embeddings and clusters anew")).to_be_checked()
    dialog.get_by_text("Settings of the analysis").click()
    resolutions = dialog.get_by_label("Resolutions")
    resolutions.fill("1500")
    expect(dialog.get_by_role("button", name="Make dataset")).to_be_disabled()
    resolutions.fill("0.7, 1.3")
    dialog.get_by_label("Cell cycle").check()
    dialog.get_by_role("button", name="Make dataset").click()
    expect(dialog).to_have_count(0)
    notice = page.locator(".notice", has_text="‘Monocytes’ is being made of 129 cells")
    notice.get_by_role("button", name="Go to it").click()
    # the plot opens by itself when the job is done
    expect(page.locator(".plot .corner")).to_have_text("129 cells", timeout=120_000)
    expect(page.get_by_role("region", name="Lineage")).to_contain_text("Subset of labelled: 129 cells, CD14+ Monocyte")
    made = next(d for d in own.study.datasets() if d.name == "Monocytes")
    table = made.table()
    obs = own.table.obs([LABELS])
    assert list(table.barcodes()) == list(obs.index[obs[LABELS] == "CD14+ Monocyte"])
    assert made.lineage["selection"] == {"column": LABELS, "groups": ["CD14+ Monocyte"]}
    clusters = [c["name"] for c in table.columns if c["name"].lower().startswith(("louvain", "leiden"))]
    assert any(table.obs([name])[name].nunique() > 1 for name in clusters), clusters
    assert {f"Leiden clustering (resolution {one})" for one in ("0.7", "1.3")} < set(clusters)
    assert "phase" in {c["name"].lower() for c in table.columns}
    # and back to where they come from, where the subset is named
    page.get_by_role("region", name="Lineage").get_by_role("link", name="labelled").click()
    expect(page.locator(".plot .corner")).to_contain_text("700 cells")
    expect(page.get_by_role("region", name="Lineage")).to_contain_text("Monocytes 129 cells")


def test_selected_cells_become_a_dataset_that_keeps_its_embedding(page: Page, own: Site) -> None:
    open_plot(page, own.explorer(), 700)
    inside = lasso(page, own, "CD19+ B")
    page.get_by_role("region", name="Selected cells").get_by_role("button", name="New dataset").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name of the dataset").fill("Drawn")
    dialog.get_by_label("Compute embeddings and clusters anew").uncheck()
    dialog.get_by_role("button", name="Make dataset").click()
    expect(dialog).to_have_count(0)
    page.goto(f"{own.url}/app/studies/{own.study_id}")
    page.get_by_role("tab", name="Data").click()
    row = page.get_by_role("row", name=re.compile("^Drawn"))
    expect(row).to_contain_text("ready", timeout=120_000)
    expect(row).to_contain_text(f"Subset of labelled: {inside.sum()} cells, selected in the plot")
    table = next(d for d in own.study.datasets() if d.name == "Drawn").table()
    np.testing.assert_array_equal(table.embedding("X_umap"), own.table.embedding("X_umap")[inside])


def test_an_annotation_of_ones_own_is_published_and_taken_back(page: Page, own: Site) -> None:
    open_plot(page, own.explorer(), 700)
    lasso(page, own, "CD56+ NK")
    page.get_by_role("button", name="Add population").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name of the population").fill("killers")
    dialog.get_by_label("Annotation").fill("My guess")
    dialog.get_by_label("Only I see it").check()
    dialog.get_by_role("button", name="Save annotation").click()
    expect(dialog).to_have_count(0)
    expect(legend(page).get_by_role("heading")).to_have_text("My guess")
    expect(legend(page)).to_contain_text("only you see it")

    def is_private() -> bool:
        return bool(next(c["private"] for c in own.table.columns if c["name"] == "My guess"))

    assert is_private()
    legend(page).get_by_role("button", name="Publish").click()
    expect(legend(page)).to_contain_text("published by you")
    assert not is_private()
    # also when the notice with its undo is gone: another visit
    page.wait_for_function("() => new URL(location.href).searchParams.get('view')?.includes('My guess')")
    page.reload()
    expect(legend(page)).to_contain_text("published by you")
    legend(page).get_by_role("button", name="Take back").click()
    expect(legend(page)).to_contain_text("only you see it")
    assert is_private()


def test_who_only_reads_annotates_for_himself(browser: Browser, page: Page, own: Site, watch: Watch) -> None:
    own.client.http.post("users", {"email": READER, "name": "Rosalind", "password": PASSWORD, "is_admin": False})
    study = own.client.http.get(f"studies/{own.study_id}")
    grants = [{"principal": {"kind": "user", "name": READER}, "role": "reader"}]
    own.client.http.change("PUT", f"studies/{own.study_id}/grants", {"items": grants}, version=study["version"])
    context = new_context(browser)
    other = context.new_page()
    watch.attach(other)
    watch.expected.append("/api/v1/session")
    other.goto(f"{own.url}/app/")
    sign_in(other, READER, PASSWORD)
    open_plot(other, own.explorer(), 700)
    color_by(other, LABELS)
    # nothing is offered that the server would refuse
    assert legend(other).get_by_role("button", name="Edit").count() == 0
    lasso(other, own, "CD56+ NK")
    bar = other.get_by_role("region", name="Selected cells")
    assert bar.get_by_role("button", name="New dataset").count() == 0
    bar.get_by_role("button", name="Add population").click()
    dialog = other.get_by_role("dialog")
    expect(dialog.get_by_label("Only I see it")).to_be_checked()
    expect(dialog.get_by_label("Only I see it")).to_be_disabled()
    dialog.get_by_label("Annotation").fill("Rosalind's")
    dialog.get_by_role("button", name="Save annotation").click()
    expect(dialog).to_have_count(0)
    expect(legend(other)).to_contain_text("only you see it")
    assert legend(other).get_by_role("button", name="Publish").count() == 0
    expect(legend(other).get_by_role("button", name="Edit")).to_be_visible()
    assert "Rosalind's" not in [c["name"] for c in own.table.columns]
    context.close()


def terms_of(site: Site) -> dict[str, Any]:
    frame = site.table.terms(LABELS)
    return dict(zip(frame["level"], frame["term_id"], strict=True)) if "level" in frame else frame["term_id"].to_dict()


def test_standard_terms_are_suggested_chosen_searched_and_undone(page: Page, own: Site) -> None:
    open_plot(page, own.explorer(), 700)
    color_by(page, LABELS)
    legend(page).get_by_role("button", name="Terms").click()
    terms = legend(page).get_by_role("list", name="Standard terms")
    row = terms.get_by_role("listitem").filter(has_text=re.compile("^CD19"))
    choice = row.get_by_label("Standard term of CD19+ B")
    expect(choice.locator("option", has_text="CL:").first).to_be_attached()
    offered = choice.locator("option").all_inner_texts()
    suggested = re.search(r"CL:\d{7}", " ".join(offered))
    assert suggested is not None
    choice.select_option(suggested[0])
    expect(row.get_by_role("link", name=suggested[0])).to_be_visible()
    assert terms_of(own)["CD19+ B"] == suggested[0]
    # one that is searched for, by a synonym
    row = terms.get_by_role("listitem").filter(has_text="Dendritic")
    row.get_by_label("Standard term of Dendritic").select_option(label="Search a term…")
    row.get_by_role("combobox", name="Search a term for Dendritic").fill("interdigitating cell")
    page.get_by_role("option", name=re.compile("CL:0000451")).click()
    expect(row.get_by_role("link", name="CL:0000451")).to_be_visible()
    assert terms_of(own)["Dendritic"] == "CL:0000451"
    # taken away, and that is undone
    row.get_by_role("button", name="Take the term of Dendritic away").click()
    notice = page.locator(".notice", has_text="‘Dendritic’ has no standard term now")
    expect(notice).to_be_visible()
    expect(row.get_by_role("link", name="CL:0000451")).to_have_count(0)
    assert terms_of(own)["Dendritic"] is None
    notice.get_by_role("button", name="Undo").click()
    expect(row.get_by_role("link", name="CL:0000451")).to_be_visible()
    assert terms_of(own)["Dendritic"] == "CL:0000451"
    # all others at once
    legend(page).get_by_role("button", name=re.compile("^Take the best suggestion of")).click()
    expect(page.locator(".notice", has_text="best suggestion")).to_be_visible()
    expect(legend(page).get_by_role("button", name=re.compile("^Take the best suggestion of"))).to_have_count(0)
    assert sum(id is not None for id in terms_of(own).values()) > 5
