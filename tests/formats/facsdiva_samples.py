"""Experiments of FACSDiva made here, with events whose place on the axes is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from cytosol.analyses.cytometry.scales import scale_from_json

CHANNELS = "FSC-A", "FSC-H", "FSC-W", "FITC-A", "PE-A"
SPILL = np.array([[1.0, 0.1], [0.2, 1.0]])
WIDTHS = {"FITC-A": 120, "PE-A": 300}
"""What settings say of the axes: the most negative value shown."""
N_EVENTS = 3000
TOP = 262144


def logicle(width: float) -> dict[str, object]:
    return {"type": "logicle", "t": TOP, "w": (4.5 - np.log10(TOP / width)) / 2, "m": 4.5, "a": 0}


def places(seed: int = 0) -> dict[str, np.ndarray]:
    """Where events lie: scatter in data units, dyes in 4096ths of their axes, after compensation."""
    generator = np.random.default_rng(seed)
    found = {name: generator.uniform(0, TOP - 1, N_EVENTS).astype(np.float32) for name in CHANNELS[:3]}
    found["FSC-W"] = generator.normal(80000, 9000, N_EVENTS).astype(np.float32)
    return found | {name: generator.uniform(0, 4095, N_EVENTS) for name in CHANNELS[3:]}


def measured(at: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The values in the file, of what lies at these places."""
    dyes = [scale_from_json(logicle(WIDTHS[name])).inverse(at[name] / 4096) for name in CHANNELS[3:]]
    mixed = SPILL.T @ np.array(dyes)
    return {name: at[name] for name in CHANNELS[:3]} | dict(zip(CHANNELS[3:], mixed, strict=True))


def gate(
    name: str,
    kind: str,
    axes: Iterable[str],
    points: Iterable[tuple[float, float]],
    *,
    count: int | None = None,
    more: str = "",
) -> str:
    """One gate; ``name`` is its path, an axis "FITC-A:log" or "FITC-A:120" (biexponential) or "FSC-A"."""
    *above, last = name.split("/")
    parent = "\\".join(["All Events", *above])
    letters, flags, parameters = "xy", "", ""
    for letter, axis in zip(letters, axes, strict=False):
        channel, _, how = axis.partition(":")
        parameters += f" {letter}parm={quoteattr(channel)}"
        is_scaled = how not in ("", "log")
        flags += f"<is_{letter}_parameter_scaled>{str(is_scaled).lower()}</is_{letter}_parameter_scaled>"
        flags += f"<is_{letter}_parameter_log>{str(bool(how)).lower()}</is_{letter}_parameter_log>"
        flags += f"<{letter}_parameter_scale_value>{how if is_scaled else -1}</{letter}_parameter_scale_value>"
    corners = "".join(f'<point x="{x}" y="{y}" />' for x, y in points)
    region = f'<region name=""{parameters} type="{kind}_REGION"><points>{corners}</points></region>' if kind else ""
    classifier = "Composite" if kind == "BINNER" else "Region"
    counted = "" if count is None else f"<num_events>{count}</num_events>"
    path = quoteattr("\\".join([parent, last]))
    return (
        f'<gate fullname={path} type="{classifier}_Classifier"><name>{escape(last)}</name>'
        f"{counted}<parent>{escape(parent)}</parent>{region}{flags}{more}</gate>"
    )


def not_gate(name: str, of: str, *, kind: str = "NOT", visible: bool = True) -> str:
    """All in the parent but what is in another gate."""
    made = gate(name, "", (), (), more=f"<visible>{str(visible).lower()}</visible><input>All Events\\{of}</input>")
    return made.replace("Region_Classifier", f"{kind}_Classifier")


def quadrants(parent: str, axes: tuple[str, str], x: float, y: float) -> list[str]:
    """Four gates round a point, and the one that holds the point."""
    corners = {"Q1": (0, 4095), "Q2": (4095, 4095), "Q3": (0, 0), "Q4": (4095, 0)}
    bins = "".join(f"<bin>All Events\\{parent}\\{name}</bin>" for name in corners)
    made = [gate(f"{parent}/$7", "BINNER", axes, [(x, y)] * 3, more=bins)]
    for name, (far, high) in corners.items():
        made.append(gate(f"{parent}/{name}", "POLYGON", axes, [(x, y), (far, y), (far, high), (x, high)]))
    return made


def source(n_events: int) -> str:
    """The gate that all others are below."""
    counted = f"<name>All Events</name><num_events>{n_events}</num_events>"
    return f'<gate fullname="All Events" type="EventSource_Classifier">{counted}</gate>'


def tube(filename: str, gates: Iterable[str] = (), *, n_events: int = N_EVENTS, is_compensated: bool = True) -> str:
    """A tube; its compensation is the inverse of the spillover, as FACSDiva stores it."""
    inverse = np.linalg.inv(SPILL).T
    parameters = ""
    for channel in CHANNELS:
        numbers = inverse[CHANNELS[3:].index(channel)] if channel in WIDTHS else []
        listed = "".join(f"<compensation_coefficient>{one:.8f}</compensation_coefficient>" for one in numbers)
        parameters += (
            f"<parameter name={quoteattr(channel)} type='30'><is_log>{str(channel in WIDTHS).lower()}</is_log>"
            f"<max>{5.4185380935668945 if channel in WIDTHS else 262143.0}</max>"
            f"<comp_biexp_scale>{WIDTHS.get(channel, 0)}</comp_biexp_scale>"
            + (f"<compensation>{listed}</compensation></parameter>" if channel in WIDTHS else "</parameter>")
        )
    return (
        f'<tube name="{filename[:-4]}"><data_filename>{escape(filename)}</data_filename>'
        f"<instrument_settings><compensation_enabled>{str(is_compensated).lower()}</compensation_enabled>"
        f"<use_auto_biexp_scale>true</use_auto_biexp_scale>{parameters}</instrument_settings>"
        f"<gates>{source(n_events)}{''.join(gates)}</gates></tube>"
    )


def experiment(
    tubes: Iterable[str] = (), sheets: Mapping[str, Iterable[str]] | None = None, *, n_events: int = 0
) -> bytes:
    """A whole file; ``n_events`` is what its worksheets counted."""
    templates = "".join(
        f"<worksheet_template name={quoteattr(name)}><gates>{source(n_events)}{''.join(gates)}</gates>"
        "</worksheet_template>"
        for name, gates in (sheets or {}).items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<bdfacs version="Version 8.0.1"><experiment name="Blood">'
        f"<acquisition_worksheets>{templates}</acquisition_worksheets>"
        f'<specimen name="Mouse">{"".join(tubes)}</specimen></experiment></bdfacs>'
    ).encode()
