"""Spectra of controls as a figure: what stands where, in both themes; and what dark sheets do to other figures."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cytosol.analyses.cytometry.plots.colors import CATEGORIES, rgba
from cytosol.analyses.cytometry.plots.courses import Panel, draw_courses
from cytosol.analyses.cytometry.plots.heatmap import Heatmap, draw_heatmap
from cytosol.analyses.cytometry.plots.spec import PlotStyle
from cytosol.analyses.cytometry.plots.spectra import Spectra, draw_spectra
from cytosol.analyses.cytometry.plots.themes import picture
from cytosol.base.errors import InvalidInputError

VALUES = np.array([[0.0, 0.2, 1.0, 0.1], [1.0, 0.5, 0.0, -0.1]])
SPECTRA = Spectra(("FITC", "BV421"), ("V1-A", "V2-A", "B1-A", "R1-A"), VALUES)
LIGHT, DARK = (255, 255, 255), (0x14, 0x17, 0x1A)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_dyes_are_named_with_their_brightest_detector_in_the_order_of_detectors() -> None:
    svg = draw_spectra(replace(SPECTRA, style=PlotStyle(format="svg", width=700, height=300))).decode()
    texts = [text.strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]
    assert [text for text in texts if "(" in text] == ["BV421 (V1-A)", "FITC (B1-A)"]
    assert [text for text in texts if text in SPECTRA.detectors] == list(SPECTRA.detectors)


def test_a_line_runs_from_detector_to_detector() -> None:
    made = pixels(draw_spectra(replace(SPECTRA, style=PlotStyle(width=700, height=300))))
    blue = np.array([round(255 * part) for part in rgba(CATEGORIES[0])[:3]])
    y, x = np.nonzero(np.abs(made[:, :560] - blue).max(axis=2) < 12)
    steps = np.linspace(x.min(), x.max(), 4)
    tops = [y[np.abs(x - at) < 3].mean() for at in steps]
    assert (tops[0] - np.array(tops)) / (tops[0] - tops[2]) == pytest.approx(VALUES[0], abs=0.03)


def test_nothing_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no spectrum"):
        draw_spectra(Spectra((), ("V1-A",), np.zeros((0, 1))))


def test_figures_of_reports_have_dark_paper_and_light_ink_in_the_dark_theme() -> None:
    course = Panel("Time", np.arange(9.0), np.arange(9.0), np.zeros(9, bool))
    heatmap = Heatmap(("T",), ("CD3",), np.ones((1, 1)), "Median")
    for draw in (
        lambda look: draw_spectra(replace(SPECTRA, style=look)),
        lambda look: draw_courses([course], "Time", look),
        lambda look: draw_heatmap(replace(heatmap, style=look)),
    ):
        made = picture(draw, PlotStyle(width=400, height=200), alt="x", width=400)
        light, dark = pixels(made.png), pixels(made.dark)
        assert light.shape == dark.shape
        assert tuple(light[0, 0]) == LIGHT
        assert tuple(dark[0, 0]) == DARK
        assert light.min(axis=(0, 1)).max() < 60  # ink
        assert dark.max(axis=(0, 1)).min() > 200
        assert (dark == 255).all(axis=2).sum() == 0
