"""install.md, done: a bare Debian 12 with systemd becomes a running service with TLS.

Each block is run as it stands, in order; a browser's and a monitor's part are the test's.
"""

import csv
import io
import json
import re
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.debian import PORTS, Debian, booted, what_is_missing
from tests.deploy.guide import blocks
from tests.deploy.test_systemd import MOST_EXPOSED

pytestmark = [pytest.mark.soak, pytest.mark.timeout(2400)]
PASSWORD = "a long enough one, for the first admin"  # of a machine that is gone after the test


@pytest.fixture(scope="module")
def machine() -> Iterator[Debian]:
    if reason := what_is_missing() or _taken():
        pytest.skip(reason)
    with booted(Path(tempfile.mkdtemp(prefix="fumewatch-debian-"))) as debian:
        _install(debian)
        yield debian


def _taken() -> str:
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return f"the container shares the ports: end what listens on {port}"
    return ""


def _install(debian: Debian) -> None:
    """Steps 1 to 9. What a person does between two blocks is here as well."""
    for block in blocks("install.md"):
        if not re.match(r"\d", block.heading):
            return
        script = block.script
        if block.heading.startswith("4.") and "server.crt" in script:
            own = [b for b in blocks("mosquitto/certificates.md") if "own" in b.heading]
            debian.run(own[0].script)
        if block.heading.startswith("6."):
            debian.run("install -d /etc/caddy/fumewatch.d")
            debian.run("echo 'tls internal' > /etc/caddy/fumewatch.d/own.caddy")
        if "user add" in script:
            script = f"echo '{PASSWORD}' | {script.strip()} --password-file -"
        debian.run(script)


def _publish(debian: Debian, minute: int, *, monitor: int = 0, topic: int = 0) -> str:
    """Of a monitor with its own password, by TLS; what mosquitto_pub said."""
    rows = list(csv.DictReader(io.StringIO(debian.run("cat /etc/fumewatch/secrets/monitors.csv"))))
    row, other = rows[monitor], rows[topic]
    user = next(value for key, value in row.items() if "user" in key)
    word = next(value for key, value in row.items() if "password" in key)
    whose = next(value for key, value in other.items() if "user" in key)
    payload = json.dumps({"measured_at": f"2026-11-01T04:{minute:02}:00Z", "fume": 0.5})
    return debian.tried(
        "mosquitto_pub -V 5 -q 1 -h mqtt.fume.example.org -p 8883 --cafile ca.crt"
        f" -i '{user}' -u '{user}' -P '{word}' -t 'fume/{whose}/up' -m '{payload}' && echo sent"
    )


def _readings() -> str:
    return "cd / && runuser -u postgres -- psql -tAc 'select count(*) from reading' fumewatch"


def _leaders(debian: Debian) -> list[str]:
    daemons = json.loads(debian.run("fumewatch status --json"))["daemons"]
    return [str(each["pid"]) for each in daemons if each["is_leader"]]


def test_everything_runs(machine: Debian) -> None:
    for unit in ("postgresql@15-main", "mosquitto", "fumewatch", "fumewatch-standby", "caddy"):
        assert machine.tried(f"systemctl is-active {unit}").strip() == "active", unit
    failed = machine.tried("systemctl list-units --state=failed --no-legend 'fumewatch*'")
    assert failed.strip() == ""
    assert len(_leaders(machine)) == 1


def test_the_daemon_is_bound_as_told(machine: Debian) -> None:
    told = machine.run("systemd-analyze security --no-pager fumewatch.service")
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", told)
    assert level
    assert float(level[1]) <= MOST_EXPOSED
    shown = machine.run("systemctl show -p WatchdogTimestampMonotonic,NotifyAccess,Type fumewatch")
    assert "Type=notify" in shown
    assert "WatchdogTimestampMonotonic=0" not in shown
    secret = "/etc/fumewatch/secrets/mqtt_password"
    assert "denied" in machine.tried(f"runuser -u fumewatch -- cat {secret}")


def test_a_reading_comes_in_by_tls_and_another_monitors_topic_does_not(machine: Debian) -> None:
    before = int(machine.run(_readings()))
    assert "sent" in _publish(machine, 1)
    machine.wait_for(_readings(), str(before + 1))
    _publish(machine, 2, monitor=0, topic=1)  # acked as MQTT has it, and thrown away
    assert "sent" in _publish(machine, 3)
    machine.wait_for(_readings(), str(before + 2))


def test_the_writer_can_change_no_table(machine: Debian) -> None:
    drop = "cd / && runuser -u fumewatch -- psql -h /run/postgresql fumewatch -c"
    assert "must be owner" in machine.tried(f"{drop} 'drop table reading'")
    assert "denied" in machine.tried(f"{drop} 'delete from transition'")


_LOG_IN = """
import http.cookiejar, ssl, sys, urllib.parse, urllib.request
site = "https://fume.example.org"
secure = urllib.request.HTTPSHandler(context=ssl._create_unverified_context())
jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
open_ = urllib.request.build_opener(secure, jar).open
first = open_(site + "/")
print(first.url, first.headers["Strict-Transport-Security"])
said = urllib.parse.urlencode({"name": "admin", "password": sys.argv[1]}).encode()
print(open_(urllib.request.Request(site + "/login", said, {"Origin": site})).url)
print(open_(site + "/alerts").url)
try:
    open_(site + "/metrics")
except urllib.error.HTTPError as error:
    print(error.code)
"""


def test_people_log_in_through_the_proxy(machine: Debian) -> None:
    """The password is looked at by argon2 in a process that may make nothing executable."""
    (machine.folder / "root" / "log_in.py").write_text(_LOG_IN)
    first, after, alerts, metrics = machine.run(f"python3 log_in.py '{PASSWORD}'").splitlines()
    assert "/login" in first
    assert "max-age" in first
    assert "/login" not in after
    assert alerts.endswith("/alerts")
    assert metrics == "404"


def test_prometheus_sees_both_daemons(machine: Debian) -> None:
    query = "promtool query instant http://127.0.0.1:9090 'sum(up{job=\"fumewatch\"})'"
    machine.wait_for(query, "=> 2 ")
    lead = "promtool query instant http://127.0.0.1:9090 'sum(fumewatch_leader)'"
    machine.wait_for(lead, "=> 1 ")


def test_a_backup_is_there_and_whole(machine: Debian) -> None:
    file = machine.run("ls /var/lib/fumewatch-backup/*.dump").split()[0]
    machine.run(f"cd /var/lib/fumewatch-backup && fumewatch restore --verify-only {file}")


def test_the_other_takes_over_and_systemd_brings_the_first_back(machine: Debian) -> None:
    (leader,) = _leaders(machine)
    before = int(machine.run(_readings()))
    machine.run(f"kill -9 {leader}")
    assert "sent" in _publish(machine, 4)
    machine.wait_for(_readings(), str(before + 1))
    assert _leaders(machine) != [leader]
    machine.wait_for("systemctl is-active fumewatch fumewatch-standby", "active\nactive")


def test_upgrade_and_removal_are_done_as_told(machine: Debian) -> None:
    """Last: it takes everything away."""
    for heading in ("Logs", "Upgrade", "Removal"):
        for block in blocks("install.md"):
            if block.heading == heading:
                machine.run(block.script)
                if heading == "Logs" and "logrotate.d" in block.script:
                    machine.run("logrotate --debug /etc/logrotate.d/fumewatch")
                if heading == "Upgrade":
                    assert len(_leaders(machine)) == 1
    machine.run("test ! -e /etc/logrotate.d/fumewatch")
    assert "fumewatch" not in machine.run("systemctl list-units --no-legend --state=running")
    machine.run("test ! -e /opt/fumewatch && test -e /etc/fumewatch/config.toml")
