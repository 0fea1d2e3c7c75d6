"""When a contender acks, and what it makes of a reading that comes twice.

While no commit comes back from the server, READINGS are published: what the broker has a PUBACK for
meanwhile was acked before it was committed. Then commits may go on, and all of them are published
once more, measured at the same times.
"""

import json
import logging
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from paho.mqtt import publish

from tests.bench.crash import SETTLED_S, stored_since, wait_still
from tests.bench.machine import BenchError, end
from tests.bench.peers.contender import Contender
from tests.bench.stage import Act, Stage

READINGS: Final = 200
_ENOUGH: Final = 10**9
"""More readings than come: the floor would end after so many."""
_HELD_S: Final = 3.0
_STILL_S: Final = 5.0
_TELL: Final = "log_type debug\n"
_SENT: Final = re.compile(r"Sending PUBLISH to (\S+) \(d\d, q1, r\d, m(\d+), 'fume/[^']+/up'")
_ACKED: Final = re.compile(r"Received PUBACK from (\S+) \(Mid: (\d+)")
_CHANNELS: Final = {
    "fume": 0.5,
    "pm": 1.4,
    "nmhc": 3.5,
    "temperature": 41.0,
    "humidity": 55.0,
    "fan_on": True,
    "fan_current": 3.2,
    "purifier_on": True,
    "purifier_current": 1.1,
}


@dataclass(frozen=True, slots=True)
class Acks:
    """`acked` while nothing could be committed; `rows` once each had been sent twice."""

    published: int
    acked: int
    rows: int


def measure(server: Stage, contender: Contender) -> Acks:
    """Raise Skipped where the contender cannot be had."""
    with (
        server.run(contender.template, _ENOUGH, _TELL) as act,
        contender.launch(act.scene) as process,
    ):
        act.wait_subscribed(process)
        time.sleep(SETTLED_S)
        first = datetime.now(UTC)
        with server.no_commit():
            _publish(act, first)
            time.sleep(_HELD_S)
            acked = acked_in(act.broker.log)
            if stored_since(act, contender, _us(first)):
                raise BenchError("something was committed all the same")
        wait_still(act, contender, _STILL_S)
        _publish(act, first)
        wait_still(act, contender, _STILL_S)
        end(process)
        return Acks(READINGS, acked, len(stored_since(act, contender, _us(first))))


def acked_in(log: str) -> int:
    """How many readings subscribers have acked, by the broker's log: nothing else counts."""
    return len(set(_SENT.findall(log)) & set(_ACKED.findall(log)))


def _publish(act: Act, first: datetime) -> None:
    messages = [
        (f"fume/xuhui/FM{i + 1:07d}/up", _payload(first + timedelta(milliseconds=i)), 1, False)
        for i in range(READINGS)
    ]
    logging.getLogger("paho").setLevel(logging.CRITICAL)  # it calls its own goodbye an error
    publish.multiple(messages, "127.0.0.1", act.scene.broker_port)


def _payload(at: datetime) -> str:
    return json.dumps({"measured_at": at.isoformat(timespec="microseconds"), **_CHANNELS})


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)
