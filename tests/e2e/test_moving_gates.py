"""Gates moved step by step with the keyboard: one change each, never lost; and gates that are locked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site
from tests.e2e.gating import (
    Bench,
    add_files,
    drag,
    expect_count,
    make_events,
    markers,
    name_gate,
    plot,
    row_of,
    spot,
    until,
)  # fmt: skip


@pytest.fixture(scope="module")
def bench(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    events = {"first.fcs": make_events(3000, 1), "second.fcs": make_events(2000, 2, shift=1.6)}
    study = add_files(site, "Moved gates", tmp_path_factory.mktemp("fcs"), events)
    with site.api() as api:
        yield Bench(site, study.id, api, events)


@pytest.fixture
def workspace(page: Page, bench: Bench) -> Page:
    """The workspace on the first file, with one gate in the study, which has the focus."""
    bench.clear()
    page.goto(bench.url)
    page.get_by_role("button", name="first.fcs").click()
    at = markers(page)
    page.keyboard.press("r")
    drag(page, at(0.6, 0.2), at(0.9, 0.5))
    name_gate(page, "helper")
    expect_count(page, "helper", _inside(bench))
    page.locator(".gate").first.focus()
    return page


def _inside(bench: Bench, file: str = "first.fcs") -> int:
    return int((bench.sectors(bench.gate("helper"), file) == 0).sum())


def _changes(bench: Bench) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bench.get("revisions")["items"]
    return [one for one in found if one["verb"] in ("gate.change", "gate.tailor")]


def _moved(bench: Bench, before: dict[str, Any], pixels: int) -> bool:
    """Whether the gate lies so many pixels further right; a plot is 320 of them wide."""
    scale = bench.get("scales")["scales"][before["x"]]
    low, high = (math.asinh(scale[end] / scale["cofactor"]) for end in ("minimum", "maximum"))
    step = bench.gate("helper")["geometry"]["x1"] - before["geometry"]["x1"]
    return abs(step - pixels * (high - low) / 320) < 1e-6


def test_steps_by_keys_are_one_change_and_one_undo(workspace: Page, bench: Bench) -> None:
    page, before, n_before = workspace, bench.gate("helper"), len(_changes(bench))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method != "GET" else None)
    mark = page.locator(".gate").first
    place = mark.bounding_box()
    assert place is not None
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    # shown at once, before the server is told
    assert not [url for url in sent if "/gates/" in url]
    assert until(lambda: (mark.bounding_box() or place)["x"] == pytest.approx(place["x"] + 18, abs=0.01))
    assert until(lambda: _moved(bench, before, 18))
    assert len(_changes(bench)) == n_before + 1
    expect_count(page, "helper", _inside(bench))
    # it is still the gate that has the focus, and can be moved on
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    # undo takes back what is being gathered, without a word on what went before
    page.keyboard.press("Control+z")
    assert until(lambda: len(_changes(bench)) == n_before + 2 and _moved(bench, before, 18))
    page.keyboard.press("Control+z")
    assert until(lambda: _moved(bench, before, 0))
    expect_count(page, "helper", _inside(bench))


def test_undo_goes_past_a_mark_and_the_button_beside_it_does_the_change_again(workspace: Page, bench: Bench) -> None:
    page, inside = workspace, _inside(bench)
    again = page.get_by_role("button", name="Do again what was undone")
    expect(again).to_be_disabled()
    bench.api.post(f"/studies/{bench.study_id}/revisions", json={"label": "as drawn"}).raise_for_status()
    page.keyboard.press("Control+z")
    expect(row_of(page, "helper")).to_have_count(0)
    expect(page.get_by_text("Undone: gate added")).to_be_visible()
    again.click()
    expect_count(page, "helper", inside)
    expect(again).to_be_disabled()
    # one thing after another, and back
    page.get_by_role("button", name="Undo (Ctrl+Z)").click()
    expect(row_of(page, "helper")).to_have_count(0)
    expect(again).to_be_enabled()
    at = spot(plot(page, "var:B530-A", "var:R660-A"))
    page.keyboard.press("r")
    drag(page, at(0.1, 0.1), at(0.5, 0.5))
    name_gate(page, "another")
    expect(again).to_be_disabled()


@pytest.mark.parametrize("axis", ["Horizontal", "Vertical"])
def test_the_menu_of_an_axis_floats_beside_its_plot(workspace: Page, axis: str) -> None:
    page, card = workspace, workspace.locator(".plot-card").first
    before = card.bounding_box()
    page.get_by_role("button", name=f"{axis} axis").first.click()
    page.get_by_role("combobox", name="Kind of scale").select_option("logicle")
    menu = page.get_by_role("dialog", name=f"{axis} axis")
    expect(menu.get_by_role("button", name="Keep scale")).to_be_in_viewport(ratio=1)
    box = menu.bounding_box()
    assert before is not None
    assert box is not None
    assert box["x"] > before["x"] + before["width"]
    assert card.bounding_box() == before


@pytest.mark.parametrize("way", ["another view", "another page", "another gate", "a lock"])
def test_steps_are_kept_however_the_gate_is_left(workspace: Page, bench: Bench, way: str) -> None:
    page, before = workspace, bench.gate("helper")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    if way == "another view":
        page.keyboard.press("v")
        page.keyboard.press("s")
    elif way == "another page":
        page.goto(f"{bench.site.url}/app/")
    elif way == "another gate":
        page.get_by_role("button", name="second.fcs").click()
    else:
        page.keyboard.press("l")
    assert until(lambda: _moved(bench, before, 5))
    if way == "a lock":
        assert until(lambda: bool(bench.gate("helper")["locked"]))
        expect(page.get_by_role("alert")).to_have_count(0)


def test_steps_of_a_tailored_gate_are_those_of_one_file(workspace: Page, bench: Bench) -> None:
    page, before = workspace, bench.gate("helper")
    page.keyboard.press("t")
    expect(page.get_by_role("checkbox", name="Tailored per file")).to_be_checked()
    assert until(lambda: bool(bench.gate("helper")["tailored"]))
    page.get_by_role("button", name="second.fcs").click()
    plot(page, "var:B530-A", "var:R660-A")
    page.locator(".gate").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".gate.own")).to_have_count(1)
    # the gate of the file has the focus now
    page.keyboard.press("ArrowRight")
    second = next(d.id for d in bench.site.client.study(bench.study_id).datasets() if d.name == "second.fcs")
    assert until(lambda: bench.gate("helper", second)["version"] == 2)
    assert bench.gate("helper")["geometry"] == before["geometry"]
    assert len([one for one in _changes(bench) if one["verb"] == "gate.tailor"]) == 1


def test_a_locked_gate_is_neither_moved_nor_tailored(workspace: Page, bench: Bench) -> None:
    page = workspace
    page.keyboard.press("t")
    apply = page.get_by_role("button", name="Apply to files")
    expect(apply).to_be_visible()
    page.keyboard.press("l")
    expect(apply).to_have_count(0)
    inspector = page.get_by_role("region", name="Selected gate")
    expect(inspector).to_contain_text("Unlock it to move, rename, tailor or delete it.")
    assert until(lambda: bool(bench.gate("helper")["locked"]))
    before = bench.gate("helper")
    page.get_by_role("button", name="second.fcs").click()
    plot(page, "var:B530-A", "var:R660-A")
    page.locator(".gate").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Delete")
    page.wait_for_timeout(900)
    assert bench.gate("helper") == before
    expect(row_of(page, "helper")).to_have_count(1)
    # nor by the API: the answer says why
    second = next(d.id for d in bench.site.client.study(bench.study_id).datasets() if d.name == "second.fcs")
    body = {
        "gid": before["gid"],
        "gate": {"geometry": before["geometry"], "dataset_id": second},
        "dataset_ids": [second],
    }
    refused = bench.api.post(f"/studies/{bench.study_id}/gates/tailor", json=body)
    assert refused.status_code == 409
    assert "'helper' is locked" in refused.json()["detail"]
