"""Compensations computed from single-stained controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.spillover import (
    Columns,
    Controls,
    Parts,
    Range,
    Spillover,
    compute_spillover,
    spreading_matrix,
)
from cytosol.base.errors import ConflictError, InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.access import study_access
from cytosol.catalog.axes import Axes, is_events
from cytosol.catalog.compensations import Compensations
from cytosol.catalog.context import Context
from cytosol.catalog.gating import Gating
from cytosol.catalog.tables import Pinned
from cytosol.model.gating import Compensation
from cytosol.model.rights import Actor, Permission


@dataclass(frozen=True, slots=True)
class Control:
    """A control.

    Attributes
    ----------
    channel : that is stained, of a dye of many channels the brightest; "" = none
    population_id : the events that are taken; None = all
    positive, negative : values of the channel that are taken, data units; None = found
    """

    channel: str
    dataset_id: Key
    population_id: Key | None = None
    positive: Range | None = None
    negative: Range | None = None
    dye: str = ""
    """Name of the dye, "" = that of the channel."""


@dataclass(frozen=True, slots=True)
class ComputedMatrix:
    """A computed compensation.

    Attributes
    ----------
    compensation : as it was kept; None = it was only asked for
    matrix, spread : shape (n_channels, n_channels), float64; row = dye, column = detector; NaN in ``spread`` = unknown
    parts : channel → what was taken of its control
    warnings : a sentence for each control that looks like one of another channel
    """

    compensation: Compensation | None
    channels: list[str]
    matrix: np.ndarray
    spread: np.ndarray
    parts: dict[str, Parts]
    warnings: list[str]


class ControlMatrices:
    """Computes compensations. Keeping one needs the permission gate.edit."""

    def __init__(self, context: Context, axes: Axes, gating: Gating, compensations: Compensations) -> None:
        self._context = context
        self._axes = axes
        self._gating = gating
        self._compensations = compensations

    async def compute(
        self,
        actor: Actor,
        *,
        study_id: Key,
        controls: Sequence[Control],
        unstained: Control | None = None,
        channels: Sequence[str] = (),
        name: str = "",
        insist: bool = False,
    ) -> ComputedMatrix:
        """Compute a spillover matrix from single-stained controls, and how much it spreads populations.

        Parameters
        ----------
        controls : one a channel
        unstained : an unstained control; None = the dim events of each control stand in
        channels : of the matrix; () = those of the controls
        name : under which it is kept; "" = it is not
        insist : keep it also where a control is brighter in another channel than in its own

        Raises
        ------
        InvalidInputError
            Where a channel has two controls or is not among the channels, or a control cannot serve; names it.
        ConflictError
            Where a control looks like one of another channel, and the matrix shall be kept without ``insist``.
        """
        async with self._context.db.read() as conn:
            needed = Permission.GATE_EDIT if name else Permission.DATA_READ
            await study_access(conn, actor, study_id, needed)
        wanted = list(dict.fromkeys(channels)) or [control.channel for control in controls]
        asked = await self.read(actor, study_id, controls, unstained=unstained, channels=wanted)
        found = await self._context.compute.run(compute_spillover, asked)
        spread = await self._context.compute.run(spreading_matrix, asked, found.matrix)
        warnings = await self._warnings(actor, study_id, controls, found)
        kept = None
        if name and warnings and not insist:
            raise ConflictError(
                ". ".join(warnings),
                where="controls",
                do="Exchange the files, or insist where the controls are right and a dye is brighter elsewhere",
            )
        if name:
            kept = await self._compensations.create(
                actor,
                study_id=study_id,
                name=name,
                channels=wanted,
                matrix=found.matrix.reshape(-1).tolist(),
                made_by=_made_by(controls, unstained, found.parts),
            )
        return ComputedMatrix(kept, wanted, found.matrix, spread, found.parts, warnings)

    async def _warnings(self, actor: Actor, study_id: Key, controls: Sequence[Control], found: Spillover) -> list[str]:
        """What is to be said of controls that look like those of other channels."""
        said = []
        for control in controls:
            if control.channel in found.brighter:
                (pinned,) = await self.pin(actor, study_id, [control.dataset_id])
                other, times = found.brighter[control.channel]
                said.append(
                    f"The control of {control.channel}, '{pinned.dataset.name}', looks like one of {other}: "
                    f"it is {times:.3g} times as bright there"
                )
        return said

    async def read(
        self,
        actor: Actor,
        study_id: Key,
        controls: Sequence[Control],
        *,
        unstained: Control | None,
        channels: Sequence[str],
    ) -> Controls:
        """Read the channels of controls; needs the permission data.read."""
        stained = [control.channel for control in controls]
        if not controls or len(set(stained)) < len(stained) or not set(stained) <= set(channels):
            raise InvalidInputError(
                "Each channel needs one control, and each control one of the channels", where="controls"
            )
        columns = {control.channel: await self._columns(actor, study_id, control, channels) for control in controls}
        return Controls(
            channels,
            columns,
            None if unstained is None else await self._columns(actor, study_id, unstained, channels),
            positive={control.channel: control.positive for control in controls if control.positive is not None},
            negative={control.channel: control.negative for control in controls if control.negative is not None},
        )

    async def pin(self, actor: Actor, study_id: Key, dataset_ids: Sequence[Key]) -> list[Pinned]:
        """The event tables of datasets; needs the permission data.read."""
        found = await self._gating.pin(actor, study_id=study_id, dataset_ids=dataset_ids)
        for pinned in found:
            if not is_events(pinned):
                raise InvalidInputError(f"'{pinned.dataset.name}' holds no events", do="Choose a file of cytometry")
        return found

    async def _columns(self, actor: Actor, study_id: Key, control: Control, channels: Sequence[str]) -> Columns:
        """The channels of a control as measured, in its population."""
        (pinned,) = await self.pin(actor, study_id, [control.dataset_id])
        state = await self._gating.state(study_id, [])
        population = state.population(control.population_id)
        mask = None if population is None else await self._gating.mask(pinned, population=population)
        references = [f"var:{channel}" for channel in channels]
        reading = await self._axes.reading(pinned, references, None)

        def read() -> Columns:
            values = [reading.values(reference) for reference in references]
            return values if mask is None else [column[mask] for column in values]

        return await self._context.compute.run(read)


def _made_by(controls: Sequence[Control], unstained: Control | None, parts: dict[str, Parts]) -> dict[str, Any]:
    def said(control: Control) -> dict[str, Any]:
        population = None if control.population_id is None else control.population_id.hex24
        return {"dataset_id": control.dataset_id.hex24, "population_id": population}

    return {
        "function": "compute_spillover",
        "controls": [
            {
                "channel": control.channel,
                **said(control),
                "positive": list(parts[control.channel].positive),
                "negative": None if (low := parts[control.channel].negative) is None else list(low),
            }
            for control in controls
        ],
        "unstained": None if unstained is None else said(unstained),
    }
