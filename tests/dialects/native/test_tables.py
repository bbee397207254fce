"""Bulk data of tables as Arrow, and annotations in every spelling."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import arro3.core as ac
import httpx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from arro3.io import write_ipc_stream
from hypothesis import given
from hypothesis import strategies as st

from cytosol.catalog import tables as catalog_tables
from cytosol.dialects.native.arrow import MEDIA_TYPE, arrow_bytes, arrow_stream
from cytosol.dialects.native.translate.features import names_of
from cytosol.sdk.arrow import Column, read_columns
from cytosol.sdk.frames import joined, to_csc
from tests.catalog.making import Made, barcodes, make_dataset
from tests.dialects.native.world import World

ARROW = {"content-type": MEDIA_TYPE}


@dataclass
class Blood:
    """A dataset of 60 cells × 40 features, and who owns it."""

    world: World
    made: Made
    client: httpx.AsyncClient

    @property
    def path(self) -> str:
        return f"datasets/{self.made.id.hex24}/tables/{self.made.view.tables[0].name}"

    async def columns(self, name: str, /, **query: Any) -> dict[str, Column]:
        response = await self.client.get(f"{self.path}/{name}", params=query)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == MEDIA_TYPE
        return read_columns(response.content)

    async def record(self, name: str) -> dict[str, Any]:
        dataset = (await self.client.get(f"datasets/{self.made.id.hex24}")).json()
        found: dict[str, Any] = next(c for c in dataset["tables"][0]["columns"] if c["name"] == name)
        return found

    async def change(self, column: dict[str, Any], **body: Any) -> httpx.Response:
        headers = {"if-match": f'"{column["version"]}"'}
        return await self.client.patch(f"{self.path}/columns/{column['id']}", json=body, headers=headers)


@pytest.fixture
async def blood(world: World) -> Blood:
    return Blood(world, await make_dataset(world.catalog, world.actors["ada"]), world["ada"])


def lognorm(counts: sp.csr_matrix) -> np.ndarray:
    dense = counts.toarray().astype(np.float64)
    return np.log1p(1e4 * dense / dense.sum(axis=1, keepdims=True))


async def test_values_are_the_counts_and_their_logarithm(blood: Blood) -> None:
    dense = blood.made.matrix.toarray()
    raw = await blood.columns("values", features="GENE3,GENE0", unit="raw")
    assert list(raw) == ["GENE3", "GENE0"]
    assert raw["GENE3"].values.dtype == np.float32
    np.testing.assert_array_equal(raw["GENE3"].values, dense[:, 3])
    np.testing.assert_array_equal(raw["GENE0"].values, dense[:, 0])
    told = await blood.columns("values", features="GENE3")
    np.testing.assert_allclose(told["GENE3"].values, lognorm(blood.made.matrix)[:, 3], rtol=1e-6)
    assert told["GENE3"].facts == {"symbol": "GENE3"}


async def test_sparse_values_come_by_feature(blood: Blood) -> None:
    some = await blood.columns("values", features="GENE5,GENE2", unit="raw", layout="sparse")
    assert [some[name].values.dtype for name in ("cell", "feature", "value")] == [np.int32, np.int32, np.float32]
    matrix = to_csc(some, shape=(60, 2)).toarray()
    np.testing.assert_array_equal(matrix, blood.made.matrix.toarray()[:, [5, 2]])


@pytest.mark.parametrize("block_bytes", [1, 200, 1 << 20])
async def test_the_whole_matrix_comes_in_pieces(blood: Blood, block_bytes: int) -> None:
    tables = blood.world.catalog.tables
    pinned = await tables.pin(blood.world.actors["ada"], dataset_id=blood.made.id)
    blocks = tables.matrix_blocks(pinned, unit="raw", block_bytes=block_bytes)

    async def batches() -> AsyncIterator[dict[str, np.ndarray]]:
        async for first, block in blocks:
            features = np.repeat(np.arange(first, first + block.shape[1], dtype=np.int32), np.diff(block.indptr))
            yield {"cell": block.indices.astype(np.int32), "feature": features, "value": block.data}

    pieces = [piece async for piece in arrow_stream(batches())]
    assert len(pieces) > 2 or block_bytes > 200
    matrix = to_csc(read_columns(b"".join(pieces)), shape=(60, 40))
    np.testing.assert_array_equal(matrix.toarray(), blood.made.matrix.toarray())
    whole = await blood.columns("values", features="*", unit="raw", layout="sparse")
    np.testing.assert_array_equal(to_csc(whole, shape=(60, 40)).toarray(), blood.made.matrix.toarray())
    assert catalog_tables.BLOCK_BYTES >= 1 << 20


async def test_what_cannot_be_asked_for(blood: Blood) -> None:
    for query, status, words in (
        ({}, 422, "No feature is named"),
        ({"features": ""}, 422, "No feature is named"),
        ({"features": "*"}, 422, "sparse layout only"),
        ({"features": "GENE0,NONE,NIX"}, 404, "2 of 3 features are not in this table: NONE, NIX"),
        ({"features": "GENE0", "unit": "tpm"}, 422, "unit"),
        ({"features": "GENE0", "version": 99}, 404, "no version 99"),
    ):
        response = await blood.client.get(f"{blood.path}/values", params=query)
        assert response.status_code == status, query
        assert words in response.json()["detail"]
    wrong = await blood.client.get(f"datasets/{blood.made.id.hex24}/tables/nix/values", params={"features": "GENE0"})
    assert wrong.status_code == 404


async def test_features_are_searched_and_listed(blood: Blood) -> None:
    found = (await blood.client.get(f"{blood.path}/features", params={"search": "gene1", "limit": 3})).json()["items"]
    assert [hit["symbol"] for hit in found] == ["GENE1", "GENE10", "GENE11"]
    assert found[0]["index"] == 1
    features = await blood.columns("features.arrow")
    assert list(features) == ["symbol", "feature_id", "feature_type", "genome"]
    assert list(features["symbol"].values) == [f"GENE{number}" for number in range(40)]
    assert list((await blood.columns("barcodes.arrow"))["barcode"].values) == barcodes(60)


async def test_annotations_keep_their_kind(blood: Blood) -> None:
    columns = await blood.columns("columns.arrow", names="type,age")
    assert list(columns) == ["type", "age"]
    kind = columns["type"]
    assert kind.values.dtype == np.int32
    assert kind.facts == {"kind": "categorical", "categories": ["T", "B"], "colors": None, "ordered": False}
    assert list(kind.values[:4]) == [1, 0, 1, 0]
    assert columns["age"].facts == {"kind": "numeric"}
    np.testing.assert_allclose(columns["age"].values, np.linspace(1, 2, 60))
    assert columns["age"].values.dtype == np.float64
    assert set(await blood.columns("columns.arrow")) >= {"type", "age"}


async def test_embeddings_have_a_column_each_dimension(blood: Blood) -> None:
    points = await blood.columns("embeddings.arrow", name="X_map")
    assert list(points) == ["0", "1"]
    np.testing.assert_array_equal(points["1"].values, np.arange(1, 120, 2, dtype=np.float32))
    assert (await blood.client.get(f"{blood.path}/embeddings.arrow", params={"name": "nix"})).status_code == 404


async def test_the_newest_version_is_checked_and_a_named_one_is_kept(blood: Blood) -> None:
    path = f"{blood.path}/columns.arrow"
    newest = await blood.client.get(path)
    assert newest.headers["cache-control"] == "private, no-cache"
    tag = newest.headers["etag"]
    assert tag == f'"{blood.made.view.dataset.data_version}"'
    known = await blood.client.get(path, headers={"if-none-match": tag})
    assert (known.status_code, known.content) == (304, b"")
    made = await blood.client.post(f"{blood.path}/columns", json={"name": "new", "categories": []})
    assert made.status_code == 201
    again = await blood.client.get(path, headers={"if-none-match": tag})
    assert again.status_code == 200
    assert "new" in read_columns(again.content)
    old = await blood.client.get(path, params={"version": tag.strip('"')})
    assert "immutable" in old.headers["cache-control"]
    assert "new" not in read_columns(old.content)


async def test_an_annotation_is_drawn_edited_and_undone(blood: Blood) -> None:
    body = {
        "name": "mine",
        "categories": [
            {"name": "a", "color": "#ff0000", "cells": [0, 1, 2]},
            {"name": "b", "color": "#00FF00", "cells": [5]},
        ],
    }
    made = await blood.client.post(f"{blood.path}/columns", json=body)
    assert made.status_code == 201
    assert (made.json()["unmatched"], made.json()["missing"]) == (0, 56)
    column = made.json()["columns"][0]
    assert (column["kind"], column["n_categories"], column["created_by"]) == ("categorical", 2, "ada@example.org")
    renamed = await blood.change(column, name="types", rename={"a": "A"}, colors={"b": "#0000ff"})
    assert renamed.status_code == 200, renamed.text
    told = (await blood.columns("columns.arrow", names="types"))["types"]
    assert (told.facts["categories"], told.facts["colors"]) == (["A", "b"], ["#ff0000", "#0000ff"])
    assert (await blood.change(column, name="late")).status_code == 412
    merged = await blood.change(renamed.json(), merge={"all": ["A", "b"]})
    told = (await blood.columns("columns.arrow", names="types"))["types"]
    assert (told.facts["categories"], (told.values == 0).sum()) == (["all"], 4)
    revisions = (await blood.client.get(f"studies/{blood.made.study_id.hex24}/revisions")).json()["items"]
    assert revisions[0]["actor"]["email"] == "ada@example.org"
    assert (await blood.client.post(f"revisions/{revisions[0]['id']}/undo")).status_code == 201
    told = (await blood.columns("columns.arrow", names="types"))["types"]
    assert told.facts["categories"] == ["A", "b"]
    last = await blood.record("types")
    assert last["version"] > merged.json()["version"]
    gone = await blood.client.delete(f"{blood.path}/columns/{last['id']}", headers={"if-match": f'"{last["version"]}"'})
    assert gone.status_code == 204
    assert "types" not in await blood.columns("columns.arrow")


def stream(columns: dict[str, ac.Array]) -> bytes:
    sink = io.BytesIO()
    write_ipc_stream(ac.Table.from_pydict(columns), sink, compression=None)
    return sink.getvalue()


async def test_annotations_come_as_arrow_by_barcode(blood: Blood) -> None:
    names = [*barcodes(60)[10:20], "OTHER-1"]
    texts = ["x" if number % 2 else None for number in range(11)]
    body = stream(
        {
            "barcode": ac.Array(names, type=ac.DataType.string()),
            "group": ac.Array(texts, type=ac.DataType.string()),
            "score": ac.Array([float(number) for number in range(11)], type=ac.DataType.float64()),
        }
    )
    made = await blood.client.post(f"{blood.path}/columns", content=body, headers=ARROW)
    assert made.status_code == 201, made.text
    answer = made.json()
    assert [(column["name"], column["kind"]) for column in answer["columns"]] == [
        ("group", "categorical"), ("score", "numeric"),
    ]  # fmt: skip
    assert (answer["unmatched"], answer["missing"]) == (1, 50)
    columns = await blood.columns("columns.arrow", names="group,score")
    assert list(columns["group"].values[9:14]) == [-1, -1, 0, -1, 0]
    assert columns["score"].values[12] == 2
    assert np.isnan(columns["score"].values[:10]).all()


async def test_annotations_come_as_arrow_by_the_order_of_rows(blood: Blood) -> None:
    codes = np.tile(np.array([0, 1, -1], np.int32), 20)
    coded = arrow_bytes({"group": codes}, metadata={"group": {"categories": ["a", "b"], "ordered": True}})
    made = await blood.client.post(f"{blood.path}/columns", params={"name": "mine"}, content=coded, headers=ARROW)
    assert made.status_code == 201, made.text
    told = (await blood.columns("columns.arrow", names="mine"))["mine"]
    assert told.facts["categories"] == ["a", "b"]
    np.testing.assert_array_equal(told.values, codes)
    dictionary = ac.Array(["u", "v", None] * 20, type=ac.DataType.string()).cast(
        ac.DataType.dictionary(ac.DataType.int32(), ac.DataType.string())
    )
    made = await blood.client.post(f"{blood.path}/columns", content=stream({"page": dictionary}), headers=ARROW)
    assert made.status_code == 201, made.text
    told = (await blood.columns("columns.arrow", names="page"))["page"]
    assert told.facts["categories"] == ["u", "v"]
    assert list(told.values[:3]) == [0, 1, -1]


async def test_arrow_that_cannot_be_an_annotation(blood: Blood) -> None:
    short = arrow_bytes({"group": np.zeros(3)})
    two = arrow_bytes({"a": np.zeros(60), "b": np.zeros(60)})
    bad = arrow_bytes({"a": np.full(60, 7, np.int32)}, metadata={"a": {"categories": ["x"]}})
    none = stream({"barcode": ac.Array(barcodes(60), type=ac.DataType.string())})
    for body, query, words in (
        (b"no stream", {}, "no Arrow IPC stream"),
        (b"", {}, "no Arrow IPC stream"),
        (short[: len(short) // 2], {}, "no Arrow IPC stream"),
        (short, {}, "3 rows were sent for 60 cells"),
        (two, {"name": "x"}, "One name is given for 2 annotations"),
        (bad, {}, "do not fit the categories"),
        (none, {}, "holds no annotation"),
    ):
        response = await blood.client.post(f"{blood.path}/columns", params=query, content=body, headers=ARROW)
        assert response.status_code == 422, words
        assert words in response.json()["detail"]
    wrong = await blood.client.post(f"{blood.path}/columns", json={"name": "x", "categories": [{"nam": "a"}]})
    assert "categories.0.name: Field required" in wrong.json()["detail"]
    outside = {"name": "x", "categories": [{"name": "a", "cells": [60]}]}
    assert (await blood.client.post(f"{blood.path}/columns", json=outside)).status_code == 422


@given(st.lists(st.text(min_size=1), unique=True))
def test_names_in_an_address_are_read_as_the_client_spells_them(names: list[str]) -> None:
    assert names_of([joined(names)], field="features") == names


def test_names_may_come_in_several_lists() -> None:
    assert names_of(["a,b", "b,,c"], field="features") == ["a", "b", "c"]
    assert names_of(["HLA\\,A"], field="features") == ["HLA,A"]


async def test_tables_as_text_for_r_and_spreadsheets(blood: Blood) -> None:
    async def read(path: str, **query: str) -> pd.DataFrame:
        response = await blood.client.get(f"{blood.path}/{path}", params=query)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("text/csv")
        return pd.read_csv(io.StringIO(response.text), index_col="barcode", float_precision="round_trip")

    values = await read("values.csv", features="GENE3,GENE0", unit="raw")
    assert list(values.index) == barcodes(60)
    np.testing.assert_array_equal(values.to_numpy(), blood.made.matrix[:, [3, 0]].toarray())
    totals = np.asarray(blood.made.matrix.sum(axis=1)).ravel()
    normalised = (await read("values.csv", features="GENE3"))["GENE3"]
    np.testing.assert_allclose(normalised, np.log1p(1e4 * values["GENE3"] / totals), rtol=2e-6)
    columns = await read("columns.csv", names="type,age")
    assert columns["type"].tolist() == ["B", "T"] * 30
    np.testing.assert_array_equal(columns["age"], np.linspace(1, 2, 60))
    assert set((await read("columns.csv")).columns) > {"type", "age"}
    np.testing.assert_array_equal((await read("embeddings.csv", name="X_map")).to_numpy().ravel(), np.arange(120))
    assert (await blood.client.get(f"{blood.path}/values.csv")).status_code == 422
    assert (await blood.client.get(f"{blood.path}/values.csv", params={"features": "NONE"})).status_code == 404
