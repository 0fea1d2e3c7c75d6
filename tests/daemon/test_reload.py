"""A configuration changed while the daemon runs."""

import json
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from fumewatch.reload import Reload
from tests.daemon.conftest import Daemon, Sink, World, exceeding, reading, until
from tests.web.test_live import without_connections

pytestmark = pytest.mark.timeout(180)

RULE = re.compile(r"\[\[rule\]\].*?(?=\[\[receiver)", re.DOTALL)
TAKEN = "configuration taken over"
SOON = {"call": "tests.daemon.test_reload:settle_soon"}
SUCCESS_AT = "last_reload_success_timestamp_seconds"


@pytest.fixture
def other() -> Iterator[Sink]:
    """Another webhook's far end."""
    sink = Sink()
    yield sink
    sink.close()


def settle_soon() -> None:
    """Files here are replaced whole; tests/test_reload.py is of those written bit by bit."""
    assert Reload.__init__.__kwdefaults__
    Reload.__init__.__kwdefaults__["settle"] = 0.05


def change(daemon: Daemon, old: str | re.Pattern[str], new: str) -> None:
    """As an editor saves: a new file under the old name."""
    text = daemon.config.read_text()
    changed = re.sub(old if isinstance(old, re.Pattern) else re.escape(old), lambda _: new, text)
    assert changed != text
    beside = daemon.config.with_suffix(".new")
    beside.write_text(changed)
    beside.replace(daemon.config)


def events(daemon: Daemon, name: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in daemon.log().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


def wait_taken(daemon: Daemon, line: str) -> None:
    def is_taken() -> bool:
        return any(line in told for event in events(daemon, TAKEN) for told in event["changes"])

    until(is_taken, daemon.log)


def metric(daemon: Daemon, name: str) -> float:
    found = re.search(rf"^fumewatch_config_{name} (\S+)$", daemon.get("/metrics")[1], re.MULTILINE)
    assert found, name
    return float(found[1])


def fire(world: World, monitor: str) -> None:
    """An alert that fires, as an earlier daemon left it."""
    world.assign(monitor)
    world.rows(
        "insert into alert (id, rule, kind, severity, monitor_id, state, opened_at, breached_at,"
        ' fired_at, value, "limit", evidence)'
        " select gen_random_uuid(), 'exceedance', 'threshold', 'warning', id, 'firing', now(),"
        " now(), now(), 1.5, 1.0, '{}' from monitor returning id"
    )


def test_a_day_of_changes(world: World, other: Sink):
    world.assign("M1", "M2")
    daemon = world.daemon().start(first=SOON)
    started_at = metric(daemon, SUCCESS_AT)
    assert metric(daemon, "last_reload_successful") == 1
    world.publish("M1", *exceeding())
    until(lambda: world.sink.states() == ["firing"], daemon.log)

    # A lower threshold: the open alert stays the same one, another monitor breaches.
    change(daemon, 'above = "limit"', 'above = "0.3 * limit"')
    change(daemon, 'clear_below = "0.9 * limit"', "")
    wait_taken(daemon, 'rule "exceedance": above 1 * limit → 0.3 * limit')
    world.publish("M2", *[reading(ago, fume=0.5 + ago / 100) for ago in range(9, -1, -1)])
    until(lambda: len(world.sink.bodies) == 2, daemon.log)
    assert world.sink.states() == ["firing", "firing"]
    assert world.count("alert") == 2
    assert metric(daemon, SUCCESS_AT) > started_at

    # A wrong file: all is as before, and everybody can see why.
    right = daemon.config.read_text()
    change(daemon, 'severity = "warning"', 'severety = "warning"')
    until(lambda: metric(daemon, "last_reload_successful") == 0, daemon.log)
    assert "unknown key; did you mean &#39;severity&#39;?" in daemon.get("/?lang=en")[1]
    assert "1 处错误，未启用" in daemon.get("/?lang=zh")[1]
    assert daemon.is_ready()
    told = "select counters->'configuration'->'faults'->>0 from daemon"
    until(lambda: "severety" in str(world.rows(told)), daemon.log)
    daemon.config.write_text(right)
    until(lambda: metric(daemon, "last_reload_successful") == 1, daemon.log)
    assert "未启用" not in daemon.get("/?lang=zh")[1]

    # What needs a restart waits for one.
    change(daemon, 'keepalive = "5s"', 'keepalive = "6s"')
    until(lambda: "[mqtt] keepalive" in daemon.get("/")[1], daemon.log)
    assert events(daemon, TAKEN)[-1]["after_restart"] == ["[mqtt] keepalive 5s → 6s"]

    # Another receiver gets what comes next, and a rule removed ends its alerts for that reason.
    change(daemon, world.sink.url, other.url)
    wait_taken(daemon, 'receiver "duty": url changed')
    change(daemon, RULE, "")
    until(lambda: other.states() == ["resolved", "resolved"], daemon.log)
    assert world.sink.states() == ["firing", "firing"]
    assert world.rows("select distinct reason from transition where after = 'resolved'") == [
        ("rule removed",)
    ]
    until(lambda: world.rows("select distinct state from outbox") == [("sent",)], daemon.log)

    # SIGHUP reads it although nothing has changed; the level of the log took effect at once.
    change(daemon, "[[limit]]", '[log]\nlevel = "warning"\n[[limit]]')
    wait_taken(daemon, "[log] level info → warning")
    told, at = len(events(daemon, TAKEN)), metric(daemon, SUCCESS_AT)
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: metric(daemon, SUCCESS_AT) > at, daemon.log)
    assert len(events(daemon, TAKEN)) == told
    assert daemon.stop() == 0


def test_a_standby_follows_too_and_nothing_is_lost_while_the_database_is_away(world: World):
    fire(world, "M1")
    first, second = world.daemon().start(), world.daemon().start(ready=False)
    until(lambda: "standing by" in second.get("/readyz")[1], second.log)
    change(second, 'name = "DB31/844-2014"', 'name = "DB31"')
    wait_taken(second, 'limit "DB31" added')
    with without_connections(world.database_url):
        until(lambda: '"database":{"is_up":false' in second.get("/readyz")[1], second.log)
        change(second, 'id = "exceedance"', 'id = "other"')
        wait_taken(second, 'rule "exceedance" removed')
        first.kill()
    until(lambda: world.sink.states() == ["resolved"], second.log)
    assert world.rows("select state from alert") == [("resolved",)]
    until(second.is_ready, second.log)
