"""What an FCS file says about itself, in the terms of the model: panel, technology, annotations, well of each event."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cytosol.analyses.cytometry.compensation import format_spill, invert, parse_spill
from cytosol.analyses.cytometry.default_scales import ChannelFacts, default_scale
from cytosol.base.errors import InvalidInputError
from cytosol.formats.fcs.header import FcsHeader
from cytosol.formats.fcs.records import FcsChannel, Keywords
from cytosol.formats.features import make_unique

CHANNEL = "channel"
_WELL = re.compile(r"\s*([A-Za-z]{1,2})\s*(\d{1,2})\s*")
_METAL = re.compile(r"\(?\d{2,3}[A-Z][a-z]?|\(?[A-Z][a-z]?\d{2,3}(Di|Dd)?\)?")
_MASS_CYTOMETERS = re.compile(r"cytof|helios|dvs|xt cytof|mass cyto|fluidigm", re.IGNORECASE)
_SPECTRAL_CYTOMETERS = re.compile(
    r"aurora|northern lights|\bNL-\d|ID7000|SP6800|symphony a5 se|S8\b|bigfoot", re.IGNORECASE
)
_WRITE_UL = re.compile(r"aurora|northern lights|\bNL-\d", re.IGNORECASE)
_LEAST_METALS = 5
_LETTERS = 255


def unique_names(header: FcsHeader) -> list[str]:
    """Names of the channels, made unique as AnnData does, in the order of the file."""
    names = [plain_text(channel.name) or f"P{channel.index}" for channel in header.channels]
    return make_unique(names)[0]


def panel_of(header: FcsHeader) -> list[dict[str, Any]]:
    """The panel of a data set, as `Dataset.panel` keeps it."""
    return [
        {"index": channel.index, "channel": name, "reagent": plain_text(channel.reagent or "") or None}
        for channel, name in zip(header.channels, unique_names(header), strict=True)
    ]


def channel_table(header: FcsHeader) -> pd.DataFrame:
    """The channels as the features of a table."""
    names = unique_names(header)
    columns = {
        "feature_id": [plain_text(channel.name) for channel in header.channels],
        "feature_type": [CHANNEL] * len(names),
        "genome": [""] * len(names),
        "reagent": [plain_text(channel.reagent or "") for channel in header.channels],
    }
    return pd.DataFrame(columns, index=pd.Index(names, dtype=object), dtype=object)


def plain_text(text: str, *, most: int = _LETTERS) -> str:
    """Text of a keyword without control characters and blanks around it, at most so many letters."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()[:most]


def technology_of(header: FcsHeader) -> str:
    """mass, spectral or flow: by the name of the cytometer, and by channels that are called after metals."""
    cytometer = header.keywords.get("$CYT")
    metals = sum(_METAL.match(channel.name) is not None for channel in header.channels)
    has_length = any(channel.name.lower().replace(" ", "_") == "event_length" for channel in header.channels)
    if _MASS_CYTOMETERS.search(cytometer) or (has_length and metals >= _LEAST_METALS):
        return "mass"
    return "spectral" if _SPECTRAL_CYTOMETERS.search(cytometer) else "flow"


def automatic_annotations(keywords: Keywords) -> list[tuple[str, str]]:
    """Where on its plate a sample was: name and value, in this order; [] where the file says nothing.

    BD writes ``PLATE NAME`` and ``WELL ID``; ACEA ``$SMNO``, taken as the name of the well, and ``$WELLID``; others
    ``$WELLID`` with ``$PLATENAME`` or ``$PLATEID`` (FCS 3.1).
    """
    well = _well(keywords.get("WELL ID"))
    plate = plain_text(keywords.get("PLATE NAME"))
    if well or plate:
        place = [("plate row", well[0]), ("plate column", well[1]), ("plate well", "".join(well))] if well else []
        return ([("plate", plate)] if plate else []) + place
    well = _well(keywords.get("$WELLID"))
    sample = plain_text(keywords.get("$SMNO"))
    if not well:
        return []
    plate = "" if sample else plain_text(keywords.get("$PLATENAME") or keywords.get("$PLATEID"))
    named = [("plate", plate)] if plate else []
    return [*named, ("plate well", sample or "".join(well)), ("plate row", well[0]), ("plate column", well[1])]


def _well(text: str) -> tuple[str, str] | tuple[()]:
    """Row and column of a well as the file spells them: ("A", "09"); () where the text is none."""
    found = _WELL.fullmatch(text)
    return (found[1], found[2]) if found else ()


@dataclass(frozen=True, slots=True)
class FileSpill:
    """The spillover matrix that a file brought.

    Attributes
    ----------
    keyword : that holds it; "" = the file has none that can be used
    channels : of the matrix, as the table calls them
    matrix : shape (n, n), float64; row = dye, column = detector
    problem : a sentence for people where it has one that cannot be used
    """

    keyword: str = ""
    channels: list[str] = field(default_factory=list)
    matrix: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    problem: str = ""


def spill_of(header: FcsHeader) -> FileSpill:
    """The spillover matrix of the channels of a data set."""
    keywords = header.keywords
    told = ""
    for name in keywords.spill_names:
        channels, matrix, problem = _read_spill(header, keywords.get(name))
        if not problem:
            return FileSpill(name, channels, matrix)
        told = told or (
            f"The spillover matrix in {name} cannot be used, so the file has no compensation: {plain_text(problem)}"
        )
    if not told and keywords.subtracted:
        told = (
            f"Spillover was subtracted while the file was measured ({keywords.subtracted}), so its values are "
            "compensated already; the file has no matrix to compensate with."
        )
    return FileSpill(problem=told)


def _read_spill(header: FcsHeader, text: str) -> tuple[list[str], np.ndarray, str]:
    """Channels and numbers of a spillover matrix, and why it cannot be used for a file; "" = it can."""
    names = unique_names(header)
    try:
        channels, matrix = parse_spill(text, names)
        invert(matrix)
    except InvalidInputError as error:
        return [], np.empty((0, 0)), error.what
    said = {channel.name: name for channel, name in zip(reversed(header.channels), reversed(names), strict=True)}
    channels = [name if name in names else said.get(name, name) for name in spill_channels(channels, names)]
    missing = [name for name in channels if name not in names]
    repeated = [name for name in channels if channels.count(name) > 1]
    problem = f"It names the channel '{repeated[0][:64]}' twice" if repeated else ""
    return channels, matrix, f"The file has no channel '{missing[0][:64]}'" if missing else problem


def spill_channels(channels: Sequence[str], names: Sequence[str]) -> list[str]:
    """Channels of a spillover matrix by name: some instruments write their numbers, from 1, in place of names."""
    return [
        names[int(channel) - 1]
        if channel not in names and channel.isdecimal() and 0 < int(channel) <= len(names)
        else channel
        for channel in channels
    ]


def spill_string(text: str, names: Sequence[str]) -> str:
    """The spillover matrix of a file in the standard's spelling: names of channels, not numbers; decimal points."""
    channels, matrix = parse_spill(text, names)
    named = spill_channels(channels, names)
    n = len(named)
    fields = [field.strip() for field in text.strip().split(",")]
    if (fields[1 : n + 1] == named and len(fields) == 1 + n + n * n) or any("," in name for name in named):
        return text.strip()
    return format_spill(named, matrix)


def facts_of(header: FcsHeader, spill: FileSpill) -> dict[str, Any]:
    """What the table of a data set keeps about its file and its spillover matrix.

    Returns
    -------
    ``data_set``: its number in the file, from 1; ``version`` of the standard; ``spill``: the keyword that holds a
    spillover matrix which can be used, "" = none; ``spill_channels`` and ``spill_matrix``: of it, n × n numbers row by
    row, row = dye; ``sample``: the value of the keyword SAMPLE ID as it is, None = none; ``volume_ul``: of the sample
    that was measured, None = not said.
    """
    known: dict[str, Any] = {"data_set": header.number, "version": header.version, "spill": spill.keyword}
    known |= {"spill_channels": spill.channels, "spill_matrix": spill.matrix.ravel().tolist()}
    known |= {"volume_ul": volume_of(header.keywords)}
    sample = [value for name, value in header.keywords.text.items() if name.upper() == "SAMPLE ID"]
    return {**known, "sample": sample[0].replace("\x00", "")[:255] if sample else None}


def volume_of(keywords: Keywords) -> float | None:
    """The volume that was measured, in µL; None where the file does not say it.

    ``$VOL`` is in nL by the standard (FCS 3.1). Aurora and Northern Lights of Cytek write µL.
    """
    try:
        volume = float(keywords.get("$VOL"))
    except ValueError:
        return None
    if not (math.isfinite(volume) and volume > 0):
        return None
    return volume if _WRITE_UL.search(keywords.get("$CYT")) else volume / 1000


def default_scales(header: FcsHeader) -> dict[str, dict[str, Any]]:
    """The scale of each channel that nobody has chosen one for: feature reference → scale."""
    is_mass = technology_of(header) == "mass"
    return {
        f"var:{name}": dict(default_scale(_scale_facts(header, channel, is_mass=is_mass)).to_json())
        for channel, name in zip(header.channels, unique_names(header), strict=True)
    }


def _scale_facts(header: FcsHeader, channel: FcsChannel, *, is_mass: bool) -> ChannelFacts:
    top = 0.0 if np.isnan(channel.range) else channel.range
    return ChannelFacts(
        name=channel.name,
        range=channel.first * 10**channel.decades if channel.is_log else top,
        mass=is_mass,
        display=header.keywords.get(f"P{channel.index}DISPLAY"),
        hint=header.keywords.get(f"$P{channel.index}D"),
        decades=channel.decades if channel.is_log else 0.0,
        start=channel.first if channel.is_log else 1.0,
    )
