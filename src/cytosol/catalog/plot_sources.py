"""Where the events of a plot come from: one dataset, or several as one layer; read on a thread when it is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cytosol.analyses.cytometry.plots.spec import Axis, Drawing, GateMark, Layer
from cytosol.analyses.cytometry.sampling import sample_rows
from cytosol.analyses.cytometry.scales import Scale, scale_from_json
from cytosol.analyses.cytometry.statistics import statistic
from cytosol.catalog.gating_lacks import Lacks
from cytosol.catalog.gating_masks import Prepared
from cytosol.catalog.gating_state import GatingState
from cytosol.catalog.plot_marks import axis_label
from cytosol.catalog.plot_specs import PlotSpec, Sampling
from cytosol.catalog.tables import Pinned
from cytosol.model.panels import Panel, same_reagent

_ROOM_BYTES = 256 << 20
"""For the events of a group of datasets whose medians are taken."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the events of a layer come from, to be read on a thread.

    Attributes
    ----------
    axes : the axis of the table for each that is asked for
    lacks : what the table has nothing for
    """

    name: str
    prepared: Prepared
    token: str
    axes: Mapping[str, str]
    lacks: Lacks

    def values(self, reference: str) -> np.ndarray:
        """Of all cells, in the unit of the data."""
        return self.prepared.reading.values(self.axes[reference])

    def rows(self, sampling: Sampling) -> np.ndarray:
        """Rows of the events that are drawn: shape (n,), int64, rising."""
        rows = np.flatnonzero(self.prepared.mask(0))
        n_cells = self.prepared.reading.pinned.part.n_cells
        if sampling.pre_n is not None or sampling.pre_p is not None:
            drawn = np.zeros(n_cells, bool)
            drawn[sample_rows(n_cells, count=sampling.pre_n, fraction=sampling.pre_p, seed=sampling.seed)] = True
            rows = rows[drawn[rows]]
        if sampling.post_n is not None or sampling.post_p is not None:
            rows = rows[sample_rows(len(rows), count=sampling.post_n, fraction=sampling.post_p, seed=sampling.seed)]
        return rows

    def forget(self) -> None:
        """Let go of what was read: sheets are made of more tables than memory holds."""
        self.prepared.reading.forget()

    def layer(self, spec: PlotSpec, rows: np.ndarray | None = None) -> Layer:
        """The events, in the unit of the data; ``rows`` in place of those that the spec draws."""
        rows, n_cells = self.rows(spec.sampling) if rows is None else rows, self.prepared.reading.pinned.part.n_cells

        def values(reference: str) -> np.ndarray:
            whole = self.values(reference)
            return whole if len(rows) == n_cells else whole[rows]

        y = values(spec.y) if spec.y else None
        return Layer(self.name, values(spec.x), y, values(spec.color_by) if spec.color_by else None)


@dataclass(frozen=True, slots=True)
class Pool:
    """The events of several datasets as one layer.

    Attributes
    ----------
    equal : whether each gives as many as the one with the fewest, if it has any
    lacks : what the first dataset has nothing for, where none has all
    """

    name: str
    sources: tuple[Source, ...]
    equal: bool = False
    lacks: Lacks = field(default_factory=Lacks)

    def rows(self, sampling: Sampling) -> list[np.ndarray]:
        """Rows of the events that are drawn of each dataset."""
        rows = []
        for source in self.sources:
            rows.append(source.rows(sampling))
            source.forget()
        most = min((len(one) for one in rows if len(one)), default=0) if self.equal else max(map(len, rows), default=0)
        return [one[sample_rows(len(one), count=most, seed=sampling.seed)] for one in rows]

    def layer(self, spec: PlotSpec) -> Layer:
        """The events, in the unit of the data."""
        rows = self.rows(spec.sampling)
        layers = []
        for source, each in zip(self.sources, rows, strict=True):
            layers.append(source.layer(spec, each))
            source.forget()
        if len(layers) == 1:
            return replace(layers[0], name=self.name)
        y = [layer.y for layer in layers if layer.y is not None]
        shade = [layer.shade for layer in layers if layer.shade is not None]
        x = np.concatenate([layer.x for layer in layers])
        return Layer(self.name, x, np.concatenate(y) if y else None, np.concatenate(shade) if shade else None)

    def medians(self, axes: Sequence[str]) -> list[float]:
        """The median of all events on each axis, in the unit of the data; NaN = no events, or no dataset has the axis.

        As many axes at a time are in memory as have room, one dataset after the other.
        """
        rows = self.rows(Sampling())
        n_at_once = max(1, _ROOM_BYTES // (4 * sum(map(len, rows)) + 1))
        found: list[float] = []
        for first in range(0, len(axes), n_at_once):
            parts: dict[str, list[np.ndarray]] = {axis: [] for axis in axes[first : first + n_at_once]}
            for source, own in zip(self.sources, rows, strict=True):
                for axis in parts:
                    if source.axes[axis] not in source.lacks:
                        parts[axis].append(source.values(axis)[own])
                source.forget()
            found += map(median, parts.values())
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """A figure without its events.

    Attributes
    ----------
    home : the panel whose channels the spec means
    message : what stands in its place where it has none
    """

    spec: PlotSpec
    pinned: Pinned
    state: GatingState
    marks: tuple[GateMark, ...] = ()
    home: Panel = ()
    message: str = ""

    def own(self, reference: str) -> str:
        """The axis of this table."""
        return same_reagent(reference, self.home, self.pinned.dataset.panel or ())

    def axis(self, reference: str) -> Axis:
        """One axis with its label and scale."""
        return Axis(axis_label(self.pinned, self.own(reference)), scale_of(self.state, self.own(reference)))

    @property
    def token(self) -> str:
        """Tells it from every other plan."""
        return repr([self.spec, *(self.axis(name) for name in self.spec.axes), self.marks])

    def of(self, sources: Sequence[Source | Pool]) -> Drawing:
        """The figure with its events; reads, so call it on a thread."""
        spec = self.spec
        return Drawing(
            spec.kind,
            self.axis(spec.x),
            tuple(source.layer(spec) for source in sources),
            y=self.axis(spec.y) if spec.y else None,
            shade=self.axis(spec.color_by) if spec.color_by else None,
            gates=self.marks,
            title=spec.title,
            style=spec.style,
            message=self.message,
        )


def in_table(axes: Sequence[str], home: Panel, pinned: Pinned) -> dict[str, str]:
    """The axis of a table for each axis of a panel."""
    return {axis: same_reagent(axis, home, pinned.dataset.panel or ()) for axis in axes}


def scale_of(state: GatingState, reference: str) -> Scale | None:
    """The scale of an axis in a study; None = it has none."""
    said = state.scales.get(reference)
    return None if said is None else scale_from_json(said)


def median(parts: Sequence[np.ndarray]) -> float:
    """The median of values that lie in several arrays; NaN = there are none."""
    found = statistic("median", np.concatenate(parts)) if parts else None
    return np.nan if found is None else found
