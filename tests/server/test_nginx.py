"""The server behind a real nginx with our example settings: HTTPS, a path of its own, everything passed through."""

from __future__ import annotations

import contextlib
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import anndata
import httpx
import pytest

import cytosol
from cytosol.base.keys import Key
from tests.clients.environments import client_python
from tests.processes import EMAIL, PASSWORD, serving
from tests.services import absent, free_ports

EXAMPLE = Path(__file__).parents[2] / "deploy/nginx.conf"
DEMO = Path(__file__).parents[2] / "src/cytosol/demo_data/pbmc68k_reduced.h5ad"
WAIT_S = 120


@contextlib.contextmanager
def nginx(folder: Path, upstream: str, path: str) -> Iterator[str]:
    """The example with this machine's names in it; its address."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    openssl = shutil.which("openssl")
    if program is None or openssl is None:
        absent("nginx and openssl are not installed (Debian: nginx-light, openssl)")
        return
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    plain, secure = free_ports(2)
    text = EXAMPLE.read_text()
    for old, new in (
        ("127.0.0.1:8000", urlsplit(upstream).netloc),
        ("cells.example.org;", "localhost;"),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{secure} ssl"),
        ("/etc/ssl/cells.example.org.pem", str(certificate)),
        ("/etc/ssl/private/cells.example.org.key", str(key)),
    ):
        assert old in text
        text = text.replace(old, new)
    if path:  # as the comments of the example say
        text = re.sub(r"    location / \{\n.*?\n    \}\n", "", text, flags=re.S)
        text = re.sub(
            r"    # (location /cytosol/ \{)\n    #( .*)\n    # \}", rf"    location {path}/ {{\n    \2\n    }}", text
        )
    (folder / "site.conf").write_text(text)
    temp = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nuser root;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temp}include {folder}/site.conf;\n}}\n"
    )
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    trusting = ssl.create_default_context(cafile=str(certificate))
    try:
        url = f"https://localhost:{secure}{path}"
        _wait(url, trusting)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str, trusting: ssl.SSLContext) -> None:
    end = time.monotonic() + WAIT_S
    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/healthz", verify=trusting).status_code == 200:
                return
        assert time.monotonic() < end, "nginx does not answer"
        time.sleep(0.1)


SCRIPT = """
import json, sys
from bioturing_connector.bbrowserx_connector import BBrowserXConnector

host, token, study, destination = sys.argv[1:]
connector = BBrowserXConnector(host=host, token=token, ssl=True)
assert connector.test_connection()
listed = connector.get_all_studies_info_in_group(species="human", group_id="personal")
assert [entry["uuid"] for entry in listed] == [study], listed
asked = {"group_id": "personal", "study_id": study, "study_type": 2, "species": "human"}
assert connector.download_study(**asked, dest_path=destination)
"""


@pytest.mark.parametrize("path", ["", "/cytosol"])
def test_everything_passes_through_nginx(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = tmp_path / "proxy"
    proxy.mkdir()
    arguments = ("--root-path", path) if path else ()
    with serving(tmp_path / "data", *arguments) as server, nginx(proxy, server.url, path) as url:
        monkeypatch.setenv("SSL_CERT_FILE", str(proxy / "cert.pem"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(proxy / "cert.pem"))
        with httpx.Client(base_url=url, timeout=WAIT_S) as browser:
            _page_and_cookie(browser, path)
            _events(browser)
        with cytosol.Client(url, server.token) as client:
            study = client.create_study("Through the proxy")
            study.submit(DEMO, matrix="normalized", embeddings="keep", progress=False).wait(progress=False)
            back = study.dataset().download(tmp_path / "back.h5ad", progress=False)
            assert anndata.read_h5ad(back).shape == (700, 765)
            studies = client.studies()
            _bioturing(url, server.token, Key.parse(study.id).hex32, tmp_path / "published.h5ad")
        assert len(studies) == 2


def _page_and_cookie(browser: httpx.Client, path: str) -> None:
    assert browser.get("/app/studies").status_code == 200
    signed = browser.post("/api/v1/session", json={"email": EMAIL, "password": PASSWORD}, headers={"x-cytosol": "1"})
    assert signed.is_success, signed.text
    cookie = signed.headers["set-cookie"].lower()
    assert "; secure" in cookie
    assert "; httponly" in cookie
    assert f"path={path or '/'}" in cookie
    assert browser.get("/api/v1/session").json()["user"]["email"] == EMAIL


def _events(browser: httpx.Client) -> None:
    """Events come as they happen, not when the stream ends."""
    with browser.stream("GET", "/api/v1/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        browser.post("/api/v1/studies", json={"name": "Seen at once"}, headers={"x-cytosol": "1"}).raise_for_status()
        assert any(line.startswith("data:") and "study" in line for line in answer.iter_lines())


def _bioturing(url: str, token: str, study: str, destination: Path) -> None:
    """The published client, which trusts what ``REQUESTS_CA_BUNDLE`` says."""
    python = client_python("bioturing-1.14")
    command = [str(python), "-c", SCRIPT, f"{url}/t2d_index_tool/", token, study, str(destination)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    assert anndata.read_h5ad(destination).shape == (700, 765)
