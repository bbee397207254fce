"""The gating workspace in a real browser: gates drawn by hand hold the events that NumPy finds in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anndata
import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import DATA, Site, faults
from tests.e2e.gating import (
    Bench,
    add_files,
    drag,
    expect_count,
    make_events,
    markers,
    members,
    name_gate,
    plot,
    row_of,
    show,
    spot,
    until,
    write_fcs,
)  # fmt: skip


@pytest.fixture(scope="module")
def bench(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("fcs")
    events = {"first.fcs": make_events(6000, 1), "second.fcs": make_events(4000, 2, shift=1.6)}
    study = add_files(site, "Cytometry", folder, events)
    with site.api() as api:
        yield Bench(site, study.id, api, events)


@pytest.fixture
def workspace(page: Page, bench: Bench) -> Page:
    """The workspace on the first file, with no gate in the study."""
    bench.clear()
    page.goto(bench.url)
    page.get_by_role("button", name="first.fcs").click()
    plot(page, "var:FSC-A", "var:SSC-A")
    return page


def test_files_are_uploaded_and_stand_in_the_workspace(page: Page, site: Site, tmp_path: Path) -> None:
    study = site.client.create_study("By hand")
    page.goto(f"{site.url}/app/studies/{study.id}/data")
    page.get_by_role("button", name="Add data").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(write_fcs(tmp_path / "by hand.fcs", make_events(500, 3)))
    form = page.get_by_role("region", name="Add data")
    form.get_by_role("button", name="Add data").click()
    page.get_by_role("tab", name="Gating").click()
    expect(page.get_by_role("region", name="Files").get_by_role("button", name="by hand")).to_contain_text("500")
    expect(plot(page, "var:FSC-A", "var:SSC-A")).to_have_attribute("data-drawn", "500")
    expect(page.get_by_role("button", name="Horizontal axis: FSC-A")).to_be_visible()


def test_the_workspace_asks_for_its_data_as_soon_as_it_is_there(page: Page, bench: Bench) -> None:
    """No skeleton holds it back: React's lazy waits 300 ms after one was shown; the clock here goes 200 on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/gates") else None)
    page.clock.install()
    page.clock.pause_at("2100-01-01")
    page.goto(bench.url)
    for _ in range(200):
        if not asked:
            page.clock.run_for(1)
            page.wait_for_timeout(50)
    assert asked


def test_a_polygon_holds_what_numpy_finds_in_it_and_opens_its_population(workspace: Page, bench: Bench) -> None:
    page, at = workspace, spot(plot(workspace, "var:FSC-A", "var:SSC-A"))
    corners = [(0.2, 0.05), (0.5, 0.05), (0.5, 0.28), (0.3, 0.32), (0.2, 0.2)]
    page.keyboard.press("p")
    for corner in [*corners, corners[0]]:
        page.mouse.click(*at(*corner))
    name_gate(page, "Lymphocytes")
    gate = bench.gate("Lymphocytes")
    # the axes run from 1 to 262,144 or near it: a pixel of 320 is some 820
    scale = bench.get("scales")["scales"]["var:FSC-A"]
    drawn = np.array(corners) * (scale["maximum"] - scale["minimum"]) + scale["minimum"]
    assert np.abs(np.array(gate["geometry"]["vertices"]) - drawn).max() < 900
    inside = bench.sectors(gate) == 0
    assert 1000 < inside.sum() < 5000
    expect_count(page, "Lymphocytes", inside.sum())
    expect(row_of(page, "Lymphocytes").locator(".percent")).to_have_text(f"{100 * inside.mean():.1f} %")
    page.mouse.dblclick(*at(0.35, 0.15))
    opened = plot(page, "var:B530-A", "var:R660-A")
    expect(opened).to_contain_text(f"Lymphocytes {inside.sum():,}")
    expect(opened).to_have_attribute("data-drawn", str(inside.sum()))


def test_back_in_the_browser_leads_out_of_a_gate_and_forward_in_again(workspace: Page) -> None:
    page, at = workspace, spot(plot(workspace, "var:FSC-A", "var:SSC-A"))
    page.keyboard.press("r")
    drag(page, at(0.2, 0.05), at(0.5, 0.3))
    name_gate(page, "Small cells")
    page.mouse.dblclick(*at(0.35, 0.15))
    opened = row_of(page, "Small cells").get_by_role("button", name="Small cells", exact=True)
    expect(opened).to_have_attribute("aria-current", "true")
    page.get_by_role("tab", name="Statistics").click()
    page.get_by_role("button", name="second.fcs").click()  # no step of its own
    page.go_back()
    expect(page.get_by_role("tab", name="Plots")).to_have_attribute("aria-selected", "true")
    expect(opened).to_have_attribute("aria-current", "true")
    page.go_back()
    expect(opened).not_to_have_attribute("aria-current", "true")
    expect(plot(page, "var:FSC-A", "var:SSC-A")).to_contain_text("All events")
    page.go_forward()
    expect(opened).to_have_attribute("aria-current", "true")


def test_another_file_never_shows_the_counts_of_the_one_before(workspace: Page, bench: Bench) -> None:
    page, at = workspace, spot(plot(workspace, "var:FSC-A", "var:SSC-A"))
    page.keyboard.press("r")
    drag(page, at(0.2, 0.05), at(0.5, 0.3))
    name_gate(page, "Small cells")
    expect_count(page, "Small cells", (bench.sectors(bench.gate("Small cells")) == 0).sum())
    held: list[Route] = []
    page.route("**/population-counts", lambda route: held.append(route), times=1)
    page.get_by_role("button", name="second.fcs").click()
    expect(page.locator(".plot-card").first).to_have_attribute("data-drawn", "4000")
    expect(plot(page, "var:FSC-A", "var:SSC-A")).to_contain_text("All events 4,000")
    expect(row_of(page, "Small cells").locator(".count")).to_have_text("–")
    assert until(lambda: bool(held))
    held[0].continue_()
    expect_count(page, "Small cells", (bench.sectors(bench.gate("Small cells"), "second.fcs") == 0).sum())


def test_every_kind_of_gate_is_drawn_with_the_mouse(workspace: Page, bench: Bench) -> None:
    page, at = workspace, markers(workspace)
    strokes = {
        "rectangle": ("r", lambda: drag(page, at(0.62, 0.2), at(0.95, 0.55))),
        "ellipse": ("e", lambda: drag(page, at(0.15, 0.65), at(0.5, 0.95))),
        "range": ("n", lambda: drag(page, at(0.55, 0.6), at(0.9, 0.6))),
        "split": ("s", lambda: page.mouse.click(*at(0.6, 0.5))),
        "quadrant": ("q", lambda: page.mouse.click(*at(0.6, 0.6))),
    }
    names = {"split": ["low", "high"], "quadrant": ["both", "CD8 T", "neither", "CD4 T"]}
    for kind, (key, stroke) in strokes.items():
        page.keyboard.press(key)
        stroke()
        given = names.get(kind, [kind])
        name_gate(page, *given)
        gate = next(g for g in bench.get("gates")["items"] if g["kind"] == kind)
        assert [s["name"] for s in gate["sectors"]] == names.get(kind, [])
        sectors = bench.sectors(gate)
        for place, name in enumerate(given):
            count = int((sectors == place).sum())
            assert count > 0 or name == "both"
            expect_count(page, name, count)
        page.keyboard.press("Escape")
    # by keys alone: a tool, the plot, Enter
    page.keyboard.press("p")
    page.locator("svg.gate-layer").first.focus()
    page.keyboard.press("Enter")
    name_gate(page, "by keys")
    expect_count(page, "by keys", int((bench.sectors(bench.gate("by keys")) == 0).sum()))


def test_gates_are_dragged_reshaped_renamed_deleted_and_all_is_undone(workspace: Page, bench: Bench) -> None:
    page, at = workspace, markers(workspace)
    page.keyboard.press("r")
    drag(page, at(0.6, 0.2), at(0.9, 0.5))
    name_gate(page, "helper")
    first = bench.gate("helper")
    counts = [int((bench.sectors(first) == 0).sum())]
    expect_count(page, "helper", counts[0])
    drag(page, at(0.75, 0.35), at(0.7, 0.42))
    page.wait_for_function("() => !document.querySelector('.plot-card[aria-busy=true]')")
    expect(row_of(page, "helper").locator(".count")).not_to_have_text(f"{counts[0]:,}")
    dragged = bench.gate("helper")
    width = dragged["geometry"]["x2"] - dragged["geometry"]["x1"]
    assert width == pytest.approx(first["geometry"]["x2"] - first["geometry"]["x1"])
    counts.append(int((bench.sectors(dragged) == 0).sum()))
    expect_count(page, "helper", counts[1])
    # its right edge, by its handle
    drag(page, at(0.85, 0.42), at(0.65, 0.42))
    expect(row_of(page, "helper").locator(".count")).not_to_have_text(f"{counts[1]:,}")
    counts.append(int((bench.sectors(bench.gate("helper")) == 0).sum()))
    expect_count(page, "helper", counts[2])
    name = page.get_by_role("region", name="Selected gate").get_by_role("textbox", name="Name of helper")
    name.fill("CD4 T cells")
    name.press("Enter")
    expect_count(page, "CD4 T cells", counts[2])
    page.locator(".gate").first.focus()
    page.keyboard.press("Delete")
    expect(row_of(page, "CD4 T cells")).to_have_count(0)
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect_count(page, "CD4 T cells", counts[2])
    # the name, then the edge, then the drag
    page.keyboard.press("Control+z")
    expect_count(page, "helper", counts[2])
    page.keyboard.press("Control+z")
    expect_count(page, "helper", counts[1])
    page.keyboard.press("Control+z")
    expect_count(page, "helper", counts[0])
    page.keyboard.press("Control+Shift+z")
    expect_count(page, "helper", counts[1])


def test_a_tailored_gate_moves_in_one_file_alone(workspace: Page, bench: Bench) -> None:
    page, at = workspace, markers(workspace)
    page.keyboard.press("r")
    drag(page, at(0.6, 0.2), at(0.9, 0.5))
    name_gate(page, "helper")
    tailored = page.get_by_role("checkbox", name="Tailored per file")
    tailored.click()
    expect(tailored).to_be_checked()
    everywhere = bench.gate("helper")
    first = int((bench.sectors(everywhere) == 0).sum())
    page.keyboard.press("]")
    expect_count(page, "helper", int((bench.sectors(everywhere, "second.fcs") == 0).sum()))
    plot(page, "var:B530-A", "var:R660-A")
    drag(page, at(0.75, 0.35), at(0.8, 0.4))
    expect(page.locator(".gate.own")).to_have_count(1)
    second = next(d.id for d in bench.site.client.study(bench.study_id).datasets() if d.name == "second.fcs")
    own = bench.gate("helper", second)
    assert own["gid"] == everywhere["gid"]
    assert own["geometry"] != everywhere["geometry"]
    expect_count(page, "helper", int((bench.sectors(own, "second.fcs") == 0).sum()))
    page.keyboard.press("[")
    expect_count(page, "helper", first)
    expect(page.locator(".gate.own")).to_have_count(0)


def test_a_scale_is_tried_at_once_and_kept_with_its_gates(workspace: Page, bench: Bench) -> None:
    page, at = workspace, markers(workspace)
    page.keyboard.press("r")
    drag(page, at(0.6, 0.2), at(0.9, 0.5))
    name_gate(page, "helper")
    before = bench.get("scales")["scales"]["var:B530-A"]
    page.get_by_role("button", name="Horizontal axis").first.click()
    page.get_by_role("spinbutton", name="Cofactor").fill("1000")
    # the page shows it, the study has it not yet
    expect(page.get_by_role("button", name="Keep scale")).to_be_visible()
    expect(page.get_by_role("button", name="Keep scale")).to_be_in_viewport(ratio=1)
    assert bench.get("scales")["scales"]["var:B530-A"] == before
    page.get_by_role("button", name="Keep scale").click()
    expect(page.get_by_role("button", name="Keep scale")).to_have_count(0)
    assert bench.get("scales")["scales"]["var:B530-A"] == before | {"cofactor": 1000}
    page.keyboard.press("Escape")
    expect_count(page, "helper", int((bench.sectors(bench.gate("helper")) == 0).sum()))
    page.keyboard.press("Control+z")
    assert until(lambda: bench.get("scales")["scales"]["var:B530-A"] == before)


def test_statistics_are_those_of_numpy_and_come_as_files(workspace: Page, bench: Bench, tmp_path: Path) -> None:
    page, at = workspace, markers(workspace)
    page.keyboard.press("r")
    drag(page, at(0.6, 0.2), at(0.9, 0.5))
    name_gate(page, "helper")
    gate = bench.gate("helper")
    page.get_by_role("tab", name="Statistics").click()
    table = page.get_by_role("table", name="Statistics of populations")
    for file, events in bench.events.items():
        inside = bench.sectors(gate, file) == 0
        cells = table.get_by_role("row").filter(has_text=file).filter(has_text="helper").get_by_role("cell")
        expect(cells).to_have_count(6)
        told = [float(text.replace(",", "").replace(" %", "")) for text in cells.all_inner_texts()[2:]]
        truth = [inside.sum(), 100 * inside.mean(), *np.median(events[inside][:, 2:4], axis=0)]
        assert told == pytest.approx(truth, rel=2e-3)
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    download.value.save_as(tmp_path / "statistics.csv")
    lines = (tmp_path / "statistics.csv").read_text(encoding="utf-8").splitlines()
    assert sum("helper" in line for line in lines) == 4


def test_files_are_grouped_by_what_is_said_about_them(workspace: Page, bench: Bench) -> None:
    """Gallery, overlay and bars by an annotation of files, with the numbers of NumPy."""
    page, at = workspace, markers(workspace)
    for dataset in bench.site.client.study(bench.study_id).datasets():
        dataset.annotate_file({"dose": 5 if dataset.name == "first.fcs" else 50})
    page.reload()
    plot(page, "var:B530-A", "var:R660-A")
    page.keyboard.press("r")
    drag(page, at(0.6, 0.2), at(0.9, 0.5))
    name_gate(page, "helper")
    gate = bench.gate("helper")
    inside = {file: bench.sectors(gate, file) == 0 for file in bench.events}
    page.get_by_role("tab", name="Gallery").click()
    page.get_by_role("combobox", name="Group plots by").select_option("dose")
    for file, dose in (("first.fcs", 5), ("second.fcs", 50)):
        group = page.get_by_role("region", name=f"dose {dose}", exact=True)
        expect(group.locator(".plot-card")).to_have_attribute("data-file", file)
        expect(group.locator(".gate-name")).to_have_text(f"{100 * inside[file].mean():.1f} %")
    page.get_by_role("toolbar", name="Gallery").get_by_role("button", name="Save").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="SVG drawing").click()
    sheet = download.value.path().read_text(encoding="utf-8")
    assert all(name in sheet for name in ("first.fcs", "second.fcs", "helper"))
    page.get_by_role("button", name="Overlay").click()
    page.get_by_role("combobox", name="Colour curves by").select_option("dose")
    expect(page.get_by_role("button", name="second.fcs dose 50 4,000")).to_be_visible()
    page.get_by_role("tab", name="Boxes and bars").click()
    page.get_by_role("combobox", name="Population", exact=True).select_option("helper")
    page.get_by_role("combobox", name="Statistic", exact=True).select_option("Median")
    page.get_by_role("combobox", name="Channel", exact=True).select_option("CD4")
    page.get_by_role("button", name="Bars", exact=True).click()
    page.get_by_role("button", name="Save").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Numbers (CSV)").click()
    lines = [line.split(",") for line in download.value.path().read_text(encoding="utf-8").splitlines()[1:]]
    truth = {file: np.median(bench.events[file][inside[file]][:, 2]) for file in inside}
    assert [line[:2] for line in lines] == [["first.fcs", "dose 5"], ["second.fcs", "dose 50"]]
    assert [float(line[2]) for line in lines] == pytest.approx(list(truth.values()), rel=1e-5)


def test_the_way_to_a_population_and_a_lock_by_keys(workspace: Page, bench: Bench) -> None:
    page, at = workspace, spot(plot(workspace, "var:FSC-A", "var:SSC-A"))
    page.keyboard.press("r")
    drag(page, at(0.2, 0.05), at(0.5, 0.3))
    name_gate(page, "small")
    page.mouse.dblclick(*at(0.35, 0.15))
    at = spot(plot(page, "var:B530-A", "var:R660-A"))
    page.keyboard.press("r")
    drag(page, at(0.6, 0.2), at(0.9, 0.5))
    name_gate(page, "helper")
    row_of(page, "helper").get_by_role("button", name="helper", exact=True).click()
    page.keyboard.press("w")
    cards = page.locator(".plot-card")
    expect(cards).to_have_count(2)
    for card, name, axes in ((cards.nth(0), "All events", "var:FSC-A"), (cards.nth(1), "small", "var:B530-A")):
        expect(card).to_have_attribute("data-x", axes)
        expect(card).to_contain_text(name)
        expect(card.get_by_role("group", name="Laid over")).to_contain_text("helper")
    before = bench.gate("small")["geometry"]
    cards.nth(0).locator(".gate").first.focus()
    page.keyboard.press("l")
    expect(page.locator(".gate-lock")).to_have_count(1)
    assert until(lambda: bench.gate("small")["locked"])
    page.keyboard.press("ArrowRight")
    drag(page, spot(cards.nth(0))(0.3, 0.15), spot(cards.nth(0))(0.5, 0.4))
    page.keyboard.press("l")
    # the page shows it before the server has it
    assert until(lambda: not bench.gate("small")["locked"])
    expect(page.locator(".gate-lock")).to_have_count(0)
    assert bench.gate("small")["geometry"] == before
    page.keyboard.press("w")
    expect(page.locator(".plot-card")).to_have_count(1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view_shows_and_axe_finds_nothing(workspace: Page, bench: Bench, axe: str, theme: str) -> None:
    page, at = workspace, markers(workspace)
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.keyboard.press("q")
    page.mouse.click(*at(0.6, 0.6))
    name_gate(page, "both", "CD8 T", "neither", "CD4 T")
    page.get_by_role("button", name="Lay CD4 T over the plots").click()
    plot(page, "var:B530-A", "var:R660-A")
    found = {"plots": faults(page, axe)}
    page.get_by_role("button", name="Horizontal axis").first.click()
    page.get_by_role("spinbutton", name="Cofactor").fill("1000")
    expect(page.get_by_role("button", name="Keep scale")).to_be_visible()
    found["axis menu"] = faults(page, axe)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Lay CD4 T over the plots").click()
    for view, shown in (
        ("Gallery", '.plot-card[data-file="second.fcs"][data-drawn="4000"]'),
        ("Statistics", ".statistics td"),
        ("Heat map", ".scene rect"),
        ("Boxes and bars", ".scene circle"),
        ("Compensation", ".gating-main .empty"),
        ("Files and panel", ".keywords td"),
    ):
        page.get_by_role("tab", name=view).click()
        page.locator(shown).first.wait_for()
        found[view] = faults(page, axe)
    page.get_by_role("tab", name="Gallery").click()
    page.get_by_role("button", name="Overlay").click()
    expect(page.get_by_role("region", name="Curves")).to_contain_text("second.fcs")
    found["overlay"] = faults(page, axe)
    assert [f"{name}: {each}" for name, all in found.items() for each in all] == []


def test_genes_and_embeddings_are_gated_alike(page: Page, site: Site) -> None:
    """CD3E against CD4 in a 10x study, then the T cells on its UMAP."""
    study_id, _ = site.add_labelled("Gated genes")
    truth = anndata.read_h5ad(DATA / "pbmc68k_reduced.h5ad")
    table = next(d for d in site.client.study(study_id).datasets()).table()
    genes = table.values(["CD3E", "CD4"])
    page.goto(f"{site.url}/app/studies/{study_id}/gating")
    plot(page, "obsm:X_umap:0", "obsm:X_umap:1")
    show(page, "Horizontal", "CD3E")
    show(page, "Vertical", "CD4")
    at = spot(plot(page, "var:CD3E", "var:CD4"))
    page.keyboard.press("p")
    for corner in [(0.12, 0.02), (0.98, 0.02), (0.98, 0.98), (0.12, 0.98), (0.12, 0.02)]:
        page.mouse.click(*at(*corner))
    name_gate(page, "T cells")
    with site.api(f"/studies/{study_id}") as api:
        gate = api.get("/gates").json()["items"][0]
        assert (gate["x"], gate["y"]) == ("var:CD3E", "var:CD4")
        x, y = (genes[name].to_numpy().astype(np.float32) for name in ("CD3E", "CD4"))
        t_cells = members(gate, x, y) == 0
        assert t_cells.sum() > 50
        expect_count(page, "T cells", t_cells.sum())
        row_of(page, "T cells").get_by_role("button", name="T cells", exact=True).click()
        at = spot(plot(page, "obsm:X_umap:0", "obsm:X_umap:1"))
        page.keyboard.press("r")
        drag(page, at(0.02, 0.02), at(0.5, 0.55))
        name_gate(page, "left")
        gate = next(g for g in api.get("/gates").json()["items"] if g["name"] == "left")
    umap = truth.obsm["X_umap"].astype(np.float32)
    left = t_cells & (members(gate, umap[:, 0], umap[:, 1]) == 0)
    assert 0 < left.sum() < t_cells.sum()
    expect_count(page, "left", left.sum())


def test_a_gate_of_genes_goes_to_a_second_study_and_its_cells_are_compared_with_the_rest(
    page: Page, site: Site
) -> None:
    (first, dataset_id), (second, _) = site.add_labelled("First cohort"), site.add_labelled("Second cohort")
    study, table = site.client.study(first), site.client.dataset(dataset_id).table()
    gate = {"kind": "polygon", "geometry": {"vertices": [[0.5, -1], [9, -1], [9, 9], [0.5, 9]]}}
    study.gates.create("polygon", "T cells", "CD3E", "CD4", geometry=gate["geometry"])
    genes = table.values(["CD3E", "CD4"])
    n = int((members(gate, genes["CD3E"].to_numpy(), genes["CD4"].to_numpy()) == 0).sum())
    assert 50 < n < 650
    page.goto(f"{site.url}/app/studies/{first}/gating")
    show(page, "Horizontal", "CD3E")
    show(page, "Vertical", "CD4")
    at = spot(plot(page, "var:CD3E", "var:CD4"))
    page.mouse.click(*at(0.6, 0.5))
    page.keyboard.press("Control+c")
    expect(page.get_by_text("‘T cells’ is copied")).to_be_visible()
    other = page.context.new_page()  # another window
    other.goto(f"{site.url}/app/studies/{second}/gating")
    plot(other, "obsm:X_umap:0", "obsm:X_umap:1")
    other.keyboard.press("Control+v")
    expect_count(other, "T cells", n)
    other.close()

    page.goto(f"{site.url}/app/studies/{first}/tables/{dataset_id}/{table.name}?views=compare")
    form = page.get_by_role("form", name="New comparison")
    form.get_by_role("group", name="These cells: which cells").get_by_role("button", name="Population").click()
    form.get_by_label("These cells: population").select_option("T cells")
    form.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("table", name="Genes compared")).to_be_visible(timeout=60_000)
    expect(page.get_by_label("Comparison").locator("option:checked")).to_have_text(
        f"T cells and all other cells ({n} : {700 - n} cells, wilcoxon)"
    )


def test_a_name_that_stands_outside_its_gate_selects_and_opens_it(workspace: Page) -> None:
    at = markers(workspace)
    workspace.keyboard.press("r")
    drag(workspace, at(0.3, 0.2), at(0.6, 0.4))
    name_gate(workspace, "corner")
    chosen = workspace.locator(".gate.selected")
    expect(chosen).to_have_count(1)
    workspace.keyboard.press("Escape")
    expect(chosen).to_have_count(0)
    name = workspace.locator(".gate-name", has_text="corner")
    name.click()
    expect(chosen).to_have_count(1)
    name.dblclick()
    expect(workspace.locator(".plot-card figcaption").first).to_contain_text("corner")
