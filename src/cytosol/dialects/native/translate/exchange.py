"""Gates from other programs, and compensations computed from controls, as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.compensation import format_matrix, parse_matrix
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.control_matrices import ComputedMatrix, Control
from cytosol.catalog.gating_exchange import BroughtGating
from cytosol.catalog.unmixing import References
from cytosol.dialects.native.translate.gating import (
    compensation_json,
    gate_json,
    population_json,
    scale_set_json,
)
from cytosol.dialects.native.wire import exchange as wire
from cytosol.model.gating import Compensation


def brought_json(brought: BroughtGating, names: Mapping[Key, str]) -> dict[str, Any]:
    """What came out of a file; ``names`` are the unique ones of the study's populations."""
    return {
        "gates": [gate_json(gate) for gate in brought.gates],
        "populations": [population_json(population, names) for population in brought.populations],
        "compensations": [compensation_json(compensation) for compensation in brought.compensations],
        "scale_set": scale_set_json(brought.scale_set),
        "compensation": brought.compensation,
        "notes": brought.notes,
    }


def control_of(said: wire.ControlRequest) -> Control:
    """A control."""
    positive, negative = (None if one is None else (one[0], one[1]) for one in (said.positive, said.negative))
    dye = said.dye if isinstance(said, wire.DyeRequest) else ""
    return Control(said.channel, said.dataset_id, said.population_id, positive, negative, dye)


def references_of(said: wire.ReferencesRequest) -> References:
    """Reference controls."""
    return References([control_of(one) for one in said.controls], unstained_of(said), said.detectors)


def unstained_of(said: wire.ComputeRequest | wire.ReferencesRequest) -> Control | None:
    """The unstained control, where there is one."""
    one = said.unstained
    return None if one is None else Control("", one.dataset_id, one.population_id)


def matrix_of(data: bytes) -> tuple[list[str], list[float]]:
    """Channels and numbers row by row of a CSV file."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError("The file is not UTF-8 text", do="Save it as CSV in UTF-8") from error
    channels, matrix = parse_matrix(text)
    return channels, matrix.reshape(-1).tolist()


def matrix_text(compensation: Compensation) -> str:
    """A spillover matrix as CSV."""
    return format_matrix(compensation.channels, np.array(compensation.matrix))


def computed_json(found: ComputedMatrix) -> dict[str, Any]:
    """A computed compensation."""
    return {
        "compensation": None if found.compensation is None else compensation_json(found.compensation),
        "channels": found.channels,
        "matrix": found.matrix.tolist(),
        "spread": [[None if math.isnan(value) else value for value in row] for row in found.spread.tolist()],
        "parts": [
            {
                "channel": channel,
                "positive": list(parts.positive),
                "negative": None if parts.negative is None else list(parts.negative),
                "n_positive": parts.n_positive,
                "n_negative": parts.n_negative,
            }
            for channel, parts in found.parts.items()
        ],
        "warnings": found.warnings,
    }
