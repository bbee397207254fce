"""The explorer of a table: what is drawn is what the data say."""

from __future__ import annotations

import re

import anndata
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DATA, Site
from tests.e2e.gating import until
from tests.e2e.plots import (
    Place,
    colours,
    far_apart,
    number_shown,
    open_plot,
    pixels_at,
    place_of,
    rgb_of,
    settled,
    until_drawn,
)  # fmt: skip

LABELS = "bulk_labels"

_IS_IN_THE_ADDRESS = """([column, low, step]) => {
  const view = JSON.parse(new URL(location.href).searchParams.get('view') ?? '{}');
  return (view.filters ?? []).some((f) => f.column === column && Math.abs(f.low - low) < step / 2);
}"""


@pytest.fixture(scope="module")
def truth() -> anndata.AnnData:
    """The file itself, read by anndata."""
    return anndata.read_h5ad(DATA / "pbmc68k_reduced.h5ad")


@pytest.fixture
def place(page: Page, site: Site, truth: anndata.AnnData) -> Place:
    """The explorer, coloured by cell type."""
    open_plot(page, site.explorer(), truth.n_obs)
    page.get_by_label("Colour by an annotation").select_option(LABELS)
    expect(page.get_by_role("region", name="Legend")).to_contain_text(LABELS)
    return place_of(page, truth.obsm["X_umap"])


def legend_counts(page: Page) -> dict[str, int]:
    names = (
        page.get_by_role("region", name="Legend")
        .locator("button.entry")
        .evaluate_all("(all) => all.map((one) => one.textContent)")
    )
    found = [re.fullmatch(r"(.*) ([\d,]+) cells", name) for name in names]
    return {m[1]: int(m[2].replace(",", "")) for m in found if m}


def test_every_cell_is_drawn_at_its_place_in_the_colour_of_its_type(
    page: Page, place: Place, truth: anndata.AnnData
) -> None:
    """The colours are those of the file."""
    drawn, found = colours(page)
    assert drawn > 5_000
    assert len(found) >= 10
    points = place.to_screen(truth.obsm["X_umap"])
    names = truth.obs[LABELS].cat
    wanted = np.array([rgb_of(c) for c in truth.uns[f"{LABELS}_colors"]])[names.codes]
    alone = far_apart(points, 6)
    assert len(alone) > 60
    pixels = pixels_at(page, points[alone])
    assert (pixels[:, 3] > 200).all()
    assert np.abs(pixels[:, :3].astype(int) - wanted[alone]).max() <= 3
    # where nothing lies, nothing is drawn
    corners = np.array([[place.left + 4, place.top + 40], [place.left + place.width - 4, place.top + place.height - 4]])
    assert (pixels_at(page, corners)[:, 3] == 0).all()


def test_the_legend_counts_as_pandas_does(page: Page, place: Place, truth: anndata.AnnData) -> None:
    for column in (LABELS, "louvain", "phase"):
        page.get_by_label("Colour by an annotation").select_option(column)
        expect(page.get_by_role("region", name="Legend").get_by_role("heading")).to_have_text(column)
        expect(page.get_by_role("region", name="Legend").locator("button.entry").first).to_be_visible()
        counts = truth.obs[column].value_counts()
        assert legend_counts(page) == {str(name): int(n) for name, n in counts.items()}
        sizes = list(legend_counts(page).values())
        assert sizes == sorted(sizes, reverse=True)


def test_hover_tells_the_cell_and_the_gene_as_the_client_reads_them(
    page: Page, site: Site, place: Place, truth: anndata.AnnData
) -> None:
    box = page.get_by_role("combobox", name="Colour by a gene")
    box.fill("CD3")
    expect(page.get_by_role("option", name=re.compile("^CD3D"))).to_be_visible()
    page.get_by_role("option", name=re.compile("^CD3D")).click()
    expect(page.get_by_role("region", name="Legend").get_by_role("heading")).to_have_text("CD3D")
    values = site.table.values(["CD3D"])["CD3D"]
    np.testing.assert_allclose(values.to_numpy(), truth[:, "CD3D"].X.ravel(), rtol=1e-6)
    points = place.to_screen(truth.obsm["X_umap"])
    settled(page)
    for cell in far_apart(points, 9)[[0, 5, 10, -1]]:
        x, y = points[cell]
        page.mouse.move(x - 40, y - 40)
        page.mouse.move(x, y)
        card = page.locator(".hover-card")
        expect(card.locator(".mono")).to_have_text(truth.obs_names[cell])
        shown = card.locator("dd").first.inner_text().replace(",", "").replace("−", "-")
        assert float(shown) == pytest.approx(float(values.iloc[cell]), rel=1e-3)


def test_enter_takes_the_gene_that_was_typed_however_fast(page: Page, place: Place) -> None:
    """What was found for the first letters is not taken for the whole name."""
    box = page.get_by_role("combobox", name="Colour by a gene")
    box.fill("CD")
    expect(page.get_by_role("option", name=re.compile("^CD"))).not_to_have_count(0)
    page.route("**/features?**", lambda route: (page.wait_for_timeout(300), route.continue_()))
    box.fill("CD79B")
    box.press("Enter")
    expect(page.get_by_role("region", name="Legend").get_by_role("heading")).to_have_text("CD79B")


def test_a_gene_is_drawn_dark_where_low_and_bright_where_high(
    page: Page, site: Site, place: Place, truth: anndata.AnnData
) -> None:
    page.get_by_role("combobox", name="Colour by a gene").fill("CD79A")
    page.get_by_role("option", name=re.compile("^CD79A")).click()
    expect(page.get_by_role("region", name="Legend").get_by_role("heading")).to_have_text("CD79A")
    values = site.table.values(["CD79A"])["CD79A"].to_numpy()
    points = place.to_screen(truth.obsm["X_umap"])
    alone = far_apart(points, 6)
    pixels = pixels_at(page, points[alone])
    light = pixels[:, :3].astype(float) @ [0.2126, 0.7152, 0.0722]
    # viridis grows lighter with the value
    assert pd.Series(light).corr(pd.Series(values[alone]), method="spearman") > 0.95
    before = colours(page)[1]
    page.get_by_label("Colour map").select_option("cividis")
    assert until(lambda: colours(page)[1] != before)


def test_a_click_in_the_legend_hides_and_a_shift_click_isolates(
    page: Page, place: Place, truth: anndata.AnnData
) -> None:
    points = place.to_screen(truth.obsm["X_umap"])
    monocytes = (truth.obs[LABELS] == "CD14+ Monocyte").to_numpy()
    legend = page.get_by_role("region", name="Legend")
    entry = legend.get_by_role("button", name="CD14+ Monocyte 129 cells")
    entry.click()
    expect(page.locator(".plot .corner")).to_contain_text("571 of 700 cells")
    expect(entry).to_have_attribute("aria-pressed", "false")
    gaps = np.hypot(*(points[monocytes][:, None] - points[~monocytes][None]).transpose(2, 0, 1)).min(axis=1)
    lonely = np.flatnonzero(monocytes)[gaps > 6]
    assert len(lonely) > 20
    assert (pixels_at(page, points[lonely])[:, 3] == 0).all()
    entry.click()
    expect(page.locator(".plot .corner")).to_have_text("700 cells")
    entry.click(modifiers=["Shift"])
    expect(page.locator(".plot .corner")).to_contain_text("129 of 700 cells")
    assert (pixels_at(page, points[lonely])[:, 3] > 0).all()
    legend.get_by_role("button", name="Show all").click()
    expect(page.locator(".plot .corner")).to_have_text("700 cells")


def test_filters_by_several_annotations_show_the_cells_that_pandas_finds(
    page: Page, place: Place, truth: anndata.AnnData
) -> None:
    obs = truth.obs
    panel = page.get_by_role("region", name="Filters")
    add = panel.get_by_label("Add a filter")
    add.select_option(LABELS)
    for name in ("Dendritic", "CD34+"):
        panel.get_by_role("checkbox", name=re.compile(rf"^{re.escape(name)}\s")).uncheck()
    wanted = ~obs[LABELS].isin(["Dendritic", "CD34+"])
    expect(page.locator(".plot .corner")).to_contain_text(f"{wanted.sum()} of 700 cells")
    add.select_option("phase")
    panel.get_by_role("checkbox", name=re.compile(r"^S\s")).uncheck()
    wanted &= obs["phase"] != "S"
    expect(page.locator(".plot .corner")).to_contain_text(f"{wanted.sum()} of 700 cells")
    # counts in one filter are those of the cells that pass the others
    others = obs[~obs[LABELS].isin(["Dendritic", "CD34+"])]["phase"].value_counts()
    box = panel.locator(".filter-box", has_text="phase")
    expect(box.get_by_role("checkbox", name=f"G1 {others['G1']}")).to_be_checked()
    add.select_option("percent_mito")
    slider = panel.get_by_label("percent_mito, lowest")
    slider.focus()
    for _ in range(10):
        slider.press("PageUp")
    step = int(slider.input_value())
    assert step > 20
    low, high = float(obs["percent_mito"].min()), float(obs["percent_mito"].max())
    lowest = low + step / 400 * (high - low)
    wanted &= obs["percent_mito"].astype(float) >= lowest
    expect(page.locator(".plot .corner")).to_contain_text(f"{wanted.sum()} of 700 cells")
    assert 0 < number_shown(page) < 300
    # the view lies in the address: opened again, it shows the same
    page.wait_for_function(_IS_IN_THE_ADDRESS, arg=["percent_mito", lowest, (high - low) / 400])
    page.reload()
    expect(page.locator(".plot .corner")).to_contain_text(f"{wanted.sum()} of 700 cells")
    page.get_by_role("region", name="Filters").get_by_role("button", name="Clear").click()
    expect(page.locator(".plot .corner")).to_have_text("700 cells")


def test_dimensions_of_an_embedding_can_be_chosen(page: Page, place: Place, truth: anndata.AnnData) -> None:
    page.get_by_label("Embedding").select_option(label="PCA")
    page.get_by_label("Horizontal dimension").select_option(label="3")
    page.get_by_label("Vertical dimension").select_option(label="5")
    settled(page)
    pca = truth.obsm["X_pca"][:, [2, 4]].astype(np.float32)
    points = place_of(page, pca).to_screen(pca)
    codes = truth.obs[LABELS].cat.codes
    wanted = np.array([rgb_of(c) for c in truth.uns[f"{LABELS}_colors"]])[codes]
    alone = far_apart(points, 6)
    assert len(alone) > 20
    until_drawn(page, points[alone], wanted[alone])


def test_zoom_pan_and_fit(page: Page, place: Place) -> None:
    _, whole = colours(page)
    page.mouse.move(place.left + place.width / 2, place.top + place.height / 2)
    page.mouse.wheel(0, -900)
    assert until(lambda: colours(page)[1] != whole)
    _, near = colours(page)
    page.mouse.down()
    page.mouse.move(place.left + place.width / 2 + 120, place.top + place.height / 2 + 60, steps=4)
    page.mouse.up()
    assert until(lambda: colours(page)[1] != near)
    page.keyboard.press("f")
    page.mouse.move(place.left + 2, place.top + 2)
    assert until(lambda: colours(page)[1] == whole)


def test_density_is_drawn_on_demand_and_points_again(page: Page, place: Place) -> None:
    page.get_by_role("button", name="Drawing").click()
    page.get_by_label("Draw cells as").select_option("density")
    expect(page.locator(".plot")).to_have_attribute("data-drawn", "density")
    expect(page.locator(".plot .corner")).to_contain_text("density")
    page.wait_for_function(
        "() => { const c = document.querySelectorAll('.plot canvas')[1]; "
        "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0); }"
    )
    page.get_by_label("Draw cells as").select_option("auto")
    expect(page.locator(".plot")).to_have_attribute("data-drawn", "points")


def test_the_picture_is_saved_with_its_legend(page: Page, place: Place) -> None:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("button", name="PNG picture").click()
    path = waiting.value.path()
    assert waiting.value.suggested_filename == f"{LABELS}.png"
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    # two pixels a point: the plot, 24 between, 200 for the legend; title and one line above; 16 around
    assert width == round((place.width + 24 + 200 + 32) * 2)
    assert height == round((place.height + 12 + 44 + 32) * 2)
