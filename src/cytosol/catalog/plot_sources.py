"""What a plot shows, and where its events come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cytosol.analyses.cytometry.plots.spec import Kind, Layer, PlotStyle
from cytosol.analyses.cytometry.sampling import sample_rows
from cytosol.analyses.cytometry.statistics import statistic
from cytosol.base.keys import Key
from cytosol.catalog.channel_maps import Panel, same_reagent
from cytosol.catalog.gating_masks import Prepared
from cytosol.catalog.tables import Pinned


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which events are drawn, at random and the same for the same seed.

    Attributes
    ----------
    pre_n, pre_p : of all events, before the population is taken: at most so many, or this share (0 to 1); None = all
    post_n, post_p : of the events of the population
    """

    pre_n: int | None = None
    pre_p: float | None = None
    post_n: int | None = None
    post_p: float | None = None
    seed: float = 0


@dataclass(frozen=True, slots=True)
class Overlay:
    """What else is laid over a plot; None = that of the plot. ``name`` "" = made of both."""

    dataset_id: Key | None = None
    population_id: Key | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class PlotSpec:
    """What a plot shows.

    Attributes
    ----------
    x, y, color_by : feature references; y is "" for a histogram, color_by is of dots and "" for one colour
    population_id : None = all events
    compensation : none, internal, own (of each dataset), or the id of one
    overlays : further layers, of any kind of plot but a density
    """

    kind: Kind
    x: str
    y: str = ""
    color_by: str = ""
    population_id: Key | None = None
    compensation: str = "own"
    sampling: Sampling = field(default_factory=Sampling)
    overlays: tuple[Overlay, ...] = ()
    title: str = ""
    style: PlotStyle = field(default_factory=PlotStyle)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the events of a layer come from, to be read on a thread.

    Attributes
    ----------
    axes : the axis of the table for each that is asked for
    """

    name: str
    prepared: Prepared
    token: str
    axes: Mapping[str, str]

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
    """

    name: str
    sources: tuple[Source, ...]
    equal: bool = False

    @property
    def token(self) -> str:
        return repr([self.name, self.equal, *(source.token for source in self.sources)])

    def rows(self, sampling: Sampling) -> list[np.ndarray]:
        """Rows of the events that are drawn of each dataset."""
        rows = [source.rows(sampling) for source in self.sources]
        most = min((len(one) for one in rows if len(one)), default=0) if self.equal else max(map(len, rows), default=0)
        return [one[sample_rows(len(one), count=most, seed=sampling.seed)] for one in rows]

    def layer(self, spec: PlotSpec) -> Layer:
        """The events, in the unit of the data."""
        rows = self.rows(spec.sampling)
        layers = [source.layer(spec, each) for source, each in zip(self.sources, rows, strict=True)]
        if len(layers) == 1:
            return replace(layers[0], name=self.name)
        y = [layer.y for layer in layers if layer.y is not None]
        shade = [layer.shade for layer in layers if layer.shade is not None]
        x = np.concatenate([layer.x for layer in layers])
        return Layer(self.name, x, np.concatenate(y) if y else None, np.concatenate(shade) if shade else None)

    def medians(self, axes: Sequence[str]) -> list[float | None]:
        """The median of all events on each axis, in the unit of the data; one axis at a time is in memory."""
        rows = self.rows(Sampling())
        each = list(zip(self.sources, rows, strict=True))
        return [
            statistic("median", np.concatenate([source.values(axis)[some] for source, some in each])) for axis in axes
        ]


def axes_of(spec: PlotSpec) -> list[str]:
    """The axes that are read for a plot."""
    return [name for name in (spec.x, spec.y, spec.color_by) if name]


def in_table(axes: Sequence[str], home: Panel, pinned: Pinned) -> dict[str, str]:
    """The axis of a table for each axis of a panel."""
    return {axis: same_reagent(axis, home, pinned.dataset.panel or ()) for axis in axes}
