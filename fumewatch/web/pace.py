"""How often each address may ask, in memory that is bounded whoever asks."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

MOST_KEYS: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: datetime


class Pace:
    """`burst` at once, then `per_second`, for each key; who asked longest ago is forgotten first.

    For one thread.
    """

    def __init__(self, burst: int, per_second: float, most_keys: int = MOST_KEYS) -> None:
        self._burst = float(burst)
        self._per_second = per_second
        self._most_keys = most_keys
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str, now: datetime) -> bool:
        """Whether the key has one left; it is taken."""
        bucket = self._buckets.setdefault(key, _Bucket(self._burst, now))
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most_keys:
            self._buckets.popitem(last=False)
        passed = max(0.0, (now - bucket.at).total_seconds())
        bucket.left = min(self._burst, bucket.left + passed * self._per_second)
        bucket.at = now
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True

    def __len__(self) -> int:
        return len(self._buckets)
