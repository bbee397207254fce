"""The rules of gates: feature references, sectors, spillover matrices."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key, new_key
from cytosol.model.gating import GateKind
from cytosol.model.names import clean_name

KINDS: tuple[GateKind, ...] = get_args(GateKind)
ONE_AXIS = ("range", "split")
SECTORS: dict[str, tuple[str, ...]] = {"quadrant": ("UR", "UL", "LL", "LR"), "split": ("L", "R")}
"""The sectors of the compound gates, in their order."""
MAX_REFERENCE = 512
MAX_CHANNELS = 1_000
_GID = re.compile(r"[0-9a-f]{24}")
_STAINLESS = re.compile(
    r"(fs|ss|fsc|ssc|bsc|lightloss|scatter|width|events?)(\W|\d|_|$).*|time.*|(event|file)_?(number|length)", re.I
)
_AXIS_HELP = "Give var:<channel or gene>, obs:<annotation> or obsm:<embedding>:<dimension, from 0>"
_REAGENT_HELP = "Name a channel with var:; only what is read of files may go by reagent"


@dataclass(frozen=True, slots=True)
class Reference:
    """What an axis is, taken apart.

    Attributes
    ----------
    name : of the channel, feature, annotation, embedding or reagent
    dim : of an embedding, from 0
    """

    kind: Literal["var", "obs", "obsm", "reagent"]
    name: str
    dim: int = 0


def parse_reference(text: str, *, where: str = "axis") -> Reference:
    """Take a feature reference apart.

    Raises
    ------
    InvalidInputError
        Where the text is none.
    """
    kind, _, name = text.partition(":")
    if len(text) > MAX_REFERENCE:
        raise InvalidInputError(f"The name of an axis has at most {MAX_REFERENCE} letters", where=where)
    for known in ("var", "obs", "reagent"):
        if kind == known and name.strip():
            return Reference(known, name)
    if kind == "obsm":
        embedding, _, dim = name.rpartition(":")
        if embedding and dim.isascii() and dim.isdigit() and len(dim) < 6:
            return Reference("obsm", embedding, int(dim))
    raise InvalidInputError(f"'{text[:100]}' names no axis", where=where, do=_AXIS_HELP)


def parse_fixed(text: str, *, where: str) -> Reference:
    """Take the feature reference of a gate or scale apart, which is the same in all files.

    Raises
    ------
    InvalidInputError
        Where the text is none, or names a reagent, which lies on other channels in other files.
    """
    said = parse_reference(text, where=where)
    if said.kind == "reagent":
        raise InvalidInputError(f"'{text[:100]}' is no single channel", where=where, do=_REAGENT_HELP)
    return said


def is_scatter_or_time(channel: str) -> bool:
    """Whether a channel measures scatter, time, or the length or number of an event."""
    return _STAINLESS.fullmatch(channel.strip()) is not None


def has_reagent(channel: str, reagent: str | None) -> bool:
    """Whether somebody said what stains a channel.

    Many instruments repeat its own name in place of a reagent, and write in other words what scatter and time are.
    """
    name = (reagent or "").strip()
    return bool(name) and name.casefold() != channel.strip().casefold() and not is_scatter_or_time(channel)


def channel_label(channel: str, reagent: str | None) -> str:
    """A channel as people read it: 'CD4 (FITC-A)', or the one name where both are the same."""
    return f"{(reagent or '').strip()} ({channel})" if has_reagent(channel, reagent) else channel


def known_kind(kind: str) -> GateKind:
    """The kind of a gate, checked."""
    for known in KINDS:
        if kind == known:
            return known
    raise InvalidInputError(f"'{kind[:32]}' is no kind of gate", where="kind", do=f"Choose {', '.join(KINDS)}")


def clean_axes(kind: str, x: str, y: str) -> tuple[str, str]:
    """The axes of a gate: two, or one for a range or split."""
    parse_fixed(x, where="x")
    if kind in ONE_AXIS:
        if y:
            raise InvalidInputError(f"A {kind} gate has one axis", where="y", do="Leave y empty")
        return x, ""
    parse_fixed(y, where="y")
    return x, y


def clean_gid(gid: str | None, *, where: str = "gid") -> str:
    """The id of a family; None = a fresh one.

    Raises
    ------
    InvalidInputError
        Where it is not 24 hex digits.
    """
    if gid is None:
        return new_key().hex24
    if not _GID.fullmatch(gid):
        raise InvalidInputError(f"'{gid[:64]}' is no id of a gate: it has 24 hex digits", where=where)
    return gid


def _numbers(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(_is_number, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def clean_sectors(kind: str, name: str, sectors: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """The sectors of a compound gate in their order; what is left out is made: gids, and "NAME (UR)" and so on.

    Raises
    ------
    InvalidInputError
        Where their number is wrong, two have one gid, or the gate has none.
    """
    places = SECTORS.get(kind, ())
    if sectors is None or not len(sectors):
        sectors = [{} for _ in places]
    if len(sectors) != len(places):
        said = f"has {len(places)} sectors, not {len(sectors)}" if places else "has no sectors"
        raise InvalidInputError(f"A {kind} gate {said}", where="sectors")
    made = []
    for number, (place, sector) in enumerate(zip(places, sectors, strict=True)):
        where = f"sectors[{number}]"
        title = sector.get("name") or f"{name[:245]} ({place})"
        made.append({"gid": clean_gid(sector.get("gid"), where=where), "name": clean_name(title, field=where)})
    if len({sector["gid"] for sector in made}) != len(made):
        raise InvalidInputError("Two sectors have the same gid", where="sectors", do="Give each one of its own")
    return made


def clean_matrix(channels: Sequence[str], matrix: Sequence[float]) -> tuple[list[str], list[float]]:
    """The channels and the matrix of a compensation, n and n × n numbers row by row.

    Raises
    ------
    InvalidInputError
        Where they do not fit each other, or a channel occurs twice. Whether the matrix has an inverse is not looked at.
    """
    names = [clean_name(name, field="channels") for name in channels]
    if not 1 <= len(names) <= MAX_CHANNELS:
        raise InvalidInputError(f"A compensation has 1 to {MAX_CHANNELS:,} channels", where="channels")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInputError(f"The channel '{twice}' occurs twice", where="channels", do="Name each channel once")
    if len(matrix) != len(names) ** 2:
        raise InvalidInputError(
            f"{len(names)} channels need {len(names) ** 2} numbers, row by row, not {len(matrix)}", where="matrix"
        )
    if not _numbers(matrix):
        raise InvalidInputError("The matrix has something else than finite numbers", where="matrix")
    return names, list(matrix)


def key_text(value: Any) -> Any:
    """An id as its text; anything else as it is."""
    return value.hex24 if isinstance(value, Key) else value
