"""Speaking HTTP with servers that misbehave."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fumewatch.core.errors import SendError
from fumewatch.receivers.post import (
    MOST_READ,
    Answer,
    Post,
    PostFields,
    charset_of,
    hide,
    tokens_of,
)
from tests.receivers.servers import (
    CLOSE_HALF_WAY,
    CLOSE_IN_BODY,
    HANG,
    NOT_HTTP,
    Request,
    WebhookServer,
    webhook_server,
)
from tests.receivers.servers import Answer as Given
from tests.receivers.smtp import certificate

NOW = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
TAKEN = Given()
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")


@pytest.fixture(scope="module")
def server() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


def fields(**overrides: Any) -> PostFields:
    return PostFields.model_validate({"name": "x", "timeout": 0.5, **overrides})


def asked(
    url: str,
    behaviour: Given | Callable[[Request], Given] = TAKEN,
    server: WebhookServer | None = None,
    **overrides: Any,
) -> Answer:
    if server is not None:
        server.behave = behaviour if callable(behaviour) else lambda request: behaviour
    post = Post(fields(**overrides), tokens_of(url, {}))
    try:
        return post.send(url, b"{}", {})
    finally:
        post.close()


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (HANG, "no answer within 1s"),
        (CLOSE_HALF_WAY, "the connection was closed before the answer, or the answer is not HTTP"),
        (NOT_HTTP, "the connection was closed before the answer, or the answer is not HTTP"),
    ],
)
def test_no_answer(server: WebhookServer, behaviour: Given, words: str) -> None:
    with pytest.raises(SendError) as caught:
        asked(f"{server.url}?token=geheim", behaviour, server, timeout=0.6)

    assert (caught.value.detail, caught.value.permanent) == (words, False)


def test_a_broken_body_is_an_answer_but_not_whole(server: WebhookServer) -> None:
    answer = asked(server.url, CLOSE_IN_BODY, server)

    assert (answer.status, answer.text, answer.is_whole, answer.json()) == (
        200,
        "taken",
        False,
        None,
    )


def test_a_huge_answer_is_cut(server: WebhookServer) -> None:
    answer = asked(server.url, Given(body=b'"' + b"x" * 5_000_000 + b'"'), server)

    assert len(answer.body) == MOST_READ
    assert not answer.is_whole
    assert answer.json() is None
    assert len(answer.said) <= 300


def test_a_redirect_is_not_followed(server: WebhookServer) -> None:
    server.requests.clear()
    answer = asked(server.url, Given(307, {"Location": server.url}), server)

    assert len(server.requests) == 1
    assert not answer.refusal(NOW).permanent


@needs_openssl
@pytest.mark.parametrize(
    ("host", "is_trusted", "words"),
    [
        ("127.0.0.1", True, ""),
        ("127.0.0.1", False, "certificate of the server is not trusted: self-signed certificate"),
        ("localhost", True, "certificate of the server is not trusted: Hostname mismatch"),
    ],
)
def test_certificates(tmp_path: Path, host: str, is_trusted: bool, words: str) -> None:
    ca, context = certificate(tmp_path)
    with webhook_server(context) as server:
        url = server.url.replace("127.0.0.1", host) + "?token=geheim"
        if not words:
            assert asked(url, tls_ca=ca).is_success
            return
        with pytest.raises(SendError) as caught:
            asked(url, tls_ca=ca if is_trusted else None)

    assert caught.value.detail.startswith(words)
    assert not caught.value.permanent  # it can be mended, and nothing is lost meanwhile
    assert "geheim" not in caught.value.detail


def test_a_server_without_tls(server: WebhookServer) -> None:
    with pytest.raises(SendError, match="TLS failed: "):
        asked(server.url.replace("http:", "https:"))


def test_a_name_that_is_none() -> None:
    with pytest.raises(SendError, match="no connection: "):
        asked("http://fumewatch.invalid/")


def test_the_environments_proxy_is_not_used(
    server: WebhookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert asked(server.url, Given(), server).is_success


def test_a_server_that_says_nothing_and_closes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        hangs_up = threading.Thread(target=lambda: listener.accept()[0].close())
        hangs_up.start()
        with pytest.raises(SendError) as caught:
            asked(url)
        hangs_up.join()

    assert not caught.value.permanent


def test_a_secret_that_the_remote_repeats_is_hidden(server: WebhookServer) -> None:
    def repeat(request: Request) -> Given:
        return Given(404, body=f"no page {request.path}".encode())

    answer = asked(f"{server.url}/a-long-part-of-a-path?access_token=geheim123", repeat, server)

    assert answer.said == "404 no page /alerts/***?access_token=***"
    assert "geheim" not in answer.refusal(NOW).detail


def test_secrets_of_an_address() -> None:
    url = "https://open.example.org/bot/v2/hook/12345678-9abc-def0?key=k1&sign=s%2B1"

    assert tokens_of(url, {"Authorization": "Bearer abc"}) == [
        "k1", "s+1", "12345678-9abc-def0", "Bearer", "abc",
    ]  # fmt: skip
    assert hide("ok 123456 ok", ["ok", "123456", ""]) == "ok *** ok"


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain", "成功".encode(), "成功"),
        ("text/html; charset=GBK", "成功".encode("gbk"), "成功"),
        ('text/html; charset="gb2312"; x=1', "成功".encode("gbk"), "成功"),
        ("text/plain; charset=rot13", b"abc", "abc"),
        ("text/plain; charset=idna", b"\xff" * 80, "\ufffd" * 80),
        ("text/plain; charset=\u00ff", b"abc", "abc"),
        ("text/plain; charset=utf-8", b"\xff", "\ufffd"),
        ("", b"", ""),
    ],
)
def test_charsets(content_type: str, body: bytes, text: str) -> None:
    assert Answer(200, {"content-type": content_type}, body).text == text


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"code": 0}', {"code": 0}),
        (b"OK", None),
        (b"[" * 50_000, None),
        (b"1" * 10_000, None),
        (b"\xef\xbb\xbf{}", {}),
        (b"", None),
    ],
)
def test_json(body: bytes, value: Any) -> None:
    assert Answer(200, {}, body).json() == value


def test_known_charsets() -> None:
    assert charset_of("application/json; charset=GB18030") == "gb18030"
    assert charset_of("application/json") == "utf-8"
    assert charset_of("application/json; charset=klingon") is None


def test_a_tls_ca_must_hold_certificates(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")

    with pytest.raises(ValidationError, match="holds no certificates in PEM"):
        fields(tls_ca=tmp_path / "ca.pem")
