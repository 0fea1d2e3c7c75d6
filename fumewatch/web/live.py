"""Alerts as they change, to every open page: one poller, many streams (server-sent events).

A stream's event id is the transition's number, so a browser that lost its connection says with
Last-Event-ID what it saw last and gets what it missed first. Numbers may become visible out of
order when two daemons write at once (a handover), so everything young is read again and known
numbers are skipped; an event shows the alert as it is by now, so seeing one twice does no harm.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from starlette.concurrency import run_in_threadpool

from fumewatch.core.errors import FumewatchError
from fumewatch.store import Database
from fumewatch.store.pages import alerts
from fumewatch.store.pages.alerts import Change

log = structlog.get_logger()

POLL_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 30.0
"""Between two polls while nobody looks; whoever comes ends the wait."""
COUNT_SECONDS: Final = 5.0
STILL_SECONDS: Final = 10.0
"""Between two looks whether a stream's reader may still read."""
SETTLE: Final = timedelta(seconds=10)
"""Longer than any transaction that writes transitions: older numbers have all become visible."""
MOST_AT_ONCE: Final = 2000
MOST_MISSED: Final = 500
"""Transitions that a stream tells of the past; whoever missed more starts over."""

Counts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trouble:
    """The store cannot be asked: what the page shows is not live."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The daemon stops, or this stream fell behind: the page connects again."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Too much was missed to tell it: the page loads itself anew."""


Item = Change | Counts | Trouble | Closing | Reset


@dataclass(slots=True, eq=False)
class _Listener:
    queue: asyncio.Queue[Item] = field(default_factory=lambda: asyncio.Queue(MOST_AT_ONCE))

    def offer(self, item: Item) -> None:
        if self.queue.full():  # it reads too slowly; what it missed it asks for when it is back
            while not self.queue.empty():
                self.queue.get_nowait()
            item = Closing()
        self.queue.put_nowait(item)


class Feed:
    """`run` polls until `stop`, which any thread may call; `stream` serves one client."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], count: Callable[[], Counts]
    ) -> None:
        self._database = database
        self._now = now
        self._count = count
        self._listeners: set[_Listener] = set()
        self._floor: int | None = None
        self._seen: dict[int, datetime] = {}
        self._stopped = asyncio.Event()
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Poll once a second and count every few seconds, while anybody looks."""
        self._loop = asyncio.get_running_loop()
        is_away, counted = False, 0.0
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                for change in await run_in_threadpool(self._poll):
                    self._tell(change)
                if self._listeners and self._loop.time() - counted >= COUNT_SECONDS:
                    counted = self._loop.time()
                    self._tell(await run_in_threadpool(self._count))
                is_away = False
            except Exception as error:  # whatever it is: nobody would start this task again
                if not is_away:
                    log.warning("live_feed_interrupted", error=str(error), exc_info=_trace(error))
                is_away, counted = True, 0.0
                self._tell(Trouble())
            await self._pause()

    def stop(self) -> None:
        """End every stream at once. Safe from any thread, and more than once."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._close)

    def _close(self) -> None:
        self._stopped.set()
        self._wake.set()
        self._tell(Closing())

    def _tell(self, item: Item) -> None:
        for listener in self._listeners:
            listener.offer(item)

    async def _pause(self) -> None:
        if self._listeners:
            await self._rest(POLL_SECONDS)
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._wake.wait()

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()

    def _poll(self) -> list[Change]:
        with self._database.transaction() as conn:
            is_first = self._floor is None
            floor = self._floor
            if floor is None:
                floor = max(0, alerts.newest_transition(conn) - alerts.MOST_OVERTAKEN)
            found = alerts.changes(conn, floor, MOST_AT_ONCE)
        self._floor = floor
        news = self._news(found)
        return [] if is_first else news

    def _news(self, found: list[Change]) -> list[Change]:
        """What of it is new; raises the floor over what is old enough, or fills a whole answer."""
        now = self._now()
        news = [change for change in found if change.transition not in self._seen]
        self._seen.update((change.transition, now) for change in news)
        old = [id for id, at in self._seen.items() if now - at >= SETTLE]
        if len(found) == MOST_AT_ONCE:
            old = list(self._seen)
        self._floor = max(old, default=self._floor or 0)
        self._seen = {id: at for id, at in self._seen.items() if id > self._floor}
        return news

    async def stream(
        self,
        after: int | None,
        render: Callable[[Change], str | None],
        still: Callable[[], bool],
    ) -> AsyncIterator[bytes]:
        """What came after transition `after`, then everything as it happens, until `stop`.

        `render` gives an event's data, or None to leave it out. `still`: whether the reader may
        still read; the last thing that is told to who may not is to load the page anew.
        """
        asked = _seconds()
        listener = _Listener()
        self._listeners.add(listener)
        self._wake.set()
        try:
            yield b"retry: 2000\n\n"
            caught_up = set()  # the poll that our coming woke may find the same once more
            async for item in self._catch_up(after):
                if isinstance(item, Change):
                    caught_up.add(item.transition)
                yield await run_in_threadpool(_encode, item, render)
            while not self._stopped.is_set():
                item = await listener.queue.get()  # counts, or trouble, at least every few seconds
                if isinstance(item, Closing):
                    return
                if _seconds() - asked >= STILL_SECONDS:
                    asked = _seconds()
                    if not await run_in_threadpool(still):
                        yield _event("reset", "{}")
                        return
                if not (isinstance(item, Change) and item.transition in caught_up):
                    yield await run_in_threadpool(_encode, item, render)
        finally:
            self._listeners.discard(listener)

    async def _catch_up(self, after: int | None) -> AsyncIterator[Item]:
        """What was missed, or Reset where it is too much, then the counts as they are.

        Waits while the store is away.
        """
        while not self._stopped.is_set():
            try:
                missed = await run_in_threadpool(self._missed, after)
                counts = await run_in_threadpool(self._count)
            except FumewatchError:
                yield Trouble()
                await self._rest(POLL_SECONDS)
                continue
            if len(missed) > MOST_MISSED:
                yield Reset()
                return
            for change in missed:
                yield change
            yield counts
            return

    def _missed(self, after: int | None) -> list[Change]:
        if after is None:
            return []
        with self._database.transaction() as conn:
            return alerts.changes_since(conn, after, self._now() - SETTLE, MOST_MISSED + 1)


def _seconds() -> float:
    return asyncio.get_running_loop().time()


def _trace(error: Exception) -> bool:
    """Whether the log should show where it came from: not for a database that is away."""
    return not isinstance(error, FumewatchError)


def _encode(item: Item, render: Callable[[Change], str | None]) -> bytes:
    match item:
        case Change():
            text = render(item)
            return _event("alert", text, item.transition) if text else b": other\n\n"
        case Trouble():
            return _event("trouble", "{}")
        case Reset():
            return _event("reset", "{}")
        case Closing():
            return b""
        case _:
            return _event("counts", json.dumps(item, separators=(",", ":")))


def _event(name: str, data: str, id: int | None = None) -> bytes:
    lines = [f"event: {name}", *(f"data: {line}" for line in data.splitlines())]
    if id is not None:
        lines.append(f"id: {id}")
    return "\n".join([*lines, "", ""]).encode()
