"""Evaluates the gates of exchange files as they stand: with bounds, ratios, any number of axes and any matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from cytosol.analyses.cytometry.geometry import inside
from cytosol.analyses.cytometry.scales import scale_from_json
from cytosol.base.errors import InvalidInputError
from cytosol.base.gating import FROM_FILE, UNCOMPENSATED, Axis, Gating, Matrix, Region

Channel = Callable[[str], np.ndarray]


def evaluate_regions(gating: Gating, channel: Channel, internal: Matrix | None = None) -> dict[str, np.ndarray]:
    """Tell which events lie in each region, their parents included.

    Parameters
    ----------
    gating : as a format read it
    channel : name → shape (n_events,), float; values on the scale of the file: gain and logarithm taken out
    internal : the compensation of the file; None = it has none, and "FCS" means no compensation

    Returns
    -------
    id → shape (n_events,), bool

    Raises
    ------
    InvalidInputError
        For regions that contain themselves, and what ``channel`` raises for a name.
    """
    return _Evaluation(gating, channel, internal).all()


def miscounted(gating: Gating, channel: Channel) -> int:
    """Tell by how many events, all regions together, the counts of a gating's author are missed.

    Parameters
    ----------
    channel : as of `evaluate_regions`
    """
    masks = evaluate_regions(gating, channel)
    counted = {name: region.n_events for name, region in gating.regions.items() if region.n_events is not None}
    return sum(abs(int(masks[name].sum()) - n_events) for name, n_events in counted.items())


def with_exchanged(gating: Gating) -> Gating:
    """Take the heights of a gating for widths and the other way round: its channels that end with -H or -W."""

    def exchanged(axis: Axis) -> Axis:
        stem, letter = axis.channel[:-1], axis.channel[-1:]
        other = {"H": "W", "W": "H"}.get(letter, "") if stem.endswith("-") else ""
        return replace(axis, channel=stem + other) if other else axis

    regions = {
        name: replace(region, axes=tuple(map(exchanged, region.axes))) for name, region in gating.regions.items()
    }
    return replace(gating, regions=regions)


class _Evaluation:
    """One gating on one file."""

    def __init__(self, gating: Gating, channel: Channel, internal: Matrix | None) -> None:
        self._gating, self._channel = gating, channel
        self._matrices: Mapping[str, Matrix] = gating.matrices | ({FROM_FILE: internal} if internal else {})
        self._unmixed: dict[str, dict[str, np.ndarray]] = {}
        self._masks: dict[str, np.ndarray] = {}
        self._under_way: set[str] = set()

    def all(self) -> dict[str, np.ndarray]:
        return {region: self._mask(region) for region in self._gating.regions}

    def _mask(self, name: str) -> np.ndarray:
        if name not in self._masks:
            if name in self._under_way:
                raise InvalidInputError(f"The gate {name!r} contains itself", do="Correct the file")
            self._under_way.add(name)
            region = self._gating.regions[name]
            mask = self._boolean(region) if region.kind == "boolean" else self._shape(region)
            if region.outside:
                mask = ~mask
            self._masks[name] = mask & self._mask(region.parent) if region.parent else mask
        return self._masks[name]

    def _boolean(self, region: Region) -> np.ndarray:
        masks = [self._mask(ref) ^ complement for ref, complement in region.geometry["refs"]]
        op = region.geometry["op"]
        if op == "not":
            return np.asarray(~np.logical_or.reduce(masks))
        return np.asarray((np.logical_and if op == "and" else np.logical_or).reduce(masks))

    def _shape(self, region: Region) -> np.ndarray:
        values = [self._values(axis) for axis in region.axes]
        if region.kind == "polygon":
            return inside("polygon", region.geometry, values[0], values[1])
        if region.kind == "ellipsoid":
            return _in_ellipsoid(region, np.column_stack(values))
        mask = np.ones(len(values[0]), np.bool_)
        for axis, (low, high) in zip(values, region.geometry["limits"], strict=True):
            if low is not None:
                mask &= axis >= low
            if high is not None:
                mask &= axis < high
        return mask

    def _values(self, axis: Axis) -> np.ndarray:
        ratio = axis.ratio
        if ratio is None:
            values = self._compensated(axis.compensation, axis.channel)
        else:
            above = self._compensated(axis.compensation, ratio.numerator) - ratio.b
            below = self._compensated(axis.compensation, ratio.denominator) - ratio.c
            with np.errstate(divide="ignore", invalid="ignore"):
                values = _limited(ratio.a * above / below, ratio.low, ratio.high)
        if axis.scale is not None:
            values = scale_from_json(axis.scale).forward(values, clamp=False)
        return _limited(values, axis.low, axis.high)

    def _compensated(self, compensation: str, name: str) -> np.ndarray:
        matrix = self._matrices.get(compensation) if compensation != UNCOMPENSATED else None
        if matrix is None or name not in matrix.dyes:
            return np.asarray(self._channel(name), np.float64)
        if compensation not in self._unmixed:
            self._unmixed[compensation] = dict(zip(matrix.dyes, self._unmix(matrix), strict=True))
        return self._unmixed[compensation][name]

    def _unmix(self, matrix: Matrix) -> np.ndarray:
        """Amounts of the dyes, shape (n_dyes, n_events): exact for as many dyes as detectors, else least squares."""
        measured = np.array([self._channel(name) for name in matrix.detectors], np.float64)
        spectra = np.array(matrix.values)
        return np.asarray(np.linalg.lstsq(spectra.T, measured, rcond=None)[0])


def _limited(values: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    return values if low is None and high is None else np.clip(values, low, high)


def _in_ellipsoid(region: Region, points: np.ndarray) -> np.ndarray:
    apart = points - np.array(region.geometry["mean"])
    inverse = np.linalg.inv(np.array(region.geometry["covariance"]))
    distance = np.einsum("ij,jk,ik->i", apart, inverse, apart)
    return np.asarray(distance <= region.geometry["distance_square"])
