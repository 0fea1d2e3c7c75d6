"""The units that devices write, into the channels' own."""

import unicodedata
from collections.abc import Mapping
from typing import Final

from fumewatch.core.reading import CHANNELS, INDEX

_Unit = tuple[tuple[str, ...], float, float]  # spellings, factor, offset

# Spellings are compared as `_spelt` has them, so µ and μ, m³ and m3, ℃ and °C are the same.
_CONCENTRATION: Final[tuple[_Unit, ...]] = (
    (("mg/m³",), 1.0, 0.0),
    (("µg/m³", "ug/m³"), 1e-3, 0.0),
    (("ng/m³",), 1e-6, 0.0),
    (("g/m³",), 1e3, 0.0),
)
_TEMPERATURE: Final[tuple[_Unit, ...]] = (
    (("°C", "C"), 1.0, 0.0),
    (("K",), 1.0, -273.15),
    (("°F", "F"), 5 / 9, -160 / 9),
)
_HUMIDITY: Final[tuple[_Unit, ...]] = ((("%", "%RH"), 1.0, 0.0), (("1",), 100.0, 0.0))
_VELOCITY: Final[tuple[_Unit, ...]] = (
    (("m/s",), 1.0, 0.0),
    (("cm/s",), 1e-2, 0.0),
    (("km/h",), 1 / 3.6, 0.0),
    (("m/min",), 1 / 60, 0.0),
)
_CURRENT: Final[tuple[_Unit, ...]] = ((("A",), 1.0, 0.0), (("mA",), 1e-3, 0.0))
_TABLES: Final = {
    "mg/m³": _CONCENTRATION,
    "°C": _TEMPERATURE,
    "%": _HUMIDITY,
    "m/s": _VELOCITY,
    "A": _CURRENT,
}


def convert(channel: str, unit: str) -> tuple[float, float]:
    """(factor, offset) such that value * factor + offset is in the channel's own unit.

    "" is the channel's own unit. ValueError says which units the channel takes.

    >>> convert("fume", "ug/m3")
    (0.001, 0.0)
    """
    if not unit:
        return 1.0, 0.0
    known = CHANNELS[INDEX[channel]]
    if known.is_state:
        raise ValueError(f"{channel} is a state and has no unit; `on` and `off` say how it is told")
    found = _KNOWN[channel].get(_spelt(unit))
    if found is None:
        takes = ", ".join(spellings[0] for spellings, _, _ in _TABLES[known.unit])
        raise ValueError(f"{unit!r} is no unit of {channel}; it takes {takes}")
    return found


def _spelt(unit: str) -> str:
    return unicodedata.normalize("NFKC", unit).casefold().replace(" ", "")


def _by_spelling(units: tuple[_Unit, ...]) -> Mapping[str, tuple[float, float]]:
    return {
        _spelt(text): (factor, offset) for spellings, factor, offset in units for text in spellings
    }


_KNOWN: Final = {
    channel.name: _by_spelling(_TABLES[channel.unit])
    for channel in CHANNELS
    if not channel.is_state
}
