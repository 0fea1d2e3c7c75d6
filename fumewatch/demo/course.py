"""How kitchens change from day to day, for simulations of weeks and months. Pure.

The demo's few hours need none of it: there a kitchen is the same every day, and only gets dirtier.

A kitchen's fume while cooking is, on each day, what a clean system lets through times how much the
purifier has fouled. The first goes with the weekday and the season, wanders from day to day
(autocorrelated, as trade does) and may change for good with a new dish. The second rises from one
cleaning to the next.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_RUN_UP_DAYS: Final = 200
"""Cleanings are drawn from so long before the first day on."""
_BEND: Final = 1.25
"""Fouling speeds up a little: what is caked catches less, and more cakes."""
MOST_FOULED: Final = 1.5
"""After one and a half cycles it gets no worse."""
_CEILING_MG_M3: Final = 12.0
_YEAR: Final = 365.25
_SUNDAY: Final = 3
"""1970-01-04 was one: day numbers count from a Thursday."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """n kitchens over d local days (since 1970-01-01) from `first` on.

    clean      float64 [n, d]  fume while cooking, mg/m³, if the purifier were clean
    usual      float64 [n, d]  the same without what wanders from day to day
    fouled     float64 [n, d]  0 just cleaned, 1 a whole cycle later; may go on to 1.5
    gain       float64 [n]     a wholly fouled purifier lets through 1 + gain as much
    cycle      float64 [n]     days until it is wholly fouled
    is_open    bool [n, d]     it cooks that day
    cleanings  for each kitchen, its days of cleaning, ascending
    recorded   for each kitchen, those of them that are in the ledger
    steps      (kitchen, day, factor): from that day on, for good
    tail_s     int64 [n]       seconds after the end of a session at which a monitor that holds its
                               last value stops to measure; less than 0: while they still cook
    ceiling    mg/m³ that no natural fume exceeds
    """

    first: int
    clean: NDArray[np.float64]
    usual: NDArray[np.float64]
    fouled: NDArray[np.float64]
    gain: NDArray[np.float64]
    cycle: NDArray[np.float64]
    is_open: NDArray[np.bool_]
    cleanings: tuple[tuple[int, ...], ...]
    recorded: tuple[tuple[int, ...], ...]
    steps: tuple[tuple[int, int, float], ...]
    tail_s: NDArray[np.int64]
    ceiling: float = _CEILING_MG_M3

    @property
    def days(self) -> int:
        return int(self.clean.shape[1])

    @property
    def dirty(self) -> NDArray[np.float64]:
        """[n, d]: how many times as much passes as through a clean purifier."""
        return dirty(self.fouled, self.gain[:, None])


def dirty(fouled: NDArray[np.float64], gain: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many times as much passes as through a clean purifier."""
    return np.asarray(1 + gain * fouled**_BEND)


def draw(rng: np.random.Generator, level: NDArray[np.float64], first: int, days: int) -> Course:
    """Of kitchens that make so much fume (mg/m³, [n]) on a usual day."""
    n, day = len(level), first + np.arange(days)
    steps = _steps(rng, n, day)
    usual = level[:, None] * _week(rng, n, day) * _season(rng, n, day) * _stepped(steps, n, day)
    cycle = rng.uniform(45, 110, n)
    cleanings = tuple(_cleanings(rng, cycle[i], first, days) for i in range(n))
    return Course(
        first=first,
        clean=usual * _wandering(rng, n, days),
        usual=usual,
        fouled=np.stack([_fouled(cleanings[i], cycle[i], day) for i in range(n)]),
        gain=rng.uniform(0.3, 1.5, n),
        cycle=cycle,
        is_open=_opened(rng, n, day),
        cleanings=cleanings,
        recorded=tuple(tuple(c for c in own if rng.random() < 0.85) for own in cleanings),
        steps=steps,
        tail_s=np.where(rng.random(n) < 0.5, 300, rng.integers(-2400, -600, n)),
    )


def _week(rng: np.random.Generator, n: int, day: NDArray[np.int64]) -> NDArray[np.float64]:
    """[n, d]: a menu for each weekday; most cook more at the weekend, canteens of offices less."""
    menu = np.exp(rng.normal(0, 0.05, (n, 7)))
    weekend = np.where(rng.random(n) < 0.8, rng.uniform(1.0, 1.2, n), rng.uniform(0.7, 0.9, n))
    weekday = (day - _SUNDAY) % 7
    menu[:, [0, 6]] *= weekend[:, None]
    return np.asarray(menu[:, weekday])


def _season(rng: np.random.Generator, n: int, day: NDArray[np.int64]) -> NDArray[np.float64]:
    """[n, d]: up and down within the year by up to 10 %."""
    turn = rng.random((n, 1)) + day[None, :] / _YEAR
    return np.asarray(1 + rng.uniform(0, 0.1, (n, 1)) * np.sin(2 * np.pi * turn))


def _wandering(rng: np.random.Generator, n: int, days: int) -> NDArray[np.float64]:
    """[n, d]: each day resembles the one before: AR(1) of 0.3 to 0.5, deviation 8 to 15 %."""
    memory, deviation = rng.uniform(0.3, 0.5, n), rng.uniform(0.08, 0.15, n)
    fresh = rng.normal(0, 1, (days, n)) * np.sqrt(1 - memory**2)
    state = rng.normal(0, 1, n)
    wandered = np.empty((n, days))
    for d in range(days):
        state = memory * state + fresh[d]
        wandered[:, d] = deviation * state
    return np.exp(wandered)


def _steps(
    rng: np.random.Generator, n: int, day: NDArray[np.int64]
) -> tuple[tuple[int, int, float], ...]:
    """One kitchen in eight changes its menu, or loses a filter: more from one day to the next."""
    who = np.flatnonzero(rng.random(n) < 0.125)
    when, factor = rng.integers(day[0] + 5, day[-1], len(who)), rng.uniform(1.25, 1.6, len(who))
    return tuple(zip(who.tolist(), when.tolist(), factor.tolist(), strict=True))


def _stepped(
    steps: tuple[tuple[int, int, float], ...], n: int, day: NDArray[np.int64]
) -> NDArray[np.float64]:
    factors = np.ones((n, len(day)))
    for who, when, factor in steps:
        factors[who, day >= when] *= factor
    return factors


def _cleanings(rng: np.random.Generator, cycle: float, first: int, days: int) -> tuple[int, ...]:
    """Most clean in good time, some late, a few very late; the first long before the first day."""
    habit = rng.choice([0.5, 0.8, 1.3], p=[0.5, 0.3, 0.2])
    day = first - _RUN_UP_DAYS - rng.uniform(0, cycle)
    found = []
    while day < first + days:
        found.append(int(day))
        day += max(14.0, cycle * habit * rng.uniform(0.7, 1.3))
    return tuple(found)


def _fouled(
    cleanings: tuple[int, ...], cycle: float, day: NDArray[np.int64]
) -> NDArray[np.float64]:
    """[d]; on the day of the cleaning it is clean: nobody cleans while cooking."""
    last = np.array(cleanings)[np.searchsorted(cleanings, day, side="right") - 1]
    return np.asarray(np.minimum((day - last) / cycle, MOST_FOULED))


def _opened(rng: np.random.Generator, n: int, day: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[n, d]: one in ten rests on one weekday; anyone may stay closed for a day."""
    rests = np.where(rng.random(n) < 0.1, rng.integers(1, 6, n), -1)
    closed = rng.random((n, len(day))) < 0.004
    return np.asarray(((day[None, :] - _SUNDAY) % 7 != rests[:, None]) & ~closed)
