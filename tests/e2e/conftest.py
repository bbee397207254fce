"""A real browser on a real server, with the shipped example data in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

import cytosol
from tests.processes import EMAIL, PASSWORD, RunningServer, serving
from tests.services import need

ROOT = Path(__file__).parents[2]
DATA = ROOT / "src" / "cytosol" / "demo_data"
STATIC = ROOT / "src" / "cytosol" / "server" / "static"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = os.environ.get("CYTOSOL_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
]  # fmt: skip
SIZE = {"width": 1280, "height": 800}
STUDY = "PBMC 68k"
_LONGEST_MS = 30_000
expect.set_options(timeout=_LONGEST_MS)


@dataclass
class Site:
    """A server with one study of labelled cells, and the SDK on it."""

    server: RunningServer
    client: cytosol.Client
    study_id: str
    dataset_id: str

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def study(self) -> cytosol.Study:
        return next(study for study in self.client.studies() if study.id == self.study_id)

    @property
    def table(self) -> cytosol.Table:
        return self.client.dataset(self.dataset_id).table()

    def api(self, below: str = "") -> httpx.Client:
        """The native API, or what lies below one of its addresses, for the administrator."""
        headers = {"Authorization": f"Bearer {self.server.token}"}
        return httpx.Client(base_url=f"{self.url}/api/v1{below}", headers=headers, timeout=_LONGEST_MS / 1000)

    def explorer(self, query: str = "") -> str:
        """Address of the explorer of the study's table."""
        return f"{self.url}/app/studies/{self.study_id}/tables/{self.dataset_id}/{self.table.name}{query}"

    def add_labelled(self, name: str) -> tuple[str, str]:
        """A further study with the 700 labelled cells; its id and the dataset's."""
        study = self.client.create_study(name)
        job = study.submit(
            DATA / "pbmc68k_reduced.h5ad", name="labelled", matrix="normalized", embeddings="keep", progress=False
        )
        job.wait(progress=False, timeout_s=120)
        return study.id, study.dataset().id


@pytest.fixture(scope="session")
def page_is_built() -> None:
    """The built page; `make web` makes it."""
    need((STATIC / "index.html").is_file(), "The page is not built: run `make web`")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, page_is_built: None) -> Iterator[Site]:
    """One server for all tests here."""
    with serving(tmp_path_factory.mktemp("site")) as server, cytosol.Client(server.url, server.token) as client:
        site = Site(server, client, "", "")
        site.study_id, site.dataset_id = site.add_labelled(STUDY)
        yield site


# not for the session: while the synchronous Playwright is open, no other test of the process can run a loop
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need(
        shutil.which(CHROMIUM) is not None,
        f"There is no browser at {CHROMIUM} (Debian: chromium)",
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The program that checks a page for readers with a screen reader, a keyboard, or weak eyes."""
    need(AXE.is_file(), "axe-core is not installed: run `python scripts/build_web.py check`")
    return AXE.read_text(encoding="utf-8")


@dataclass
class Watch:
    """What must not happen while a page is open.

    Attributes
    ----------
    expected : parts of console messages that a test brings about on purpose
    """

    origin: str
    faults: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def attach(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "willReadFrequently" not in message.text:
            self.faults.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("blob", "data") and f"{parts.scheme}://{parts.netloc}" != self.origin:
            self.faults.append(f"fetched from elsewhere: {request.url}")

    def check(self) -> None:
        """Fail on what happened and was not expected; software WebGL tells its slowness, which is no fault."""
        rest = [f for f in self.faults if not any(e in f for e in (*self.expected, "GPU stall due to ReadPixels"))]
        assert not rest, rest


@pytest.fixture
def watch(site: Site) -> Iterator[Watch]:
    watch = Watch(site.url)
    yield watch
    watch.check()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, site: Site) -> dict[str, Any]:
    """The cookie of the administrator, got by signing in at the page once."""
    context = new_context(browser)
    page = context.new_page()
    page.goto(f"{site.url}/app/")
    sign_in(page, EMAIL, PASSWORD)
    state = context.storage_state()
    context.close()
    return dict(state)


@pytest.fixture
def page(browser: Browser, signed_in: dict[str, Any], watch: Watch) -> Iterator[Page]:
    """A page of the administrator; nothing may go wrong in it, see `Watch`."""
    context = new_context(browser, storage_state=signed_in)
    page = context.new_page()
    watch.attach(page)
    yield page
    context.close()


@pytest.fixture
def fresh_page(browser: Browser, watch: Watch) -> Iterator[Page]:
    """A page of nobody."""
    context = new_context(browser)
    page = context.new_page()
    watch.attach(page)
    # asking who is signed in answers 401, which browsers write on the console
    watch.expected.append("/api/v1/session")
    yield page
    context.close()


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """A browser profile of its own."""
    context = browser.new_context(viewport=SIZE, accept_downloads=True, **options)  # type: ignore[arg-type]
    context.set_default_timeout(_LONGEST_MS)
    return context


def sign_in(page: Page, email: str, password: str) -> None:
    """Fill the form, and wait for the studies."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Studies", exact=True).wait_for()


def set_up(page: Page, email: str) -> None:
    """Make the first administrator, and wait for the studies."""
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill("an honest password")
    page.get_by_role("button", name="Make the administrator").click()
    page.get_by_role("heading", name="Studies", exact=True).wait_for()


def faults(page: Page, axe: str) -> list[str]:
    """What axe finds: rule and the first places."""
    # settled colours: half-faded ones have other contrasts
    page.emulate_media(reduced_motion="reduce")
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [f"{v['id']}: {[node['html'][:160] for node in v['nodes'][:3]]}" for v in found["violations"]]
