"""What the fleet's monitors send, as one real monitor taught. Pure.

- Measured values refresh every 10 to 11 minutes at some makes, each minute at others, and are
  repeated in between; some makes hold the last one from one cooking session to the next.
- States and currents are those of the moment.
- 1.6 % of the readings never come; after a lost connection the buffered ones come all at once.
- The fume they measure is `flue`'s.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.reading import CHANNELS, INDEX, MISSING, Readings
from fumewatch.demo import noise
from fumewatch.demo.fleet import Fleet
from fumewatch.demo.flue import TIRED, UNREAL, Sessions, disturb, flue, fouled, near, sessions
from fumewatch.demo.situations import (
    EDITED_CHANNELS,
    EDITED_SHARE,
    SILENT,
    Kind,
    Situation,
)

SENTINEL: Final = -999_000
"""-999 in thousandths: how monitors write that a value is missing."""
_GAPS: Final = 0.016
_DUPLICATES: Final = 0.002
_SENTINELS: Final = 0.002
_ERROR: Final = 0.03
"""Of an instrument, relative; over weeks only, as the demo's levels are told to a hair."""
_SLOW_S: Final = 120
_RESOLUTION: Final = {
    "temperature": 100,
    "humidity": 100,
    "velocity": 10,
    "fan_current": 10,
    "purifier_current": 10,
}
"""Thousandths that a monitor's display resolves, where that is more than one."""
BURST_S: Final = 2
"""A monitor back on line needs this long before its buffer goes out."""
_LONGEST_HELD_S: Final = 2 * 86400
"""A value shown is never older; nor is a buffer that is sent."""


@dataclass(frozen=True, slots=True, eq=False)
class Emission:
    """What is sent in a stretch of time, in order of sending.

    readings   the monitor of each is its index in the fleet
    sent_s     int64 [n]  when it is sent, seconds since 1970; later than measured if buffered
    broken     messages besides that nothing can be read from
    faults     a label for each single gap, duplicate, sentinel and broken message
    """

    readings: Readings
    sent_s: NDArray[np.int64]
    broken: tuple[Situation, ...]
    faults: tuple[Situation, ...]


def emit(
    fleet: Fleet,
    situations: Sequence[Situation],
    start_s: int,
    end_s: int,
    interval_s: int,
) -> Emission:
    """Everything sent in [start_s, end_s), by monitors that measure each `interval_s`."""
    situations = [s for s in situations if s.overlaps(start_s - _LONGEST_HELD_S, end_s)]
    monitor, at_s, sent_s = _sendings(fleet, situations, start_s, end_s, interval_s)
    chance = noise.uniform(fleet.seed, 1, monitor, at_s)
    gone = chance < _GAPS
    gaps = _instants(Kind.GAP, monitor[gone], at_s[gone])
    monitor, at_s, sent_s = monitor[~gone], at_s[~gone], sent_s[~gone]
    chance = chance[~gone]
    values, quality = _values(fleet, situations, monitor, at_s)
    marks = _strew_sentinels(fleet, monitor, at_s, values)
    again, broken = chance > 1 - _DUPLICATES, (chance - 0.5) % 1 < fleet.garbles[monitor]
    order = np.concatenate([np.arange(len(at_s)), np.flatnonzero(again)])
    order = order[np.argsort(sent_s[order], kind="stable")]
    readings = Readings(
        monitor.astype(np.int32),
        at_s * 1_000_000,
        values,
        quality,
        np.zeros(len(at_s), np.int16),
    )
    malformed = _instants(Kind.MALFORMED, monitor[broken], sent_s[broken])
    doubled = _instants(Kind.DUPLICATE, monitor[again], at_s[again])
    return Emission(
        readings.take(order), sent_s[order], malformed, (*gaps, *doubled, *marks, *malformed)
    )


def _sendings(
    fleet: Fleet, situations: Sequence[Situation], start_s: int, end_s: int, interval_s: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(monitor, measured, sent), each [n]: what is due, less what is withheld, and what is late."""
    everyone = np.arange(len(fleet))
    monitor, at_s = due(fleet, everyone, start_s, end_s, interval_s)
    is_sent = np.ones(len(at_s), np.bool_)
    for _, rows in near((s for s in situations if s.kind in SILENT), monitor, at_s):
        is_sent[rows] = False
    monitor, at_s = monitor[is_sent], at_s[is_sent]
    parts = [(monitor, at_s, at_s)]
    for situation in situations:
        if situation.kind is Kind.BUFFERED and start_s <= situation.end_s + BURST_S < end_s:
            who = np.array([situation.monitor])
            late = due(fleet, who, situation.start_s, situation.end_s, interval_s)
            parts.append((*late, np.full(len(late[1]), situation.end_s + BURST_S)))
    monitor, at_s, sent_s = (np.concatenate(column) for column in zip(*parts, strict=True))
    return monitor, at_s, sent_s


def due(
    fleet: Fleet, monitors: NDArray[np.intp], start_s: int, end_s: int, interval_s: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(monitor, measured) of every turn to measure in [start_s, end_s)."""
    phase_s = (fleet.phase[monitors] * interval_s).astype(np.int64)
    turns = np.arange(start_s // interval_s - 1, end_s // interval_s + 1)
    at_s = turns[None, :] * interval_s + phase_s[:, None]
    rows, columns = np.nonzero((at_s >= start_s) & (at_s < end_s))
    return monitors[rows].astype(np.int64), at_s[rows, columns]


def measured_at(
    fleet: Fleet, monitor: NDArray[np.int64], at_s: NDArray[np.int64], now: Sessions
) -> NDArray[np.int64]:
    """When the value shown at `at_s` was measured: at the last refresh, or the session's last."""
    period, first = fleet.refresh_s[monitor], fleet.refresh_at_s[monitor]

    def refresh_before(moment: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray((moment - first) // period * period + first)

    latest = refresh_before(at_s)
    is_held = fleet.holds[monitor] & ~(now.is_sampling & (latest >= now.sampling_since_s))
    return np.where(is_held, refresh_before(now.last_end_s), latest)


def _values(
    fleet: Fleet,
    situations: Iterable[Situation],
    monitor: NDArray[np.int64],
    at_s: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """(int32 [10, n] as sent, quality uint8 [n])."""
    present = sessions(fleet, monitor, at_s)
    shown_s = measured_at(fleet, monitor, at_s, present)
    here = near(situations, monitor, at_s)
    for situation, rows in here:
        if situation.kind is Kind.STUCK:
            shown_s[rows] = situation.start_s
    heat = sessions(fleet, monitor, shown_s).heat
    fume = _fume(fleet, situations, monitor, shown_s, heat)
    channels = _pollutants(fleet, monitor, shown_s, fume, heat)
    channels |= _machines(fleet, here, monitor, at_s, present.is_fan_on)
    quality = np.full(len(at_s), ord("N"), np.uint8)
    for situation, rows in here:
        if situation.kind is Kind.FAULT:
            quality[rows] = ord("D")
        if situation.kind is Kind.EDITED:
            for channel in EDITED_CHANNELS:
                channels[CHANNELS[channel].name][rows] *= EDITED_SHARE
    return _as_sent(fleet, monitor, channels), quality


def _fume(
    fleet: Fleet,
    situations: Iterable[Situation],
    monitor: NDArray[np.int64],
    shown_s: NDArray[np.int64],
    heat: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What the monitor made of the flue at `shown_s`: the moment's fume; where kitchens have a
    course its mean since the refresh before, as well as the instrument can tell."""
    if fleet.course is None:
        return flue(fleet, situations, monitor, shown_s, heat)
    is_new = np.ones(len(shown_s), np.bool_)
    is_new[1:] = (shown_s[1:] != shown_s[:-1]) | (monitor[1:] != monitor[:-1])
    who, when = monitor[is_new], shown_s[is_new]
    mean = np.empty(len(who))
    real = [s for s in situations if s.kind not in UNREAL]
    is_slow = fleet.refresh_s[who] > _SLOW_S
    for rows, parts in ((~is_slow, 2), (is_slow, 10)):
        mean[rows] = _mean(fleet, real, who[rows], when[rows], parts)
    mean *= 1 + _ERROR * noise.normal(fleet.seed, 12, who, when)
    disturb(fleet, (s for s in situations if s.kind in UNREAL), who, when, mean)
    return np.asarray(mean[np.cumsum(is_new) - 1])


def _mean(
    fleet: Fleet,
    situations: Iterable[Situation],
    monitor: NDArray[np.int64],
    at_s: NDArray[np.int64],
    parts: int,
) -> NDArray[np.float64]:
    """Of the flue over the refresh period before, from so many moments of it."""
    ago = fleet.refresh_s[monitor][:, None] * (2 * np.arange(parts) + 1) // (2 * parts)
    moments = (at_s[:, None] - ago).ravel()
    fume = flue(fleet, situations, np.repeat(monitor, parts), moments)
    return np.asarray(fume.reshape(-1, parts).mean(axis=1))


def _pollutants(
    fleet: Fleet,
    monitor: NDArray[np.int64],
    at_s: NDArray[np.int64],
    fume: NDArray[np.float64],
    heat: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    """The measured channels by name, in their units."""

    def wobble(use: int) -> NDArray[np.float64]:
        return noise.normal(fleet.seed, use, monitor, at_s)

    return {
        "fume": fume,
        "pm": fume * 0.9 * np.exp(0.1 * wobble(5)) + 0.02,
        "nmhc": fume * 4.5 * np.exp(0.15 * wobble(6)) + 0.3,
        "temperature": 24 + 22 * heat + 1.5 * wobble(7),
        "humidity": 52 + 10 * heat + 3 * wobble(8),
        "velocity": np.clip(0.3 + 8.5 * (heat > 0) + 0.5 * wobble(9), 0, None),
    }


def _machines(
    fleet: Fleet,
    situations: Iterable[tuple[Situation, NDArray[np.intp]]],
    monitor: NDArray[np.int64],
    at_s: NDArray[np.int64],
    fan_on: NDArray[np.bool_],
) -> dict[str, NDArray[np.float64]]:
    """Fan and purifier: states and currents of the moment."""
    fan, purifier = fan_on.copy(), fan_on.copy()
    for situation, rows in situations:
        if situation.kind in (Kind.PURIFIER_OFF, Kind.BYPASS):
            purifier[rows] = False
        if situation.kind is Kind.BYPASS:
            fan[rows] = False
    minute = at_s // 60
    flicker = 1 + 0.02 * noise.normal(fleet.seed, 10, monitor, minute)
    tired = 1 - TIRED * fouled(fleet, monitor, at_s)
    return {
        "fan_on": fan.astype(np.float64),
        "purifier_on": purifier.astype(np.float64),
        "fan_current": fleet.fan_a[monitor] * flicker * fan,
        "purifier_current": fleet.purifier_a[monitor] * tired * flicker * purifier,
    }


def _as_sent(
    fleet: Fleet, monitor: NDArray[np.int64], channels: dict[str, NDArray[np.float64]]
) -> NDArray[np.int32]:
    """int32 [10, n]: in the channel's scale and resolution, MISSING where the make has none."""
    values = np.full((len(CHANNELS), len(monitor)), MISSING, np.int32)
    for i, channel in enumerate(CHANNELS):
        step = _RESOLUTION.get(channel.name, 1)
        whole = np.rint(channels[channel.name] * channel.scale / step).astype(np.int64) * step
        values[i] = np.where(fleet.reports[i, monitor], whole, MISSING)
    return values


def _strew_sentinels(
    fleet: Fleet, monitor: NDArray[np.int64], at_s: NDArray[np.int64], values: NDArray[np.int32]
) -> list[Situation]:
    """Write -999 over one reported value of some readings; return their labels."""
    chance = noise.uniform(fleet.seed, 11, monitor, at_s)
    hit = np.flatnonzero(chance < _SENTINELS)
    channel = (chance[hit] / _SENTINELS * (INDEX["velocity"] + 1)).astype(np.intp)
    shown = values[channel, hit] != MISSING
    hit, channel = hit[shown], channel[shown]
    values[channel, hit] = SENTINEL
    return list(_instants(Kind.SENTINEL, monitor[hit], at_s[hit]))


def _instants(
    kind: Kind, monitor: NDArray[np.int64], at_s: NDArray[np.int64]
) -> tuple[Situation, ...]:
    pairs = zip(monitor.tolist(), at_s.tolist(), strict=True)
    return tuple(Situation(who, kind, when, when + 1) for who, when in pairs)
