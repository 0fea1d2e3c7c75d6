"""What HJ 212 monitors tell besides readings, read back by the daemon's own decoder."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from fumewatch.core.device import DeviceAggregate, DeviceEvent, EventKind, Heartbeat, Interval
from fumewatch.core.integrity import Comparison, Integrity, Ours, Outcome, Own, compare
from fumewatch.core.reading import INDEX, MEASURED, MISSING, Readings
from fumewatch.demo.fleet import Fleet, build
from fumewatch.demo.names import Speech
from fumewatch.demo.signal import emit
from fumewatch.demo.simulate import Scene, SimulateOptions
from fumewatch.demo.situations import Kind, Situation, plan
from fumewatch.demo.talk import Talk
from fumewatch.demo.wire import Sending, messages
from fumewatch.mqtt.settings import MqttSettings
from tests.demo.reader import read_back, told

AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # a full hour
AT_S = int(AT.timestamp())
HOUR_S = 3600
FUME = INDEX["fume"]


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return build(80, 2, AT, cooking=True, speak_all=True)


def hj212(fleet: Fleet) -> list[int]:
    return [i for i, outlet in enumerate(fleet.outlets) if outlet.speaks is Speech.HJ212]


def talk(
    fleet: Fleet,
    situations: Sequence[Situation],
    cuts: Sequence[int],
    *,
    interval_s: int = 60,
    is_live: bool = False,
) -> tuple[list[Sending], list[Sending]]:
    """(readings, what is told besides) of the stretches between cuts."""
    readings: list[Sending] = []
    besides: list[Sending] = []
    it = Talk(fleet, cuts[0])
    for start_s, end_s in pairwise(cuts):
        emission = emit(fleet, situations, start_s, end_s, interval_s)
        stretch = (emission, situations, start_s, end_s, interval_s)
        readings += [s for s in messages(fleet, emission) if s.readings]
        besides += it.sendings(*stretch, is_live=is_live)
    assert all(s.readings == 0 and not s.is_rubbish for s in besides)
    return readings, besides


def aggregates(
    fleet: Fleet, sendings: Sequence[Sending]
) -> dict[tuple[int, int, int], DeviceAggregate]:
    """By monitor, start in seconds, channel."""
    facts = [x for x in told(fleet, sendings, AT_S) if isinstance(x[1], DeviceAggregate)]
    found = {(who, fact.start // 1_000_000, fact.channel): fact for who, fact in facts}
    assert len(found) == len(facts), "each is told once"
    return found


def ours(readings: Readings, monitor: int, start_s: int, channel: int) -> Ours:
    """As the roll-ups have it: judged values, each instant once."""
    at_s = readings.measured_at // 1_000_000
    rows = readings.take(
        (readings.monitor == monitor) & (at_s >= start_s) & (at_s < start_s + HOUR_S)
    )
    rows = rows.take(np.unique(rows.measured_at, return_index=True)[1])
    values = rows.judged()[channel]
    good = values != MISSING
    buckets = len(np.unique(rows.measured_at[good] // 600_000_000))
    return Ours(int(values[good].sum(dtype=np.int64)), int(good.sum()), buckets)


def compared(
    found: DeviceAggregate, readings: Readings, monitor: int, start_s: int, channel: int
) -> Comparison:
    own = Own(found.interval, channel, found.mean, found.quality)
    return compare(own, ours(readings, monitor, start_s, channel), Integrity())


class TestHours:
    def test_their_means_are_those_of_what_they_sent(self, fleet: Fleet) -> None:
        """Not nearly: to the thousandth, whatever goes wrong on the way."""
        end_s = AT_S + 3 * HOUR_S
        usual = plan(fleet, AT, AT + timedelta(hours=3), speed=6)
        situations = [s for s in usual if s.kind is not Kind.EDITED]
        sent, besides = talk(fleet, situations, range(AT_S, end_s + 1, 900))
        found, readings = aggregates(fleet, besides), read_back(fleet, sent, AT_S)
        assert {fact.quality for fact in found.values()} == {"N", "D"}
        for (monitor, start_s, channel), fact in found.items():
            mean = ours(readings, monitor, start_s, channel)
            assert fact.interval is Interval.HOUR
            assert fact.mean == round(mean.total / mean.count)
            assert fact.least <= fact.mean <= fact.most
        monitors = {monitor for monitor, _, _ in found}
        assert monitors <= set(hj212(fleet))
        assert len(monitors) >= len(hj212(fleet)) - 2, "all but who was cut off"
        assert {channel for _, _, channel in found} == set(MEASURED)

    def test_steps_do_not_matter(self, fleet: Fleet) -> None:
        situations = plan(fleet, AT, AT + timedelta(hours=2), speed=6)
        end_s = AT_S + HOUR_S + 1200
        whole = talk(fleet, situations, [AT_S, end_s])
        odd = [AT_S, AT_S + 7, AT_S + 3000, AT_S + 3620, *range(AT_S + 3621, AT_S + 3700), end_s]
        parts = talk(fleet, situations, odd)
        assert aggregates(fleet, whole[1]) == aggregates(fleet, parts[1])

    def test_an_hour_that_began_before_is_not_told(self, fleet: Fleet) -> None:
        _, besides = talk(fleet, [], [AT_S + 600, AT_S + 2 * HOUR_S + 120])
        starts = {start_s for _, start_s, _ in aggregates(fleet, besides)}
        assert starts == {AT_S + HOUR_S}

    def test_edited_readings_stay_behind_the_means_of_the_monitor(self, fleet: Fleet) -> None:
        monitor = hj212(fleet)[0]
        edited = Situation(monitor, Kind.EDITED, AT_S - 600, AT_S + 2 * HOUR_S, level=1.3)
        sent, besides = talk(fleet, [edited], [AT_S, AT_S + HOUR_S + 120])
        found, readings = aggregates(fleet, besides), read_back(fleet, sent, AT_S)
        outcomes = {
            (who, channel): compared(fact, readings, who, start_s, channel).outcome
            for (who, start_s, channel), fact in found.items()
        }
        differing = {key for key, outcome in outcomes.items() if outcome is Outcome.DIFFERS}
        assert differing == {(monitor, INDEX[name]) for name in ("fume", "pm", "nmhc")}
        fume = found[monitor, AT_S, FUME]
        assert 1.2 < fume.mean / 1000 < 1.4, "over the limit by its own account"
        assert 0.6 < compared(fume, readings, monitor, AT_S, FUME).our_mean / 1000 < 0.7

    @pytest.mark.parametrize("kind", [Kind.BUFFERED, Kind.POWER_CUT])
    def test_who_is_silent_tells_its_hour_later(self, fleet: Fleet, kind: Kind) -> None:
        monitor = hj212(fleet)[0]
        back_s = AT_S + HOUR_S + 900
        silent = Situation(monitor, kind, AT_S + HOUR_S - 600, back_s)
        _, before = talk(fleet, [silent], [AT_S, back_s])
        sent, besides = talk(fleet, [silent], [AT_S, back_s, back_s + 10])
        assert monitor not in {who for who, _, _ in aggregates(fleet, before)}
        fact = aggregates(fleet, besides)[monitor, AT_S, FUME]
        mean = ours(read_back(fleet, sent, AT_S), monitor, AT_S, FUME)
        assert mean.count in (range(57, 61) if kind is Kind.BUFFERED else range(47, 51))
        assert fact.mean == round(mean.total / mean.count)

    def test_three_quarters_must_be_normal(self, fleet: Fleet) -> None:
        one, other = hj212(fleet)[:2]
        faults = [
            Situation(one, Kind.FAULT, AT_S, AT_S + 600),
            Situation(other, Kind.FAULT, AT_S, AT_S + 1200),
        ]
        found = aggregates(fleet, talk(fleet, faults, [AT_S, AT_S + HOUR_S + 120])[1])
        assert [found[who, AT_S, FUME].quality for who in (one, other)] == ["N", "D"]


def test_the_demo_has_one_monitor_whose_means_differ() -> None:
    """One of the opening scene, where it shows: two whole hours before the demo begins."""
    for seed in (1, 2, 3):
        options = SimulateOptions(
            MqttSettings(), seed=seed, backfill=timedelta(hours=3), is_dense=True, speak_all=True
        )
        scene = Scene.set_up(options, AT + timedelta(minutes=17))
        begins_s = int(scene.begins.timestamp())
        lasting = [
            s for s in scene.situations
            if s.kind is Kind.EDITED and s.start_s <= begins_s - 3 * HOUR_S and s.end_s > begins_s
        ]  # fmt: skip
        assert len(lasting) == 1
        assert lasting[0].monitor in hj212(scene.fleet)


def test_a_restart_is_told_after_a_power_cut(fleet: Fleet) -> None:
    monitor = hj212(fleet)[0]
    deaf = next(i for i in range(len(fleet)) if i not in hj212(fleet))
    cuts = [Situation(who, Kind.POWER_CUT, AT_S, AT_S + 600) for who in (monitor, deaf)]
    _, besides = talk(fleet, cuts, range(AT_S, AT_S + 900, 30))
    [(who, fact)] = [x for x in told(fleet, besides, AT_S) if isinstance(x[1], DeviceEvent)]
    assert (who, fact.kind, fact.at) == (monitor, EventKind.RESTART, (AT_S + 600) * 1_000_000)


class TestHeartbeats:
    def test_each_beats_once_in_twelve_turns(self, fleet: Fleet) -> None:
        beats = self.beats(fleet, [], is_live=True)
        assert {beats.count(monitor) for monitor in hj212(fleet)} == {2}
        assert set(beats) == set(hj212(fleet))

    def test_not_while_silent(self, fleet: Fleet) -> None:
        monitor = hj212(fleet)[0]
        cut = Situation(monitor, Kind.POWER_CUT, AT_S - 60, AT_S + 300)
        assert monitor not in self.beats(fleet, [cut], is_live=True)

    def test_not_of_the_past(self, fleet: Fleet) -> None:
        """They are heard when they come: none may speak for a monitor that is silent now."""
        assert self.beats(fleet, [], is_live=False) == []

    def beats(self, fleet: Fleet, situations: list[Situation], *, is_live: bool) -> list[int]:
        _, besides = talk(
            fleet, situations, range(AT_S, AT_S + 121, 10), interval_s=5, is_live=is_live
        )
        facts = told(fleet, besides, AT_S)
        return [who for who, fact in facts if isinstance(fact, Heartbeat)]
