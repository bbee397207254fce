"""Keys, screen readers, small screens, the policy of what a page may load, and a mount below another address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Site, Watch, faults, new_context, set_up
from tests.e2e.plots import draw_lasso, open_plot, settled
from tests.e2e.proxies import proxying
from tests.processes import printed_link, serving


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_the_main_pages(page: Page, site: Site, axe: str, theme: str) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    found: dict[str, list[str]] = {}
    for name in ("studies", "jobs", "storages", "tokens", "trash", "admin"):
        page.goto(f"{site.url}/app/{name}")
        page.get_by_role("heading", level=1).wait_for()
        expect(page.locator(".skeleton")).to_have_count(0)
        found[name] = faults(page, axe)
    for tab in ("data", "samples", "jobs", "sharing", "history"):
        page.goto(f"{site.url}/app/studies/{site.study_id}/{tab}")
        page.get_by_role("tab", selected=True).wait_for()
        expect(page.locator(".skeleton")).to_have_count(0)
        if tab == "data":
            page.get_by_role("button", name="Add data").click()
            page.get_by_role("region", name="Add data").wait_for()
        found[f"study, {tab}"] = faults(page, axe)
    open_plot(page, site.explorer(), 700)
    page.get_by_label("Add a filter").select_option("bulk_labels")
    page.get_by_label("Add a filter").select_option("n_genes")
    page.get_by_label("n_genes, lowest").wait_for()
    box = page.locator(".plot").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    draw_lasso(page, [(x - 150, y - 150), (x + 150, y - 150), (x + 150, y + 150), (x - 150, y + 150)])
    found["explorer"] = faults(page, axe)
    page.get_by_role("button", name="Add population").click()
    found["explorer, dialog"] = faults(page, axe)
    assert {name: all for name, all in found.items() if all} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_where_people_sign_in(fresh_page: Page, site: Site, axe: str, theme: str) -> None:
    fresh_page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    fresh_page.goto(f"{site.url}/app/")
    fresh_page.get_by_role("button", name="Sign in").wait_for()
    assert faults(fresh_page, axe) == []


def test_keys_lead_everywhere_and_are_listed(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/app/")
    page.get_by_role("heading", name="Studies", exact=True).wait_for()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog.get_by_role("row", name="/ Search studies")).to_be_visible()
    expect(dialog.get_by_role("row", name="g s Go to studies")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    for key, heading in (
        ("j", "Jobs"),
        ("o", "Storages"),
        ("t", "Tokens"),
        ("x", "Trash"),
        ("a", "Users"),
        ("s", "Studies"),
    ):
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    open_plot(page, site.explorer(), 700)
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Colour by a gene")).to_be_focused()
    # keys typed into a field are text, not commands
    page.keyboard.type("gl")
    expect(page.get_by_role("button", name="Lasso (l)")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Lasso (l)")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Move (m)")).to_have_attribute("aria-pressed", "true")


def test_every_control_is_reached_by_tab_and_shows_its_focus(page: Page, site: Site) -> None:
    open_plot(page, site.explorer(), 700)
    page.locator("body").click(position={"x": 1, "y": 799})
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                """() => {
                  const e = document.activeElement;
                  if (e === document.body) return 'the browser itself';
                  const s = getComputedStyle(e);
                  const seen = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1 || e.type === 'checkbox';
                  return (seen ? '' : 'UNSEEN ') + (e.getAttribute('aria-label') ?? e.innerText ?? e.tagName);
                }"""
            )
        )
    assert not [name for name in reached if name.startswith("UNSEEN")]
    for name in ("Embedding", "Colour by an annotation", "Colour by a gene", "Lasso (l)", "Save", "Code"):
        assert name in reached
    assert any(name.startswith("Plot of 700 cells") for name in reached)


def test_the_page_fits_a_tablet_and_twice_the_size(browser: Browser, site: Site, signed_in: dict[str, Any]) -> None:
    for width, height in ((820, 1180), (640, 400)):
        context = browser.new_context(viewport={"width": width, "height": height}, storage_state=signed_in)
        page = context.new_page()
        for address in (f"{site.url}/app/studies", f"{site.url}/app/studies/{site.study_id}/samples", site.explorer()):
            page.goto(address)
            page.get_by_role("main").wait_for()
            expect(page.locator(".skeleton")).to_have_count(0)
            too_wide = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
            assert too_wide <= 0, (width, address)
        settled(page)
        expect(page.locator(".plot")).to_be_in_viewport()
        context.close()


def test_what_a_page_may_load_is_stated_and_kept(page: Page, site: Site, watch: Watch) -> None:
    policy = httpx.get(f"{site.url}/app/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-eval" not in policy.replace("wasm-unsafe-eval", "")
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    page.goto(f"{site.url}/app/")
    page.get_by_role("heading", name="Studies", exact=True).wait_for()
    # a script that somebody smuggled into a text would not run
    watch.expected.append("Content Security Policy")
    page.evaluate(
        """() => {
          const script = document.createElement('script');
          script.textContent = 'window.smuggled = 1';
          document.body.append(script);
        }"""
    )
    assert page.evaluate("() => window.smuggled") is None
    assert any("Content Security Policy" in fault for fault in watch.faults)


def test_a_name_full_of_markup_is_shown_as_text(page: Page, site: Site) -> None:
    name = '<img src=x onerror="window.smuggled=1">'
    study = site.client.create_study(name)
    page.goto(f"{site.url}/app/studies/{study.id}")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert page.evaluate("() => window.smuggled") is None


def test_an_unknown_address_says_so_and_leads_back(page: Page, site: Site, watch: Watch) -> None:
    page.goto(f"{site.url}/app/nowhere")
    expect(page.get_by_text("There is no such page")).to_be_visible()
    page.get_by_role("link", name="Go to studies").click()
    expect(page.get_by_role("heading", name="Studies", exact=True)).to_be_visible()
    watch.expected.append("/api/v1/studies/")
    page.goto(f"{site.url}/app/studies/{'0' * 24}")
    expect(page.get_by_role("alert")).to_contain_text("no such study")


def test_everything_works_below_another_address(browser: Browser, page_is_built: None, tmp_path: Path) -> None:
    """As the deployment guide says: a proxy takes the path off, the server is told of it."""
    with serving(tmp_path / "below", "--root-path", "/lab/cells", with_user=False) as server:
        direct = server.url.removesuffix("/lab/cells")
        assert server.url != direct
        with proxying(direct, "/lab/cells") as origin:
            watch = Watch(origin, expected=["/api/v1/session"])
            context = new_context(browser)
            page = context.new_page()
            watch.attach(page)
            page.goto(printed_link(server).replace(direct, origin))
            set_up(page, "ada@example.org")
            assert [cookie["path"] for cookie in context.cookies()] == ["/lab/cells"]
            page.get_by_role("button", name="New study").first.click()
            page.get_by_role("dialog").get_by_label("Name").fill("Below")
            page.get_by_role("dialog").get_by_role("button", name="Make study").click()
            expect(page.get_by_role("heading", name="Below")).to_be_visible()
            study_id = page.url.rpartition("/")[2]
            assert page.url == f"{origin}/lab/cells/app/studies/{study_id}"
            page.reload()
            expect(page.get_by_role("heading", name="Below")).to_be_visible()
            page.get_by_role("tab", name="Samples").click()
            page.get_by_role("button", name="Add sample").first.click()
            expect(page.get_by_label("Name of Sample 1")).to_be_visible()
            # news come through the proxy, too
            answer = context.request.post(
                f"{origin}/lab/cells/api/v1/studies/{study_id}/samples",
                data={"name": "From afar"},
                headers={"X-Cytosol": "1"},
            )
            assert answer.status == 201
            expect(page.get_by_label("Name of From afar")).to_be_visible()
            context.close()
            watch.check()
