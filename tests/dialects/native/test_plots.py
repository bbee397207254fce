"""Plots over HTTP and through the client: formats, sizes, every parameter, refusals."""

from __future__ import annotations

import io
import re
from pathlib import Path

import httpx
import pytest
from PIL import Image

from cytosol.sdk import AsyncClient, AsyncTable
from tests.catalog.making import Made, make_dataset
from tests.dialects.native.world import World

XY = {"x": "var:GENE0", "y": "obsm:X_map:1"}


@pytest.fixture
async def made(world: World) -> Made:
    return await make_dataset(world.catalog, world.actors["ada"])


def path(made: Made, what: str = "plot") -> str:
    return f"datasets/{made.id.hex24}/tables/{made.view.tables[0].name}/{what}"


async def test_formats_and_sizes(world: World, made: Made) -> None:
    png = await world["ada"].get(path(made), params={**XY, "width": "228", "height": "228"})
    assert (png.status_code, png.headers["content-type"]) == (200, "image/png")
    assert Image.open(io.BytesIO(png.content)).size == (228, 228)
    mm = {**XY, "width": "50.8", "height": "25.4", "unit": "mm", "dpi": "300"}
    large = await world["ada"].get(path(made), params=mm)
    assert Image.open(io.BytesIO(large.content)).size == (600, 300)
    svg = await world["ada"].get(path(made), params={**mm, "format": "svg", "attachment": "true"})
    assert svg.headers["content-type"].startswith("image/svg+xml")
    assert "density.svg" in svg.headers["content-disposition"]
    found = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg.text)
    assert found
    assert [float(each) for each in found.groups()] == pytest.approx([144, 72], abs=0.05)
    pdf = await world["ada"].get(path(made), params={**XY, "format": "pdf"})
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")


async def test_every_parameter_is_taken_and_changes_the_plot(world: World, made: Made) -> None:
    base = {**XY, "kind": "dot", "width": "200", "height": "200"}
    plain = (await world["ada"].get(path(made), params=base)).content
    assert plain == (await world["ada"].get(path(made), params=base)).content
    changes = [
        {"kind": "contour"}, {"kind": "density"}, {"kind": "histogram"}, {"color": "#c20"}, {"stroke": "3"},
        {"axes": "false"}, {"axis_labels": "false"}, {"ticks": "false"}, {"tick_labels": "false"},
        {"color_by": "obs:age"}, {"title": "Cells"}, {"post_n": "10"}, {"pre_p": "0.5", "seed": "7"}, {"dpi": "120"},
        {"kind": "contour", "percentile_start": "50"}, {"kind": "contour", "percentile_step": "40"},
        {"kind": "density", "smoothing": "2"}, {"kind": "histogram", "normalise": "true"},
        {"kind": "histogram", "overlays": f"{made.id.hex24}/,/", "offset": "0.5"},
    ]  # fmt: skip
    pictures = []
    for change in changes:
        answer = await world["ada"].get(path(made), params={**base, **change})
        assert answer.status_code == 200, answer.text
        pictures.append(answer.content)
    assert len({plain, *pictures}) == len(changes) + 1


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"x": "var:GENE0"}, 422),
        ({**XY, "color": "red"}, 422),
        ({**XY, "gate_label": "colour"}, 422),
        ({**XY, "overlays": "nonsense"}, 422),
        ({**XY, "kind": "pie"}, 422),
        ({**XY, "smoothing": "11"}, 422),
        ({**XY, "unknown": "1"}, 422),
        ({**XY, "x": "var:NOGENE"}, 404),
        ({**XY, "population": "0" * 24}, 404),
        ({**XY, "width": "30000"}, 422),
        ({**XY, "width": "19000", "height": "19000"}, 413),
    ],
)
async def test_what_is_refused(world: World, made: Made, said: dict[str, str], status: int) -> None:
    answer = await world["ada"].get(path(made), params=said)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text


async def test_others_see_nothing(world: World, made: Made) -> None:
    for what, said in (("plot", XY), ("heatmap", {"axes": "var:GENE0"})):
        assert (await world["bob"].get(path(made, what), params=said)).status_code == 404


async def test_the_client_draws(world: World, made: Made, tmp_path: Path) -> None:
    token = world["ada"].headers["authorization"].removeprefix("Bearer ")
    client = AsyncClient("http://cytosol.test", token, transport=httpx.ASGITransport(world.app))
    table = AsyncTable(client.http, made.id.hex24, {"name": made.view.tables[0].name})
    figure = await table.plot("histogram", "var:GENE0", overlays=[("", ""), (made.id.hex24, "")], width=120, height=90)
    assert figure.save(tmp_path / "a.png").read_bytes() == figure.data
    assert Image.open(io.BytesIO(figure.data)).size == (120, 90)
    assert figure._repr_mimebundle_() == {"image/png": figure.data}
    svg = await table.plot("dot", **XY, format="svg", unit="mm", width=40, height=40)
    assert "<svg" in svg._repr_mimebundle_()["image/svg+xml"]
    heat = await table.heatmap(["var:GENE0", "var:GENE3"], ["all"])
    assert heat.data.startswith(b"\x89PNG")
    study = await client.study(made.study_id.hex24)
    grid = await study.plots([{"kind": "dot", **XY}, {"kind": "histogram", "x": "obs:age"}], width=100, height=80)
    assert Image.open(io.BytesIO(grid.data)).size == (200, 80)
    grouped = await study.plots([{"kind": "histogram", "x": "obs:age"}], group_by="", equal=True, format="pdf")
    assert grouped.data.startswith(b"%PDF-")
    files = await study.heatmap(["var:GENE0", "obs:age"], format="svg", unit="mm", width=80, height=60)
    assert "blood.h5ad" in files.data.decode()
    refused = await world["ada"].post(f"studies/{made.study_id}/heatmap", json={"axes": ["obs:age"], "group_by": "x"})
    assert (refused.status_code, "is annotated with 'x'" in refused.json()["detail"]) == (422, True)
    await client.close()
