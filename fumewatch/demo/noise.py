"""Chance without state: the same place always gives the same number. Pure.

A simulator that draws from a generator gives other values when it is asked in other steps; here a
value depends only on the seed, on what it is for, on the monitor and on the time.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MASK = 2**64 - 1


def uniform(seed: int, use: int, monitor: ArrayLike, k: ArrayLike) -> NDArray[np.float64]:
    """Evenly in [0, 1); `use` keeps apart what the numbers are for."""
    start = np.uint64((seed * 0x9E3779B97F4A7C15 + use * 0xD1B54A32D192ED03) & _MASK)
    x = _mix(np.asarray(monitor).astype(np.uint64) ^ start)
    x = _mix(np.atleast_1d(x) ^ np.asarray(k).astype(np.uint64))
    return (x >> np.uint64(11)) / float(2**53)


def normal(seed: int, use: int, monitor: ArrayLike, k: ArrayLike) -> NDArray[np.float64]:
    """About normal, mean 0 and deviation 1, never beyond 3.5: twelve dice would be finer."""
    total = sum(uniform(seed, use * 16 + die, monitor, k) for die in range(4))
    return np.asarray((total - 2.0) * 3**0.5)


def drifting(
    seed: int, use: int, monitor: ArrayLike, at_s: NDArray[np.int64], scale_s: int
) -> NDArray[np.float64]:
    """Wanders in [0, 1), straight from one chance value to the next each `scale_s` seconds."""
    k, rest = np.divmod(at_s, scale_s)
    here, there = (uniform(seed, use, monitor, k + step) for step in (0, 1))
    return np.asarray(here + (there - here) * (rest / scale_s))


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64: each bit in moves half of the bits out."""
    x = np.atleast_1d(x) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))
