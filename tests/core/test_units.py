"""The units that devices write."""

import re

import pytest

from fumewatch.core.decode.units import convert
from fumewatch.core.reading import CHANNELS, MEASURED, STATES

CONCENTRATION = "mg/m³, µg/m³, ng/m³, g/m³"


@pytest.mark.parametrize(
    ("channel", "unit", "written", "meant"),
    [
        ("fume", "", 0.82, 0.82),
        ("fume", "mg/m³", 0.82, 0.82),
        ("fume", "mg/m3", 0.82, 0.82),
        ("fume", " MG / M3 ", 0.82, 0.82),
        ("fume", "µg/m³", 820, 0.82),  # micro sign
        ("fume", "μg/m3", 820, 0.82),  # Greek mu
        ("pm", "ug/m3", 820, 0.82),
        ("pm", "ng/m³", 820_000, 0.82),
        ("nmhc", "g/m³", 0.0056, 5.6),
        ("temperature", "℃", 41, 41),
        ("temperature", "°C", 41, 41),
        ("temperature", "c", 41, 41),
        ("temperature", "K", 314.15, 41),
        ("temperature", "°F", 105.8, 41),
        ("temperature", "℉", 32, 0),
        ("humidity", "%", 55, 55),
        ("humidity", "％", 55, 55),
        ("humidity", "%RH", 55, 55),
        ("humidity", "1", 0.55, 55),
        ("velocity", "m/s", 9.1, 9.1),
        ("velocity", "cm/s", 910, 9.1),
        ("velocity", "km/h", 36, 10),
        ("velocity", "m/min", 90, 1.5),
        ("fan_current", "A", 3.2, 3.2),
        ("purifier_current", "mA", 1100, 1.1),
    ],
)
def test_units(channel: str, unit: str, written: float, meant: float) -> None:
    factor, offset = convert(channel, unit)
    assert written * factor + offset == pytest.approx(meant, abs=1e-9)


@pytest.mark.parametrize(
    ("channel", "unit", "says"),
    [
        ("fume", "ppm", f"'ppm' is no unit of fume; it takes {CONCENTRATION}"),
        ("fume", "m/s", f"'m/s' is no unit of fume; it takes {CONCENTRATION}"),
        ("temperature", "R", "'R' is no unit of temperature; it takes °C, K, °F"),
        ("humidity", "g/kg", "'g/kg' is no unit of humidity; it takes %, 1"),
        ("velocity", "mph", "'mph' is no unit of velocity; it takes m/s, cm/s, km/h, m/min"),
        ("fan_current", "V", "'V' is no unit of fan_current; it takes A, mA"),
        ("fan_on", "A", "fan_on is a state and has no unit; `on` and `off` say how it is told"),
    ],
)
def test_what_is_no_unit_of_a_channel(channel: str, unit: str, says: str) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(says)}\Z"):
        convert(channel, unit)


@pytest.mark.parametrize("channel", [CHANNELS[i] for i in MEASURED], ids=lambda c: c.name)
def test_a_channels_own_unit_changes_nothing(channel: object) -> None:
    name, unit = channel.name, channel.unit  # type: ignore[attr-defined]
    assert convert(name, unit) == convert(name, "") == (1.0, 0.0)


def test_states_take_the_empty_unit() -> None:
    assert [convert(CHANNELS[i].name, "") for i in STATES] == [(1.0, 0.0)] * 2
