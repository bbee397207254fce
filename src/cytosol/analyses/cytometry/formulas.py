"""Formulas over statistics of populations, such as ``median(CD4) / median(CD8)``: read, and computed.

::

    sum     = product { ("+" | "-") product }
    product = signed { ("*" | "/") signed }
    signed  = { "+" | "-" } value
    value   = number | "(" sum ")" | function "(" sum { "," sum } ")" | statistic [ "(" word { "," word } ")" ]

A word is all up to the next comma or parenthesis, or stands in quotation marks. The words of a statistic of a channel
are the channel, of ``quantile`` then q, and last the population; those of ``event_count`` and ``events_per_ul`` the
population; those of ``percent`` the population and what it is a share of. A population that is left out is that of the
row.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from cytosol.analyses.cytometry.statistics import CHANNEL_STATISTICS
from cytosol.base.errors import InvalidInputError

COUNT_STATISTICS = "event_count", "percent", "events_per_ul"
"""Statistics of a population alone."""
FUNCTIONS = {"abs": 1, "log10": 1, "log2": 1, "max": 2, "min": 2}
"""Least number of arguments; max and min take more."""
MAX_LETTERS = 1000
MAX_DEPTH = 50
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+*/(),]))"
)
_WORD = re.compile(r"""\s*(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<plain>[^,()"']+))\s*""")


@dataclass(frozen=True, slots=True)
class Term:
    """A statistic in a formula.

    Attributes
    ----------
    axis : as it is written: a channel, reagent or feature reference; "" of a statistic of the population alone
    q : of a quantile, 0 to 1
    population : as it is written; "" = that of the row
    of : of ``percent``: parent, grandparent, total or a population; "" = parent
    at : where it stands, from 1
    """

    statistic: str
    axis: str = ""
    q: float | None = None
    population: str = ""
    of: str = ""
    at: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """Something done with the last ``n`` values: a sign of calculation, ``negate``, or a function."""

    name: str
    n: int


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that was read.

    Attributes
    ----------
    steps : values and what is done with those before it, in reverse Polish order
    """

    text: str
    steps: tuple[float | Term | Call, ...]

    @property
    def terms(self) -> list[Term]:
        """The statistics in it, each once."""
        return list(dict.fromkeys(step for step in self.steps if isinstance(step, Term)))

    def compute(self, value: Callable[[Term], float | None]) -> float | None:
        """The number.

        Parameters
        ----------
        value : the number of a statistic; None = it has none

        Returns
        -------
        None where a statistic in it has no value, and of what is not defined: a division by zero, the logarithm of a
        number that is not above zero, a number beyond 64 bits
        """
        stack: list[float] = []
        for step in self.steps:
            if isinstance(step, Term):
                found = value(step)
            elif isinstance(step, Call):
                found = _done(step.name, stack[-step.n :])
                del stack[-step.n :]
            else:
                found = step
            if found is None or not math.isfinite(found):
                return None
            stack.append(float(found))
        return stack[0]


def parse_formula(text: str, *, where: str = "formula") -> Formula:
    """Read a formula.

    Raises
    ------
    InvalidInputError
        Says at which letter, and what is expected there.
    """
    return _Parser(text, where).read()


def fail(where: str, at: int, what: str, do: str = "") -> NoReturn:
    """Refuse a formula for what stands at a letter, counted from 1."""
    raise InvalidInputError(
        f"The formula cannot be used: {what} at letter {at}",
        where=where,
        do=do or "Write it like median(CD4) / median(CD8)",
        position=at,
    )


def _done(name: str, values: list[float]) -> float | None:
    a = values[0]
    b = values[-1]
    try:
        match name:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case "/":
                return a / b
            case "negate":
                return -a
            case "abs":
                return abs(a)
            case "log10":
                return math.log10(a)
            case "log2":
                return math.log2(a)
            case "min":
                return min(values)
            case _:
                return max(values)
    except (ZeroDivisionError, ValueError, OverflowError):
        return None


class _Parser:
    """Reads one formula from left to right."""

    def __init__(self, text: str, where: str) -> None:
        self._text = text
        self._where = where
        self._place = 0
        self._depth = 0
        self._steps: list[float | Term | Call] = []

    def read(self) -> Formula:
        if len(self._text) > MAX_LETTERS:
            fail(self._where, MAX_LETTERS, f"it has {len(self._text):,} letters", f"Use at most {MAX_LETTERS:,}")
        self._sum()
        if self._rest():
            self._fail(f"'{self._rest()[0]}' where +, -, * or / is expected")
        return Formula(self._text, tuple(self._steps))

    def _sum(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail("too many parentheses", f"Put at most {MAX_DEPTH} into one another")
        self._product()
        while sign := self._take("+", "-"):
            self._product()
            self._steps.append(Call(sign, 2))
        self._depth -= 1

    def _product(self) -> None:
        self._signed()
        while sign := self._take("*", "/"):
            self._signed()
            self._steps.append(Call(sign, 2))

    def _signed(self) -> None:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        self._value()
        if negative:
            self._steps.append(Call("negate", 1))

    def _value(self) -> None:
        if self._take("("):
            self._sum()
            self._need(")")
            return
        found = _TOKEN.match(self._text, self._place)
        if found is None or found["sign"]:
            rest = self._rest()
            self._fail(f"'{rest[0]}' where a value is expected" if rest else "it ends where a value is expected")
        at = found.start(found.lastgroup or 0) + 1
        self._place = found.end()
        if found["number"]:
            self._steps.append(float(found["number"]))
        elif found["name"] in FUNCTIONS:
            self._function(found["name"], at)
        elif found["name"] in (*CHANNEL_STATISTICS, *COUNT_STATISTICS):
            self._steps.append(self._term(found["name"], at))
        else:
            known = ", ".join((*CHANNEL_STATISTICS, *COUNT_STATISTICS, *FUNCTIONS))
            fail(self._where, at, f"'{found['name'][:64]}' is no statistic or function", f"Use {known}")

    def _function(self, name: str, at: int) -> None:
        self._need("(")
        self._sum()
        n = 1
        while self._take(","):
            self._sum()
            n += 1
        self._need(")")
        if n < FUNCTIONS[name] or (n > 1 and FUNCTIONS[name] == 1):
            most = "one value" if FUNCTIONS[name] == 1 else "two values or more"
            fail(self._where, at, f"'{name}' takes {most}, not {n},")
        self._steps.append(Call(name, n))

    def _term(self, name: str, at: int) -> Term:
        words = self._words() if self._take("(") else []
        if name in COUNT_STATISTICS:
            if len(words) > (2 if name == "percent" else 1):
                fail(self._where, at, f"too much in the parentheses of '{name}'")
            population, of = (*words, "", "")[:2]
            return Term(name, population=population, of=of, at=at)
        n = 2 if name == "quantile" else 1
        if not n <= len(words) <= n + 1 or not words[0]:
            what, form = ("a channel and q", "channel, q") if n == 2 else ("a channel", "channel")
            do = f"Write {name}({form}) or {name}({form}, population)"
            fail(self._where, at, f"'{name}' needs {what} in parentheses", do)
        q = None
        if n == 2:
            try:
                q = float(words[1])
            except ValueError:
                q = math.nan
            if not 0 <= q <= 1:
                fail(self._where, at, f"q is '{words[1][:32]}'", "Give q from 0 to 1")
        return Term(name, words[0], q, "".join(words[n:]), at=at)

    def _words(self) -> list[str]:
        words: list[str] = []
        while True:
            found = _WORD.match(self._text, self._place)
            if found is None:
                if not words and self._take(")"):
                    return words
                self._fail("a name is expected", 'Put names with commas, parentheses or quotation marks into "…"')
            self._place = found.end()
            quoted = found["double"] if found["double"] is not None else found["single"]
            words.append(found["plain"].strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
            if self._take(")"):
                return words
            if not self._take(","):
                self._fail("a comma or ) is expected")

    def _rest(self) -> str:
        return self._text[self._place :].lstrip()

    def _take(self, *signs: str) -> str:
        """One of the signs, if it comes next."""
        rest = self._rest()
        if rest and rest[0] in signs:
            self._place = len(self._text) - len(rest) + 1
            return rest[0]
        return ""

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            rest = self._rest()
            self._fail(f"'{rest[0]}' where {sign} is expected" if rest else f"it ends where {sign} is expected")

    def _fail(self, what: str, do: str = "") -> NoReturn:
        fail(self._where, len(self._text) - len(self._rest()) + 1, what, do)
