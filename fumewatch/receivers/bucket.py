"""Bucket: how often a remote may be asked, kept on this side of it."""

from collections import deque


class Bucket:
    """At most `most` in any window of `seconds`, for each of the limits (most, seconds).

    Every `now` is in seconds on one clock that does not go back. What was taken before a restart is
    forgotten. Not for several threads at once.
    """

    def __init__(self, *limits: tuple[int, float]) -> None:
        self._limits = limits
        self._taken: deque[float] = deque(maxlen=max((most for most, _ in limits), default=0))
        self._shut_until = float("-inf")

    def take(self, now: float) -> float:
        """0 where there was room, which is used now; else the seconds until there is."""
        wait = max(
            0.0, self._shut_until - now, *(self._wait(*limit, now) for limit in self._limits)
        )
        if not wait:
            self._taken.append(now)
        return wait

    def shut(self, until: float) -> None:
        """No room before that; a shorter rest does not undo a longer one."""
        self._shut_until = max(self._shut_until, until)

    def _wait(self, most: int, seconds: float, now: float) -> float:
        if len(self._taken) < most:
            return 0.0
        return max(0.0, self._taken[-most] + seconds - now)
