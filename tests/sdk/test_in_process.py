"""The async client on an application in this process."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np

from cytosol.base.settings import load_settings
from cytosol.model.rights import SYSTEM
from cytosol.sdk import AsyncClient
from cytosol.server.app import running
from tests.catalog.making import counts, h5ad


async def test_from_a_file_to_clusters_and_back(tmp_path: Path) -> None:
    matrix = counts(n_cells=120)
    path = tmp_path / "blood.h5ad"
    path.write_bytes(h5ad(matrix))
    async with running(load_settings(data=tmp_path / "data", min_free_bytes=0)) as whole:
        user = await whole.catalog.accounts.create_user(SYSTEM, email="ada@example.org", password="correct horse")
        token, _ = await whole.catalog.accounts.new_token(SYSTEM, user_id=user.id)
        transport = httpx.ASGITransport(whole.app)
        async with AsyncClient("http://cytosol.test", token, transport=transport) as client:
            study = await client.create_study("Blood", species="mouse")
            job = await study.submit(path, progress=False)
            await job.wait(progress=False, timeout_s=200)
            assert (await job.log())[0] == "Waiting in queue"
            dataset = await study.dataset("blood.h5ad")
            table = dataset.table()
            np.testing.assert_array_equal((await table.matrix(unit="raw")).toarray(), matrix.toarray())
            obs = await table.obs()
            clusters = obs["Louvain clustering"]
            assert clusters.notna().all()
            truth = np.arange(120) < 60
            agrees = max((truth == (clusters == level)).mean() for level in clusters.cat.categories)
            assert agrees > 0.4
            assert (await table.embedding("X_umap")).shape == (120, 2)
            back = await dataset.to_anndata(progress=False)
            assert back.shape == (120, 40)
        async with AsyncClient("http://cytosol.test", transport=transport) as browser:
            signed = await browser.sign_in("ada@example.org", "correct horse")
            assert signed["user"]["email"] == "ada@example.org"
            assert [found.name for found in await browser.studies(species="mouse")] == ["Blood"]
            assert await browser.studies(species="human") == []
            made = await browser.create_study("By cookie")
            assert made.species == "human"
