"""The first administrator, signing in and out."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Site, Watch, new_context, set_up, sign_in
from tests.processes import EMAIL, PASSWORD, printed_link, serving


def test_the_printed_link_makes_the_first_administrator_once(
    browser: Browser, page_is_built: None, tmp_path: Path
) -> None:
    with serving(tmp_path / "empty", with_user=False) as server:
        link = printed_link(server)
        watch = Watch(server.url, expected=["/api/v1/session"])
        context = new_context(browser)
        page = context.new_page()
        watch.attach(page)
        page.goto(f"{server.url}/app/")
        expect(page.get_by_text("This server has no users yet")).to_be_visible()
        page.goto(link)
        set_up(page, "ada@example.org")
        expect(page.get_by_text("No studies yet")).to_be_visible()
        assert "ada@example.org" in server.command("user", "list")
        # the link works once
        watch.expected.append("/api/v1/setup")
        page.goto(link)
        page.get_by_label("Your name").fill("Eve")
        page.get_by_label("E-mail").fill("eve@example.org")
        page.get_by_label("Password").fill("another password")
        page.get_by_role("button", name="Make the administrator").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert "eve@example.org" not in server.command("user", "list")
        context.close()
        watch.check()


def test_a_wrong_password_is_answered_with_a_sentence_and_a_right_one_opens(fresh_page: Page, site: Site) -> None:
    page = fresh_page
    page.goto(f"{site.url}/app/studies/{site.study_id}")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile("[Pp]assword"))
    expect(page.get_by_role("alert").locator(".mono")).to_have_text(re.compile("^[0-9a-f]{24}$"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    # the page that was asked for opens
    expect(page.get_by_role("heading", name="PBMC 68k")).to_be_visible()


def test_signing_out_ends_the_session(fresh_page: Page, site: Site) -> None:
    page = fresh_page
    page.goto(f"{site.url}/app/")
    sign_in(page, EMAIL, PASSWORD)
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert cookies["cytosol_session"]["httpOnly"]
    assert cookies["cytosol_session"]["sameSite"] == "Lax"
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    # the old cookie is worth nothing any more
    page.context.add_cookies([{k: v for k, v in cookies["cytosol_session"].items() if k != "expires"}])  # type: ignore[list-item]
    page.goto(f"{site.url}/app/studies")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
