"""What the client may ask by number is what it may ask by name, without the client."""

from __future__ import annotations

from pathlib import Path

import anndata
import pandas as pd

from tests.catalog.making import barcodes, counts, run_here, submit
from tests.dialects.native.world import opened


async def test_an_answer_has_a_largest_size(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as world:
        await world.add("ada")
        made = anndata.AnnData(counts(60, 40), obs=pd.DataFrame(index=barcodes(60)))
        made.obs["cell type"] = pd.Categorical(["T", "B"] * 30)
        made.write_h5ad(tmp_path / "a.h5ad")
        files = {"a.h5ad": (tmp_path / "a.h5ad").read_bytes()}
        await submit(world.catalog, world.actors["ada"], files, embeddings="keep", matrix="raw")
        await run_here(world.catalog)
        nodes = {
            name: [f"{name}:{number}" for number in range(n)]
            for name, n in {"CL": 50, "MONDO": 50, "UBERON": 7}.items()
        }
        levels = [{"ontology_id": name, "contexts": [{"metadata": {name: ids}}]} for name, ids in nodes.items()]
        secret = world["ada"].headers["authorization"].removeprefix("Bearer ")
        body = {"gene_ids": list(range(12)), "levels": levels}
        answer = await world["ada"].post(
            "http://cytosol.test/t2d/api/v1/analysis/heatmap/composition",
            json=body,
            headers={"bioturing-auth-token": secret},
        )
        assert answer.status_code == 422
        assert "12 genes in 17,500 combinations" in answer.text
        assert "at most 11 genes" in answer.text


async def test_numbers_of_genes_tell_no_names_of_unreadable_studies(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as world:
        for name in ("ada", "bob"):
            await world.add(name)
        obs = pd.DataFrame({"cell type": pd.Categorical(["T", "B"] * 30)}, index=barcodes(60))
        for name, own in (("ada", "SECRET-CAR"), ("bob", "OPEN-CAR")):
            made = anndata.AnnData(counts(60, 3), obs=obs)
            made.var_names = pd.Index(["CD3E", "MS4A1", own])
            made.write_h5ad(tmp_path / "a.h5ad")
            data = (tmp_path / "a.h5ad").read_bytes()
            await submit(world.catalog, world.actors[name], {"a.h5ad": data}, embeddings="keep", matrix="raw")
            await run_here(world.catalog)
        numbers = {}
        for name in ("ada", "bob"):
            sources = await world.catalog.across.sources(world.actors[name], species="human")
            found = await world.catalog.across.gene_numbers.measured(sources, "human")
            numbers[name] = found.numbers
            assert ("SECRET-CAR" in found.names) is (name == "ada")
        secret = world["bob"].headers["authorization"].removeprefix("Bearer ")

        async def ask(number: int) -> tuple[int, str]:
            body = {"gene_ids": [number], "levels": []}
            answer = await world["bob"].post(
                "http://cytosol.test/t2d/api/v1/analysis/heatmap/composition",
                json=body,
                headers={"bioturing-auth-token": secret},
            )
            return answer.status_code, answer.text

        status, text = await ask(numbers["bob"]["OPEN-CAR"])
        assert (status, '"rows":["OPEN-CAR"]' in text) == (200, True), text
        for number in (numbers["ada"]["SECRET-CAR"], -1, 10**9):
            status, text = await ask(number)
            assert status in (400, 422)
            assert "SECRET" not in text
