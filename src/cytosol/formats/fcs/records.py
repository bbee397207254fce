"""What an FCS file says about a data set of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cytosol.formats.fcs.text import COMP_NAMES, SPILL_NAMES


@dataclass(frozen=True, slots=True)
class FcsChannel:
    """One parameter of a data set.

    Attributes
    ----------
    index : its number, from 1
    name : $PnN; ``P<n>`` where the file gives none
    reagent : $PnS without blanks around it; None where the file has none
    datatype : "F" float32, "D" float64, "I" unsigned integer, "A" text
    bits : width of a value; of "A" 8 times the characters, 0 where blanks part the values
    range : $PnR; NaN where the file says nothing that is a number
    mask : the bits of an integer that count; 0 = all
    decades, first : $PnE of a log amplifier; decades 0 = linear
    gain : $PnG, not applied to the values; 1 where the file says nothing
    """

    index: int
    name: str
    reagent: str | None
    datatype: str
    bits: int
    range: float
    mask: int
    decades: float
    first: float
    gain: float

    @property
    def is_log(self) -> bool:
        """Whether stored integers are logarithms, which are decoded when they are read."""
        return self.datatype == "I" and self.decades > 0 and self.range > 0


class Keywords:
    """Keywords of a data set; looked up whatever their case, kept as the file has them."""

    def __init__(self, text: Mapping[str, str]) -> None:
        self.text = dict(text)
        self._upper = {keyword.upper(): keyword for keyword in self.text}

    def get(self, name: str, default: str = "") -> str:
        """The value without blanks around it; the default where it is absent or empty."""
        keyword = self._upper.get(name.upper())
        value = self.text[keyword].strip(" \t\r\n\x00") if keyword is not None else ""
        return value or default

    def whole(self, name: str, default: int = 0) -> int:
        """The value as a whole number; the default where it is absent, empty or none."""
        number = self.number(name, float(default))
        return int(number) if abs(number) < 1 << 62 else default

    def number(self, name: str, default: float) -> float:
        """The value as a number; the default where it is absent, empty, none or not finite."""
        try:
            number = float(self.get(name))
        except ValueError:
            return default
        return number if abs(number) < float("inf") else default

    def add(self, more: Mapping[str, str]) -> None:
        """Take keywords of a supplemental TEXT; those that are there already stay."""
        for keyword, value in more.items():
            if keyword.upper() not in self._upper:
                self.text[keyword] = value
                self._upper[keyword.upper()] = keyword

    @property
    def spill_names(self) -> list[str]:
        """The keywords that may hold the spillover matrix, as the file spells them, the best one first."""
        found = [name for name in SPILL_NAMES if re.match(r"[1-9]", self.get(name))]
        # with names of channels it is a spillover matrix; without, it is what the standard means by the keyword
        found += [name for name in COMP_NAMES if re.match(r"[1-9]", self.get(name)) and not _is_bare(self.get(name))]
        return [self._upper[name] for name in found]

    @property
    def spill_name(self) -> str:
        """The keyword that holds the spillover matrix, as the file spells it; "" where it has none."""
        return next(iter(self.spill_names), "")

    @property
    def subtracted(self) -> str:
        """The keyword that tells what an instrument subtracted of the values while it measured them; "" = none.

        ``$COMP`` of FCS 3.0 holds n and n × n percentages, ``$DFCiTOj`` of FCS 2.0 one each.
        """
        for name in COMP_NAMES:
            text = self.get(name)
            if _is_bare(text) and any(map(_is_other_than_0, text.split(",")[1:])):
                return self._upper[name]
        single = (name for upper, name in self._upper.items() if re.fullmatch(r"\$DFC\d+TO\d+", upper))
        return next((name for name in single if _is_other_than_0(self.get(name))), "")

    @property
    def spill(self) -> str:
        """The spillover matrix as text: n, n names, n × n numbers row by row; "" where there is none."""
        return self.get(self.spill_name) if self.spill_name else ""


def _is_bare(text: str) -> bool:
    """Whether a matrix stands there without names of channels: n, n × n numbers."""
    n, *numbers = text.split(",")
    return n.strip().isdecimal() and len(n) < 6 and 0 < len(numbers) == int(n) ** 2


def _is_other_than_0(text: str) -> bool:
    try:
        return float(text) != 0
    except ValueError:
        return False
