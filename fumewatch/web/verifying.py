"""How many passwords are looked at at once: each takes 64 MiB and a processor."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

AT_ONCE: Final = 2
MOST_WAITING: Final = 8


class Crowded(Exception):
    """Too many wait already."""


class Verifying:
    def __init__(self, at_once: int = AT_ONCE, most_waiting: int = MOST_WAITING) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._most = at_once + most_waiting
        self._here = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """When it is ours. Raise Crowded."""
        if self._here >= self._most:
            raise Crowded
        self._here += 1
        try:
            async with self._turns:
                yield
        finally:
            self._here -= 1
