"""From publish to webhook: breaches at known times, under a load of other monitors' readings.

The monitors that breach have an hour of usual readings behind them; then one over the limit, so
high that the window's mean is over it too. Taken from just before its publish until the sink has
the body of the alert.

A minute is judged once, when it is over and [evaluate] lateness has passed: what is measured now
waits for that, however fast the daemon is. So its way is told twice, from publish and from the end
of the wait. What is measured in a minute that is already judged is judged as it comes.
"""

import json
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from fumewatch.config import example
from fumewatch.config import load as load_config
from tests.bench.end_to_end import Load, generator
from tests.bench.machine import BenchError, Table, running
from tests.bench.peers import fumewatch
from tests.bench.sink import Sink, sink
from tests.bench.stage import Act, Stage

RULE: Final = "exceedance"
LATENESS: Final = load_config(example.path(), {}).evaluate.lateness.total_seconds()
LATE_BY: Final = 120.0
"""Seconds: the minute that lies so far back is judged, whatever the second."""
_MINUTE: Final = 60.0
_SPARE: Final = 15.0


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds. `missing`: breaches of which no message came within 15 s of when it was due."""

    breaches: int
    missing: int
    p50: float
    p99: float
    greatest: float

    @classmethod
    def of(cls, seconds: Iterable[float], breaches: int) -> Self:
        took = sorted(seconds)
        if not took:
            raise BenchError("no breach reached the webhook")
        p99 = took[int(len(took) * 0.99)]
        return cls(breaches, breaches - len(took), took[len(took) // 2], p99, took[-1])


@dataclass(frozen=True, slots=True)
class Latency:
    """published: from publish. waited: from when its minute was due. late: from publish, of
    readings of minutes that were judged before."""

    offered: int
    published: Took
    waited: Took
    late: Took

    @property
    def missing(self) -> int:
        return self.published.missing + self.late.missing

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def measure(stage: Stage, template: str, load: Load, breaching: Sequence[str]) -> Latency:
    """`breaching` are monitors, known to the template, that the load's own are not among.

    Each other one of them is late.
    """
    timely, late = breaching[::2], breaching[1::2]
    with ExitStack() as stack:
        act = stack.enter_context(stage.run(template, load.readings))
        noted = stack.enter_context(sink())
        process = stack.enter_context(fumewatch.daemon(act.scene, noted.url))
        act.wait_subscribed(process)
        left = _breach(act, load, dict.fromkeys(timely, 0.0) | dict.fromkeys(late, LATE_BY))
        deadline = max(due(at) for at in left.values()) + _SPARE
        while time.time() < deadline and len(_arrived(breaching, noted)) < len(breaching):
            time.sleep(0.1)
    arrived = _arrived(breaching, noted)
    ours = {monitor: arrived[monitor] for monitor in timely if monitor in arrived}
    return Latency(
        load.rate,
        Took.of((at - left[monitor] for monitor, at in ours.items()), len(timely)),
        Took.of((at - due(left[monitor]) for monitor, at in ours.items()), len(timely)),
        Took.of((arrived[m] - left[m] for m in late if m in arrived), len(late)),
    )


def due(at: float) -> float:
    """When the minute is judged in which something was measured, seconds since 1970.

    >>> due(61.0) - LATENESS
    120.0
    """
    return (at // _MINUTE + 1) * _MINUTE + LATENESS


def _arrived(monitors: Iterable[str], noted: Sink) -> dict[str, float]:
    pairs = ((monitor, noted.arrived.get((monitor, RULE))) for monitor in monitors)
    return {monitor: at for monitor, at in pairs if at}


def _breach(act: Act, load: Load, late_by: Mapping[str, float]) -> dict[str, float]:
    """Publish the load and, at random times within it, the breaches; when each of them left."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "breaches", protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", act.scene.broker_port)
    client.loop_start()
    seconds = load.readings / load.rate
    chance = random.Random(3)
    monitors = chance.sample(sorted(late_by), len(late_by))
    times = sorted(chance.uniform(0.1 * seconds, 0.95 * seconds) for _ in monitors)
    published: dict[str, float] = {}
    try:
        with running(generator(act.scene.broker_port, load), act.scene.folder / "load.log") as them:
            start = time.time()
            for monitor, after in zip(monitors, times, strict=True):
                time.sleep(max(0.0, start + after - time.time()))
                published[monitor] = now = time.time()
                payload = _over_limit(now - late_by[monitor])
                client.publish(f"fume/xuhui/{monitor}/up", payload, qos=1)
            if them.wait(60):
                raise BenchError("the generator failed")
    finally:
        client.disconnect()
        client.loop_stop()
    return published


def _over_limit(at: float) -> bytes:
    measured_at = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
    reading = {"measured_at": measured_at, "fume": 25.0, "fan_on": True, "purifier_on": True}
    return json.dumps(reading).encode()


def table(runs: Sequence[Latency]) -> Table:
    header = ("to the webhook", "offered", "breaches", "p50", "p99", "longest", "without a message")
    rows = [
        (
            what,
            f"{run.offered:,}/s",
            str(took.breaches),
            f"{took.p50:.2f} s",
            f"{took.p99:.2f} s",
            f"{took.greatest:.2f} s",
            str(took.missing),
        )
        for run in runs
        for what, took in (
            (f"from the end of its minute and {LATENESS:.0f} s", run.waited),
            ("from publish", run.published),
            (f"from publish, measured {LATE_BY:.0f} s before", run.late),
        )
    ]
    title = (
        f"fumewatch, to the webhook: a minute is judged {LATENESS:.0f} s after its end, what comes "
        "later at once"
    )
    return Table(title, header, rows)
