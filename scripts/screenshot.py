"""Take the pictures of the docs from a running demo (`make demo`): explorer, figures and study in docs/images.

    python scripts/screenshot.py [--data .cytosol-demo] [--gene CD3E] [--to docs/images]

Needs Chromium at /usr/bin/chromium, or where CYTOSOL_CHROMIUM says.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

import cytosol

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = os.environ.get("CYTOSOL_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
]  # fmt: skip
SIZE = {"width": 1280, "height": 800}
MOST_BYTES = 400_000
# sharpest first; the first that is small enough is kept
PIXEL_RATIOS = (2.0, 1.5, 1.25, 1.0)
STUDY = "PBMC 8k"


def signed_in(browser: Browser, url: str, account: dict[str, str], *, ratio: float) -> Page:
    """A page of the demo's user, in the light theme."""
    page = browser.new_context(viewport=SIZE, device_scale_factor=ratio, color_scheme="light").new_page()  # type: ignore[arg-type]
    page.goto(f"{url}/app/")
    page.get_by_label("E-mail").fill(account["email"])
    page.get_by_label("Password").fill(account["password"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Studies", exact=True).wait_for()
    return page


def show_explorer(page: Page, url: str, study: cytosol.Study, gene: str) -> None:
    """The table's plot coloured by a gene, with a filter open beside it."""
    dataset = study.dataset()
    table = dataset.table()
    view = json.dumps({"version": 2, "color": {"by": "feature", "name": gene}, "size": 4})
    page.goto(f"{url}/app/studies/{study.id}/tables/{dataset.id}/{table.name}?view={view}")
    page.locator(".plot[data-drawn]").wait_for()
    page.get_by_role("region", name="Legend").get_by_role("heading", name=gene).wait_for()
    groups = next((column["name"] for column in table.columns if column["kind"] == "categorical"), None)
    if groups:
        page.get_by_label("Add a filter").select_option(groups)
        page.locator(".filter-list label").first.wait_for()
    page.locator("body").click(position={"x": 2, "y": 798})
    page.wait_for_function("() => !document.querySelector('.plot .loading')")


def show_figures(page: Page, url: str, study: cytosol.Study, gene: str) -> None:
    """The cells, and violins of the gene and another one beside them."""
    dataset = study.dataset()
    table = dataset.table()
    page.goto(f"{url}/app/studies/{study.id}/tables/{dataset.id}/{table.name}?views=violin,cells&genes={gene},LYZ")
    page.locator(".plot[data-drawn]").wait_for()
    page.locator(".scene [data-median]").first.wait_for()
    page.wait_for_function("() => !document.querySelector('.plot .loading')")


def show_study(page: Page, url: str, study: cytosol.Study) -> None:
    """The study's page with its data."""
    page.goto(f"{url}/app/studies/{study.id}")
    page.get_by_role("tab", name="Data").wait_for()
    page.locator("tbody tr").first.wait_for()


def take(browser: Browser, url: str, account: dict[str, str], *, gene: str, folder: Path) -> None:
    """Write the pictures, each as sharp as its size allows."""
    with cytosol.Client(url, account["token"]) as client:
        study = client.study(STUDY)
        for name in ("explorer", "figures", "study"):
            for ratio in PIXEL_RATIOS:
                page = signed_in(browser, url, account, ratio=ratio)
                if name == "explorer":
                    show_explorer(page, url, study, gene)
                elif name == "figures":
                    show_figures(page, url, study, gene)
                else:
                    show_study(page, url, study)
                picture = page.screenshot(animations="disabled")
                page.context.close()
                if len(picture) <= MOST_BYTES:
                    break
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.png").write_bytes(picture)
            print(f"{folder / name}.png: {len(picture) / 1000:.0f} kB, {ratio:g} pixels per point")


def main() -> int:
    """Run; 0 is success."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / ".cytosol-demo", help="data folder of the running demo")
    parser.add_argument("--gene", default="CD3E")
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images")
    chosen = parser.parse_args()
    account, address = chosen.data / "demo.json", chosen.data / "server.url"
    if not account.is_file() or not address.is_file():
        print(f"No demo has run on {chosen.data}: start `make demo` first", file=sys.stderr)
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
        take(
            browser,
            address.read_text(encoding="utf-8").strip(),
            json.loads(account.read_text(encoding="utf-8")),
            gene=chosen.gene,
            folder=chosen.to,
        )
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
