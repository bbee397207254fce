"""Files of cytometry through the client: added, described, taken away, made of one another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cytosol.base.errors import InvalidInputError, UnreadableFileError
from tests.catalog.test_cytometry import NAMES, fcs
from tests.formats.fcs_files import events, floats
from tests.sdk.conftest import Lab


def test_files_come_and_go(lab: Lab, tmp_path: Path) -> None:
    study = lab.client.create_study("Panel A")
    for number in (1, 2):
        path = tmp_path / f"{number}.fcs"
        path.write_bytes(fcs(50, seed=number))
        (made,) = study.add_file(path, progress=False)
        assert (made.name, made.n_events, made.panel_name) == (path.name, 50, "Panel 1")
    assert [file.name for file in study.files()] == ["1.fcs", "2.fcs"]
    study.set_reagents({"FITC-A": "CD3"})
    dataset = study.dataset("1.fcs")
    assert dataset.panel[2]["reagent"] == "CD3"
    assert dataset.keywords()["$P3S"] == "CD4"
    assert dataset.annotate_file({"dose": 2.5}).annotations == [{"name": "dose", "value": 2.5}]
    assert dataset.file().annotations == [{"name": "dose", "value": 2.5}]
    seen = study.annotate_from_names("{number}.fcs", "Donor {number}")
    assert seen.loc["2.fcs", ["number", "matches", "new_name", "problem"]].tolist() == [2, True, "Donor 2", ""]
    assert [file.name for file in study.files()] == ["1.fcs", "2.fcs"]
    study.annotate_from_names("{number}.fcs", preview=False)
    assert dataset.file().annotations == [{"name": "dose", "value": 2.5}, {"name": "number", "value": 1}]
    assert dataset.table().obs().shape == (50, 0)
    frame = dataset.events(compensation="none")
    assert list(frame.columns) == list(NAMES)
    np.testing.assert_array_equal(frame.to_numpy(), floats(50, 5))
    path = dataset.download_file(tmp_path / "out.fcs")
    assert path.read_bytes() == fcs(50, seed=1)
    dataset.download_file(path, format="fcs", pre_n=7, event_number=True)
    found = events(path.read_bytes())
    np.testing.assert_array_equal(found[:, :5], floats(50, 5)[found[:, 5].astype(int) - 1])
    (joined,) = study.derive_file([file.id for file in study.files()], filename="all.fcs", add_file_number=True)
    assert (joined.name, joined.n_events) == ("all.fcs", 100)
    assert joined.panel[-1]["channel"] == "FileNumber"


def test_a_file_gives_its_events_and_plots(lab: Lab, tmp_path: Path) -> None:
    study = lab.client.create_study("Panel C")
    assert study.populations.counts().empty
    assert "n_events" in study.populations.counts()
    (tmp_path / "1.fcs").write_bytes(fcs(50, seed=1))
    study.add_file(tmp_path / "1.fcs", progress=False)
    (file,) = study.files()
    low = float(np.median(floats(50, 5)[:, 0]))
    study.set_scales({f"var:{NAMES[0]}": {"type": "linear", "minimum": -1e6, "maximum": 1e6}})
    study.gates.create("range", "large", f"var:{NAMES[0]}", geometry={"x1": low, "x2": 1e9, "y": 0.5})
    large = floats(50, 5)[:, 0] >= low
    frame = file.events([f"var:{NAMES[0]}"], population="large", compensation="none", scale=True)
    np.testing.assert_allclose(frame.iloc[:, 0], floats(50, 5)[large, 0], rtol=1e-6)
    table = file.events_anndata(population="large", compensation="none")
    np.testing.assert_array_equal(table.X, floats(50, 5)[large])
    assert (
        file.plot("histogram", f"var:{NAMES[0]}", population=study.populations.get("large").id).data[:4] == b"\x89PNG"
    )
    assert file.keywords()["$TOT"].strip() == "50"


def test_what_is_no_file_of_cytometry_is_told(lab: Lab, tmp_path: Path) -> None:
    study = lab.client.create_study("Panel B")
    path = tmp_path / "text.fcs"
    path.write_text("CD4,CD8\n1,2\n")
    with pytest.raises(UnreadableFileError, match="no FCS file"):
        study.add_file(path, progress=False)
    assert study.files() == []


def test_channels_are_asked_for_by_reagent(lab: Lab, tmp_path: Path) -> None:
    study, other = lab.client.create_study("Panels"), lab.client.create_study("One panel")
    for number in (1, 2, 3):
        (tmp_path / f"{number}.fcs").write_bytes(fcs(50, seed=number))
        study.add_file(tmp_path / f"{number}.fcs", progress=False)
    other.add_file(tmp_path / "1.fcs", progress=False)
    study.set_reagents({"FITC-A": "CD8", "PE-A": "CD4"}, dataset_ids=[study.dataset("2.fcs").id])
    study.set_reagents({"FITC-A": "CD19"}, dataset_ids=[study.dataset("3.fcs").id])
    frame = study.statistics("median", "reagent:CD4", populations="all", compensation="none").set_index("dataset")
    truth = [np.median(floats(50, 5)[:, 2]), np.median(floats(50, 5, seed=2)[:, 3]), np.nan]
    np.testing.assert_allclose(frame["median"].astype(float), truth, rtol=1e-6)
    assert frame["channel"].tolist() == ["FITC-A", "PE-A", None]
    assert frame["note"].tolist() == [None, None, "No channel has the reagent CD4"]
    asked = {"axes": ["reagent:CD4"], "statistics": ["median"]}
    told = lab.client.http.post(f"studies/{study.id}/statistics", asked)
    assert told["notes"] == [
        {
            "dataset_id": study.dataset("3.fcs").id,
            "axis": "reagent:CD4",
            "population_id": None,
            "note": "No channel has the reagent CD4",
        }
    ]
    other.gates.create("range", "helpers", "FITC-A", geometry={"x1": 0, "x2": 9})
    with pytest.raises(InvalidInputError, match="CD4 is on FITC-A in 1 file and PE-A in 1 file there"):
        other.gates.copy(study, by_reagent=True)
    assert not study.gates.list()
    other.gates.copy(study, by_reagent=True, channels={"FITC-A": "PE-A"})
    assert [gate.x for gate in study.gates.list()] == ["var:PE-A"]
