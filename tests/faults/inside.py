"""What a forked daemon does before it begins: it takes the stage's clock, and a place to die at.

No hook in the program: a function is wrapped so that its k-th call ends the process by SIGKILL.
"""

import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg

from fumewatch import app, dispatch, evaluate, ingest, judging, pump, terms
from fumewatch.deliver.deliverer import Deliverer
from fumewatch.deliver.desk import Desk
from fumewatch.mqtt import Subscriber
from fumewatch.mqtt.inbox import Inbox
from fumewatch.receivers.http import Http
from fumewatch.receivers.webhook import Webhook
from fumewatch.store import alerts, outbox, readings, rollups
from tests.faults.clock import Clock


def _always(_args: tuple[Any, ...], _result: Any) -> bool:
    return True


def _something(_args: tuple[Any, ...], result: Any) -> bool:
    return bool(result)


def _given(args: tuple[Any, ...], _result: Any) -> bool:
    """The last argument but the time is not empty."""
    return any(isinstance(arg, (list, tuple)) and arg for arg in args)


class Point(NamedTuple):
    """Death comes when the call ends, or at its beginning; calls count for which `counts`."""

    owner: Any
    name: str
    at_end: bool = True
    counts: Callable[[tuple[Any, ...], Any], bool] = _always


POINTS: Final = {
    "received": Point(Inbox, "put"),
    "decode": Point(ingest, "sort", at_end=False),
    "decoded": Point(ingest, "sort"),
    "copy": Point(psycopg.Copy, "write"),  # half of the rows, see `half`
    "copied": Point(readings, "add"),  # in the transaction
    "committed": Point(ingest.Ingest, "_persist"),  # before the ack
    "acked": Point(Subscriber, "ack"),
    "acked-on-the-wire": Point(pump.Pump, "_take_in"),
    "transition": Point(alerts, "save", counts=_something),  # before the outbox, in the transaction
    "outbox": Point(evaluate.Evaluate, "_save_moves", counts=_given),  # in the transaction
    "saved": Point(evaluate.Evaluate, "_save", counts=_something),
    "judged": Point(judging.Judging, "_judge"),
    "claimed": Point(Desk, "take"),
    "sent": Point(Webhook, "send"),  # before it is settled
    "told": Point(Http, "send"),
    "settling": Point(outbox, "settle"),  # in the transaction
    "settled": Point(Deliverer, "_settle"),
    "flush": Point(rollups, "flush", counts=_something),  # in the transaction
    "flushed": Point(pump.Pump, "_flush"),
    "dispatching": Point(dispatch.Dispatch, "_put", counts=_given),  # in the transaction
    "dispatched": Point(dispatch.Dispatch, "round", counts=_something),
    "recovering": Point(rollups, "recover", at_end=False),
    "leading": Point(pump.Pump, "__enter__"),
    "recalled": Point(judging.Judging, "_begin"),
}
"""Where a daemon may die, in the order in which a reading passes."""


def prepare(clock: str, kill: tuple[str, int] | None = None) -> None:
    """Roll-ups are flushed often, so that a short drill has some flushes."""
    shared = Clock(Path(clock))
    terms.clock = app.clock = shared.now
    pump.FLUSH_LEAST, pump.FLUSH_PAUSE = timedelta(seconds=0.5), 1
    terms.LONGEST_RETRY_SECONDS = 1.0
    if kill:
        _arm(*kill)


class Countdown:
    """Safe from any thread."""

    def __init__(self, at: int) -> None:
        self._at, self._calls, self._lock = at, 0, threading.Lock()

    def is_over(self) -> bool:
        """Count one call."""
        with self._lock:
            self._calls += 1
            return self._calls == self._at


def _arm(name: str, at: int) -> None:
    point, countdown = POINTS[name], Countdown(at)
    original = getattr(point.owner, point.name)

    def half(copy: Any, data: bytes) -> None:
        if countdown.is_over():
            original(copy, data[: len(data) // 2])
            _die()
        original(copy, data)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if not point.at_end and countdown.is_over():
            _die()
        result = original(*args, **kwargs)
        if point.at_end and point.counts(args, result) and countdown.is_over():
            _die()
        return result

    setattr(point.owner, point.name, half if name == "copy" else wrapped)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
