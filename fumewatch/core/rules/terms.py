"""The small terms that rules are written in: levels and conditions."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Protocol

import numpy as np
from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from fumewatch.core.arrays import Mask, Numbers

MeasuredName = Literal[
    "fume",
    "pm",
    "nmhc",
    "temperature",
    "humidity",
    "velocity",
    "fan_current",
    "purifier_current",
]
ChannelName = Literal[MeasuredName, "fan_on", "purifier_on"]

_FACTOR: Final = re.compile(r"(?:(\d+(?:\.\d+)?)\s*\*\s*)?limit")
_COMPARISON: Final = re.compile(r"(>=|<=|>|<|=)\s*(-?\d+(?:\.\d+)?)")
_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "=": np.equal,
}


class Limited(Protocol):
    """Some monitors, each with limits: a view of minutes, or of days."""

    def __len__(self) -> int: ...

    def limit(self, channel: int) -> Numbers: ...


@dataclass(frozen=True, slots=True)
class Level:
    """A number in the channel's unit, or so many times the monitor's limit."""

    number: float
    of_limit: bool = False

    def at(self, view: Limited, channel: int) -> Numbers:
        """[n] in the channel's unit; NaN where a monitor has no limit."""
        if self.of_limit:
            return self.number * view.limit(channel)
        return np.full(len(view), self.number)

    def __str__(self) -> str:
        return f"{self.number:g} * limit" if self.of_limit else f"{self.number:g}"


def _read_level(raw: Any) -> Level:
    if isinstance(raw, Level):
        return raw
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return Level(float(raw))
    match = _FACTOR.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if not match:
        raise ValueError(f'{raw!r} is no level; write a number, "limit" or "0.9 * limit"')
    return Level(float(match[1] or 1), of_limit=True)


def _write_level(level: Level) -> float | str:
    return str(level) if level.of_limit else level.number


AnyLevel = Annotated[
    Level,
    PlainValidator(_read_level),
    PlainSerializer(_write_level, return_type=float | str),
    WithJsonSchema({"type": ["number", "string"]}),
]


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of a channel with a number in its unit; a state is compared with 0 or 1."""

    compare: str
    number: float

    def __call__(self, values: Numbers) -> Mask:
        found: Mask = _COMPARE[self.compare](values, self.number)
        return found

    def __str__(self) -> str:
        return f"{self.compare} {self.number:g}"


def _read_condition(raw: Any) -> Condition:
    if isinstance(raw, Condition):
        return raw
    if isinstance(raw, int | float):
        return Condition("=", float(raw))
    match = _COMPARISON.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if not match:
        raise ValueError(f'{raw!r} is no condition; write true, false, "> 0.5" or "<= 40"')
    return Condition(match[1], float(match[2]))


AnyCondition = Annotated[
    Condition,
    PlainValidator(_read_condition),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": ["boolean", "number", "string"]}),
]
