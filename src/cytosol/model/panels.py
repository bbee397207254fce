"""Panels of files: which channel carries a reagent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cytosol.model.gating_rules import has_reagent

Panel = Sequence[Mapping[str, Any]]
"""Entries with ``channel`` and ``reagent``, as `Dataset` has them."""
VAR, REAGENT = "var:", "reagent:"
_PARTS = re.compile(r"(.+)[-_ ]([AHW]|Area|Height|Width)", re.IGNORECASE)
_ORDER = "ahw"
SPELLED = {"a": "area", "h": "height", "w": "width"}


@dataclass(frozen=True, slots=True)
class Carrier:
    """The channel of a file that carries a reagent.

    Attributes
    ----------
    channel : "" = there is none, or nobody can tell which of several
    among : all channels with the reagent, in the order of the panel
    """

    channel: str = ""
    among: tuple[str, ...] = ()


def carrier(panel: Panel, reagent: str, *, like: str = "") -> Carrier:
    """Which channel carries a reagent, whatever the case of its letters.

    Of several channels it is the one called as ``like``, else the only one that measures the same (area, height or
    width). Of one detector's area, height and width it is the first of these. Of several detectors it is none.

    Parameters
    ----------
    like : the channel of another panel that it stands for
    """
    wanted = plain(reagent)
    among = tuple(str(entry["channel"]) for entry in panel if wanted and plain(entry.get("reagent")) == wanted)
    if like in among:
        return Carrier(like, among)
    same = [channel for channel in among if like and parts(channel)[1] == parts(like)[1]] or list(among)
    if len({parts(channel)[0] for channel in same}) != 1:
        return Carrier("", among)
    return Carrier(min(same, key=lambda channel: _ORDER.find(parts(channel)[1])), among)


def reagent_of(panel: Panel, channel: str) -> str:
    """The reagent on a channel; "" where nobody said what it measures."""
    found = next((entry.get("reagent") for entry in panel if entry["channel"] == channel), None)
    return str(found).strip() if has_reagent(channel, found) else ""


def same_reagent(reference: str, here: Panel, there: Panel) -> str:
    """The axis of a file that stands for an axis of another, or for ``reagent:<name>``.

    A channel stays what it is where it has no reagent in one of the files. Where the other file has no channel with the
    reagent, or several and nobody can tell which, ``reagent:<name>`` is left: the reason is told where it is read.
    """
    kind, _, name = reference.partition(":")
    if kind == "reagent":
        found = carrier(there, name)
        return VAR + found.channel if found.channel else reference
    reagent = reagent_of(here, name) if kind == "var" else ""
    if not reagent:
        return reference
    found = carrier(there, reagent, like=name)
    if found.channel:
        return VAR + found.channel
    has_free = any(entry["channel"] == name for entry in there) and not reagent_of(there, name)
    return reference if has_free and not found.among else REAGENT + reagent


def plain(reagent: Any) -> str:
    """A reagent as it is compared with others."""
    return str(reagent or "").strip().casefold()


def parts(channel: str) -> tuple[str, str]:
    """The detector of a channel, and a, h, w for its area, height or width, else ""."""
    found = _PARTS.fullmatch(channel)
    return (found[1], found[2][0].lower()) if found else (channel, "")
