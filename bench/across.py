"""Two genes over 200 studies: expression per cell type over HTTP, through our own API and as bioflex asks for it.

The studies are real: cells of the demo's PBMC 8k, with cell types by single markers. A few sub-samples are ingested;
the others are copies of these, each with its own records and files (hard links, so that they take no room on disk;
the server opens each of them). Every request asks for two genes by chance and adds up all studies anew.

    python bench/across.py                  200 studies of 2,000 cells × 33,694 genes, about 3 minutes
    python bench/across.py --studies 6 --cells 200
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

import anndata
import h5py
import httpx
import numpy as np
import pandas as pd
import scipy.sparse as sp

sys.path.insert(0, str(Path(__file__).parent))
from _servers import Served, cytosol, milliseconds

import cytosol as client_library
from cytosol.base.keys import Key, new_key
from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.db import rows, tables
from cytosol.jobs.signals import Signals

DEMO = Path(client_library.__file__).parent / "demo_data" / "pbmc8k_2700.h5"
MARKS = {"B cell": "MS4A1", "monocyte": "LYZ", "T cell": "CD3E", "natural killer cell": "NKG7", "platelet": "PPBP"}
MOST_SOURCES = 4


def read_demo() -> anndata.AnnData:
    """The demo's cells with types by single markers; cells without a mark have none."""
    with h5py.File(DEMO) as file:
        group = file["matrix"]
        n_genes, n_cells = group["shape"][()]
        parts = (group["data"][()], group["indices"][()], group["indptr"][()])
        counts = sp.csc_matrix(parts, shape=(n_genes, n_cells)).T.tocsr().astype(np.float32)
        names = pd.Index([name.decode() for name in group["features/name"][()]])
        var = pd.DataFrame(
            {"gene_ids": [id.decode() for id in group["features/id"][()]]},
            index=anndata.utils.make_index_unique(names),
        )
        obs = pd.DataFrame(index=[name.decode() for name in group["barcodes"][()]])
    made = anndata.AnnData(counts, obs=obs, var=var)
    types = pd.Series(index=made.obs_names, dtype=object)
    for name, gene in MARKS.items():
        types[types.isna() & (made[:, gene].X.toarray().ravel() >= (5 if gene == "LYZ" else 1))] = name
    made.obs["cell_type"] = types.astype("category")
    return made


def ingest(served: Served, folder: Path, *, n_sources: int, n_cells: int) -> list[str]:
    """Submit sub-samples; the ids of the studies."""
    demo, random, ids = read_demo(), np.random.default_rng(3), []
    with client_library.Client(served.url, served.token) as client:
        for number in range(n_sources):
            path = folder / f"sample{number}.h5ad"
            demo[np.sort(random.choice(demo.n_obs, n_cells, replace=False))].write_h5ad(path)
            study = client.create_study(f"Sample {number}")
            study.submit(path, embeddings="keep", progress=False).wait(progress=False)
            ids.append(study.id)
    return ids


async def copy_studies(data: Path, token: str, ids: list[str], n_studies: int) -> None:
    """Copies with records and files of their own, until there are so many studies."""
    catalog = await Catalog.open(load_settings(data=data, min_free_bytes=0), notifier=Signals())
    try:
        actor = await catalog.accounts.resolve_token(token)
        for number in range(n_studies - len(ids)):
            source = Key.parse(ids[number % len(ids)])
            made = await catalog.studies.duplicate(actor, study_id=source, name=f"Study {number}")
            async with catalog.context.db.write() as conn:
                (dataset,) = await rows.find(conn, tables.datasets, {"study_id": made.study.id})
                old, fresh = dataset["bytes_id"].hex24, new_key()
                await rows.update(conn, tables.datasets, {"id": dataset["id"]}, {"bytes_id": fresh})
                for element in await rows.find(conn, tables.elements, {"dataset_id": dataset["id"], "kind": "index"}):
                    path = element["path"].replace(old, fresh.hex24)
                    await rows.update(conn, tables.elements, {"id": element["id"]}, {"path": path})
            for prefix in ("datasets", "index"):
                _link(data / "store" / prefix / old, data / "store" / prefix / fresh.hex24)
    finally:
        await catalog.close()


def _link(source: Path, target: Path) -> None:
    for folder, _, names in os.walk(source):
        place = target / Path(folder).relative_to(source)
        place.mkdir(parents=True)
        for name in names:
            os.link(Path(folder) / name, place / name)


def measure(served: Served, n_requests: int) -> dict[str, float]:
    """Median and 95th percentile of both ways, ms; CPU of the server a request, ms; its memory, MB."""
    random = np.random.default_rng(1)
    with httpx.Client(
        base_url=served.url, headers=served.headers | {"btr-api-token": served.token}, timeout=120
    ) as web:
        names = [
            item["symbol"] for item in web.get("/api/v1/genes", params={"search": "CD", "limit": 500}).json()["items"]
        ]
        names = [name for name in names if name.startswith("CD")]
        database = web.post("/bioflex/v1/database/list", json={}).json()[0]

        def ours(_: int) -> httpx.Response:
            genes = ",".join(random.choice(names, 2, replace=False))
            return web.get("/api/v1/expression.arrow", params={"genes": genes}).raise_for_status()

        def bioflex(_: int) -> httpx.Response:
            body = {"database": database["id"], "species": "human", "version": 1, "gene_names": ["CD3E", "LYZ"]}
            return web.post("/bioflex/v1/expression/celltypes", json=body).raise_for_status()

        for _ in range(5):
            ours(0)
            bioflex(0)
        before = served.cpu_s
        own = milliseconds(ours, n_requests)
        between = served.cpu_s
        flex = milliseconds(bioflex, n_requests)
        after = served.cpu_s
    return {
        "own_p50_ms": own[0],
        "own_p95_ms": own[1],
        "own_cpu_ms": (between - before) / n_requests * 1000,
        "bioflex_cpu_ms": (after - between) / n_requests * 1000,
        "bioflex_p50_ms": flex[0],
        "bioflex_p95_ms": flex[1],
        "resident_mb": served.resident_bytes / 1e6,
    }


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Run, print, and give the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--cells", type=int, default=2000, help="cells of each study, up to 2,700")
    parser.add_argument("--requests", type=int, default=100)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "data"
        with cytosol(data) as served:
            ids = ingest(served, folder, n_sources=min(MOST_SOURCES, given.studies), n_cells=given.cells)
            token = served.token
        asyncio.run(copy_studies(data, token, ids, given.studies))
        with cytosol(data) as served:
            figures = measure(served, given.requests)
    print(
        f"2 genes over {given.studies} studies of {given.cells:,} cells, "
        f"{given.requests} requests each, goal p50 < 100 ms"
    )
    for name, what in (("own", "expression.arrow "), ("bioflex", "bioflex celltypes")):
        wall = f"p50 {figures[f'{name}_p50_ms']:.1f} ms, p95 {figures[f'{name}_p95_ms']:.1f} ms"
        print(f"  {what}    {wall}, {figures[f'{name}_cpu_ms']:.1f} CPU ms of the server a request")
    print(f"  memory of the server {figures['resident_mb']:.0f} MB")
    return figures


if __name__ == "__main__":
    main()
