"""Delivery as a leader's term has it: receivers built, the loop in a thread, all of it ended."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Final

from fumewatch.config import Config
from fumewatch.core.letter.curve import Curve
from fumewatch.deliver.deliverer import Deliverer
from fumewatch.deliver.desk import SENDING, Terms
from fumewatch.deliver.ping import pinging
from fumewatch.deliver.watch import DeadMan
from fumewatch.health import Health
from fumewatch.mqtt import Publisher
from fumewatch.receivers import ReceiverSettings, build
from fumewatch.store import Connection, Database, plots

_SETTLED: Final = timedelta(seconds=10)
"""Beyond a receiver's time-outs: to make the message, a curve in it included, and to settle."""


@contextmanager
def delivering(
    config: Config,
    database: Database,
    health: Health,
    publisher: Publisher,
    now: Callable[[], datetime],
    *,
    wake: threading.Event,
    leads: Callable[[Connection], bool] = lambda _: True,
) -> Iterator[None]:
    """`wake` says that rows are due. At the end sends under way get some seconds. `leads`: as of
    Deliverer."""

    def series(alert: uuid.UUID) -> Curve | None:
        with database.transaction() as conn:
            return plots.curve(conn, alert, now(), config.freshness)

    told, settings = config.dead_man, config.receiver
    receivers = {each.name: build(each, publisher, now, series) for each in settings}
    terms = {
        each.name: Terms(each.parallel, each.most_per_minute, each.takes, _sending(each))
        for each in settings
    }
    dead_man = DeadMan(told.receiver, told.after, told.repeat, config.zone)
    deliverer = Deliverer(database, receivers, terms, now, health, dead_man=dead_man, leads=leads)
    stop = threading.Event()
    thread = threading.Thread(target=deliverer.run, args=(stop, wake), name="deliver")
    with ExitStack() as stack:
        for receiver in receivers.values():
            stack.callback(receiver.close)
        stack.callback(thread.join)
        stack.callback(wake.set)
        stack.callback(stop.set)
        thread.start()
        stack.enter_context(pinging(told.ping_url, deliverer.works))
        yield


def _sending(settings: ReceiverSettings) -> timedelta:
    """Its time-out counts twice: one to connect, one to answer."""
    timeout: timedelta | None = getattr(settings, "timeout", None)
    return 2 * timeout + _SETTLED if timeout else SENDING
