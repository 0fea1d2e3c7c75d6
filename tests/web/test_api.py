"""/api/v1 over a seeded district."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from fumewatch.config import Config
from fumewatch.core.reading import CHANNELS
from fumewatch.health import Health
from fumewatch.store import Database, dead_letters
from fumewatch.store.dead_letters import DeadLetter, Which
from fumewatch.web import create_app
from tests.web.conftest import NOW, now
from tests.web.seed import DAY, Seeded

MEASURED = [channel.name for channel in CHANNELS if not channel.is_state]


def get(client: TestClient, path: str, **query: Any) -> Any:
    answer = client.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_open_alerts_come_first_worst_first_newest_first(client: TestClient) -> None:
    found = get(client, "alerts", limit=30)["alerts"]
    assert [alert["rule"] for alert in found[:9]] == [
        *("sustained-exceedance", "severe-exceedance", "purifier-off"),
        *("nmhc-exceedance", "offline", "exceedance", "offline"),
        *("forecast", "near-limit"),
    ]
    assert {alert["state"] for alert in found[9:]} == {"resolved"}
    opened = [alert["opened_at"] for alert in found[9:]]
    assert opened == sorted(opened, reverse=True)


def test_pages_of_alerts_join_without_gap_or_overlap(client: TestClient) -> None:
    whole = get(client, "alerts", limit=500)
    assert whole["next"] is None
    paged: list[Any] = []
    after: dict[str, str] = {}
    while True:
        page = get(client, "alerts", limit=7, **after)
        paged += page["alerts"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert [a["id"] for a in paged] == [a["id"] for a in whole["alerts"]]
    assert len(paged) == 79


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        ({"state": "firing", "severity": "critical", "rule": "purifier-off"}, {"purifier-off"}),
        ({"state": "firing", "severity": "info"}, {"forecast", "near-limit"}),
        ({"state": "pending"}, {"near-limit"}),
        ({"state": "resolved", "severity": "warning"}, {"exceedance"}),
        ({"severity": "critical", "street": "田林街道", "rule": ""}, {"purifier-off"}),
        ({"rule": "no-such-rule"}, set()),
        ({"street": "'; drop table alert; --"}, set()),
        ({"street": "a\0b"}, set()),
    ],
)
def test_alerts_are_filtered(client: TestClient, query: dict[str, str], rules: set[str]) -> None:
    found = get(client, "alerts", limit=200, **query)["alerts"]
    assert {alert["rule"] for alert in found} == rules


def test_alerts_of_a_street_a_monitor_and_a_site(client: TestClient, seeded: Seeded) -> None:
    one = get(client, "alerts", monitor=seeded.monitors[1])["alerts"][0]
    assert one["rule"] == "purifier-off"
    assert one in get(client, "alerts", street=one["street"], state="firing")["alerts"]
    assert one in get(client, "alerts", site=one["site_id"])["alerts"]
    shares_its_flue = get(client, "alerts", site=seeded.sites[2], state="firing")["alerts"]
    assert {alert["monitor_id"] for alert in shares_its_flue} == {seeded.monitors[0]}


def test_numbers_are_in_the_unit_that_is_named(client: TestClient) -> None:
    found = {a["rule"]: a for a in get(client, "alerts", state="firing")["alerts"]}
    shown = {rule: (a["value"], a["limit"], a["unit"]) for rule, a in found.items()}
    assert shown["severe-exceedance"] == (2.63, 2.0, "mg/m³")
    assert shown["sustained-exceedance"] == (71.0, 60.0, "%")
    assert shown["purifier-off"] == (18.0, 10.0, "min")


def test_an_alert_tells_its_evidence_transitions_and_notifications(
    client: TestClient, seeded: Seeded
) -> None:
    detail = get(client, f"alerts/{seeded.alerts['linkage'].id}")
    assert detail["alert"]["title"]["zh"] == "风机运行时净化器未开启"
    assert detail["alert"]["opened_at"].endswith("+08:00")
    assert detail["evidence"]["minutes_known"] == 20
    assert [t["after"] for t in detail["transitions"]] == ["firing"]
    told = {n["receiver"]: (n["state"], n["answer"]) for n in detail["notifications"]}
    assert told["duty"] == ("failed", "410 Gone: bot was removed from the group")
    assert told["archive"][0] == "sent"


def test_the_fleet_is_counted_by_street_and_state(client: TestClient) -> None:
    fleet = get(client, "fleet")
    assert fleet["total"] == 60
    assert fleet["states"] == {
        "exceeding": 3, "warned": 3, "offline": 1, "fault": 2, "stale": 2, "normal": 49,
    }  # fmt: skip
    assert len(fleet["streets"]) == 8
    assert sum(street["total"] for street in fleet["streets"]) == 60


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ({"state": "offline"}, ["XH0005"]),
        ({"state": "fault"}, ["XH0006", "XH0007"]),
        ({"state": "stale"}, ["XH0004", "XH0008"]),
        ({"state": "unassigned"}, ["UNKNOWN-1", "UNKNOWN-2"]),
        ({"q": "xh0042"}, ["XH0042"]),
        ({"q": "粤菜 宜山"}, ["XH0045"]),
        ({"q": "no such place"}, []),
    ],
)
def test_monitors_are_found(client: TestClient, query: dict[str, str], codes: list[str]) -> None:
    found = get(client, "monitors", **query)["monitors"]
    assert sorted(monitor["code"] for monitor in found) == codes


def test_monitors_are_paged(client: TestClient) -> None:
    first = get(client, "monitors", limit=50)
    rest = get(client, "monitors", limit=50, offset=first["next"])
    assert (len(first["monitors"]), len(rest["monitors"]), rest["next"]) == (50, 12, None)


def test_a_monitor_that_beats_and_measures_nothing_is_not_offline(
    client: TestClient, seeded: Seeded
) -> None:
    monitor = get(client, f"monitors/{seeded.monitors[4]}")
    assert (monitor["state"], monitor["why"]) == ("stale", "alive, but measures nothing")
    assert monitor["heard_at"] == "2026-11-23T19:29:00+08:00"


def test_a_device_tells_of_itself(client: TestClient, seeded: Seeded) -> None:
    device = get(client, f"monitors/{seeded.monitors[3]}/device")
    assert device["last_heartbeat"] == "2026-11-23T19:29:00+08:00"
    assert [event["kind"] for event in device["events"]] == [
        *("log", "facility", "facility", "log", "restart", "restart"),
    ]
    assert device["events"][1] == {
        "kind": "facility",
        "at": "2026-11-23T13:00:00+08:00",
        "received_at": "2026-11-23T19:00:00+08:00",
        "detail": {"SB1-RS": "0", "SB2-RS": "1"},
    }
    assert (device["compared"], device["differ"], len(device["findings"])) == (40, 4, 4)
    assert device["findings"][0] == {
        "interval": "hour",
        "start": "2026-11-23T17:00:00+08:00",
        "channel": "fume",
        "unit": "mg/m³",
        "device_mean": 0.45,
        "our_mean": 0.9,
        "our_readings": 6,
    }


def test_a_device_that_tells_nothing_has_nothing(client: TestClient, seeded: Seeded) -> None:
    assert get(client, f"monitors/{seeded.monitors[7]}/device") == {
        "monitor_id": seeded.monitors[7],
        "last_heartbeat": None,
        "events": [],
        "compared": 0,
        "differ": 0,
        "findings": [],
    }


def test_a_site_lists_its_own_monitor_before_a_shared_one(
    client: TestClient, seeded: Seeded
) -> None:
    site = get(client, f"sites/{seeded.sites[1]}")
    assert [monitor["code"] for monitor in site["monitors"]] == ["XH0001", "XH0000"]
    assert site["monitors"][0]["limits"] == {"fume": 1.0}


def test_sites_are_found_and_paged(client: TestClient, seeded: Seeded) -> None:
    assert get(client, "sites", q="s0003")["sites"][0]["id"] == seeded.sites[3]
    first = get(client, "sites", limit=40)
    rest = get(client, "sites", limit=40, after=first["next"])
    assert (len(first["sites"]), len(rest["sites"]), rest["next"]) == (40, 20, None)


def test_readings_come_in_columns_in_the_sites_zone(client: TestClient, seeded: Seeded) -> None:
    found = get(client, f"monitors/{seeded.monitors[0]}/readings")
    assert found["end"] == "2026-11-23T19:30:00+08:00"
    assert found["measured_at"][-1] == "2026-11-23T19:29:00+08:00"
    assert 1300 < len(found["measured_at"]) == len(found["channels"]["fume"]["values"]) < 1440
    assert found["channels"]["purifier_on"]["values"][-1] == 1.0
    assert len(found["quality"]) == len(found["measured_at"])


def test_readings_say_what_is_held_and_what_is_out_of_range(
    client: TestClient, seeded: Seeded
) -> None:
    found = get(client, f"monitors/{seeded.monitors[7]}/readings")
    fume = found["channels"]["fume"]
    assert {fume["values"][row] for row in fume["over_range"]} == {41.0}
    held = {found["measured_at"][row][11:13] for row in fume["held"]}
    assert {"03", "14", "15"} <= held, "between the sessions the last value is repeated"
    assert not held & {"17", "18"}, "in a session it refreshes"


def test_a_long_span_is_answered_in_ten_minutes(
    client: TestClient, seeded: Seeded, district: Any
) -> None:
    bucket = {"bucket": NOW - timedelta(minutes=90), "monitor_id": seeded.monitors[2]}
    bucket |= {f"{name}_{what}": 0 for name in MEASURED for what in ("sum", "n")}
    bucket |= {"readings": 10, "valid": 10, "fan_on": 8, "linkage_known": 8, "linkage_on": 3}
    bucket |= {"fume_sum": 6500, "fume_n": 10}
    names = ", ".join(bucket)
    with district.transaction() as conn:
        values = ", ".join(["%s"] * len(bucket))
        conn.execute(f"insert into rollup_10m ({names}) values ({values})", [*bucket.values()])
    start = (NOW - timedelta(days=30)).isoformat()
    found = get(client, f"monitors/{seeded.monitors[2]}/readings", **{"from": start})
    assert found["step_seconds"] == 600
    assert found["measured_at"] == ["2026-11-23T18:00:00+08:00"]
    assert found["channels"]["fume"]["values"] == [0.65]
    assert found["channels"]["fan_on"]["values"] == [1.0]
    assert found["channels"]["purifier_on"]["values"] == [0.0]
    assert "pm" not in found["channels"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("alerts/00000000-0000-0000-0000-000000000000", 404),
        ("alerts/not-an-id", 422),
        ("alerts?state=sleeping", 422),
        ("alerts?limit=0", 422),
        ("alerts?limit=100000", 422),
        ("alerts?after=x", 400),
        ("alerts?after=1.99999999999999999999999.00000000-0000-0000-0000-000000000000", 400),
        ("alerts?monitor=99999999999", 422),
        ("monitors/0", 422),
        ("monitors/2000000000", 404),
        ("monitors/2000000000/device", 404),
        ("monitors/0/device", 422),
        ("monitors/99999999999999999999", 422),
        ("monitors/1/readings?from=2026-11-23T12:00:00", 422),
        ("sites/2000000000", 404),
        ("nothing", 404),
    ],
)
def test_wrong_questions_are_refused(client: TestClient, path: str, status: int) -> None:
    answer = client.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [(timedelta(0), timedelta(0)), (timedelta(hours=1), timedelta(0)), (-93 * DAY, timedelta(0))],
)
def test_a_span_must_run_forward_and_be_bounded(
    client: TestClient, start: timedelta, end: timedelta
) -> None:
    query = urlencode({"from": (NOW + start).isoformat(), "to": (NOW + end).isoformat()})
    assert client.get(f"/api/v1/monitors/1/readings?{query}").status_code == 400


def test_dead_letters_come_newest_first_and_paged(client: TestClient) -> None:
    first = get(client, "dead-letters", limit=8)
    rest = get(client, "dead-letters", limit=8, before=first["next"])
    ids = [letter["id"] for letter in first["dead_letters"] + rest["dead_letters"]]
    assert ids == sorted(ids, reverse=True)
    assert (len(ids), rest["next"]) == (13, None)
    assert get(client, "dead-letters", kind="foreign")["dead_letters"][0]["payload"].startswith("{")
    assert get(client, "dead-letters", profile="vendor-a")["dead_letters"] == []
    assert get(client, "dead-letters", replayed="true")["dead_letters"] == []


def test_a_dead_letter_tells_where_its_replay_stands(
    database: Database, config: Config, health: Health
) -> None:
    client = TestClient(create_app(database, config, health, now))
    letters = [
        DeadLetter(NOW, "fume/xuhui/M1/up", b"\xff{", "not_json", "no", f"vendor-{n}")
        for n in range(4)
    ]
    with database.transaction() as conn:
        dead_letters.add(conn, letters)
        dead_letters.request(conn, Which(ids=(1, 2, 3)), 0, 9, NOW)
        due = dead_letters.due(conn, 2, 999)
        dead_letters.settle(conn, due[:1], [], NOW)
        dead_letters.settle(conn, due[1:], [replace(letters[1], detail="still")], NOW)
    found = get(client, "dead-letters")["dead_letters"]
    facts = [(each["id"], each["state"], each["profile"], each["detail"]) for each in found]
    assert facts == [
        (4, "open", "vendor-3", "no"),
        (3, "requested", "vendor-2", "no"),
        (2, "open", "vendor-1", "still"),
    ]
    assert found[2]["tried_at"] == "2026-11-23T19:30:00+08:00"
    assert found[0]["payload"] == "\\xff{"
    (done,) = get(client, "dead-letters", replayed="true")["dead_letters"]
    assert (done["id"], done["state"], done["replayed_at"]) == (1, "replayed", found[2]["tried_at"])


def test_counts(client: TestClient) -> None:
    counts = get(client, "counts")
    assert counts["alerts"] == {"critical": 3, "warning": 4, "info": 2}
    assert counts["notifications"] == {"due": 0, "failed": 1}
    assert counts["monitors"]["normal"] == 49
    assert counts["readings_per_minute"] > 0


def test_openapi_names_every_answer(client: TestClient) -> None:
    paths = get(client, "openapi.json")["paths"]
    api = [p for p in paths if p.startswith("/api/v1/") and "stream" not in p and "get" in paths[p]]
    assert len(api) == 13
    for path in api:
        schema = paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert schema["$ref"], path
