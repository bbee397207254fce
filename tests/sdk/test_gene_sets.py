"""Gene sets, scores and cell types through the client, on a real server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cytosol.base.errors import NotFoundError, VersionMismatchError
from tests.sdk.conftest import Lab


def test_lists_are_kept_shared_and_removed(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "blood.gmt"
    path.write_text("B\tcells\tCD79A\tMS4A1\nT\tcells\tCD3D\tCD3E\n", encoding="utf-8")
    kept = lab.client.import_gene_sets(path, kind="markers")
    assert (kept.name, kept.n_sets, kept.may_edit) == ("blood", 2, True)
    assert kept.id in [one.id for one in lab.client.gene_sets(kind="markers")]
    listed = next(one for one in lab.client.gene_sets() if one.id == kept.id)
    assert listed.to_dict() == {"B": ["CD79A", "MS4A1"], "T": ["CD3D", "CD3E"]}
    group = lab.client.http.post("groups", {"name": "Markers' lab"})
    with lab.sign("bob.markers@example.org") as bob:
        assert kept.id not in [one.id for one in bob.gene_sets()]
        person = next(one for one in lab.client.http.pages("users") if one["email"] == "bob.markers@example.org")
        lab.client.http.change("PUT", f"groups/{group['id']}/members/{person['id']}", {"role": "member"})
        kept.change(group_id=group["id"], name="Blood")
        assert [one.name for one in bob.gene_sets() if one.id == kept.id] == ["Blood"]
        with pytest.raises(VersionMismatchError):
            listed.change(name="Too late")
        kept.unshare()
        assert kept.id not in [one.id for one in bob.gene_sets()]
    kept.delete()
    with pytest.raises(NotFoundError):
        lab.client.http.get(f"gene-sets/{kept.id}")


def test_scores_and_cell_types(lab: Lab) -> None:
    (shipped,) = lab.client.http.pages("cell-type-references")
    assert (shipped["name"], shipped["kind"]) == ("cytosol", "reference")
    assert {"blood", "brain"} <= set(shipped["tissues"])
    table = lab.study.dataset("reduced").table()
    job = table.scores({"B cells": ["CD79A", "MS4A1", "CD79B"]})
    job.wait(progress=False, timeout_s=200)
    table.cell_types(column="louvain").wait(progress=False, timeout_s=200)
    obs = table.obs(["Score of B cells", "Cell type", "bulk_labels"])
    b = obs["bulk_labels"] == "CD19+ B"
    assert obs["Score of B cells"][b].mean() > obs["Score of B cells"][~b].mean() + 0.5
    kinds = obs["Cell type"][b].astype(str)
    assert np.isin(kinds, ["B cell", "memory B cell", "naive B cell", "plasma cell"]).mean() > 0.85
