"""How an axis is scaled for gating and display: data values to scaled ones, and back.

A scale limits a value to ``minimum`` … ``maximum``, in data units, and then applies its function. Gates lie in scaled
space. Statistics never see a scale.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from cytosol.analyses.cytometry.biexponential import CHANNELS, lookup_table
from cytosol.analyses.cytometry.logicle import Root, hyperlog_root, logicle_root
from cytosol.base.errors import InvalidInputError

SMALLEST = float(np.finfo(np.float32).tiny)
"""What a logarithm takes instead of anything smaller: the smallest normal 32-bit number."""
_BLOCK = 1 << 16
_LN10 = math.log(10)
_KNOWN = 1000
"""Scales that are kept once read."""


class Scale(ABC):
    """What all scales can do.

    Values are computed in 64 bits and rounded once: 32-bit values give 32-bit ones, all others 64-bit ones.
    """

    __slots__ = ()
    type: ClassVar[str]
    minimum: float | None
    maximum: float | None

    def forward(self, values: np.ndarray, clamp: bool = True) -> np.ndarray:
        """Scale data values.

        Parameters
        ----------
        values : shape (n,), float32 or float64, data units; NaN stays NaN
        clamp : whether values are limited to ``minimum`` … ``maximum`` first

        Returns
        -------
        shape (n,), float32 if the values are, else float64; scaled units
        """
        values = np.asarray(values)
        flat = values.reshape(-1)
        scaled = np.empty(flat.shape, np.float32 if values.dtype == np.float32 else np.float64)
        for start in range(0, flat.size, _BLOCK):
            block = flat[start : start + _BLOCK].astype(np.float64)
            if clamp and (self.minimum is not None or self.maximum is not None):
                np.clip(block, self.minimum, self.maximum, out=block)
            scaled[start : start + _BLOCK] = self._forward(block)
        return scaled.reshape(values.shape)

    def inverse(self, scaled: np.ndarray) -> np.ndarray:
        """Give the data values of scaled ones, without limits.

        Parameters
        ----------
        scaled : shape (n,), float; NaN stays NaN

        Returns
        -------
        shape (n,), float32 if the scaled values are, else float64; data units
        """
        scaled = np.asarray(scaled)
        with np.errstate(over="ignore"):  # beyond all numbers is infinite
            values: np.ndarray = self._inverse(scaled.astype(np.float64))
            return values.astype(np.float32) if scaled.dtype == np.float32 else values

    @property
    def limits(self) -> tuple[float, float]:
        """What an axis shows, in data units: the given minimum and maximum, else what the function is made for."""
        low, high = self._natural()
        return (low if self.minimum is None else self.minimum, high if self.maximum is None else self.maximum)

    def to_json(self) -> dict[str, Any]:
        """Give the JSON object that `scale_from_json` reads."""
        return {"type": self.type, **asdict(self)}  # type: ignore[call-overload]

    @abstractmethod
    def _forward(self, values: np.ndarray) -> np.ndarray:
        """Scale; shape (n,), float64."""

    @abstractmethod
    def _inverse(self, scaled: np.ndarray) -> np.ndarray:
        """Give back the data values; shape (n,), float64."""

    @abstractmethod
    def _natural(self) -> tuple[float, float]:
        """Say what range the function is made for, in data units."""


@dataclass(frozen=True, slots=True)
class _Limited(Scale):
    minimum: float
    maximum: float

    def _natural(self) -> tuple[float, float]:
        return self.minimum, self.maximum


@dataclass(frozen=True, slots=True)
class LinearScale(_Limited):
    """x."""

    type: ClassVar[str] = "linear"

    def _forward(self, values: np.ndarray) -> np.ndarray:
        return values

    def _inverse(self, scaled: np.ndarray) -> np.ndarray:
        return scaled


@dataclass(frozen=True, slots=True)
class LogScale(_Limited):
    """log10(x); anything below the smallest normal 32-bit number counts as that."""

    type: ClassVar[str] = "log"

    def _forward(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(np.log10(np.maximum(values, SMALLEST)))

    def _inverse(self, scaled: np.ndarray) -> np.ndarray:
        return np.asarray(10.0**scaled)


@dataclass(frozen=True, slots=True)
class ArcSinhScale(_Limited):
    """asinh(x / cofactor)."""

    cofactor: float
    type: ClassVar[str] = "arcsinh"

    def _forward(self, values: np.ndarray) -> np.ndarray:
        return np.arcsinh(values / self.cofactor)

    def _inverse(self, scaled: np.ndarray) -> np.ndarray:
        return np.asarray(np.sinh(scaled) * self.cofactor)


@dataclass(frozen=True, slots=True)
class LogicleScale(Scale):
    """Logicle of Gating-ML 2.0: ``t`` → 1, ``w`` decades about linear, ``m`` decades in all, ``a`` more negative ones.

    Moore and Parks 2012, doi:10.1002/cyto.a.22030.
    """

    t: float
    w: float
    m: float
    a: float
    minimum: float | None = None
    maximum: float | None = None
    type: ClassVar[str] = "logicle"

    def _root(self) -> Root:
        return logicle_root(self.t, self.w, self.m, self.a)

    def _forward(self, values: np.ndarray) -> np.ndarray:
        return self._root().solve(values)

    def _inverse(self, scaled: np.ndarray) -> np.ndarray:
        return self._root().value(scaled)

    def _natural(self) -> tuple[float, float]:
        return float(self._inverse(np.zeros(1))[0]), self.t


@dataclass(frozen=True, slots=True)
class HyperlogScale(Scale):
    """Hyperlog of Gating-ML 2.0; parameters as of logicle. Bagwell 2005, doi:10.1002/cyto.a.20114."""

    t: float
    w: float
    m: float
    a: float
    minimum: float | None = None
    maximum: float | None = None
    type: ClassVar[str] = "hyperlog"

    def _root(self) -> Root:
        return hyperlog_root(self.t, self.w, self.m, self.a)

    def _forward(self, values: np.ndarray) -> np.ndarray:
        return self._root().solve(values)

    def _inverse(self, scaled: np.ndarray) -> np.ndarray:
        return self._root().value(scaled)

    def _natural(self) -> tuple[float, float]:
        return float(self._inverse(np.zeros(1))[0]), self.t


@dataclass(frozen=True, slots=True)
class BiexponentialScale(Scale):
    """The biexponential of FlowJo 10, by its table of 4,097 points; scaled values lie in 0 … 4096.

    ``top`` is the largest data value, ``positive`` and ``negative`` are decades, ``width`` (negative) the width basis.
    """

    top: float = 262144.000029
    positive: float = 4.418540
    negative: float = 0.0
    width: float = -10.0
    minimum: float | None = None
    maximum: float | None = None
    type: ClassVar[str] = "biexponential"

    def _forward(self, values: np.ndarray) -> np.ndarray:
        points = lookup_table(self.top, self.positive, self.negative, self.width)
        return np.asarray(np.interp(values, points, np.arange(CHANNELS + 1.0)))

    def _inverse(self, scaled: np.ndarray) -> np.ndarray:
        points = lookup_table(self.top, self.positive, self.negative, self.width)
        return np.asarray(np.interp(scaled, np.arange(CHANNELS + 1.0), points))

    def _natural(self) -> tuple[float, float]:
        points = lookup_table(self.top, self.positive, self.negative, self.width)
        return float(points[0]), float(points[-1])


@dataclass(frozen=True, slots=True)
class GmlLinearScale(Scale):
    """Parametrised linear of Gating-ML 2.0: (x + a) / (t + a)."""

    t: float
    a: float
    minimum: float | None = None
    maximum: float | None = None
    type: ClassVar[str] = "gml-linear"

    def _forward(self, values: np.ndarray) -> np.ndarray:
        return (values + self.a) / (self.t + self.a)

    def _inverse(self, scaled: np.ndarray) -> np.ndarray:
        return np.asarray(scaled * (self.t + self.a) - self.a)

    def _natural(self) -> tuple[float, float]:
        return -self.a, self.t


@dataclass(frozen=True, slots=True)
class GmlLogScale(Scale):
    """Parametrised logarithm of Gating-ML 2.0: log10(x / t) / m + 1; what is not above zero gives minus infinity."""

    t: float
    m: float
    minimum: float | None = None
    maximum: float | None = None
    type: ClassVar[str] = "gml-log"

    def _forward(self, values: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log10(np.maximum(values, 0.0) / self.t) / self.m + 1)

    @property
    def limits(self) -> tuple[float, float]:
        """As of all scales, but what has no logarithm is no place on an axis."""
        low, high = self._natural()
        high = high if self.maximum is None else self.maximum
        low = low if self.minimum is None or self.minimum <= 0 else self.minimum
        return (low if low < high else high * 10**-self.m, high)

    def _inverse(self, scaled: np.ndarray) -> np.ndarray:
        return np.asarray(10.0 ** ((scaled - 1) * self.m) * self.t)

    def _natural(self) -> tuple[float, float]:
        return self.t * 10**-self.m, self.t


@dataclass(frozen=True, slots=True)
class GmlArcSinhScale(Scale):
    """Parametrised asinh of Gating-ML 2.0: (asinh(x sinh(m ln 10) / t) + a ln 10) / ((m + a) ln 10)."""

    t: float
    m: float
    a: float
    minimum: float | None = None
    maximum: float | None = None
    type: ClassVar[str] = "gml-asinh"

    def _forward(self, values: np.ndarray) -> np.ndarray:
        scaled: np.ndarray = values * (math.sinh(self.m * _LN10) / self.t)
        np.arcsinh(scaled, out=scaled)
        scaled += self.a * _LN10
        scaled /= (self.m + self.a) * _LN10
        return scaled

    def _inverse(self, scaled: np.ndarray) -> np.ndarray:
        return np.sinh(scaled * ((self.m + self.a) * _LN10) - self.a * _LN10) * (self.t / math.sinh(self.m * _LN10))

    def _natural(self) -> tuple[float, float]:
        return float(self._inverse(np.zeros(1))[0]), self.t


SCALES: dict[str, type[Scale]] = {
    scale.type: scale
    for scale in (
        LinearScale,
        LogScale,
        ArcSinhScale,
        LogicleScale,
        HyperlogScale,
        BiexponentialScale,
        GmlLinearScale,
        GmlLogScale,
        GmlArcSinhScale,
    )
}


def scale_from_json(json: Mapping[str, Any]) -> Scale:
    """Read a scale from its JSON object: ``{"type": "arcsinh", "minimum": -200, "maximum": 1e5, "cofactor": 150}``.

    Raises
    ------
    InvalidInputError
        For an unknown type, a missing, further or impossible parameter.
    """
    for name, value in json.items():
        if isinstance(value, list | dict):
            raise InvalidInputError(
                f"The scale cannot be used: {name[:64]} holds a list or an object", do="Correct the scale"
            )
    return _scale_of(tuple((name, type(value), value) for name, value in json.items()))


@lru_cache(_KNOWN)
def _scale_of(items: tuple[tuple[str, type, Any], ...]) -> Scale:
    json = {name: value for name, _, value in items}
    made = SCALES.get(str(json.get("type")))
    if made is None:
        raise InvalidInputError(
            f"The scale type {json.get('type')!r} is not known", do="Use one of " + ", ".join(SCALES)
        )
    parameters = {name: value for name, value in json.items() if name != "type"}
    optional = {"minimum", "maximum"} if not issubclass(made, _Limited) else set()
    known = {field.name for field in fields(made)}  # type: ignore[arg-type]
    fault = _fault_of_names(parameters, known=known, optional=optional)
    for name, value in parameters.items():
        absent = value is None and name in optional
        if not fault and not absent and not (_is_number(value) and math.isfinite(value)):
            fault = f"{name} is {value!r}, not a finite number"
    if not fault:
        fault = _fault_of_range(made, parameters)
    if fault:
        raise InvalidInputError(f"The {made.type} scale cannot be used: {fault}", do="Correct the scale")
    return made(**{name: value if value is None else float(value) for name, value in parameters.items()})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fault_of_names(parameters: Mapping[str, Any], *, known: set[str], optional: set[str]) -> str:
    missing = known - optional - set(parameters)
    if missing:
        return f"it lacks {', '.join(sorted(missing))}"
    unknown = set(parameters) - known
    return f"it has no parameter {', '.join(sorted(unknown))}" if unknown else ""


def _fault_of_range(made: type[Scale], given: Mapping[str, Any]) -> str:
    low, high = given.get("minimum"), given.get("maximum")
    if low is not None and high is not None and not low < high:
        return f"the minimum {low} is not below the maximum {high}"
    if made is ArcSinhScale and not given["cofactor"] > 0:
        return f"the cofactor {given['cofactor']} is not above zero"
    if made in (LogScale, GmlLogScale) and high is not None and not high > 0:
        return f"the maximum {high} is not above zero"
    if made is LogScale and not given["minimum"] > 0:
        return f"the minimum {low} is not above zero"
    if made is BiexponentialScale and not (given["top"] > 0 and given["positive"] > 0 and given["width"] <= -1):
        return "top and positive must be above zero and width -1 or less"
    if "t" in given and not given["t"] > 0:
        return f"t is {given['t']}, not above zero"
    if "m" in given and not given["m"] > 0:
        return f"m is {given['m']}, not above zero"
    if made is GmlLinearScale and not 0 <= given["a"] <= given["t"]:
        return "a must lie from 0 to t"
    if made is GmlArcSinhScale and not 0 <= given["a"] <= given["m"]:
        return "a must lie from 0 to m"
    return _fault_of_decades(made, given) if made in (LogicleScale, HyperlogScale) else ""


def _fault_of_decades(made: type[Scale], given: Mapping[str, Any]) -> str:
    w, m, a = given["w"], given["m"], given["a"]
    if not 0 <= w <= m / 2 or (w == 0 and made is HyperlogScale):
        return f"w is {w}, it must lie from 0 to half of m = {m}" + (" and not be 0" if made is HyperlogScale else "")
    if not -w <= a <= m - 2 * w:
        return f"a is {a}, it must lie from -w = {-w} to m - 2 w = {m - 2 * w}"
    return ""
