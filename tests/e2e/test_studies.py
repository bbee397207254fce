"""Studies: found, made, shared with somebody else, deleted and brought back."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Site, Watch, new_context, sign_in


def test_studies_are_found_by_name_and_opened(page: Page, site: Site) -> None:
    site.client.create_study("Mouse thymus", species="mouse")
    page.goto(f"{site.url}/app/")
    rows = page.locator("tbody tr")
    row = rows.filter(has_text="PBMC 68k").first
    expect(row).to_contain_text("700")
    expect(row).to_contain_text("human")
    page.keyboard.press("/")
    search = page.get_by_label("Search studies")
    expect(search).to_be_focused()
    page.keyboard.type("thymus")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("mouse")
    search.fill("no such study")
    expect(page.get_by_text("No study matches ‘no such study’")).to_be_visible()
    page.get_by_role("button", name="Show all studies").click()
    rows.filter(has_text="PBMC 68k").first.get_by_role("link").click()
    expect(page.get_by_role("heading", name="PBMC 68k", exact=True)).to_be_visible()


def test_a_study_is_made_edited_deleted_and_brought_back(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/app/")
    page.get_by_role("button", name="New study").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Lung of mice")
    dialog.get_by_label("Species").fill("mouse")
    dialog.get_by_label("Description").fill("Two ages")
    dialog.get_by_role("button", name="Make study").click()
    expect(page.get_by_role("heading", name="Lung of mice")).to_be_visible()
    expect(page.get_by_text("No data yet", exact=True)).to_be_visible()
    made = site.client.study("Lung of mice")
    assert (made.species, made.description) == ("mouse", "Two ages")

    page.get_by_role("button", name="Edit study").click()
    dialog.get_by_label("Authors").fill("Ada Lovelace, Grace Hopper")
    dialog.get_by_role("button", name="Save study").click()
    expect(page.get_by_text("Ada Lovelace, Grace Hopper")).to_be_visible()
    assert site.client.study("Lung of mice").authors == ["Ada Lovelace", "Grace Hopper"]

    # the trash, by the notice and by its page
    for again in range(2):
        page.get_by_role("button", name="More actions for this study").click()
        page.get_by_role("button", name="Delete study").click()
        expect(page.get_by_role("heading", name="Studies", exact=True)).to_be_visible()
        expect(page.get_by_role("link", name="Lung of mice")).to_have_count(0)
        assert "Lung of mice" not in [study.name for study in site.client.studies()]
        if again:
            page.get_by_role("link", name="Trash").click()
            page.locator("tr", has_text="Lung of mice").get_by_role("button", name="Bring back").click()
            expect(page.get_by_text("The trash is empty")).to_be_visible()
        else:
            page.locator(".notice").get_by_role("button", name="Bring back").click()
            page.get_by_role("link", name="Lung of mice").click()
            expect(page.get_by_role("heading", name="Lung of mice")).to_be_visible()
    assert "Lung of mice" in [study.name for study in site.client.studies()]


def test_sharing_gives_a_second_user_what_the_role_says(browser: Browser, page: Page, site: Site) -> None:
    site.server.command("user", "add", "grace@example.org", "--password", "compilers rule", "--name", "Grace")
    study = site.client.create_study("Shared study")
    study.populations.create("Everything", {"and": []})
    context = new_context(browser)
    other = context.new_page()
    watch = Watch(site.url, expected=["/api/v1/session"])
    watch.attach(other)
    other.goto(f"{site.url}/app/")
    sign_in(other, "grace@example.org", "compilers rule")
    expect(other.get_by_text("No studies yet")).to_be_visible()
    expect(other.get_by_role("link", name="Admin")).to_have_count(0)

    page.goto(f"{site.url}/app/studies/{study.id}/sharing")
    expect(page.get_by_text("Shared with nobody else.")).to_be_visible()
    page.get_by_label("Who").select_option("A person by e-mail…")
    page.get_by_label("E-mail of the person").fill("grace@example.org")
    page.get_by_label("Role", exact=True).select_option("reader")
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_label("Role of grace@example.org")).to_have_value("reader")

    # she hears of it without reloading
    other.get_by_role("link", name="Shared study").click()
    expect(other.get_by_role("button", name="Edit study")).to_be_disabled()
    other.get_by_role("tab", name="Sharing").click()
    expect(other.get_by_text("Only its owners see and change who else has access.")).to_be_visible()
    # nothing is offered or asked for that the server would refuse
    other.get_by_role("tab", name="History").click()
    expect(other.get_by_role("button", name="Undo")).to_be_disabled()
    expect(other.get_by_role("heading", name="Deleted datasets")).to_have_count(0)

    page.get_by_label("Role of grace@example.org").select_option("editor")
    expect(page.get_by_label("Role of grace@example.org")).to_have_value("editor")
    expect(other.get_by_role("button", name="Edit study")).to_be_enabled()
    other.get_by_role("tab", name="Samples").click()
    other.get_by_role("button", name="Add sample").first.click()
    expect(other.get_by_label("Name of Sample 1")).to_be_visible()
    assert list(site.client.study("Shared study").samples().index) == ["Sample 1"]

    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Shared with nobody else.")).to_be_visible()
    watch.expected.append(f"/api/v1/studies/{study.id}")
    other.reload()
    expect(other.get_by_role("alert")).to_be_visible()
    context.close()
    watch.check()
