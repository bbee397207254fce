"""Several batches as one table."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import TableSource
from cytosol.formats.join import join_tables
from cytosol.formats.table import obs_columns
from tests.formats.samples import (
    barcodes,
    counts,
    delimited_text,
    ids,
    open_path,
    open_text,
    symbols,
    whole,
    write_tenx_v3,
)


def batch(
    folder: Path, name: str, *, features: list[int], seed: int, with_ids: bool = True, values: str = "counts"
) -> tuple[TableSource, pd.DataFrame]:
    """A table of some of 12 features, and the same as a frame by symbol."""
    n_cells = 10 + seed
    matrix = counts(n_cells, len(features), seed=seed)
    data = anndata.AnnData(
        X=matrix.astype(np.float32),
        obs=pd.DataFrame(index=barcodes(n_cells, seed=seed)),
        var=pd.DataFrame(
            {"gene_ids": [ids(12)[place] for place in features]}, index=[symbols(12)[place] for place in features]
        ),
    )
    if not with_ids:
        del data.var["gene_ids"]
    data.obs["type"] = pd.Categorical([["T", "B", name][row % 3] for row in range(n_cells)])
    data.obs[f"only_{name}"] = np.arange(n_cells)
    data.obs["score"] = np.arange(n_cells) / 2
    data.uns["type_colors"] = np.array(["#000001", "#000002", "#000003"])
    data.obsm["X_umap"] = np.full((n_cells, 2), float(seed))
    data.obsm[f"X_{name}"] = np.zeros((n_cells, 2))
    data.write_h5ad(folder / f"{name}.h5ad")
    table = open_path(folder / f"{name}.h5ad", matrix="raw" if values == "counts" else "normalized")
    return table, pd.DataFrame(matrix, index=data.obs_names, columns=data.var_names)


def test_shared_features_by_id(tmp_path: Path) -> None:
    one, a = batch(tmp_path, "one", features=[5, 1, 2, 3, 8], seed=1)
    two, b = batch(tmp_path, "two", features=[3, 2, 5, 9], seed=2)
    joined = join_tables([one, two], ["one", "two"])
    assert list(joined.var.index) == ["RPL5", "RPL2", "RPL3"]
    assert list(joined.var["feature_id"]) == [ids(12)[5], ids(12)[2], ids(12)[3]]
    expected = pd.concat([a, b])[["RPL5", "RPL2", "RPL3"]]
    assert np.array_equal(whole(joined), expected.to_numpy())
    assert list(joined.obs.index) == list(expected.index)
    notes = " ".join(joined.notes)
    assert "over 3 shared features, by feature id" in notes
    assert "2 of 5 features of one are not in all batches: RPL1, RPL8." in notes
    assert "1 of 4 features of two are not in all batches: RPL9." in notes
    assert set(joined.obsm) == {"X_umap"}
    assert joined.obsm["X_umap"][:, 0].tolist() == [1.0] * 11 + [2.0] * 12
    assert "X_one" in notes


def test_columns(tmp_path: Path) -> None:
    one, _ = batch(tmp_path, "one", features=[0, 1], seed=1)
    two, _ = batch(tmp_path, "two", features=[0, 1], seed=2)
    columns = obs_columns(join_tables([one, two], ["first", "second"]).obs)
    assert columns["Batch"].categories == ["first", "second"]
    assert columns["Batch"].values.tolist() == [0] * 11 + [1] * 12
    assert columns["type"].categories == ["B", "T", "one", "two"]
    assert columns["type"].colors == ["#000001", "#000002", "#000003", "#000003"]
    assert columns["score"].values.tolist() == [*np.arange(11) / 2, *np.arange(12) / 2]
    assert columns["only_one"].values[:11].tolist() == list(range(11))
    assert np.isnan(columns["only_one"].values[11:]).all()


def test_by_symbol_where_ids_are_missing(tmp_path: Path) -> None:
    one, a = batch(tmp_path, "one", features=[1, 2, 3], seed=1)
    two, b = batch(tmp_path, "two", features=[3, 1], seed=2, with_ids=False)
    joined = join_tables([one, two], ["one", "two"])
    assert "by symbol" in " ".join(joined.notes)
    assert np.array_equal(whole(joined), pd.concat([a, b])[["RPL1", "RPL3"]].to_numpy())


def test_versions_of_ids_do_not_part_them(tmp_path: Path) -> None:
    first = open_path(write_tenx_v3(tmp_path / "a.h5", counts(5, 3)))
    versions = {"features/id": np.array([f"{one}.{place + 1}" for place, one in enumerate(ids(3))], dtype="S")}
    second = open_path(write_tenx_v3(tmp_path / "b.h5", counts(6, 3), **versions))
    assert join_tables([first, second], ["a", "b"]).n_features == 3


def test_clashing_barcodes_get_the_batch_name(tmp_path: Path) -> None:
    first = open_path(write_tenx_v3(tmp_path / "a.h5", counts(3, 3)))
    second = open_path(write_tenx_v3(tmp_path / "b.h5", counts(5, 3)))
    joined = join_tables([first, second], ["a", "b"])
    cells = barcodes(5)
    assert (
        list(joined.obs.index) == [f"{name}-a" for name in cells[:3]] + [f"{name}-b" for name in cells[:3]] + cells[3:]
    )
    assert any("3 barcodes occur in several batches" in note for note in joined.notes)


def test_batches_that_come_feature_by_feature(tmp_path: Path) -> None:
    matrix, other = counts(40, 12), counts(25, 12, seed=3)
    text = open_text(delimited_text(matrix, genes_in_rows=True))
    file = open_path(write_tenx_v3(tmp_path / "b.h5", other))
    joined = join_tables([text, file], ["text", "h5"])
    assert np.array_equal(whole(joined), np.concatenate([matrix, other]))
    assert np.array_equal(whole(joined, block_bytes=1 << 24), np.concatenate([matrix, other]))


def test_one_batch_and_a_taken_name(tmp_path: Path) -> None:
    table, frame = batch(tmp_path, "one", features=[1, 2], seed=1)
    table.obs["Batch"] = 1
    joined = join_tables([table], ["one"])
    assert np.array_equal(whole(joined), frame.to_numpy())
    assert list(joined.obs.columns[-2:]) == ["Batch", "Batch (1)"]


def test_refusals(tmp_path: Path) -> None:
    one, _ = batch(tmp_path, "one", features=[1, 2], seed=1)
    two, _ = batch(tmp_path, "two", features=[3, 4], seed=2)
    normal, _ = batch(tmp_path, "normal", features=[1, 2], seed=3, values="normalized")
    with pytest.raises(InvalidInputError, match=r"share no feature.*one: .*two: "):
        join_tables([one, two], ["one", "two"])
    with pytest.raises(InvalidInputError, match="Raw counts and normalised"):
        join_tables([one, normal], ["one", "normal"])
    with pytest.raises(InvalidInputError, match="'x' occurs more than once"):
        join_tables([one, two], ["x", "x"])
    with pytest.raises(InvalidInputError, match="Batch 2 has no name"):
        join_tables([one, two], ["x", " "])
    with pytest.raises(InvalidInputError, match="2 batches and 1 names"):
        join_tables([one, two], ["x"])
    with pytest.raises(InvalidInputError, match="0 batches"):
        join_tables([], [])
