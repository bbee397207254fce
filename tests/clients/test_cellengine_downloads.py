"""Events and pictures on the CellEngine wire: downloads as FlowIO reads them, derived files, archives, plots."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import flowio
import numpy as np
import pytest
from PIL import Image

from tests.clients.cellengine_driver import APIError, Toolkit
from tests.clients.cellengine_world import A1, A2, CHANNELS, DYES, bd_file, events, spill_matrix

EVENTS = {A1: events(3000, 1), A2: events(2000, 2)}
FILES = {A1: bd_file(EVENTS[A1]), A2: bd_file(EVENTS[A2], well="A02", more={"$BTIM": "10:00:00"})}
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def ligands(client: Toolkit) -> Iterator[dict[str, Any]]:
    """An experiment with two files, under their names, and a population of the first half of Vio450-A."""
    e = client.create_experiment("Ligands")["_id"]
    ids = {name: client.upload_fcs_file(e, name, FILES[name])["_id"] for name in FILES}
    _, (population,) = client.create_gate(
        e, "RangeGate", ("Vio450-A",), {"range": {"x1": -10, "x2": 0.5}}, name="low", create_population=True
    )
    drawn = {"rectangle": {"x1": 20000, "x2": 90000, "y1": 0.5, "y2": 3}}
    client.create_gate(e, "RectangleGate", ("FSC-A", "Vio450-A"), drawn, name="drawn")
    yield {"e": e, "low": population["_id"], **ids}
    client.delete_experiment(e)


def compensated(values: np.ndarray) -> np.ndarray:
    """By the file's own matrix; shape (n_events, 15), float32."""
    found = values.astype(np.float64)
    found[:, 6:14] = found[:, 6:14] @ np.linalg.inv(spill_matrix())
    return found.astype(np.float32)


def low(values: np.ndarray) -> np.ndarray:
    """Which events are in the population, compensated; shape (n_events,)."""
    dye = np.clip(compensated(values)[:, CHANNELS.index("Vio450-A")], -200, 262144)
    return np.asarray(np.arcsinh(dye / 150) <= 0.5)


def file_of(client: Toolkit, ligands: dict[str, Any], name: str = A1, ending: str = "fcs", **params: Any) -> bytes:
    return client.raw(f"experiments/{ligands['e']}/fcsfiles/{ligands[name]}.{ending}", **params)


# -- FCS ---------------------------------------------------------------------------------------------------------------


def test_events_are_those_of_the_file(client: Toolkit, ligands: dict[str, Any]) -> None:
    frame = client.get_events(ligands["e"], ligands[A1])
    assert list(frame.columns) == [(name, name) for name in CHANNELS], "two levels"
    np.testing.assert_array_equal(frame.to_numpy(), EVENTS[A1])


def test_a_written_file_is_fcs_3_1_that_flowio_reads(client: Toolkit, ligands: dict[str, Any]) -> None:
    response = client._request("GET", f"experiments/{ligands['e']}/fcsfiles/{ligands[A1]}.fcs")
    assert response.headers["content-type"] == "application/vnd.isac.fcs"
    assert int(response.headers["content-length"]) == len(response.content)
    assert f'filename="{A1}"' in response.headers["content-disposition"]
    assert response.content[:6] == b"FCS3.1"
    data = flowio.FlowData(io.BytesIO(response.content))
    assert (data.text["byteord"], data.text["datatype"], data.text["mode"]) == ("1,2,3,4", "F", "L")
    assert data.text["plate name"] == "96 Well - V bottom"
    assert all(value for value in data.text.values()), "FlowIO cannot read empty values"
    spill = data.text["spill"].split(",")
    assert spill[1:9] == list(DYES)


def test_original_wins_over_everything(client: Toolkit, ligands: dict[str, Any]) -> None:
    said = {"original": "true", "preSubsampleN": 10, "compensatedQ": "true"}
    assert file_of(client, ligands, **said) == FILES[A1]


def test_subsamples_are_reproducible_and_in_order(client: Toolkit, ligands: dict[str, Any]) -> None:
    e, id = ligands["e"], ligands[A1]
    first = client.get_events(e, id, preSubsampleN=10, seed=1)
    assert first.shape == (10, 15)
    times = first[("Time", "Time")].to_numpy()
    assert (np.diff(times) >= 0).all()
    assert np.isin(times, EVENTS[A1][:, 14]).all()
    assert client.get_events(e, id, preSubsampleN=10, seed=1).equals(first)
    assert not client.get_events(e, id, preSubsampleN=10, seed=2).equals(first)
    assert client.get_events(e, id, preSubsampleP=0.1, seed=2.25).shape == (300, 15), "a fraction as seed"
    assert client.get_events(e, id, preSubsampleN=10**6).shape == (3000, 15)
    with pytest.raises(APIError, match="preSubsampleN"):
        client.get_events(e, id, preSubsampleN=1.5)


def test_events_of_a_population(client: Toolkit, ligands: dict[str, Any]) -> None:
    e, id = ligands["e"], ligands[A1]
    inside = EVENTS[A1][low(EVENTS[A1])]
    frame = client.get_events(e, id, populationId=ligands["low"], compensationId=-1)
    np.testing.assert_array_equal(frame.to_numpy(), inside)
    few = client.get_events(e, id, populationId=ligands["low"], compensationId=-1, postSubsampleN=7, seed=3)
    assert few.shape == (7, 15)
    numbered = client.get_events(e, id, populationId=ligands["low"], compensationId=-1, addEventNumber=True)
    np.testing.assert_array_equal(numbered["EventNumber"].to_numpy().ravel(), np.flatnonzero(low(EVENTS[A1])) + 1)
    with pytest.raises(APIError, match='"compensationId" is required'):
        client.get_events(e, id, populationId=ligands["low"])


def test_compensated_fcs_keeps_values_and_carries_the_matrix(client: Toolkit, ligands: dict[str, Any]) -> None:
    e, id = ligands["e"], ligands[A1]
    other = client.create_compensation(e, "other", ["Vio450-A", "Vio605-A"], [1, 0.5, 0.25, 1])["_id"]
    content = file_of(client, ligands, compensatedQ="true", compensationId=other)
    data = flowio.FlowData(io.BytesIO(content))
    assert data.text["spill"] == "2,Vio450-A,Vio605-A,1,0.5,0.25,1"
    np.testing.assert_array_equal(np.reshape(data.events, (-1, 15)), EVENTS[A1])
    none = flowio.FlowData(io.BytesIO(file_of(client, ligands, compensatedQ="true", compensationId=0)))
    assert "spill" not in none.text
    assert client.get_events(e, id, compensatedQ=True, compensationId=-1).shape == (3000, 15)


def test_apply_compensation_to_fcs_file(client: Toolkit, ligands: dict[str, Any]) -> None:
    """What the toolkit does on its side with the matrix, and what the server does for a TSV."""
    frame = client.get_events(ligands["e"], ligands[A1], preSubsampleN=20, seed=1)
    inverse = np.linalg.inv(spill_matrix()).astype(np.float32)
    by_client = frame[list(DYES)].to_numpy() @ inverse
    text = file_of(
        client, ligands, ending="tsv", preSubsampleN=20, seed=1, compensatedQ="true", compensationId=-1, headers="true"
    )
    header, *rows = csv.reader(io.StringIO(text.decode()), delimiter="\t")
    assert header == list(CHANNELS)
    np.testing.assert_allclose(np.array(rows, np.float32)[:, 6:14], by_client, rtol=1e-4, atol=1e-2)


# -- TSV, in the forms of R --------------------------------------------------------------------------------------------


def test_tsv_of_the_r_toolkit(client: Toolkit, ligands: dict[str, Any]) -> None:
    text = file_of(
        client, ligands, ending="TSV", populationId="null", compensationId="0", compensatedQ="false", headers="true"
    ).decode()
    assert text.endswith("\r\n")
    header, *rows = csv.reader(io.StringIO(text), delimiter="\t")
    assert header == list(CHANNELS), "bare channel names"
    np.testing.assert_array_equal(np.array(rows, np.float32), EVENTS[A1])
    assert len(file_of(client, ligands, ending="TSV").splitlines()) == 3000, "no header unless asked for"
    response = client._request("GET", f"experiments/{ligands['e']}/fcsfiles/{ligands[A1]}.TSV")
    assert response.headers["content-type"].startswith("text/")
    assert f'filename="{A1.removesuffix(".fcs")}.tsv"' in response.headers["content-disposition"]


def test_fcs_in_upper_case(client: Toolkit, ligands: dict[str, Any]) -> None:
    assert file_of(client, ligands, ending="FCS") == file_of(client, ligands)
    with pytest.raises(APIError, match="404"):
        file_of(client, ligands, ending="pdf")


def test_buckets_are_refused(client: Toolkit, ligands: dict[str, Any]) -> None:
    place = {"host": "x.s3.amazonaws.com", "path": "/a.fcs", "accessKey": "k", "secretKey": "s"}
    for path, body in (
        (f"fcsfiles/{ligands[A1]}.FCS?original=true", {"dest": {**place, "headers": {}}}),
        ("fcsfiles", {"fcsFiles": [place], "filename": "a.fcs"}),
    ):
        with pytest.raises(APIError, match="bucket") as caught:
            client.post(f"experiments/{ligands['e']}/{path}", body)
        assert caught.value.status_code == 400


# -- derived files -----------------------------------------------------------------------------------------------------


@pytest.fixture
def other(client: Toolkit) -> Iterator[str]:
    """Another experiment."""
    e = client.create_experiment("Other")["_id"]
    yield e
    client.delete_experiment(e)


def test_concatenate(client: Toolkit, ligands: dict[str, Any], other: str) -> None:
    e = ligands["e"]
    made = client.create_fcs_file(e, [ligands[A1], ligands[A2]], "new.fcs")
    assert made["data"] == {"sourceFiles": [{"experimentId": e, "_id": ligands[name]} for name in (A1, A2)]}
    assert (made["filename"], made["eventCount"]) == ("new.fcs", 5000)
    frame = client.get_events(e, made["_id"])
    np.testing.assert_array_equal(frame.to_numpy(), np.concatenate([EVENTS[A1], EVENTS[A2]]))
    assert client.thing(e, "fcsfile", made["_id"])["data"] == made["data"]
    client.remove(e, "fcsfile", made["_id"])


def test_copy_from_another_experiment_in_either_spelling(client: Toolkit, ligands: dict[str, Any], other: str) -> None:
    for spelling in ("experiment_id", "experimentId"):
        made = client.create_fcs_file(other, [{"_id": ligands[A1], spelling: ligands["e"]}], f"{spelling}.fcs")
        assert made["data"]["sourceFiles"] == [{"experimentId": ligands["e"], "_id": ligands[A1]}]
        np.testing.assert_array_equal(client.get_events(other, made["_id"]).to_numpy(), EVENTS[A1])
    assert client.header(other, made["_id"])["PLATE NAME"] == "96 Well - V bottom"
    assert made["annotations"][-1] == {"name": "plate well", "value": "A01"}
    with pytest.raises(APIError, match="404"):
        client.create_fcs_file(other, ligands[A1], "x.fcs")
    for wrong in (None, [], [{}], ["x"]):
        with pytest.raises(APIError) as caught:
            client.create_fcs_file(other, wrong)
        assert caught.value.status_code == 400


def test_numbers_and_samples_of_derived_files(client: Toolkit, ligands: dict[str, Any]) -> None:
    made = client.create_fcs_file(
        ligands["e"],
        [ligands[A1], ligands[A2]],
        "numbered.fcs",
        addFileNumber=True,
        addEventNumber=True,
        preSubsampleN=50,
        seed=5,
    )
    frame = client.get_events(ligands["e"], made["_id"]).droplevel(1, axis=1)
    assert list(frame.columns) == [*CHANNELS, "EventNumber", "FileNumber"]
    np.testing.assert_array_equal(frame["FileNumber"].round(), np.repeat([1, 2], 50))
    assert (frame["FileNumber"] % 1 != 0).any(), "with noise"
    for name, part in zip((A1, A2), np.split(frame.to_numpy(), 2), strict=True):
        rows = part[:, 15].astype(int) - 1
        np.testing.assert_array_equal(part[:, :15], EVENTS[name][rows])
    client.remove(ligands["e"], "fcsfile", made["_id"])


# -- archives ----------------------------------------------------------------------------------------------------------


def test_zip(client: Toolkit, ligands: dict[str, Any]) -> None:
    def ask(**said: Any) -> zipfile.ZipFile:
        response = client._request("POST", f"experiments/{ligands['e']}/fcsfiles/zip", json=said)
        assert response.headers["content-type"] == "application/zip"
        return zipfile.ZipFile(io.BytesIO(response.content))

    everything = ask(format="fcs")
    assert sorted(everything.namelist()) == sorted([A1, A2])
    data = flowio.FlowData(io.BytesIO(everything.read(A2)))
    np.testing.assert_array_equal(np.reshape(data.events, (-1, 15)), EVENTS[A2])
    few = ask(
        format="tsv (with header)",
        fcsFileIds=[ligands[A1]],
        populationIds=[ligands["low"]],
        compensationId=-1,
        filenameTemplate="{population.name} of {fcsfile.filename}",
    )
    (name,) = few.namelist()
    assert name == f"low of {A1.removesuffix('.fcs')}.tsv"
    assert len(few.read(name).splitlines()) == low(EVENTS[A1]).sum() + 1
    for wrong in ({"format": "pdf"}, {"format": "fcs", "fcsFileIds": ["x"]}, {"format": "fcs", "fcsFileIds": [""]}):
        with pytest.raises(APIError):
            ask(**wrong)


# -- plots -------------------------------------------------------------------------------------------------------------


def picture(content: bytes) -> np.ndarray:
    """Shape (height, width, 3), uint8."""
    image = Image.open(io.BytesIO(content))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("kind", ["dot", "density", "contour", "histogram", "DENSITY"])
def test_plots(client: Toolkit, ligands: dict[str, Any], kind: str) -> None:
    content = client.plot(ligands["e"], ligands[A1], "FSC-A", "Vio450-A", kind)
    image = picture(content)
    assert image.shape == (228, 228, 3)
    assert image.std() > 5, "something is drawn"
    assert client.plot(ligands["e"], ligands[A1], "FSC-A", "Vio450-A", kind) == content


def test_plot_options(client: Toolkit, ligands: dict[str, Any]) -> None:
    e, id = ligands["e"], ligands[A1]

    def draw(kind: str = "dot", **said: Any) -> bytes:
        return client.plot(e, id, "FSC-A", "Vio450-A", kind, **said)

    plain = draw()
    assert picture(draw(width=300, height=120)).shape == (120, 300, 3)
    assert picture(draw(color="#ff0000", axesQ="false", axisLabelsQ="false", ticksQ="false"))[..., 1:].max() > 0
    different = [
        draw(color="#F00"), draw(axesQ="false"), draw(xAxisQ="false"), draw(axisLabelsQ="false"),
        draw(yAxisLabel="false"), draw(tickLabelsQ="true"), draw(ticksQ="false"), draw(populationId=ligands["low"]),
        draw(preSubsampleN=50, seed=2), draw(postSubsampleP=0.1), draw(renderGates="true", gateLabel="percent"),
        draw(zChannel="SSC-A"), draw(strokeThickness=3),
    ]  # fmt: skip
    assert len({plain, *different}) == len(different) + 1, "each option changes the picture"
    assert draw("histogram", yChannel="") == draw("histogram"), "R leaves it empty, Python sends one"
    assert draw("density", zChannel="") == draw("density"), "the z channel of a density means nothing"
    assert draw(zChannel="") == plain, "and equals the y channel in every request of Python"
    response = client._request(
        "GET",
        f"experiments/{e}/plot?fcsFileId={id}&xChannel=FSC-A&yChannel=&zChannel=&plotType=histogram"
        "&axisLabelsQ=true&ticksQ=true&populationId=null&compensation=0",
    )
    assert response.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    "said",
    [{"plotType": "pie"}, {"fcsFileId": ""}, {"xChannel": ""}, {"yChannel": ""}, {"xChannel": "nothing"},
     {"compensation": 5}, {"color": "red"}, {"width": 1.5}, {"width": 0}, {"height": 0},
     {"gateLabel": "smile"}, {"axesQ": "maybe"}],
)  # fmt: skip
def test_plots_that_cannot_be_are_refused(client: Toolkit, ligands: dict[str, Any], said: dict[str, Any]) -> None:
    asked = {"fcsFileId": ligands[A1], "xChannel": "FSC-A", "yChannel": "SSC-A", "plotType": "dot"} | said
    with pytest.raises(APIError) as caught:
        client.raw(f"experiments/{ligands['e']}/plot", **asked)
    assert caught.value.status_code in (400, 404)
