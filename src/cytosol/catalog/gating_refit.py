"""Gates whose axes get another scale: each coordinate v becomes f_new(f_old⁻¹(v)); straight edges stay straight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.geometry import refit
from cytosol.analyses.cytometry.scales import scale_from_json
from cytosol.model.gating import Gate

Move = Callable[[np.ndarray], np.ndarray]
Scales = Mapping[str, Mapping[str, Any]]
_LOGS = ("log", "gml-log")


def moved(gate: Gate, old: Scales, new: Scales) -> dict[str, Any] | None:
    """The geometry in the new scales; None where it stays as it is."""
    if all(old.get(axis) == new.get(axis) for axis in (gate.x, gate.y)):
        return None
    fresh = refit(gate.kind, gate.geometry, *(_move(old.get(axis), new.get(axis)) for axis in (gate.x, gate.y)))
    same = all(np.allclose(fresh[name], gate.geometry[name], rtol=1e-9, atol=1e-12) for name in fresh)
    return None if same else fresh


def _move(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Move:
    """How coordinates of an axis move: scaled by the old scale to scaled by the new one; shape (n,), float64.

    What a logarithm cannot spell becomes the minimum of its scale, from where a gate takes everything beyond.
    """
    source, target = (None if scale is None else scale_from_json(scale) for scale in (old, new))

    def move(values: np.ndarray) -> np.ndarray:
        if old == new:
            return values
        data = values if source is None else source.inverse(values)
        if target is None:
            return data
        if target.type in _LOGS:
            data = np.maximum(data, target.limits[0])
        scaled = target.forward(data, clamp=False)
        return np.where(np.isfinite(scaled), scaled, target.forward(data))

    return move
