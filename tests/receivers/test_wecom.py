from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from fumewatch.core.errors import SendError
from fumewatch.receivers.wecom import WeCom, WeComSettings
from tests.receivers.bots import WeComServer, said, wecom_server
from tests.receivers.factories import KEY
from tests.receivers.notices import NOW, a_contact, a_notice


@pytest.fixture(scope="module")
def running() -> Iterator[WeComServer]:
    with wecom_server() as server:
        yield server


@pytest.fixture
def server(running: WeComServer) -> WeComServer:
    running.reset()
    return running


def make(url: str, **overrides: Any) -> WeCom:
    table = {"kind": "wecom", "name": "group", "url": url, "timeout": "2s", **overrides}
    return WeCom(WeComSettings.model_validate(table), lambda: NOW)


def send(url: str, notice: dict[str, Any], **overrides: Any) -> str:
    receiver = make(url, **overrides)
    try:
        return receiver.send(notice, KEY)
    finally:
        receiver.close()


def refusal(url: str) -> SendError:
    with pytest.raises(SendError) as caught:
        send(url, a_notice())
    return caught.value


def test_markdown_as_documented(server: WeComServer) -> None:
    send(server.url, a_notice())

    (request,) = server.requests
    assert request.path == f"/cgi-bin/webhook/send?key={server.token}"
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"
    assert request.body.keys() == {"msgtype", "markdown"}
    assert request.body["msgtype"] == "markdown"
    assert request.body["markdown"].keys() == {"content"}


@pytest.mark.parametrize(
    ("settings", "to", "msgtype", "called"),
    [
        ({}, {}, "markdown", ((), (), False)),
        ({"format": "text"}, {}, "text", ((), (), False)),
        ({"mention": {"names": ["a", "b"]}}, {}, "markdown", (("a", "b"), (), False)),
        ({"mention": {"names": ["a"]}, "format": "text"}, {}, "text", (("a",), (), False)),
        ({"mention": {"mobiles": ["13800001111"]}}, {}, "text", ((), ("13800001111",), False)),
        ({"mention": {"all": True, "names": ["a"]}}, {}, "text", (("a",), (), True)),
        ({}, {"account": "lisi", "phone": "13800001111"}, "markdown", (("lisi",), (), False)),
        ({}, {"phone": "+86 138-0000-1111"}, "text", ((), ("13800001111",), False)),
        ({}, {"phone": "extension two"}, "markdown", ((), (), False)),
        ({"mention": {"names": ["lisi"]}}, {"account": "lisi"}, "markdown", (("lisi",), (), False)),
    ],
)
def test_only_text_can_mention_a_phone_or_everybody(
    server: WeComServer,
    settings: dict[str, Any],
    to: dict[str, str],
    msgtype: str,
    called: tuple[tuple[str, ...], tuple[str, ...], bool],
) -> None:
    notice = a_notice(severity="critical", to=a_contact(**to) if to else None)
    send(server.url, notice, **settings)

    (message,) = server.messages
    assert server.requests[0].body["msgtype"] == msgtype
    assert (message.names, message.mobiles, message.all) == called


BUSY, MINUTE, SET_UP = timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=5)


@pytest.mark.parametrize(
    ("code", "words", "is_permanent", "rest", "reason"),
    [
        (-1, "system busy", False, BUSY, "busy"),
        (40008, "invalid message type", True, None, "type of message"),
        (40058, "markdown.content exceed max length 4096", True, None, "its length"),
        (44004, "empty content", True, None, "empty"),
        (45002, "content size out of limit", True, None, "too long"),
        (45009, "api freq out of limit", False, MINUTE, "too many messages"),
        (45033, "api concurrent out of limit", False, timedelta(seconds=10), "at one time"),
        (93000, "invalid webhook url", False, SET_UP, "the bot was removed"),
        (93000, "Invalid input : content exceed max length.", True, None, "too long"),
        (93004, "机器人被停用", False, SET_UP, "switched off"),
        (93008, "不在群里", False, SET_UP, "no longer in its group"),
        (99999, "something new", False, None, ""),
    ],
)
def test_what_a_code_means(
    server: WeComServer,
    code: int,
    words: str,
    is_permanent: bool,
    rest: timedelta | None,
    reason: str,
) -> None:
    told = server.answer(code, words)
    server.behave = lambda request: said(told)

    error = refusal(server.url)

    assert (error.permanent, error.retry_after) == (is_permanent, rest)
    assert reason in error.detail
    assert f"errcode {code}: {words}" in error.detail


def test_a_key_that_is_not_the_bots(server: WeComServer) -> None:
    error = refusal(server.url + "x")

    assert not error.permanent
    assert "does not know the key in the URL" in error.detail
    assert server.token not in error.detail
