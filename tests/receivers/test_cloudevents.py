"""What goes out is read back by the CloudEvents SDK."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from pydantic import ValidationError

from fumewatch.core.errors import SendError
from fumewatch.core.notice import Reason
from fumewatch.receivers.cloudevents import CloudEvents, CloudEventsSettings, attributes_of
from tests.receivers.factories import KEY, a_body, a_notice
from tests.receivers.servers import Answer, Request, WebhookServer, webhook_server

NOW = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def loopback() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def server(loopback: WebhookServer) -> WebhookServer:
    loopback.requests.clear()
    loopback.behave = lambda request: Answer(202)
    return loopback


def settings(**overrides: Any) -> CloudEventsSettings:
    table = {"kind": "cloudevents", "name": "city", "url": "http://127.0.0.1/"}
    return CloudEventsSettings.model_validate({**table, **overrides})


def send(server: WebhookServer, body: dict[str, Any], **overrides: Any) -> str:
    receiver = CloudEvents(settings(url=server.url, **overrides), lambda: NOW)
    try:
        return receiver.send(body, KEY)
    finally:
        receiver.close()


def read(request: Request) -> BaseCloudEvent:
    return from_http_event(HTTPMessage(headers=request.headers, body=request.raw))


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_an_event_is_read_back(server: WebhookServer, mode: str) -> None:
    body = a_body(district='徐汇 "一"%', monitor="MN 1\r\nce-evil: 1")
    answer = send(server, body, mode=mode, headers={"Authorization": "Bearer 1"})

    assert answer.startswith("202")
    (request,) = server.requests
    assert "ce-evil" not in request.headers
    assert request.headers["Authorization"] == "Bearer 1"
    event = read(request)
    assert event.get_specversion() == "1.0"
    assert event.get_id() == str(KEY)
    assert event.get_source() == "/fumewatch"
    assert event.get_type() == "fumewatch.alert.firing"
    assert event.get_subject() == '徐汇 "一"%/MN 1\r\nce-evil: 1'
    assert event.get_time() == datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data() == {**body, "key": str(KEY)}


@pytest.mark.parametrize(
    ("mode", "content_type"),
    [("structured", "application/cloudevents+json"), ("binary", "application/json")],
)
def test_content_types(server: WebhookServer, mode: str, content_type: str) -> None:
    send(server, a_body(), mode=mode)

    assert server.requests[0].headers["Content-Type"] == content_type


@pytest.mark.parametrize(
    ("body", "kind", "subject"),
    [
        (a_body(state="pending"), "fumewatch.alert.pending", "xuhui/MN0001"),
        (a_body(state="resolved"), "fumewatch.alert.resolved", "xuhui/MN0001"),
        (a_notice(reason=Reason.DEAD_MAN), "fumewatch.notice.dead_man", None),
        (a_notice(reason=Reason.TEST), "fumewatch.notice.test", None),
    ],
)
def test_types(body: dict[str, Any], kind: str, subject: str | None) -> None:
    attributes = attributes_of(body, KEY, "/x")

    assert (attributes["type"], attributes.get("subject")) == (kind, subject)


def test_a_notice_is_an_event_too(server: WebhookServer) -> None:
    send(server, a_notice(reason=Reason.TEST), mode="binary", language="zh")

    assert read(server.requests[0]).get_data()["reason"] == "test"


@pytest.mark.parametrize(
    ("status", "is_permanent"), [(429, False), (503, False), (410, True), (415, True)]
)
def test_refusals(server: WebhookServer, status: int, is_permanent: bool) -> None:
    server.behave = lambda request: Answer(status, {"Retry-After": "9"})
    with pytest.raises(SendError) as caught:
        send(server, a_body())

    assert caught.value.permanent is is_permanent
    assert caught.value.retry_after == timedelta(seconds=9)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"source": ""}, "should match pattern"),
        ({"source": "two words"}, "should match pattern"),
        ({"mode": "batch"}, "'structured' or 'binary'"),
        ({"headers": {"Content-Type": "x/y"}}, "is set by fumewatch"),
        ({"headers": {"ce-type": "x"}}, "is set by fumewatch"),
    ],
)
def test_faults_of_the_configuration(overrides: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(**overrides)
