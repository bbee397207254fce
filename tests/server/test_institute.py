"""The same server on PostgreSQL and a bucket: by settings alone."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import h5py
import numpy as np

import cytosol
from tests.processes import command, serving
from tests.services import S3Server

V3 = Path(str(files("cytosol") / "demo_data" / "pbmc68k_reduced.h5ad"))


def test_a_study_on_postgresql_and_s3(tmp_path: Path, postgres_url: str, s3_server: S3Server) -> None:
    environment = {
        "CYTOSOL_DATABASE": postgres_url,
        "CYTOSOL_STORE": f"s3://{s3_server.bucket}/institute",
        "CYTOSOL_S3_ENDPOINT": s3_server.endpoint,
        "CYTOSOL_S3_ACCESS_KEY": s3_server.access_key,
        "CYTOSOL_S3_SECRET_KEY": s3_server.secret_key,
        "CYTOSOL_MIN_FREE_BYTES": "0",
    }
    data = tmp_path / "data"
    data.mkdir()
    command("migrate", data=data, environment=environment)
    with serving(data, environment=environment) as running, cytosol.Client(running.url, running.token) as client:
        study = client.create_study("In the institute")
        job = study.submit(V3, matrix="normalized", embeddings="keep", progress=False).wait(progress=False)
        table = client.dataset(job.dataset_id).table()
        values = table.values(["CD3D"])["CD3D"].to_numpy()
        obs = table.obs(["bulk_labels"])
        umap = table.embedding("X_umap")
    with h5py.File(V3) as file:
        names = [row[0].decode() for row in file["var"][:]]
        np.testing.assert_array_equal(values, file["X"][:, names.index("CD3D")])
        np.testing.assert_array_equal(umap, file["obsm"]["X_umap"][:].astype("f4"))
    assert obs["bulk_labels"].value_counts().sum() == 700
    assert not (data / "store").exists()
    assert not (data / "cytosol.db").exists()
