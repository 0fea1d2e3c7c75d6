"""From publish to webhook: breaches at known times, under a load of other monitors' readings.

The monitors that breach have an hour of usual readings behind them; then one over the limit, so
high that the window's mean is over it too. Measured from just before its publish until the sink
has the body of the alert.
"""

import json
import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.bench.end_to_end import Load, generator
from tests.bench.machine import BenchError, Table, running
from tests.bench.peers import fumewatch
from tests.bench.sink import Sink, sink
from tests.bench.stage import Act, Stage

RULE = "exceedance"
_LATE_S = 15.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds. `missing`: breaches of which no message came within 15 s of the last."""

    offered: int
    breaches: int
    missing: int
    p50: float
    p99: float
    greatest: float

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def measure(stage: Stage, template: str, load: Load, breaching: Sequence[str]) -> Latency:
    """`breaching` are monitors, known to the template, that the load's own are not among."""
    with ExitStack() as stack:
        act = stack.enter_context(stage.run(template, load.readings))
        noted = stack.enter_context(sink())
        process = stack.enter_context(fumewatch.daemon(act.scene, noted.url))
        act.wait_subscribed(process)
        published = _breach(act, load, breaching)
        deadline = time.monotonic() + _LATE_S
        while time.monotonic() < deadline and len(_took(published, noted)) < len(published):
            time.sleep(0.1)
    took = _took(published, noted)
    if not took:
        raise BenchError("no breach reached the webhook")
    return Latency(
        load.rate,
        len(breaching),
        len(breaching) - len(took),
        took[len(took) // 2],
        took[int(len(took) * 0.99)],
        took[-1],
    )


def _took(published: dict[str, float], noted: Sink) -> list[float]:
    pairs = [(at, noted.arrived.get((monitor, RULE))) for monitor, at in published.items()]
    return sorted(arrived - at for at, arrived in pairs if arrived)


def _breach(act: Act, load: Load, breaching: Sequence[str]) -> dict[str, float]:
    """Publish the load and, at random times within it, the breaches; when each of them left."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "breaches", protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", act.scene.broker_port)
    client.loop_start()
    seconds = load.readings / load.rate
    chance = random.Random(3)
    times = sorted(chance.uniform(0.1 * seconds, 0.95 * seconds) for _ in breaching)
    published: dict[str, float] = {}
    try:
        with running(generator(act.scene.broker_port, load), act.scene.folder / "load.log") as them:
            start = time.time()
            for monitor, after in zip(breaching, times, strict=True):
                time.sleep(max(0.0, start + after - time.time()))
                published[monitor] = time.time()
                client.publish(f"fume/xuhui/{monitor}/up", _over_limit(), qos=1)
            if them.wait(60):
                raise BenchError("the generator failed")
    finally:
        client.disconnect()
        client.loop_stop()
    return published


def _over_limit() -> bytes:
    at = datetime.now(UTC).isoformat(timespec="microseconds")
    reading = {"measured_at": at, "fume": 25.0, "fan_on": True, "purifier_on": True}
    return json.dumps(reading).encode()


def table(runs: Sequence[Latency]) -> Table:
    header = ("offered", "breaches", "p50", "p99", "longest", "without a message")
    rows = [
        (
            f"{run.offered:,}/s",
            str(run.breaches),
            f"{run.p50:.2f} s",
            f"{run.p99:.2f} s",
            f"{run.greatest:.2f} s",
            str(run.missing),
        )
        for run in runs
    ]
    return Table("fumewatch, from publish to webhook", header, rows)
