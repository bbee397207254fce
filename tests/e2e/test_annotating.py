"""Naming cells by hand: what is drawn, changed and undone on the page is what the server holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Site, Watch
from tests.e2e.plots import Place, colours, draw_lasso, edge_distance, is_inside, open_plot, place_of

Polygon = list[tuple[float, float]]


@pytest.fixture
def place(page: Page, site: Site) -> Place:
    open_plot(page, site.explorer(), 700)
    return place_of(page, site.table.embedding("X_umap"))


def around(points: np.ndarray, size_px: float) -> Polygon:
    """An uneven outline of whole pixels around the middle of some points."""
    x, y = np.median(points, axis=0)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    radii = size_px * (1 + 0.35 * np.sin(3 * angles))
    return [
        (float(round(x + r * np.cos(a))), float(round(y + r * np.sin(a)))) for a, r in zip(angles, radii, strict=True)
    ]


def chosen(page: Page) -> int:
    text = page.get_by_role("region", name="Selected cells").locator("strong").inner_text()
    return int(text.split(" ")[0].replace(",", ""))


def named(site: Site, annotation: str) -> pd.Series:
    """The annotation as the client reads it."""
    return site.table.obs([annotation])[annotation]


def columns(site: Site) -> list[str]:
    return [column["name"] for column in site.client.dataset(site.dataset_id).table().columns]


def legend_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Legend")


def dialog_of(page: Page) -> Locator:
    return page.get_by_role("dialog")


def save_population(page: Page, population: str, annotation: str, button: str = "Save annotation") -> None:
    page.get_by_role("button", name="Add population").click()
    dialog = dialog_of(page)
    dialog.get_by_label("Name of the population").fill(population)
    dialog.get_by_label("Annotation").fill(annotation)
    dialog.get_by_role("button", name=button).click()
    expect(dialog).to_have_count(0)


@pytest.fixture
def lassoed(page: Page, site: Site, place: Place) -> Callable[[str, str], np.ndarray]:
    """Draws around the cells of a type, saves them as an annotation, gives the rows that lie inside the outline."""

    def draw(cell_type: str, annotation: str) -> np.ndarray:
        points = place.to_screen(site.table.embedding("X_umap"))
        types = named(site, "bulk_labels").to_numpy()
        polygon = around(points[types == cell_type], 70)
        draw_lasso(page, polygon)
        inside = is_inside(points, polygon)
        doubtful = edge_distance(points, polygon) < 0.5
        assert inside.sum() > 20
        assert abs(chosen(page) - inside.sum()) <= doubtful.sum()
        save_population(page, cell_type, annotation)
        expect(page.get_by_role("region", name="Legend").get_by_role("heading")).to_have_text(annotation)
        held = named(site, annotation)
        assert set(held.dropna()) == {cell_type}
        has = held.notna().to_numpy()
        assert (has == inside)[~doubtful].all()
        return has

    return draw


def undo(page: Page, notice: str) -> None:
    page.locator(".notice", has_text=notice).get_by_role("button", name="Undo").click()
    # a text would be found in any case, also in the names that notices quote
    expect(page.locator(".notice", has_text=re.compile("Undone"))).to_be_visible()


def test_a_lasso_becomes_an_annotation_of_exactly_the_cells_inside(
    page: Page, site: Site, place: Place, lassoed: Callable[[str, str], np.ndarray]
) -> None:
    has = lassoed("CD19+ B", "Drawn B cells")
    legend = page.get_by_role("region", name="Legend")
    expect(legend.get_by_role("button", name=f"CD19+ B {has.sum()} cells")).to_be_visible()
    expect(legend.get_by_role("button", name=f"No value {700 - has.sum()} cells")).to_be_visible()
    # undone, it is gone for everybody
    undo(page, "‘Drawn B cells’ is saved")
    expect(page.get_by_label("Colour by an annotation").get_by_role("option", name="Drawn B cells")).to_have_count(0)
    assert "Drawn B cells" not in columns(site)


Groups = dict[str, np.ndarray]


@pytest.fixture
def mine(page: Page, site: Site, place: Place, request: pytest.FixtureRequest) -> Iterator[tuple[str, Groups]]:
    """Two populations drawn one after the other and saved as one annotation, its editor open."""
    name = f"Mine, {request.node.name}"[:60]
    points = place.to_screen(site.table.embedding("X_umap"))
    types = named(site, "bulk_labels").to_numpy()
    groups: Groups = {}
    for number, cell_type in enumerate(("CD14+ Monocyte", "CD56+ NK")):
        polygon = around(points[types == cell_type], 40)
        draw_lasso(page, polygon)
        groups[f"Group {number}"] = is_inside(points, polygon)
        if number == 0:
            save_population(page, "Group 0", name, "Keep, and select another")
            expect(page.get_by_role("region", name="Annotation not saved yet")).to_contain_text("Group 0")
        else:
            save_population(page, "Group 1", name, "Save 2 populations")
    assert not (groups["Group 0"] & groups["Group 1"]).any()
    legend = legend_of(page)
    expect(legend.get_by_role("heading")).to_have_text(name)
    legend.get_by_role("button", name="Edit").click()
    before = columns(site)
    yield name, groups
    # an open page may still ask for what is deleted here
    page.goto("about:blank")
    for left in columns(site):
        if left == name or left not in before:
            site.table.delete_annotation(left)


def test_several_populations_become_one_annotation(site: Site, mine: tuple[str, Groups]) -> None:
    name, groups = mine
    counts = named(site, name).value_counts()
    assert counts.to_dict() == {group: int(inside.sum()) for group, inside in groups.items()}


def test_categories_are_renamed_and_recoloured(page: Page, site: Site, mine: tuple[str, Groups]) -> None:
    name, _ = mine
    legend = legend_of(page)
    box = legend.get_by_label("Name of the category Group 0")
    box.fill("Monocytes")
    box.press("Enter")
    expect(page.locator(".notice", has_text="‘Group 0’ is now ‘Monocytes’")).to_be_visible()
    assert set(named(site, name).dropna()) == {"Monocytes", "Group 1"}
    # this one changes, the other keeps what is shown
    other = legend.get_by_label("Colour of Group 1").input_value()
    swatch = legend.get_by_label("Colour of Monocytes")
    swatch.focus()
    swatch.evaluate("(input) => { input.value = '#aa3377'; input.blur(); }")
    expect(page.locator(".notice", has_text="Colour changed")).to_be_visible()
    expect(legend.get_by_label("Colour of Monocytes")).to_have_value("#aa3377")
    expect(legend.get_by_label("Colour of Group 1")).to_have_value(other)
    assert "#aa3377" in colours(page)[1]


def test_recolouring_leaves_the_colours_of_the_others_as_they_are_shown(page: Page, site: Site, place: Place) -> None:
    """Also where the annotation came without colours, as `phase` does."""
    page.get_by_label("Colour by an annotation").select_option("phase")
    legend = legend_of(page)
    expect(legend.get_by_role("heading")).to_have_text("phase")
    before = {phase: legend.get_by_label(f"Colour of {phase}").input_value() for phase in ("G1", "G2M", "S")}
    legend.get_by_label("Colour of G1").fill("#123456")
    expect(page.locator(".notice", has_text="Colour changed")).to_be_visible()
    expect(legend.get_by_label("Colour of G1")).to_have_value("#123456")
    for phase in ("G2M", "S"):
        expect(legend.get_by_label(f"Colour of {phase}")).to_have_value(before[phase])
    undo(page, "Colour changed")
    expect(legend.get_by_label("Colour of G1")).to_have_value(before["G1"])


def test_categories_are_merged_and_the_merge_undone(page: Page, site: Site, mine: tuple[str, Groups]) -> None:
    name, groups = mine
    legend = legend_of(page)
    legend.get_by_label("Choose Group 0 for merging").check()
    legend.get_by_label("Choose Group 1 for merging").check()
    legend.get_by_label("Name of the merged category").fill("Innate")
    legend.get_by_role("button", name="Merge 2").click()
    expect(page.locator(".notice", has_text="2 categories are now ‘Innate’")).to_be_visible()
    merged = named(site, name)
    assert merged.value_counts().to_dict() == {"Innate": int(sum(inside.sum() for inside in groups.values()))}
    undo(page, "2 categories are now ‘Innate’")
    assert set(named(site, name).dropna()) == {"Group 0", "Group 1"}
    expect(legend.get_by_label("Name of the category Group 0")).to_be_visible()


def test_an_annotation_is_renamed_deleted_and_brought_back(page: Page, site: Site, mine: tuple[str, Groups]) -> None:
    legend = legend_of(page)
    box = legend.get_by_label("Name of the annotation")
    box.fill("Innate cells")
    box.press("Enter")
    expect(page.locator(".notice", has_text="The annotation is now ‘Innate cells’")).to_be_visible()
    assert "Innate cells" in columns(site)
    page.get_by_label("Colour by an annotation").select_option("Innate cells")
    legend.get_by_role("button", name="Edit").click()
    legend.get_by_role("button", name="Delete annotation").click()
    expect(page.locator(".notice", has_text="‘Innate cells’ is deleted")).to_be_visible()
    assert "Innate cells" not in columns(site)
    undo(page, "‘Innate cells’ is deleted")
    assert set(named(site, "Innate cells").dropna()) == {"Group 0", "Group 1"}


def test_undo_takes_back_the_change_itself_and_not_a_newer_one(page: Page, site: Site, place: Place) -> None:
    """Somebody else changes another annotation in between."""
    everything = pd.Series("all", index=site.table.barcodes())
    site.table.annotate("Theirs", everything)
    site.table.annotate("Ours", everything)
    page.reload()
    page.get_by_label("Colour by an annotation").select_option("Ours")
    legend = page.get_by_role("region", name="Legend")
    legend.get_by_role("button", name="Edit").click()
    box = legend.get_by_label("Name of the category all")
    box.fill("every cell")
    box.press("Enter")
    notice = page.locator(".notice", has_text="‘all’ is now ‘every cell’")
    expect(notice).to_be_visible()
    site.table.change_annotation("Theirs", rename={"all": "whole"})
    notice.get_by_role("button", name="Undo").click()
    # a text would be found in any case, also in the names that notices quote
    expect(page.locator(".notice", has_text=re.compile("Undone"))).to_be_visible()
    assert set(named(site, "Ours")) == {"all"}
    assert set(named(site, "Theirs")) == {"whole"}


def test_a_change_made_elsewhere_meanwhile_is_not_overwritten(
    page: Page, site: Site, place: Place, watch: Watch
) -> None:
    watch.expected.append("status of 412")
    site.table.annotate("Shared", pd.Series("a", index=site.table.barcodes()))
    page.reload()
    page.get_by_label("Colour by an annotation").select_option("Shared")
    legend = page.get_by_role("region", name="Legend")
    legend.get_by_role("button", name="Edit").click()
    expect(legend.get_by_label("Name of the category a")).to_be_visible()
    # the page hears of changes by events: it may not hear of this one
    page.route(
        "**/api/v1/datasets/*", lambda route: route.abort() if route.request.method == "GET" else route.continue_()
    )
    watch.expected.append("net::ERR_FAILED")
    site.table.change_annotation("Shared", rename={"a": "theirs"})
    box = legend.get_by_label("Name of the category a")
    box.fill("ours")
    box.press("Enter")
    expect(page.locator(".error-notice")).to_contain_text("changed in the meantime")
    assert set(named(site, "Shared")) == {"theirs"}
