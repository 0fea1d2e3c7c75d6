"""Alertmanager: against servers that check as it does, and the real one where it is installed."""

import json
import re
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from pydantic import ValidationError

from fumewatch.core.errors import SendError
from fumewatch.core.notice import Reason
from fumewatch.receivers.alertmanager import (
    CLOCKS_APART,
    Alertmanager,
    AlertmanagerSettings,
    alerts_of,
)
from tests.receivers.factories import KEY, a_body, a_notice
from tests.receivers.servers import Answer, Request, WebhookServer, webhook_server

NOW = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
EXPIRES_AT = NOW + timedelta(hours=24)
BINARY = which("prometheus-alertmanager") or which("alertmanager")  # unpacked it finds no files
NASTY = '面馆"\\\r\nx{}=1,\u2028<b>'


def as_alertmanager(request: Request) -> Answer:
    """What api/v2 refuses: no list, no label but an empty one, a wrong name, an end too early."""
    if request.path != "/api/v2/alerts" or not isinstance(request.body, list):
        return Answer(400, body=b'{"code":602,"message":"alerts is required"}')
    for alert in request.body:
        labels = {name: value for name, value in alert["labels"].items() if value}
        names = [*labels, *alert["annotations"]]
        if not labels or not all(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", n) for n in names):
            return Answer(400, body=b'"invalid label set: invalid name"')
        start, end = (datetime.fromisoformat(alert[name]) for name in ("startsAt", "endsAt"))
        if end < start:
            return Answer(400, body=b'"start time must be before end time"')
    return Answer(body=b"")


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[WebhookServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(webhook_server()) for _ in range(3)]


@pytest.fixture
def servers(cluster: list[WebhookServer]) -> list[WebhookServer]:
    for server in cluster:
        server.requests.clear()
        server.behave = as_alertmanager
    return cluster


def base(server: WebhookServer) -> str:
    return server.url.removesuffix("/alerts")


def settings(**overrides: Any) -> AlertmanagerSettings:
    table = {"kind": "alertmanager", "name": "am", "urls": ["http://127.0.0.1:9093"], "timeout": 2}
    return AlertmanagerSettings.model_validate({**table, **overrides})


def send(urls: list[str], body: dict[str, Any], now: datetime = NOW, **overrides: Any) -> str:
    receiver = Alertmanager(settings(urls=urls, **overrides), lambda: now)
    try:
        return receiver.send(body, KEY)
    finally:
        receiver.close()


def test_a_firing_alert(servers: list[WebhookServer]) -> None:
    send([base(servers[0])], a_body(street="", vendor="acme"))

    (request,) = servers[0].requests
    assert request.path == "/api/v2/alerts"
    assert request.body == [
        {
            "labels": {
                "alertname": "exceedance",
                "severity": "warning",
                "kind": "threshold",
                "monitor": "MN0001",
                "site": "老王面馆",
                "district": "xuhui",
                "vendor": "acme",
            },
            "annotations": {
                "summary_zh": "【预警】老王面馆：油烟浓度 1.23 mg/m³",
                "summary_en": "[Early warning] 老王面馆: fume 1.23 mg/m³",
                "description_zh": a_body()["text"]["zh"].partition("\n")[2],
                "description_en": a_body()["text"]["en"].partition("\n")[2],
                "address": "衡山路 1 号",
                "id": a_body()["id"],
            },
            "startsAt": "2026-11-23T04:05:00+00:00",
            "endsAt": "2026-11-24T04:15:00+00:00",
            "generatorURL": a_body()["link"],
        }
    ]


@pytest.mark.parametrize(
    ("opened_at", "at", "ends_at"),
    [
        ("2026-11-23T04:05:00+00:00", "2026-11-23T04:15:00+00:00", "2026-11-23T04:14:30+00:00"),
        ("2026-11-23T04:14:50+00:00", "2026-11-23T04:15:00+00:00", "2026-11-23T04:14:50+00:00"),
    ],
)
def test_a_resolved_alert_ends_before_it_came(opened_at: str, at: str, ends_at: str) -> None:
    (alert,) = alerts_of(a_body(state="resolved", opened_at=opened_at, at=at), EXPIRES_AT)

    assert alert["endsAt"] == ends_at


def test_its_labels_are_the_same_from_beginning_to_end() -> None:
    (firing,) = alerts_of(a_body(value=1.2), EXPIRES_AT)
    (over,) = alerts_of(a_body(state="resolved", reason="cleared", value=0.4), EXPIRES_AT)

    assert firing["labels"] == over["labels"]


def test_a_notice_of_alerts_and_one_of_none() -> None:
    title = {"zh": "送不出去", "en": "Nothing gets out"}
    several = alerts_of(a_notice(a_body(), a_body(monitor="MN0002")), EXPIRES_AT)
    (own,) = alerts_of(a_notice(reason=Reason.DEAD_MAN, title=title) | {"alerts": []}, EXPIRES_AT)

    assert [alert["labels"]["monitor"] for alert in several] == ["MN0001", "MN0002"]
    assert own["labels"] == {"alertname": "fumewatch dead man", "severity": "warning"}
    assert own["annotations"] == {"summary_zh": "送不出去", "summary_en": "Nothing gets out"}
    assert own["endsAt"] == EXPIRES_AT.isoformat()


@pytest.mark.parametrize(
    ("overrides", "header"),
    [
        ({"token": "geheim"}, "Bearer geheim"),
        ({"username": "fume", "password": "geheim"}, "Basic ZnVtZTpnZWhlaW0="),
        ({"headers": {"Authorization": "Custom geheim"}}, "Custom geheim"),
    ],
)
def test_log_in(servers: list[WebhookServer], overrides: dict[str, Any], header: str) -> None:
    send([base(servers[0])], a_body(), **overrides)

    assert servers[0].requests[0].headers["Authorization"] == header
    assert "geheim" not in repr(settings(**overrides))


def test_each_of_a_cluster_is_told(servers: list[WebhookServer]) -> None:
    answer = send([base(server) + "/" for server in servers], a_body())

    assert answer == "taken by 3 of 3"
    assert [len(server.requests) for server in servers] == [1, 1, 1]


def test_one_that_takes_it_is_enough_and_the_others_are_named(
    servers: list[WebhookServer],
) -> None:
    servers[1].behave = lambda request: Answer(503, body=b"starting")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        port = taken.getsockname()[1]
        urls = [base(servers[0]), base(servers[1]), f"http://u:geheim@127.0.0.1:{port}/geheim"]
        answer = send(urls, a_body())

    second = base(servers[1]).removeprefix("http://")
    assert answer.startswith(f"taken by 1 of 3; {second}: 503 starting; 127.0.0.1:{port}: no conn")
    assert "geheim" not in answer


@pytest.mark.parametrize(
    ("statuses", "is_permanent", "wait"),
    [
        ((400, 400, 400), True, None),
        ((400, 503, 400), False, None),
        ((429, 429, 503), False, timedelta(seconds=7)),
    ],
)
def test_refused_by_all(
    servers: list[WebhookServer],
    statuses: tuple[int, ...],
    is_permanent: bool,
    wait: timedelta | None,
) -> None:
    for server, status in zip(servers, statuses, strict=True):
        headers = {"Retry-After": "7"} if status == 429 else {}
        server.behave = lambda request, status=status, headers=headers: Answer(status, headers)
    with pytest.raises(SendError) as caught:
        send([base(server) for server in servers], a_body())

    assert caught.value.permanent is is_permanent
    assert caught.value.retry_after == wait
    assert all(f":{base(s).rpartition(':')[2]}: " in caught.value.detail for s in servers)


def test_a_slow_member_does_not_make_the_others_wait(servers: list[WebhookServer]) -> None:
    """All of them are asked at once: each answers only when every one has been asked."""
    together = threading.Barrier(3)

    def wait_for_the_others(request: Request) -> Answer:
        together.wait(10)
        return Answer()

    for server in servers:
        server.behave = wait_for_the_others

    assert send([base(server) for server in servers], a_body()) == "taken by 3 of 3"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"urls": []}, "at least 1 item"),
        ({"urls": ["alertmanager:9093"]}, "is not a URL like"),
        ({"urls": ["http://a:9093/api/v2/alerts"]}, "/api/v2/alerts is added to it"),
        ({"urls": ["http://a:9093/?x=1"]}, "leave it away, and what follows it"),
        ({"urls": ["http://a:9093", "http://a:9093/"]}, "names a server twice"),
        ({"states": ["pending", "firing"]}, "has no pending alerts"),
        ({"username": "fume"}, "username and password go together"),
        ({"username": "a", "password": "b", "token": "c"}, "not both"),
        ({"token": "c", "headers": {"authorization": "x"}}, "keep one of the two"),
        ({"expires": "1m"}, "greater than or equal to 5 minutes"),
    ],
)
def test_faults_of_the_configuration(overrides: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(**overrides)


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real one that notifies nobody."""
    folder = tmp_path_factory.mktemp("alertmanager")
    (folder / "am.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(BINARY),
        f"--config.file={folder / 'am.yml'}",
        f"--storage.path={folder}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}/-/ready", folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())


def active(url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/api/v2/alerts", timeout=5) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


@pytest.mark.skipif(BINARY is None, reason="asks Alertmanager: apt install prometheus-alertmanager")
@pytest.mark.parametrize("apart", [timedelta(0), CLOCKS_APART - timedelta(seconds=5)])
def test_the_real_one_takes_an_alert_and_its_end(alertmanager: str, apart: timedelta) -> None:
    """Also where our clock is ahead of its."""
    now = datetime.now(UTC) + apart
    times = {"opened_at": (now - timedelta(minutes=9)).isoformat(), "at": now.isoformat()}
    nasty = a_body(site=NASTY, street="", monitor=f"MN{apart.seconds}", **times)

    send([alertmanager], nasty, now)
    (alert,) = active(alertmanager)
    assert alert["status"]["state"] in ("active", "unprocessed")
    assert alert["labels"]["site"] == NASTY
    assert "street" not in alert["labels"]
    assert alert["generatorURL"] == nasty["link"]
    assert datetime.fromisoformat(alert["endsAt"]) > now + timedelta(hours=23)

    send([alertmanager], {**nasty, "state": "resolved"}, now)
    assert active(alertmanager) == []


@pytest.mark.skipif(BINARY is None, reason="asks Alertmanager: apt install prometheus-alertmanager")
def test_the_real_one_refuses_what_is_no_alert(alertmanager: str) -> None:
    now = datetime.now(UTC)
    wrong = a_body(opened_at=(now + timedelta(days=3)).isoformat())
    with pytest.raises(SendError) as caught:
        send([alertmanager], wrong, now)

    assert caught.value.permanent
    assert "start time must be before end time" in caught.value.detail
