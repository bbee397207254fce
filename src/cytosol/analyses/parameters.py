"""Parameters of analyses: a default, a unit, bounds and one sentence each, and frozen records that check themselves."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, cast

from cytosol.base.errors import InvalidInputError

ParameterType = Literal["number", "integer", "boolean", "string", "numbers"]
_META = "parameter"


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a form, a document or a command line needs to know about one parameter.

    ``minimum`` and ``maximum`` are inclusive; for type "numbers" they hold for each number. A default of infinity
    means no limit and is null in JSON.
    """

    name: str
    type: ParameterType
    default: Any
    sentence: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def bounds(self) -> str:
        """The accepted values, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        noun = {"numbers": "one or more numbers", "string": "a text", "boolean": "true or false"}
        text = noun.get(self.type, "an integer" if self.type == "integer" else "a number")
        if self.minimum is not None and self.maximum is not None:
            return f"{text} from {self.minimum:g} to {self.maximum:g}"
        if self.minimum is not None:
            return f"{text} of at least {self.minimum:g}"
        return text if self.maximum is None else f"{text} of at most {self.maximum:g}"

    def check(self, value: Any) -> None:
        """Refuse a value of the wrong type or outside the bounds.

        Raises
        ------
        InvalidInputError
            Names the parameter, the value and the bounds.
        """
        if not self._accepts(value):
            raise InvalidInputError(
                f"{self.name} = {value!r} cannot be used",
                where=self.name,
                do=f"Give {self.bounds}{f' ({self.unit})' if self.unit else ''}",
                parameter=self.name,
                value=repr(value),
                bounds=self.bounds,
            )

    def _accepts(self, value: Any) -> bool:
        if self.type == "boolean":
            return isinstance(value, bool)
        if self.type == "string":
            return isinstance(value, str) and (not self.choices or value in self.choices)
        if self.type == "numbers":
            return isinstance(value, tuple) and len(value) > 0 and all(self._in_bounds(item) for item in value)
        if self.type == "integer" and not isinstance(value, numbers.Integral):
            return False
        return self._in_bounds(value)

    def _in_bounds(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return False
        number = float(value)
        below = self.minimum is not None and number < self.minimum
        above = self.maximum is not None and number > self.maximum
        return not (math.isnan(number) or below or above) and (math.isfinite(number) or self.default == number)

    def schema(self) -> dict[str, Any]:
        """JSON schema of this parameter, with the unit as ``x-unit``."""
        schema: dict[str, Any] = {"description": self.sentence}
        one: dict[str, Any] = {"type": "number" if self.type == "numbers" else self.type}
        one |= {"minimum": self.minimum} if self.minimum is not None else {}
        one |= {"maximum": self.maximum} if self.maximum is not None else {}
        one |= {"enum": list(self.choices)} if self.choices else {}
        default = self.default
        if self.type == "numbers":
            schema |= {"type": "array", "items": one, "minItems": 1}
            default = list(self.default)
        elif isinstance(default, float) and math.isinf(default):
            schema |= one | {"type": ["number", "null"]}
            default = None
        else:
            schema |= one
        return schema | {"default": default} | ({"x-unit": self.unit} if self.unit else {})


def parameter(
    default: Any,
    sentence: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A field of a parameter record; its type is that of the default."""
    kinds: dict[type, ParameterType] = {
        bool: "boolean", int: "integer", float: "number", str: "string", tuple: "numbers",
    }  # fmt: skip
    made = Parameter("", kinds[type(default)], default, sentence, unit, minimum, maximum, choices)
    return dataclasses.field(default=default, metadata={_META: made})


@dataclass(frozen=True, slots=True)
class Params:
    """Base of parameter records; every field is made by ``parameter`` and checked when the record is made."""

    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for entry in type(self).parameters():
            entry.check(getattr(self, entry.name))

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """The parameters in their order."""
        fields = dataclasses.fields(cls)
        return tuple(dataclasses.replace(cast(Parameter, f.metadata[_META]), name=f.name) for f in fields)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Make a record from JSON values; absent or null means the default, arrays become tuples.

        Raises
        ------
        InvalidInputError
            For an unknown name or a value out of bounds.
        """
        known = {entry.name for entry in cls.parameters()}
        unknown = sorted(set(values) - known)
        if unknown:
            raise InvalidInputError(
                f"There is no parameter '{unknown[0]}'", where=unknown[0], do=f"Known are {', '.join(sorted(known))}"
            )
        given = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items() if v is not None}
        return cls(**given)

    def to_json(self) -> dict[str, Any]:
        """The values as JSON; infinity becomes null, tuples arrays."""
        out: dict[str, Any] = {}
        for entry in type(self).parameters():
            value = getattr(self, entry.name)
            if isinstance(value, tuple):
                value = list(value)
            elif isinstance(value, float) and math.isinf(value):
                value = None
            out[entry.name] = value
        return out
