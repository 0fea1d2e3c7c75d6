"""Our subscriber beside stock paho with an empty callback: messages a second and CPU a message.

    python -m tests.bench.bench_mqtt [--count 300000] [--rounds 3] [--json]

One mosquitto, one generator, one subscriber at a time, in turn and in one run. Ours takes and acks
each batch; stock paho acks by itself. Neither decodes nor stores anything. Flat out, the broker
holds the messages before the clock starts, so that no generator is in the way. The CPU is that of
the subscriber's process from its first message to its last.
"""

import argparse
import json
import subprocess
import sys
import time
from statistics import median
from typing import Any

from tests.fixtures.broker import Broker

_TOPIC = "fume/+/+/up"
_CLIENT = "bench"
_AT_REST = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300_000, help="messages flat out")
    parser.add_argument("--seconds", type=int, default=10, help="at 1,000 a second")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--subscribe", nargs=3, help=argparse.SUPPRESS
    )  # the child: who, url, count
    args = parser.parse_args()
    if args.subscribe:
        who, url, count = args.subscribe
        print(json.dumps(_SUBSCRIBERS[who](url, int(count))))
        return
    results = [
        _sum_up(who, how, [_measure(who, count, rate) for _ in range(args.rounds)])
        for how, rate, count in (
            ("flat out", 0, args.count),
            ("1,000/s", _AT_REST, _AT_REST * args.seconds),
        )
        for who in _SUBSCRIBERS
    ]
    print(json.dumps(results, indent=1) if args.json else _table(results))


def _measure(who: str, count: int, rate: int) -> dict[str, Any]:
    broker = Broker()
    broker.start()
    try:
        if not rate:
            _subscribe_once(broker.url)
            _generate(broker, count, rate)
        with subprocess.Popen(
            [sys.executable, "-m", __spec__.name, "--subscribe", who, broker.url, str(count)],
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            try:
                if rate:
                    _await_session(broker)
                    _generate(broker, count, rate)
                out, _ = child.communicate(timeout=300)
            finally:
                child.kill()
        return json.loads(out.splitlines()[-1])  # above it: the log
    finally:
        broker.remove()


def _generate(broker: Broker, count: int, rate: int) -> None:
    wanted = ["--port", str(broker.port), "--count", str(count), "--rate", str(rate)]
    subprocess.run(
        [sys.executable, "-m", "tests.bench.generator", *wanted],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _subscribe_once(url: str) -> None:
    """So that the broker keeps what comes for the subscriber to be measured."""
    from fumewatch.mqtt import MqttSettings, Subscriber

    states: list[bool] = []
    subscriber = Subscriber(_settings(MqttSettings, url), lambda is_up, _: states.append(is_up))
    subscriber.start()
    while not states:
        time.sleep(0.01)
    subscriber.stop()


def _await_session(broker: Broker) -> None:
    until = time.monotonic() + 10
    while f" as {_CLIENT} " not in broker.log and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)


def _settings(kind: Any, url: str) -> Any:
    return kind(url=url, topic=_TOPIC, client_id=_CLIENT)


def _by_fumewatch(url: str, count: int) -> dict[str, float]:
    from fumewatch.mqtt import MqttSettings, Subscriber

    subscriber = Subscriber(_settings(MqttSettings, url), lambda *_: None)
    subscriber.start()
    clock = _Clock()
    got = batches = 0
    while got < count:
        if batch := subscriber.take(2000, 1.0):
            clock.start()
            got += len(batch.messages)
            batches += 1
            subscriber.ack(batch)
    result = clock.stop(got)
    subscriber.stop()
    return {**result, "batches": batches}


def _by_stock_paho(url: str, count: int) -> dict[str, float]:
    from urllib.parse import urlsplit

    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    clock = _Clock()
    got = 0

    def on_message(client: Client, _data: object, _message: object) -> None:
        nonlocal got
        clock.start()
        got += 1
        if got == count:
            client.disconnect()

    client = Client(CallbackAPIVersion.VERSION2, _CLIENT, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = on_message
    client.on_connect = lambda client, *_: client.subscribe(_TOPIC, 1)
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 3600
    properties.ReceiveMaximum = 10_000
    where = urlsplit(url)
    client.connect(
        str(where.hostname), where.port or 1883, clean_start=False, properties=properties
    )
    client.loop_forever()
    return clock.stop(got)


_SUBSCRIBERS = {"fumewatch": _by_fumewatch, "stock paho": _by_stock_paho}


class _Clock:
    def __init__(self) -> None:
        self._at: tuple[float, float] | None = None

    def start(self) -> None:
        if not self._at:
            self._at = time.monotonic(), time.process_time()

    def stop(self, count: int) -> dict[str, float]:
        assert self._at
        elapsed = time.monotonic() - self._at[0]
        busy = time.process_time() - self._at[1]
        return {"rate": count / elapsed, "cpu_us": busy / count * 1e6}


def _sum_up(who: str, how: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "subscriber": who,
        "offered": how,
        "rate": round(median(run["rate"] for run in runs)),
        "cpu_us": round(median(run["cpu_us"] for run in runs), 2),
        "runs": runs,
    }


def _table(results: list[dict[str, Any]]) -> str:
    lines = ["| subscriber | offered | messages/s | CPU-µs a message |", "|---|---|---:|---:|"]
    lines += [
        f"| {r['subscriber']} | {r['offered']} | {r['rate']:,} | {r['cpu_us']:.1f} |"
        for r in results
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
