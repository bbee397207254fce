"""Populations of what is said about cells, files and samples, put together in the dialog of the tree."""

from __future__ import annotations

from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site
from tests.e2e.gating import add_files, expect_count, make_events, plot, row_of


def test_files_and_samples_are_offered_with_their_annotations(page: Page, site: Site, tmp_path: Path) -> None:
    sizes = {"low.fcs": 300, "high.fcs": 200}
    study = add_files(site, "Said", tmp_path, {name: make_events(n, n) for name, n in sizes.items()})
    for file in study.files():
        file.annotate_file({"dose": 1e-7 if file.name == "low.fcs" else 2e-7})
    headers = {"Authorization": f"Bearer {site.server.token}"}
    with httpx.Client(base_url=f"{site.url}/api/v1", headers=headers) as api:
        made = api.post(f"/studies/{study.id}/attributes", json={"name": "donor", "kind": "text"})
        sample = api.post(f"/studies/{study.id}/samples", json={"name": "S1"}).raise_for_status().json()
        values = {made.raise_for_status().json()["id"]: "Ada"}
        version = {"If-Match": f'"{sample["version"]}"'}
        api.patch(f"/samples/{sample['id']}", json={"values": values}, headers=version).raise_for_status()
        [low] = [d for d in api.get(f"/studies/{study.id}/datasets").json()["items"] if d["name"] == "low.fcs"]
        version = {"If-Match": f'"{low["version"]}"'}
        api.patch(f"/datasets/{low['id']}", json={"sample_id": sample["id"]}, headers=version).raise_for_status()
        tree = {"column": "dose", "groups": [1e-7, 2e-7]}
        api.post(f"/studies/{study.id}/populations", json={"name": "Both", "tree": tree}).raise_for_status()
    page.goto(f"{site.url}/app/studies/{study.id}/gating")
    page.get_by_role("button", name="low.fcs").click()
    plot(page, "var:FSC-A", "var:SSC-A")
    expect_count(page, "Both", 300)
    for name, of, level in (("Weak", "dose", "1e-7"), ("Of Ada", "donor", "Ada")):
        page.get_by_role("button", name="Combine populations").click()
        dialog = page.get_by_role("dialog")
        field = dialog.get_by_label("And of an annotation")
        offered = {"Of files": ["dose"], "Of samples": ["donor", "sample"]}
        for label, names in offered.items():
            expect(field.locator(f"optgroup[label='{label}'] option")).to_have_text(names)
        dialog.get_by_label("Name").fill(name)
        field.select_option(of)
        dialog.get_by_role("group", name=f"Groups of {of}").get_by_label(level).check()
        dialog.get_by_role("button", name="Add population").click()
        expect(dialog).to_have_count(0)
        expect_count(page, name, 300)
    page.get_by_role("button", name="high.fcs").click()
    expect_count(page, "Both", 200)
    expect_count(page, "Weak", 0)
    # nothing says of which sample that file is
    expect(row_of(page, "Of Ada").locator(".count")).to_have_text("–")
