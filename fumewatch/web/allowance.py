"""How often somebody may do something."""

from collections.abc import Hashable
from datetime import datetime, timedelta


class Allowance:
    """`most` times within each span of `within`, for each key. For one thread."""

    def __init__(self, most: int, within: timedelta) -> None:
        self._most = most
        self._within = within
        self._since: datetime | None = None
        self._taken: dict[Hashable, int] = {}

    def take(self, key: Hashable, now: datetime) -> bool:
        """Whether the key has one left; it is taken."""
        if self._since is None or not timedelta(0) <= now - self._since < self._within:
            self._since, self._taken = now, {}
        self._taken[key] = self._taken.get(key, 0) + 1
        return self._taken[key] <= self._most
