"""What a plot shall show: axes, population, overlays, and which events are drawn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from cytosol.analyses.cytometry.plots.spec import Kind, PlotStyle
from cytosol.base.errors import InvalidInputError, LimitExceededError
from cytosol.base.keys import Key

MAX_OVERLAYS = 32


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

    @property
    def axes(self) -> list[str]:
        """The feature references that it needs."""
        return [name for name in (self.x, self.y, self.color_by) if name]

    def checked(self) -> PlotSpec:
        """The same, with what its kind of plot does not show left out.

        Raises
        ------
        InvalidInputError
            Where the axes do not fit the kind of plot.
        """
        if len(self.overlays) > MAX_OVERLAYS:
            raise LimitExceededError(
                f"{len(self.overlays)} overlays are too many",
                where="overlays",
                do=f"Lay at most {MAX_OVERLAYS} over a plot",
                setting="overlays",
            )
        if self.kind == "histogram":
            return replace(self, y="", color_by="")
        if not self.y:
            raise InvalidInputError(f"A {self.kind} plot has two axes", where="y", do="Name what is on the y axis")
        if self.kind == "density" and self.overlays:
            raise InvalidInputError(
                "Densities cannot be laid over each other", where="overlays", do="Ask for contours, dots or a histogram"
            )
        return replace(self, color_by=self.color_by if self.kind == "dot" and not self.overlays else "")
