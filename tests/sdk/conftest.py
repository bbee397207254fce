"""A server process with a study of the shipped files, for the tests of the client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import cytosol
from cytosol.sdk import Client, Study
from tests.processes import PASSWORD, RunningServer, printed_link, serving

DEMO = Path(cytosol.__file__).parent / "demo_data"
REDUCED = DEMO / "pbmc68k_reduced.h5ad"
COUNTS = DEMO / "pbmc8k_2700.h5"


@dataclass
class Lab:
    """A running server, a client of its administrator, and a study with a dataset of each shipped file."""

    server: RunningServer
    client: Client
    study: Study

    def sign(self, email: str, *scopes: str) -> Client:
        """A client of a user, who is made where there is none, with a token of these scopes."""
        if email not in [user["email"] for user in self.client.http.pages("users")]:
            self.client.http.post("users", {"email": email, "password": PASSWORD})
        with Client(self.server.url) as page:
            page.sign_in(email, PASSWORD)
            made = page.http.post("tokens", {"scopes": list(scopes or ("read", "write", "share"))})
        return Client(self.server.url, made["token"])


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with serving(tmp_path_factory.mktemp("lab"), with_user=False) as server, Client(server.url) as client:
        key = printed_link(server).partition("?key=")[2]
        person = {"key": key, "email": "ada@example.org", "name": "Ada", "password": PASSWORD}
        client.http.post("setup", person)
        study = client.create_study("PBMC")
        jobs = [
            study.submit(REDUCED, name="reduced", matrix="normalized", embeddings="keep", progress=False),
            study.submit(COUNTS, name="counts", filters={"min_genes": 600}, embeddings="keep", progress=False),
        ]
        for job in jobs:
            job.wait(progress=False, timeout_s=200)
        yield Lab(server, client, study)
