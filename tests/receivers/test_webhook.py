import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from fumewatch.core.errors import SendError
from fumewatch.receivers.post import parse_retry_after
from fumewatch.receivers.webhook import Webhook, WebhookSettings
from tests.receivers.factories import KEY, a_body
from tests.receivers.servers import (
    CLOSE_HALF_WAY,
    CLOSE_IN_BODY,
    HANG,
    Answer,
    WebhookServer,
    webhook_server,
)

NOW = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


def settings(url: str, **overrides: Any) -> WebhookSettings:
    return WebhookSettings.model_validate(
        {"kind": "webhook", "name": "duty", "url": url, "timeout": "2s", **overrides}
    )


@pytest.fixture
def receiver(server: WebhookServer) -> Iterator[Webhook]:
    webhook = Webhook(settings(server.url), lambda: NOW)
    yield webhook
    webhook.close()


def refusal(receiver: Webhook) -> SendError:
    with pytest.raises(SendError) as caught:
        receiver.send(a_body(), KEY)
    return caught.value


def test_the_body_goes_out_as_json_with_its_key(server: WebhookServer, receiver: Webhook) -> None:
    answer = receiver.send(a_body(), KEY)

    assert answer == '200 {"ok": true}'
    (request,) = server.requests
    assert request.key == KEY
    assert request.headers["Content-Type"] == "application/json"
    assert request.body == {**a_body(), "key": str(KEY)}


def test_headers_of_the_configuration_go_along(server: WebhookServer) -> None:
    receiver = Webhook(settings(server.url, headers={"Authorization": "Bearer 123"}), lambda: NOW)
    receiver.send(a_body(), KEY)
    receiver.close()

    assert server.requests[0].headers["Authorization"] == "Bearer 123"


@pytest.mark.parametrize(("language", "texts"), [("zh", {"zh"}), ("en", {"en"})])
def test_only_the_language_asked_for(server: WebhookServer, language: str, texts: set[str]) -> None:
    receiver = Webhook(settings(server.url, language=language), lambda: NOW)
    receiver.send(a_body(), KEY)
    receiver.close()

    assert set(server.requests[0].body["text"]) == texts


@pytest.mark.parametrize(
    ("status", "is_permanent"),
    [
        (302, False),
        (400, True),
        (401, True),
        (404, True),
        (408, False),
        (410, True),
        (413, True),
        (425, False),
        (429, False),
        (500, False),
        (502, False),
        (503, False),
    ],
)
def test_what_a_status_means(
    server: WebhookServer, receiver: Webhook, status: int, is_permanent: bool
) -> None:
    server.behave = lambda request: Answer(status, {"Location": "/elsewhere"}, b"because")

    error = refusal(receiver)

    assert error.permanent is is_permanent
    assert error.detail == f"{status} because"
    assert [request.path for request in server.requests] == ["/alerts"]  # no redirect followed


@pytest.mark.parametrize("behaviour", [HANG, CLOSE_HALF_WAY])
def test_no_whole_answer_means_again(
    server: WebhookServer, receiver: Webhook, behaviour: Answer
) -> None:
    server.behave = lambda request: behaviour

    assert not refusal(receiver).permanent


def test_a_200_counts_even_if_its_body_breaks_off(server: WebhookServer, receiver: Webhook) -> None:
    server.behave = lambda request: CLOSE_IN_BODY

    assert receiver.send(a_body(), KEY).startswith("200")


def test_nobody_listens_means_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        receiver = Webhook(
            settings(f"http://127.0.0.1:{taken.getsockname()[1]}/?token=geheim"), lambda: NOW
        )
        error = refusal(receiver)
        receiver.close()

    assert not error.permanent
    assert "refused" in error.detail
    assert "geheim" not in error.detail


def test_an_endless_answer_is_cut(server: WebhookServer, receiver: Webhook) -> None:
    server.behave = lambda request: Answer(body=b"x\x00\n" * 1_000_000)

    answer = receiver.send(a_body(), KEY)

    assert len(answer) < 400
    assert answer.isprintable()


def test_a_dripping_answer_does_not_hold_us_up() -> None:
    ticks = iter(range(0, 1000, 1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        receiver = Webhook(settings(url), lambda: NOW, clock=lambda: float(next(ticks)))
        drip = threading.Thread(target=_drip, args=(listener,))
        drip.start()
        answer = receiver.send(a_body(), KEY)
        receiver.close()
        drip.join()

    assert answer == "200 ..."


def _drip(listener: socket.socket) -> None:
    """One byte a moment; two seconds of time-out end it after three (the clock ticks by bytes)."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            for _ in range(1000):
                connection.sendall(b".")
                threading.Event().wait(0.05)
        except OSError:
            pass


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("", None),
        ("7", timedelta(seconds=7)),
        (" 7 ", timedelta(seconds=7)),
        ("99999999999999999999", timedelta(days=1)),
        ("-7", None),
        ("Mon, 23 Nov 2026 04:16:00 GMT", timedelta(minutes=1)),
        ("Mon, 23 Nov 2026 04:00:00 GMT", timedelta(0)),
        ("Mon, 23 Nov 2099 04:00:00 GMT", timedelta(days=1)),
        ("soon", None),
        ("٣", None),
    ],
)
def test_retry_after(text: str, wait: timedelta | None) -> None:
    assert parse_retry_after(text, NOW) == wait


def test_429_says_how_long_to_wait(server: WebhookServer, receiver: Webhook) -> None:
    server.behave = lambda request: Answer(429, {"Retry-After": "30"})

    assert refusal(receiver).retry_after == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"url": "ftp://127.0.0.1/"}, "is not a URL like"),
        ({"url": "duty"}, "is not a URL like"),
        ({"url": "http://[::1/"}, "is not a URL"),
        ({"headers": {"X Y": "1"}}, "is not a header's name"),
        ({"headers": {"X-Y": "1\r\nX-Z: 2"}}, "not plain ASCII in one line"),
        ({"headers": {"Idempotency-Key": "1"}}, "is set by fumewatch"),
        ({"timeout": "0s"}, "greater than 0"),
        ({"timeout": "10m"}, "less than or equal"),
        ({"states": ["open"]}, "'pending', 'firing' or 'resolved'"),
        ({"states": []}, "at least 1 item"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_wrong_settings_are_refused(overrides: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(**{"url": "http://127.0.0.1/", **overrides})


def test_secrets_are_not_shown() -> None:
    shown = repr(settings("http://127.0.0.1/?token=geheim", headers={"X-Token": "geheim"}))

    assert "geheim" not in shown
