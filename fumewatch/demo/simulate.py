"""`fumewatch simulate`: a fleet that publishes to any broker over real MQTT, QoS 1.

Most monitors share one connection, as behind a vendor's gateway; a few have their own, with a last
will, and lose it without a word when their power is cut. The status of each is a retained message.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import IO, Final, Self

from fumewatch.demo.fleet import Fleet, build, sites_csv
from fumewatch.demo.sender import Sender, Will
from fumewatch.demo.signal import emit
from fumewatch.demo.situations import (
    SILENT,
    Kind,
    Situation,
    fouling,
    opening,
    plan,
    without_overlap,
)
from fumewatch.demo.talk import Talk
from fumewatch.demo.wire import Sending, messages, reading_topic, status_topic
from fumewatch.mqtt.settings import MqttSettings

_DAY: Final = timedelta(days=1)
_HISTORY_STEP_S: Final = 1800
_HISTORY_INTERVAL_S: Final = 60
_OWN_CONNECTIONS: Final = 5
_STEP_S: Final = 0.2
_FAREWELL_S: Final = 10.0
"""How long the last messages may take to be acked at the end."""


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """`speed`: so many times as much goes wrong as usual. `duration` None: until stopped.

    `is_dense`: every kitchen cooks at the start, and a third of the fleet is in trouble then.
    `speak_all`: makes that need a profile write as they do, else canonical JSON.
    """

    broker: MqttSettings
    monitors: int = 200
    interval: timedelta = timedelta(seconds=60)
    seed: int = 1
    speed: float = 1.0
    duration: timedelta | None = None
    district: str = "xuhui"
    backfill: timedelta = timedelta(0)
    is_dense: bool = False
    speak_all: bool = False
    sites_csv: Path | None = None
    labels: Path | None = None

    def fleet(self, at: datetime) -> Fleet:
        return build(
            self.monitors,
            self.seed,
            at,
            self.district,
            cooking=self.is_dense,
            speak_all=self.speak_all,
        )


@dataclass(slots=True)
class Figures:
    """What was sent so far. `told`: messages with heartbeats, restarts, statistics. `confirmed`:
    messages that the broker acked. `trouble`: why there is no connection. `is_live`: the backfill
    is over."""

    readings: int = 0
    messages: int = 0
    bytes: int = 0
    malformed: int = 0
    told: int = 0
    status_messages: int = 0
    confirmed: int = 0
    seconds: float = 0.0
    trouble: str = ""
    is_live: bool = False
    situations: int = 0

    @property
    def readings_per_s(self) -> float:
        return self.readings / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A fleet and its troubles as they stand when the simulation begins."""

    fleet: Fleet
    begins: datetime
    situations: list[Situation]

    @staticmethod
    def set_up(options: SimulateOptions, begins: datetime, fleet: Fleet | None = None) -> "Scene":
        """The same options and the same `begins` give the same scene."""
        begins = begins.replace(microsecond=0)
        fleet = fleet or options.fleet(begins)
        first = opening(fleet, begins) if options.is_dense else []
        usual = plan(fleet, begins - options.backfill, begins + _DAY, options.speed)
        return Scene(fleet, begins, without_overlap(first, usual))


def simulate(
    options: SimulateOptions,
    now: Callable[[], datetime],
    stop: threading.Event,
    on_progress: Callable[[Figures], None],
    scene: Scene | None = None,
) -> Figures:
    """Publish until the time is over or `stop` is set.

    1. Every monitor's status, retained.
    2. The last `backfill` of history, in arrays, as fast as the broker takes it.
    3. Live readings, each when it is due; whatever the broker's absence delayed, late.
    """
    scene = scene or Scene.set_up(options, now())
    if options.sites_csv:
        options.sites_csv.write_text(sites_csv(scene.fleet), encoding="utf-8")
    with ExitStack() as stack:
        labels = stack.enter_context(_Labels(options.labels, scene.fleet))
        crew = stack.enter_context(_Crew(options.broker, scene, stop))
        run = _Run(options, scene, crew, labels, stop, on_progress)
        run.announce_all()
        run.send_history()
        run.send_live(now)
        crew.settle(_FAREWELL_S)
        labels.write(s for s in run.situations if s.start_s < run.sent_until_s)
        labels.write(fouling(scene.fleet, run.sent_until_s))
        return run.report()


@dataclass(slots=True)
class _Run:
    """Where a simulation stands: everything before `sent_until_s` was sent."""

    options: SimulateOptions
    scene: Scene
    crew: "_Crew"
    labels: "_Labels"
    stop: threading.Event
    on_progress: Callable[[Figures], None]
    figures: Figures = field(default_factory=Figures)
    situations: list[Situation] = field(init=False)
    planned_until: datetime = field(init=False)
    sent_until_s: int = field(init=False)
    talk: Talk = field(init=False)
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.situations = self.scene.situations
        self.planned_until = self.scene.begins + _DAY
        self.sent_until_s = int((self.scene.begins - self.options.backfill).timestamp())
        self.talk = Talk(self.scene.fleet, self.sent_until_s)

    def announce_all(self) -> None:
        """Online, but for those that are silent at the start."""
        begins_s = int(self.scene.begins.timestamp())
        silent = {
            s.monitor
            for s in self.situations
            if s.kind in SILENT and s.start_s <= begins_s < s.end_s
        }
        for monitor in range(len(self.scene.fleet)):
            self._announce(monitor, is_online=monitor not in silent)

    def send_history(self) -> None:
        begins_s = int(self.scene.begins.timestamp())
        interval_s = max(_HISTORY_INTERVAL_S, self._interval_s)
        while self.sent_until_s < begins_s and not self.stop.is_set():
            until_s = min(self.sent_until_s + _HISTORY_STEP_S, begins_s)
            self._send(until_s, interval_s)
            self.report()
        self.figures.is_live = True

    def send_live(self, now: Callable[[], datetime]) -> None:
        duration = self.options.duration
        ends_s = int((self.scene.begins + duration).timestamp()) if duration else None
        while not self.stop.is_set() and (ends_s is None or self.sent_until_s < ends_s):
            clock_s = int(now().timestamp())
            until_s = clock_s if ends_s is None else min(clock_s, ends_s)
            if until_s > self.sent_until_s:
                self._plan_on(until_s)
                self._change_connections(until_s)
                self._send(until_s, self._interval_s)
            self.report()
            self.stop.wait(_STEP_S)

    def report(self) -> Figures:
        self.figures.seconds = time.monotonic() - self.began
        self.figures.confirmed = self.crew.confirmed
        self.figures.trouble = self.crew.trouble
        begun = (s for s in self.situations if s.start_s < self.sent_until_s)
        self.figures.situations = sum(1 for _ in begun)
        self.on_progress(self.figures)
        return self.figures

    @property
    def _interval_s(self) -> int:
        return max(1, round(self.options.interval.total_seconds()))

    def _plan_on(self, until_s: int) -> None:
        """Draw the next day's situations before it begins; what is drawn stays as it is."""
        while until_s > self.planned_until.timestamp() - 3600:
            until = self.planned_until + _DAY
            more = plan(self.scene.fleet, self.planned_until, until, self.options.speed)
            self.situations = without_overlap(self.situations, more)
            self.planned_until = until

    def _send(self, until_s: int, interval_s: int) -> None:
        stretch = (self.situations, self.sent_until_s, until_s, interval_s)
        emission = emit(self.scene.fleet, *stretch)
        told = self.talk.sendings(emission, *stretch, is_live=self.figures.is_live)
        for sending in chain(messages(self.scene.fleet, emission), told):
            if not self.crew.send(sending):
                return
            self._count(sending)
        self.labels.write(emission.faults)
        self.sent_until_s = until_s

    def _count(self, sending: Sending) -> None:
        self.figures.messages += 1
        self.figures.readings += sending.readings
        self.figures.bytes += len(sending.payload)
        self.figures.malformed += sending.is_rubbish
        self.figures.told += not sending.readings and not sending.is_rubbish

    def _change_connections(self, until_s: int) -> None:
        """Power cuts and lost connections that begin or end in [sent_until_s, until_s)."""
        for situation in self.situations:
            if situation.kind in SILENT:
                if self.sent_until_s <= situation.start_s < until_s:
                    self._announce(situation.monitor, is_online=False)
                if self.sent_until_s <= situation.end_s < until_s:
                    self._announce(situation.monitor, is_online=True)

    def _announce(self, monitor: int, *, is_online: bool) -> None:
        self.figures.status_messages += self.crew.announce(monitor, is_online=is_online)


class _Crew:
    """The connections: one that most share, and a few monitors' own with last wills."""

    def __init__(self, broker: MqttSettings, scene: Scene, stop: threading.Event) -> None:
        self._broker = broker
        self._fleet = scene.fleet
        self._stop = stop
        self._shared = Sender(broker, "simulate")
        begins_s = scene.begins.timestamp()
        cuts = (s for s in scene.situations if s.kind is Kind.POWER_CUT and s.start_s > begins_s)
        loners = [s.monitor for s in cuts][:_OWN_CONNECTIONS]
        self._own: dict[int, Sender | None] = dict.fromkeys(loners)
        self._retired = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sender in self._senders():
            sender.hang_up()
        for sender in self._senders():
            sender.close()

    @property
    def confirmed(self) -> int:
        return self._retired + sum(sender.confirmed for sender in self._senders())

    @property
    def trouble(self) -> str:
        return self._shared.trouble

    def send(self, sending: Sending) -> bool:
        sender = self._own.get(sending.monitor) or self._shared
        topic = reading_topic(self._fleet, sending.monitor)
        return sender.send(topic, sending.payload, self._stop)

    def announce(self, monitor: int, *, is_online: bool) -> int:
        """Say it, or let the broker say it: a monitor with its own connection is cut off.

        The number of messages published for it, here: 0 or 1.
        """
        topic = status_topic(self._fleet, monitor)
        sender = self._shared
        if monitor in self._own:
            if not is_online:
                self._cut(monitor)
                return 0
            sender = self._connect(monitor, topic)
        status = b"online" if is_online else b"offline"
        return int(sender.send(topic, status, self._stop, retain=True))

    def settle(self, patience: float) -> None:
        for sender in self._senders():
            sender.settle(patience)

    def _connect(self, monitor: int, topic: str) -> Sender:
        sender = self._own[monitor] or Sender(self._broker, "monitor", Will(topic, b"offline"))
        self._own[monitor] = sender
        return sender

    def _cut(self, monitor: int) -> None:
        if sender := self._own[monitor]:
            sender.settle(1)
            sender.cut()
            self._retired += sender.confirmed
            self._own[monitor] = None

    def _senders(self) -> Iterator[Sender]:
        yield self._shared
        yield from (sender for sender in self._own.values() if sender)


class _Labels:
    """The ground truth, a JSON object a line, or nothing where no file was asked for."""

    def __init__(self, path: Path | None, fleet: Fleet) -> None:
        self._path = path
        self._fleet = fleet
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        self._file = self._path.open("w", encoding="utf-8") if self._path else None
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def write(self, situations: Iterator[Situation] | Sequence[Situation]) -> None:
        if self._file:
            self._file.writelines(f"{json.dumps(self._label(s))}\n" for s in situations)

    def _label(self, situation: Situation) -> dict[str, str]:
        return {
            "monitor": self._fleet.outlets[situation.monitor].monitor,
            "kind": situation.kind.value,
            "start": _time(situation.start_s),
            "end": _time(situation.end_s),
        }


def _time(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat()
