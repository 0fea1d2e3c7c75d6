"""Readings: what monitors measured, held in columns.

A value is an int32 in thousandths of its channel's unit (0.82 mg/m³ is 820), a state 0 or 1.
Whole numbers compare and add exactly, so the same readings give the same verdict in any order of
arrival, and they compress best (README, "Bytes per reading").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MISSING: Final = -(2**31)
"""The value of a channel that a reading does not have."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One measured quantity. `low` and `high` bound what is plausible, in `unit`."""

    name: str
    unit: str
    scale: int
    low: float
    high: float
    zh: str
    en: str

    @property
    def is_state(self) -> bool:
        return self.scale == 1


def _measured(name: str, unit: str, low: float, high: float, zh: str, en: str) -> Channel:
    return Channel(name, unit, 1000, low, high, zh, en)


# Plausible ranges: DOMAIN.md §3 of the project's domain notes, also printed in the README.
CHANNELS: Final = (
    _measured("fume", "mg/m³", 0, 30, "油烟浓度", "fume"),
    _measured("pm", "mg/m³", 0, 100, "颗粒物", "PM"),
    _measured("nmhc", "mg/m³", 0, 200, "非甲烷总烃", "NMHC"),
    _measured("temperature", "°C", -40, 200, "烟气温度", "temperature"),
    _measured("humidity", "%", 0, 100, "烟气湿度", "humidity"),
    _measured("velocity", "m/s", 0, 40, "烟气流速", "velocity"),
    _measured("fan_current", "A", 0, 200, "风机电流", "fan current"),
    _measured("purifier_current", "A", 0, 200, "净化器电流", "purifier current"),
    Channel("fan_on", "", 1, 0, 1, "风机状态", "fan state"),
    Channel("purifier_on", "", 1, 0, 1, "净化器状态", "purifier state"),
)
INDEX: Final = {channel.name: i for i, channel in enumerate(CHANNELS)}
MEASURED: Final = tuple(i for i, channel in enumerate(CHANNELS) if not channel.is_state)
STATES: Final = tuple(i for i, channel in enumerate(CHANNELS) if channel.is_state)


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """n readings in columns, in order of arrival.

    monitor      int32 [n]      the monitor's number in the store
    measured_at  int64 [n]      the monitor's time, µs since 1970-01-01 UTC
    values       int32 [10, n]  one row per entry of CHANNELS; MISSING where there is none
    quality      uint8 [n]      ASCII of the data flag; only N is judged (HJ 212)
    unjudged     int16 [n]      bit c set: channel c is kept but not judged (implausible)
    """

    monitor: NDArray[np.int32]
    measured_at: NDArray[np.int64]
    values: NDArray[np.int32]
    quality: NDArray[np.uint8]
    unjudged: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.monitor)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "Readings":
        """The rows that a mask, an index or a slice names; of a slice, without a copy."""
        return Readings(
            self.monitor[rows],
            self.measured_at[rows],
            self.values[:, rows],
            self.quality[rows],
            self.unjudged[rows],
        )

    def judged(self) -> NDArray[np.int32]:
        """int32 [10, n]: values, MISSING where the reading or the channel is not to be judged."""
        bits = np.int16(1) << np.arange(len(CHANNELS), dtype=np.int16)
        barred = (self.unjudged[None, :] & bits[:, None]) != 0
        return np.where(barred | (self.quality != ord("N")), np.int32(MISSING), self.values)

    @staticmethod
    def concatenate(parts: Sequence["Readings"]) -> "Readings":
        return Readings(
            np.concatenate([p.monitor for p in parts]),
            np.concatenate([p.measured_at for p in parts]),
            np.concatenate([p.values for p in parts], axis=1),
            np.concatenate([p.quality for p in parts]),
            np.concatenate([p.unjudged for p in parts]),
        )

    @staticmethod
    def empty() -> "Readings":
        return Readings(
            np.empty(0, np.int32),
            np.empty(0, np.int64),
            np.empty((len(CHANNELS), 0), np.int32),
            np.empty(0, np.uint8),
            np.empty(0, np.int16),
        )
