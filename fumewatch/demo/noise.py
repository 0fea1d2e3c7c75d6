"""Chance without state: the same place always gives the same number. Pure.

A simulator that draws from a generator gives other values when it is asked in other steps; here a
value depends only on the seed, on what it is for, on the monitor and on the time.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MASK = 2**64 - 1
_EVEN = np.uint64(0x0000FFFF0000FFFF)


def uniform(seed: int, use: int, monitor: ArrayLike, k: ArrayLike) -> NDArray[np.float64]:
    """Evenly in [0, 1); `use` keeps apart what the numbers are for."""
    return (_bits(seed, use, monitor, k) >> np.uint64(11)) / float(2**53)


def normal(seed: int, use: int, monitor: ArrayLike, k: ArrayLike) -> NDArray[np.float64]:
    """About normal, mean 0 and deviation 1, never beyond 3.5: twelve dice would be finer."""
    dice = _bits(seed, use * 16, monitor, k)  # four, of 16 bits each
    pairs = (dice & _EVEN) + ((dice >> np.uint64(16)) & _EVEN)
    total = (pairs & np.uint64(2**32 - 1)) + (pairs >> np.uint64(32))
    return np.asarray((total / 2.0**16 - 2.0) * 3**0.5)


def drifting(
    seed: int, use: int, monitor: ArrayLike, at_s: NDArray[np.int64], scale_s: int
) -> NDArray[np.float64]:
    """Wanders in [0, 1), straight from one chance value to the next each `scale_s` seconds."""
    k, rest = np.divmod(at_s, scale_s)
    here, there = (uniform(seed, use, monitor, k + step) for step in (0, 1))
    return np.asarray(here + (there - here) * (rest / scale_s))


def _bits(seed: int, use: int, monitor: ArrayLike, k: ArrayLike) -> NDArray[np.uint64]:
    start = np.uint64((seed * 0x9E3779B97F4A7C15 + use * 0xD1B54A32D192ED03) & _MASK)
    x = _mix(np.asarray(monitor).astype(np.uint64) ^ start)
    return _mix(np.atleast_1d(x) ^ np.asarray(k).astype(np.uint64))


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64: each bit in moves half of the bits out."""
    x = np.atleast_1d(x) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))
