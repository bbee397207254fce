"""Computes compensation from single-stained controls, how much it spreads populations, and spectral unmixing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cytosol.analyses.cytometry.compensation import compensate
from cytosol.analyses.cytometry.statistics import quantile
from cytosol.base.errors import InvalidInputError

Range = tuple[float, float]
Columns = Sequence[np.ndarray]
FEWEST_EVENTS = 50
_NEGATIVE_QUANTILE = 0.995
_SATURATED = 0.999
_BINS = 256
_BLOCK = 1 << 14


@dataclass(frozen=True, slots=True)
class Controls:
    """Single-stained controls of a panel.

    Attributes
    ----------
    channels : names, in the order of all columns
    stained : channel that is stained → its control's columns, each shape (n_events,), float, one for each channel
    unstained : columns of an unstained control, None = there is none
    positive, negative : channel → what values of it, in its control, are taken, data units; where nothing is said they
        are found
    """

    channels: Sequence[str]
    stained: Mapping[str, Columns]
    unstained: Columns | None = None
    positive: Mapping[str, Range] = field(default_factory=dict)
    negative: Mapping[str, Range] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parts:
    """What was taken of a control.

    Attributes
    ----------
    positive, negative : range of the stained channel, data units; ``negative`` is None where the unstained control was
        taken
    n_positive, n_negative : events
    """

    positive: Range
    negative: Range | None
    n_positive: int
    n_negative: int


@dataclass(frozen=True, slots=True)
class Spillover:
    """A computed compensation.

    Attributes
    ----------
    matrix : shape (n_channels, n_channels), float64, unitless; row = dye, column = detector; a channel without control
        has its row of the identity
    parts : channel → what was taken
    brighter : channel → the channel in which its control is brightest, where that is another, and how many times as
        bright as in its own: it may be the control of that one
    """

    matrix: np.ndarray
    parts: dict[str, Parts]
    brighter: dict[str, tuple[str, float]] = field(default_factory=dict)


def compute_spillover(controls: Controls) -> Spillover:
    """Compute a spillover matrix.

    Raises
    ------
    InvalidInputError
        For a control in which fewer than 50 positive or negative events are found; names it.

    Notes
    -----
    Each row is what the medians of positive events rise over those of negative ones, divided by the rise of the stained
    channel (Bagwell and Adams 1993, doi:10.1111/j.1749-6632.1993.tb38775.x). Positive are events above the 99.5th
    percentile of the unstained control in the stained channel; without one, above the threshold that parts the control
    best (Otsu 1979, on an inverse hyperbolic sine), and negative those below. Events at the upper end of the
    instrument are left out.
    """
    matrix = np.eye(len(controls.channels))
    parts = {}
    brighter = {}
    for row, name in enumerate(controls.channels):
        if name in controls.stained:
            bright, dim, parts[name] = _taken(controls, name)
            rises = _rises(bright, dim)
            if rises[row] <= 0:
                raise InvalidInputError(
                    f"The control of {name} has no brighter events in that channel", do="Check that it is its control"
                )
            matrix[row] = rises / rises[row]
            most = int(matrix[row].argmax())
            if matrix[row, most] > 1:
                brighter[name] = controls.channels[most], float(matrix[row, most])
    return Spillover(matrix, parts, brighter)


def spreading_matrix(controls: Controls, matrix: np.ndarray) -> np.ndarray:
    """Tell how much each dye widens populations in each other channel.

    Parameters
    ----------
    matrix : shape (n_channels, n_channels), unitless; the compensation, row = dye, column = detector

    Returns
    -------
    shape (n_channels, n_channels), float64, square root of data units; row = dye, column = detector; NaN in the row of
    a channel without control and on the diagonal

    Notes
    -----
    Nguyen et al. 2013, doi:10.1002/cyto.a.22251: the root of the rise of the variance over the root of the rise of the
    median, after compensation; standard deviations are the 84th percentile less the median.
    """
    n = len(controls.channels)
    spread = np.full((n, n), np.nan)
    for row, name in enumerate(controls.channels):
        if name not in controls.stained:
            continue
        bright, dim, _ = _taken(controls, name)
        bright, dim = compensate(bright, matrix), compensate(dim, matrix)
        rise = quantile(bright[row], 0.5) - quantile(dim[row], 0.5)
        for column in range(n):
            if column != row and rise > 0:
                wider = _width(bright[column]) ** 2 - _width(dim[column]) ** 2
                spread[row, column] = math.sqrt(max(wider, 0.0) / rise)
    return spread


def _rises(bright: Columns, dim: Columns) -> np.ndarray:
    return np.array([quantile(one, 0.5) - quantile(other, 0.5) for one, other in zip(bright, dim, strict=True)])


def _width(values: np.ndarray) -> float:
    return quantile(values, 0.84) - quantile(values, 0.5)


def _taken(controls: Controls, name: str) -> tuple[list[np.ndarray], list[np.ndarray], Parts]:
    """Positive and negative events of a control, all channels."""
    columns = _finite(controls.stained[name])
    row = list(controls.channels).index(name)
    stained = columns[row]
    if len(stained) == 0:
        raise InvalidInputError(f"The control of {name} has no events", do="Choose another file or population")
    negative: Range | None = controls.negative.get(name)
    if negative is None and controls.unstained is not None:
        dim = _finite(controls.unstained)
        floor = quantile(dim[row], _NEGATIVE_QUANTILE) if len(dim[row]) else 0.0
    else:
        floor = _threshold(stained)
        negative = negative or (float(stained.min()), floor)
        dim = _between(columns, row, negative)
        if name in controls.negative and len(dim[row]):
            floor = quantile(dim[row], _NEGATIVE_QUANTILE)
    positive = controls.positive.get(name) or (floor, float(stained.max()) * _SATURATED)
    bright = _between(columns, row, positive)
    parts = Parts(positive, negative, len(bright[row]), len(dim[row]))
    for said, count in (("positive", parts.n_positive), ("negative", parts.n_negative)):
        if count < FEWEST_EVENTS:
            most = controls.channels[_brightest(columns)]
            looks = f"; it is brightest in {most}" if said == "positive" and most != name else ""
            raise InvalidInputError(
                f"The control of {name} has {count} {said} events, {FEWEST_EVENTS} are needed{looks}",
                do=f"Give the range of its {said} events, or another control",
            )
    return bright, dim, parts


def _brightest(columns: Columns) -> int:
    """The place of the channel whose bright events are farthest from its dim ones."""
    return int(np.argmax([quantile(column, 0.99) - quantile(column, 0.01) for column in columns]))


def _finite(columns: Columns) -> list[np.ndarray]:
    """The events of which every channel has a number."""
    held = [np.asarray(column, np.float32) for column in columns]
    chosen = np.all([np.isfinite(column) for column in held], axis=0)
    return held if chosen.all() else [column[chosen] for column in held]


def _between(columns: list[np.ndarray], row: int, limits: Range) -> list[np.ndarray]:
    low, high = limits
    chosen = (columns[row] >= low) & (columns[row] <= high)
    return [column[chosen] for column in columns]


def _threshold(values: np.ndarray) -> float:
    """The value that parts values best into low and high ones."""
    cofactor = max(float(np.median(np.abs(values))), 1e-6)
    counts, edges = np.histogram(np.arcsinh(values.astype(np.float64) / cofactor), _BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    below, sums = counts.cumsum(), (counts * middles).cumsum()
    if values.min() == values.max():
        return float(values.max())
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (sums[-1] * below / below[-1] - sums) ** 2 / (below * (below[-1] - below))
    return float(np.sinh(edges[int(np.nanargmax(between[:-1])) + 1]) * cofactor)


def reference_spectra(controls: Controls) -> np.ndarray:
    """Give the spectrum of each stained control, its brightest detector as 1.

    Returns
    -------
    shape (n_stained, n_channels), float64, unitless; rows in the order of ``controls.stained``
    """
    spectra = []
    for name in controls.stained:
        bright, dim, _ = _taken(controls, name)
        rises = _rises(bright, dim)
        spectra.append(rises / rises.max())
    return np.array(spectra)


def swapped_spectra(spectra: np.ndarray, stained: Sequence[int]) -> dict[int, int]:
    """Find controls that are brightest in the detectors of each other, as where their files were swapped.

    Parameters
    ----------
    spectra : shape (n_stained, n_detectors), unitless
    stained : for each row, the place of the detector that is said to be its brightest; no two alike

    Returns
    -------
    row → the row that it looks like, for those that go round in a ring: two dyes may share their brightest detector
    """
    rows = {detector: row for row, detector in enumerate(stained)}
    like = {row: rows[peak] for row, peak in enumerate(spectra.argmax(axis=1).tolist()) if peak in rows}
    ring = set(like)
    for _ in stained:
        ring = {like[row] for row in ring if row in like}
    return {row: like[row] for row in sorted(ring) if like[row] != row}


def similarity(spectra: np.ndarray) -> np.ndarray:
    """Tell how alike spectra are.

    Parameters
    ----------
    spectra : shape (n_dyes, n_detectors), unitless

    Returns
    -------
    shape (n_dyes, n_dyes), float64, unitless; the cosine of the angle between two: 1 = the same, 0 = nothing in common
    """
    lengths = np.linalg.norm(spectra, axis=1)
    return np.asarray(spectra @ spectra.T / np.outer(lengths, lengths), np.float64)


def unmix(columns: Columns, spectra: np.ndarray, *, weighted: bool = False) -> list[np.ndarray]:
    """Find how much of each dye every event has.

    Parameters
    ----------
    columns : for each detector, shape (n_events,), float, data units
    spectra : shape (n_dyes, n_detectors), n_dyes ≤ n_detectors, unitless
    weighted : whether detectors count by one over their variance, taken to be their signal, at least 1, as of counted
        photons; else all alike

    Returns
    -------
    for each dye, shape (n_events,), float32, in the unit of the data at the detector where its spectrum is 1

    Raises
    ------
    InvalidInputError
        If spectra cannot be told apart.

    Notes
    -----
    Ordinary and weighted least squares; Novo et al. 2013, doi:10.1002/cyto.a.22272.
    """
    spectra = np.asarray(spectra, np.float64)
    if len(columns) != spectra.shape[1] or np.linalg.matrix_rank(spectra) < len(spectra):
        raise InvalidInputError(
            "The spectra cannot be told apart, or do not fit the detectors", do="Leave out one of two equal dyes"
        )
    n_events = len(columns[0])
    found = [np.empty(n_events, np.float32) for _ in spectra]
    inverse = np.linalg.pinv(spectra)
    for start in range(0, n_events, _BLOCK):
        seen = np.array([column[start : start + _BLOCK] for column in columns], np.float64).T
        if weighted:
            weights = 1 / np.maximum(seen, 1.0)
            normal = np.einsum("id,nd,jd->nij", spectra, weights, spectra, optimize=True)
            amounts = np.linalg.solve(normal, ((seen * weights) @ spectra.T)[:, :, np.newaxis])[:, :, 0]
        else:
            amounts = seen @ inverse
        for column, values in zip(found, amounts.T, strict=True):
            column[start : start + _BLOCK] = values
    return found
