"""What a table of statistics says beside its numbers: why some are missing, and which channels a reagent stands for."""

from __future__ import annotations

from collections.abc import Iterator

from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.gating_lacks import Lacks
from cytosol.catalog.statistics_formulas import Formulas
from cytosol.catalog.statistics_records import Asked, Note
from cytosol.catalog.tables import Pinned
from cytosol.model.panels import REAGENT, SPELLED, Carrier, carrier, parts


def notes_of(pinned: Pinned, asked: Asked, formulas: Formulas, lacks: Lacks) -> Iterator[Note]:
    """The notes about one dataset.

    Parameters
    ----------
    lacks : its axes and populations that have no values, and why
    """
    panel = pinned.dataset.panel or ()
    for what, error in lacks.items():
        if isinstance(what, Key):
            yield Note(what, error.what)
    shown = [(axis, own, False) for axis, own in asked.axes_in(panel).items()]
    for axis, own, in_formulas in [*shown, *((name, own, True) for name, own in formulas.axes(pinned).items())]:
        # a plain name in a formula is a reagent where it is no channel
        is_reagent = axis.startswith(REAGENT) or (in_formulas and own not in (axis, f"var:{axis}"))
        reagent = axis.removeprefix(REAGENT) if is_reagent else ""
        found = carrier(panel, reagent)
        text = _lacking(own, found, lacks[own]) if own in lacks else _taken(reagent, found)
        if text:
            yield Note(axis, text, in_formulas)


def _lacking(own: str, found: Carrier, error: NotFoundError) -> str:
    """Why an axis has no values."""
    kind, _, name = own.partition(":")
    if found.among:
        return f"{name} is on {_listed(found.among)}; name one of these channels"
    if kind == "reagent":
        return f"No channel has the reagent {name}"
    return f"No channel {name}" if kind == "var" and "channels" in error.details else error.what


def _taken(reagent: str, found: Carrier) -> str:
    """Which of several channels was taken; "" where there was no choice."""
    if len(found.among) < 2:
        return ""
    kind = SPELLED.get(parts(found.channel)[1], "")
    which = f"the {kind}, {found.channel}," if kind else found.channel
    return f"{reagent} is on {_listed(found.among)}; {which} is taken"


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
