"""Spectral unmixing in a real browser: dyes found from reference controls, ordinary and weighted, against the truth."""

from __future__ import annotations

import io
import re
from pathlib import Path

import flowio
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from cytosol.formats.fcs.writer import fcs_head, fcs_pieces
from tests.e2e.conftest import Site, faults

_DETECTORS = ("V1-A", "V2-A", "V3-A", "B1-A", "B2-A", "B3-A", "R1-A", "R2-A")
_DYES = ("BV421", "Pacific Blue", "FITC", "APC")
# the first two are brightest in the same detector
_SPECTRA = np.array(
    [
        [1, 0.55, 0.15, 0.01, 0, 0, 0, 0],
        [1, 0.9, 0.6, 0.05, 0.02, 0, 0, 0],
        [0.02, 0.05, 0.02, 1, 0.6, 0.2, 0.01, 0],
        [0, 0, 0.01, 0.01, 0.02, 0.1, 1, 0.5],
    ]
)
_BACKGROUND = np.array([120, 100, 80, 60, 50, 40, 20, 10])
_N = 3000


def _light(amounts: np.ndarray, seed: int) -> np.ndarray:
    """Photons that events with so much of each dye, shape (n_events, 4), give in the detectors."""
    return np.random.default_rng(seed).poisson(amounts @ _SPECTRA + _BACKGROUND)


def _write(path: Path, light: np.ndarray) -> Path:
    columns = np.column_stack([np.full(len(light), 80_000), light, np.arange(len(light))])
    names = ("FSC-A", *_DETECTORS, "Time")
    head = fcs_head([{"N": name, "R": "262144"} for name in names], len(light), keywords={})
    path.write_bytes(b"".join(fcs_pieces(head, [columns.astype(np.float32).T])))
    return path


@pytest.fixture(scope="module")
def patient() -> np.ndarray:
    """Photons of a sample with all dyes, shape (n_events, 8)."""
    return _light(np.random.default_rng(11).choice([0.0, 800.0, 6000.0], (_N, len(_DYES))), 12)


@pytest.fixture(scope="module")
def study_id(site: Site, patient: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("spectra")
    study = site.client.create_study("Spectra")
    random = np.random.default_rng(5)
    for number, dye in enumerate(_DYES):
        stained = np.zeros((_N, len(_DYES)))
        stained[: _N // 3, number] = random.lognormal(8.6, 0.2, _N // 3)
        study.add_file(_write(folder / f"{dye}_control.fcs", _light(stained, number)))
    study.add_file(_write(folder / "Unstained_control.fcs", _light(np.zeros((_N, len(_DYES))), 20)))
    study.add_file(_write(folder / "patient.fcs", patient))
    return study.id


def test_dyes_are_found_and_a_file_is_unmixed(
    page: Page, site: Site, study_id: str, patient: np.ndarray, axe: str
) -> None:
    page.goto(f"{site.url}/app/studies/{study_id}/gating")
    page.get_by_role("tab", name="Files and panel").click()
    page.get_by_role("button", name="Unmixing", exact=True).click()
    form = page.get_by_role("region", name="Unmixing")
    expect(form.get_by_role("status", name="What is lacking")).to_contain_text("Find the dyes")
    form.get_by_role("button", name="Find dyes").click()
    found = {
        form.get_by_label(f"Name of dye {n}").input_value(): form.get_by_label(f"Brightest detector of dye {n}")
        for n in range(1, 5)
    }
    assert set(found) == set(_DYES)
    assert {found[dye].input_value() for dye in ("BV421", "Pacific Blue")} == {"V1-A", "V2-A"}
    expect(found["FITC"]).to_have_value("B1-A")
    expect(found["APC"]).to_have_value("R1-A")
    expect(form.get_by_label("Unstained reference").locator("option:checked")).to_have_text("Unstained_control.fcs")
    figure = form.get_by_role("figure", name="Spectra")
    expect(figure.get_by_role("img", name=re.compile("Spectra of .*FITC.* over 8 detectors"))).to_be_visible()
    _choose_by_hand(form)
    expect(figure).to_have_attribute("aria-busy", "false")
    with page.expect_download() as download:
        figure.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("button", name="SVG drawing").click()
    assert ">FITC (B1-A)" in Path(download.value.path()).read_text(encoding="utf-8")
    assert not faults(page, axe)
    for squares, name in (("Ordinary", "patient (unmixed).fcs"), ("Weighted", "patient (unmixed, weighted).fcs")):
        form.get_by_role("button", name=squares).click()
        form.get_by_role("button", name="Unmix 1 file").click()
        expect(form.get_by_role("table", name="Files made").get_by_role("row", name=name)).to_contain_text(f"{_N:,}")
        dyes = _dyes_of(site, study_id, name)
        # the spectra of the controls are estimates, of 1,000 bright events each: 1 % of the brightest amount
        assert np.abs(dyes - _least_squares(patient, is_weighted=squares == "Weighted")).max() < 60


def _least_squares(light: np.ndarray, *, is_weighted: bool) -> np.ndarray:
    """The amounts of dyes by the true spectra, event by event; shape (n_events, 4)."""
    if not is_weighted:
        return np.array([np.linalg.lstsq(_SPECTRA.T, one, rcond=None)[0] for one in light])
    roots = 1 / np.sqrt(np.maximum(light, 1))
    return np.array(
        [np.linalg.lstsq(_SPECTRA.T * w[:, None], one * w, rcond=None)[0] for one, w in zip(light, roots, strict=True)]
    )


def _choose_by_hand(form: Locator) -> None:
    """A detector that two dyes have is refused; a control that is chosen again brings its own back."""
    number = next(n for n in range(1, 5) if form.get_by_label(f"Name of dye {n}").input_value() == "FITC")
    detector = form.get_by_label(f"Brightest detector of dye {number}")
    detector.select_option("R1-A")
    expect(form.get_by_role("status", name="What is lacking")).to_contain_text("Two dyes have the detector R1-A")
    expect(form.get_by_role("button", name="Unmix 1 file")).to_be_disabled()
    expect(form.get_by_role("figure", name="Spectra")).to_have_count(0)
    control = form.get_by_label(f"Control of dye {number}")
    chosen = control.input_value()
    control.select_option("")
    control.select_option(chosen)
    expect(detector).to_have_value("B1-A")
    expect(form.get_by_role("button", name="Unmix 1 file")).to_be_enabled()


def _dyes_of(site: Site, study_id: str, name: str) -> np.ndarray:
    """How much of each dye an unmixed file says, shape (n_events, 4); read by FlowIO."""
    with site.api() as api:
        files = {one["name"]: one for one in api.get(f"/studies/{study_id}/fcs").json()["items"]}
        data = api.get(f"/datasets/{files[name]['id']}/fcs", params={"format": "original"}).raise_for_status().content
    read = flowio.FlowData(io.BytesIO(data))
    names = [read.channels[n]["pnn"] for n in sorted(read.channels)]
    events = np.array(read.events).reshape(-1, len(names))
    return np.column_stack([events[:, names.index(dye)] for dye in _DYES])
