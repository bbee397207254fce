"""Parameters of analyses: a default, a unit, bounds and one sentence each, and frozen records that check themselves."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, cast

from cytosol.base.errors import InvalidInputError

ParameterType = Literal["number", "integer", "boolean", "string", "numbers", "strings", "selection", "objects"]
Names = Literal["", "column", "attribute", "column-or-attribute", "embedding", "gene-sets", "features"]
"""What a text stands for, so that a form can offer what there is and a submission can be checked."""
_META = "parameter"


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a form, a document or a command line needs to know about one parameter.

    ``minimum`` and ``maximum`` are inclusive; for type "numbers" they hold for each number. A default of infinity
    means no limit and is null in JSON. A parameter that is ``required`` refuses its empty default.
    """

    name: str
    type: ParameterType
    default: Any
    sentence: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    names: Names = ""
    required: bool = False

    @property
    def bounds(self) -> str:
        """The accepted values, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        noun = {
            "numbers": "one or more numbers", "string": "a text", "boolean": "true or false", "strings": "texts",
            "selection": "a selection of cells", "objects": "JSON objects",
        }  # fmt: skip
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
        if self.required and value == self.default:
            raise InvalidInputError(
                f"'{self.name}' is needed", where=self.name, do=f"Give {self.bounds}: {self.sentence}"
            )
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
        if self.type == "selection":
            return isinstance(value, dict)
        if isinstance(value, tuple):
            return self._accepts_all(value)
        if self.type in ("numbers", "strings", "objects"):
            return False
        if self.type == "integer" and not isinstance(value, numbers.Integral):
            return False
        return self._in_bounds(value)

    def _accepts_all(self, values: tuple[Any, ...]) -> bool:
        if self.type == "numbers":
            return (len(values) > 0 or self.default == ()) and all(self._in_bounds(item) for item in values)
        if self.type == "strings":
            return all(isinstance(item, str) and (not self.choices or item in self.choices) for item in values)
        return self.type == "objects" and all(isinstance(item, dict) for item in values)

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
        of_one = {"numbers": "number", "strings": "string", "objects": "object", "selection": "object"}
        one: dict[str, Any] = {"type": of_one.get(self.type, self.type)}
        one |= {"minimum": self.minimum} if self.minimum is not None else {}
        one |= {"maximum": self.maximum} if self.maximum is not None else {}
        one |= {"enum": list(self.choices)} if self.choices else {}
        default = self.default
        if self.type in ("numbers", "strings", "objects"):
            schema |= {"type": "array", "items": one} | ({"minItems": 1} if self.type == "numbers" else {})
            default = list(self.default)
        elif isinstance(default, float) and math.isinf(default):
            schema |= one | {"type": ["number", "null"]}
            default = None
        else:
            schema |= one
        schema |= {"default": default} | ({"x-unit": self.unit} if self.unit else {})
        return schema | ({"x-names": self.names} if self.names else {})


def parameter(  # noqa: PLR0913 (what a form tells about it)
    default: Any,
    sentence: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    type: ParameterType | None = None,
    names: Names = "",
    required: bool = False,
) -> Any:
    """A field of a parameter record.

    Parameters
    ----------
    type : None = that of the default; a tuple holds numbers
    names : what a text or the texts stand for
    required : whether the empty default is refused
    """
    made = Parameter(
        "", type or _KINDS[default.__class__], default, sentence, unit, minimum, maximum, choices, names, required
    )
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata={_META: made})
    return dataclasses.field(default=default, metadata={_META: made})


_KINDS: dict[type, ParameterType] = {
    bool: "boolean", int: "integer", float: "number", str: "string", tuple: "numbers", dict: "selection",
}  # fmt: skip


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
