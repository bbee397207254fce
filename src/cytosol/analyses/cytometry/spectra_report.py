"""What a report of spectral unmixing says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cytosol.analyses.cytometry.plots.spec import PlotStyle
from cytosol.analyses.cytometry.plots.spectra import Spectra, draw_spectra
from cytosol.analyses.cytometry.plots.themes import picture
from cytosol.analyses.cytometry.spillover import similarity
from cytosol.analyses.reports import Cell, Section, Table, report_page

_PX, _DPI = (760, 380), 192.0


def spectra_report(spectra: Spectra, weighted: bool) -> bytes:
    """A page with the spectra, and how alike they are.

    Parameters
    ----------
    weighted : whether files were unmixed by weighted least squares
    """
    scale = _DPI / 96
    style = PlotStyle(width=round(_PX[0] * scale), height=round(_PX[1] * scale), dpi=_DPI)
    alt = "The spectrum of each dye over the detectors"
    figure = picture(lambda look: draw_spectra(replace(spectra, style=look)), style, alt=alt, width=_PX[0])
    peaks = [spectra.detectors[at] for at in spectra.values.argmax(axis=1)]
    dyes = Table(("Dye", "Brightest detector"), list(zip(spectra.dyes, peaks, strict=True)))
    alike: list[list[Cell]] = [
        [dye, *(round(float(value), 3) for value in row)]
        for dye, row in zip(spectra.dyes, similarity(spectra.values), strict=True)
    ]
    worst = np.linalg.cond(spectra.values)
    told = f"{len(spectra.dyes)} dyes, {len(spectra.detectors)} detectors, "
    told += "weighted least squares." if weighted else "ordinary least squares."
    sections = [
        Section("Spectra", [told, figure, dyes]),
        Section(
            "How alike the spectra are",
            [
                "The cosine between each two: 1 = the same, 0 = no detector in common.",
                Table(("", *spectra.dyes), alike),
                f"The condition number of all together is {worst:.3g}: by so much noise grows at worst. 1 is the best.",
            ],
        ),
    ]
    return report_page("Unmixing", "Spectra of the reference controls", sections)
