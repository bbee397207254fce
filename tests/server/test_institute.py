"""The same server on PostgreSQL and a bucket: by settings alone."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import h5py
import numpy as np
import pytest

import cytosol
from cytosol.base.errors import InvalidInputError
from tests.formats.fcs_files import build, floats, plain
from tests.processes import command, serving
from tests.services import S3Server

V3 = Path(str(files("cytosol") / "demo_data" / "pbmc68k_reduced.h5ad"))


@pytest.fixture
def institute(tmp_path: Path, postgres_url: str, s3_server: S3Server) -> Iterator[cytosol.Client]:
    """A client of a server whose data folder stays without data."""
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
        yield client
    assert not (data / "store").exists()
    assert not (data / "cytosol.db").exists()


def test_a_study_on_postgresql_and_s3(institute: cytosol.Client) -> None:
    study = institute.create_study("In the institute")
    job = study.submit(V3, matrix="normalized", embeddings="keep", progress=False).wait(progress=False)
    table = institute.dataset(job.dataset_id).table()
    values = table.values(["CD3D"])["CD3D"].to_numpy()
    obs = table.obs(["bulk_labels"])
    umap = table.embedding("X_umap")
    with h5py.File(V3) as file:
        names = [row[0].decode() for row in file["var"][:]]
        np.testing.assert_array_equal(values, file["X"][:, names.index("CD3D")])
        np.testing.assert_array_equal(umap, file["obsm"]["X_umap"][:].astype("f4"))
    assert obs["bulk_labels"].value_counts().sum() == 700


def test_a_gated_file_on_postgresql_and_s3(institute: cytosol.Client, tmp_path: Path) -> None:
    study = institute.create_study("Cytometry in the institute")
    empty, made = tmp_path / "empty.fcs", tmp_path / "made.fcs"
    empty.touch()
    with pytest.raises(InvalidInputError, match=r"empty\.fcs"):
        study.add_file(empty, progress=False)
    events = floats(5000, 3)
    made.write_bytes(build(plain(5000, ["A", "B", "C"]), events.tobytes()))
    study.add_file(made, progress=False)
    study.set_scales({"A": {"type": "linear", "minimum": -1e4, "maximum": 1e4}})
    study.gates.create("range", "middle", "var:A", geometry={"x1": 400, "x2": 600})
    found = study.statistics(["event_count", "mean"], "var:B", populations=["middle"], compensation="none")
    inside = events[(events[:, 0] >= 400) & (events[:, 0] <= 600), 1].astype(float)
    assert found["event_count"].tolist() == [len(inside)]
    assert found["mean"].tolist() == pytest.approx([inside.mean()])
