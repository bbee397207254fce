"""A server process with a study of the shipped files, for the tests of the client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import cytosol
from cytosol.sdk import Client, Study
from tests.processes import RunningServer, serving

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
        """A client of a user, who is made where there is none."""
        if email not in self.server.command("user", "list"):
            self.server.command("user", "add", email, "--password", "long enough words")
        token = self.server.command("token", "new", email, "--scope", ",".join(scopes or ("read", "write", "share")))
        return Client(self.server.url, token.strip())


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with serving(tmp_path_factory.mktemp("lab")) as server, Client(server.url, server.token) as client:
        study = client.create_study("PBMC")
        jobs = [
            study.submit(REDUCED, name="reduced", matrix="normalized", embeddings="keep", progress=False),
            study.submit(COUNTS, name="counts", filters={"min_genes": 600}, embeddings="keep", progress=False),
        ]
        for job in jobs:
            job.wait(progress=False, timeout_s=200)
        yield Lab(server, client, study)
