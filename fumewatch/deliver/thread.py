"""Delivery as a leader's term has it: receivers built, the loop in a thread, all of it ended."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from fumewatch.config import Config
from fumewatch.core.letter.curve import Curve
from fumewatch.deliver.deliverer import Deliverer
from fumewatch.deliver.desk import Terms
from fumewatch.deliver.ping import pinging
from fumewatch.deliver.watch import DeadMan
from fumewatch.health import Health
from fumewatch.mqtt import Publisher
from fumewatch.receivers import build
from fumewatch.store import Database, plots


@contextmanager
def delivering(
    config: Config,
    database: Database,
    health: Health,
    publisher: Publisher,
    now: Callable[[], datetime],
    *,
    wake: threading.Event,
) -> Iterator[None]:
    """`wake` says that rows are due. At the end sends under way get some seconds."""

    def series(alert: uuid.UUID) -> Curve | None:
        with database.transaction() as conn:
            return plots.curve(conn, alert, now(), config.freshness)

    told, settings = config.dead_man, config.receiver
    receivers = {each.name: build(each, publisher, now, series) for each in settings}
    terms = {each.name: Terms(each.parallel, each.most_per_minute, each.takes) for each in settings}
    dead_man = DeadMan(told.receiver, told.after, told.repeat, config.zone)
    deliverer = Deliverer(database, receivers, terms, now, health, dead_man=dead_man)
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
