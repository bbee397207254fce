"""A table too large to draw cell by cell without a graphics card, as the browser of these tests has none."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Request, expect

import cytosol
from bench.page import N_CLOUDS, write_cells
from tests.e2e.conftest import Site, Watch
from tests.e2e.plots import open_plot, settled

N_CELLS = 120_000


@pytest.fixture(scope="module")
def dataset(site: Site, tmp_path_factory: pytest.TempPathFactory) -> cytosol.Dataset:
    """Synthetic cells in planted clouds."""
    path = tmp_path_factory.mktemp("large") / "cells.h5ad"
    write_cells(path, N_CELLS)
    study = site.client.create_study("Synthetic, large")
    job = study.submit(path, matrix="normalized", embeddings="keep", name="cells", progress=False)
    job.wait(progress=False, timeout_s=100)
    return study.dataset()


@pytest.fixture
def plot(page: Page, site: Site, dataset: cytosol.Dataset) -> None:
    table = dataset.table()
    open_plot(page, f"{site.url}/app/studies/{dataset.study_id}/tables/{dataset.id}/{table.name}", N_CELLS)


@pytest.mark.slow
@pytest.mark.usefixtures("plot")
def test_many_cells_are_a_density_picture_and_points_again_when_zoomed_in(page: Page) -> None:
    expect(page.locator(".plot")).to_have_attribute("data-drawn", "density")
    box = page.locator(".plot").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(12):
        page.mouse.wheel(0, -400)
        settled(page)
    expect(page.locator(".plot")).to_have_attribute("data-drawn", "points")
    page.keyboard.press("f")
    expect(page.locator(".plot")).to_have_attribute("data-drawn", "density")


@pytest.mark.slow
@pytest.mark.usefixtures("plot")
def test_an_annotation_of_more_than_100_000_cells_is_saved_as_arrow(
    page: Page, dataset: cytosol.Dataset, watch: Watch
) -> None:
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    box = page.locator(".plot").bounding_box()
    assert box
    # all but the largest cloud
    clouds = dataset.table().obs(["cloud"])["cloud"]
    legend = page.get_by_role("region", name="Legend")
    legend.locator("button.entry").first.click()
    kept = N_CELLS - int(clouds.value_counts().iloc[0])
    assert kept > 100_000
    expect(page.locator(".plot .corner")).to_contain_text(f"{kept:,} of {N_CELLS:,} cells")
    page.keyboard.press("r")
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2)
    page.mouse.up()
    expect(page.get_by_role("region", name="Selected cells")).to_contain_text(f"{kept:,} cells")
    page.get_by_role("button", name="Add population").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name of the population").fill("Most")
    dialog.get_by_label("Colour of the population").fill("#aa3377")
    dialog.get_by_label("Annotation").fill("Nearly all")
    dialog.get_by_role("button", name="Save annotation").click()
    expect(dialog).to_have_count(0)
    posts = [request for request in sent if request.url.endswith("/columns")]
    assert [request.headers["content-type"] for request in posts] == ["application/vnd.apache.arrow.stream"]
    held = dataset.table().obs(["Nearly all"])["Nearly all"]
    assert held.notna().sum() == kept
    assert (held.notna() == (clouds != clouds.value_counts().index[0])).all()
    assert clouds.nunique() == N_CLOUDS
    # its colour is kept, and one undo takes all of it back
    expect(legend.get_by_label("Colour of Most")).to_have_value("#aa3377")
    watch.expected.append("names=Nearly+all")  # the plot may ask once more for the column that goes
    page.locator(".notice", has_text="‘Nearly all’ is saved").get_by_role("button", name="Undo").click()
    expect(page.locator(".notice", has_text="Undone")).to_be_visible()
    assert "Nearly all" not in [column["name"] for column in dataset.refresh().table().columns]
