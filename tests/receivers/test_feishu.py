from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from fumewatch.core.errors import SendError, Throttled
from fumewatch.receivers.feishu import Feishu, FeishuSettings, sign
from tests.receivers.bots import FeishuServer, feishu_server, said
from tests.receivers.factories import KEY
from tests.receivers.notices import NOW, a_contact, a_notice

SECRET = "0123456789abcdef"


@pytest.fixture(scope="module")
def running() -> Iterator[FeishuServer]:
    with feishu_server(secret=SECRET, keywords=("预警",), now=NOW.timestamp) as server:
        yield server


@pytest.fixture
def server(running: FeishuServer) -> FeishuServer:
    running.reset()
    running.addresses, running.may_call_all = ("127.0.0.1",), True
    return running


def settings(url: str, **overrides: Any) -> FeishuSettings:
    table = {"kind": "feishu", "name": "group", "url": url, "secret": SECRET, "timeout": "2s"}
    return FeishuSettings.model_validate({**table, **overrides})


def send(
    url: str,
    notice: dict[str, Any] | None = None,
    now: Callable[[], datetime] = lambda: NOW,
    **overrides: Any,
) -> str:
    receiver = Feishu(settings(url, **overrides), now)
    try:
        return receiver.send(notice or a_notice(), KEY)
    finally:
        receiver.close()


def refusal(url: str, notice: dict[str, Any] | None = None, **overrides: Any) -> SendError:
    with pytest.raises(SendError) as caught:
        send(url, notice, **overrides)
    return caught.value


def test_sign_of_the_documents_own_example() -> None:
    """Secret "demo" and time of its Java example, whose result it shows as a picture only: by
    openssl dgst -sha256 -mac HMAC -macopt hexkey:313539393336303437330a64656d6f of nothing."""
    assert sign("1599360473", "demo") == "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="


def test_a_card_as_documented(server: FeishuServer) -> None:
    send(server.url)

    (request,) = server.requests
    assert request.path == f"/open-apis/bot/v2/hook/{server.token}"
    assert request.body.keys() == {"timestamp", "sign", "msg_type", "card"}
    assert request.body["timestamp"] == "1795407300"
    assert request.body["msg_type"] == "interactive"
    card = request.body["card"]
    assert card["header"]["title"]["tag"] == "plain_text"
    assert [element["tag"] for element in card["elements"]] == ["markdown"]


@pytest.mark.parametrize(
    ("overrides", "colour"),
    [
        ({"severity": "critical"}, "red"),
        ({"severity": "warning"}, "orange"),
        ({"severity": "info"}, "blue"),
        ({"severity": "critical", "state": "resolved"}, "green"),
    ],
)
def test_the_head_says_how_bad_it_is(
    server: FeishuServer, overrides: dict[str, Any], colour: str
) -> None:
    send(server.url, a_notice(**overrides))

    assert server.requests[0].body["card"]["header"]["template"] == colour


@pytest.mark.parametrize(
    ("mention", "to", "called"),
    [
        ({"names": ["ou_18eac8", "7a2b"]}, {}, (("ou_18eac8", "7a2b"), False)),
        ({"all": True}, {}, ((), True)),
        ({}, {"account": "ou_18eac8", "phone": "13800001111"}, (("ou_18eac8",), False)),
        ({}, {"phone": "13800001111"}, ((), False)),  # it knows nobody by the phone
    ],
)
def test_who_is_called(
    server: FeishuServer,
    mention: dict[str, Any],
    to: dict[str, str],
    called: tuple[tuple[str, ...], bool],
) -> None:
    notice = a_notice(severity="critical", to=a_contact(**to) if to else None)
    send(server.url, notice, mention=mention)

    (message,) = server.messages
    assert (message.names, message.all) == called


def test_a_group_that_lets_nobody_call_everybody_gets_its_message(server: FeishuServer) -> None:
    server.may_call_all = False
    answer = send(server.url, a_notice(severity="critical"), mention={"all": True})

    assert "without its mention" in answer
    assert [message.all for message in server.messages] == [False]


@pytest.mark.parametrize(
    "overrides",
    [
        {"secret": "wrong"},
        {"secret": None},
        {"now": lambda: NOW + timedelta(minutes=61)},
        {"now": lambda: NOW - timedelta(minutes=61)},
    ],
)
def test_a_signature_that_is_refused(server: FeishuServer, overrides: dict[str, Any]) -> None:
    error = refusal(server.url, **overrides)

    assert (error.permanent, error.retry_after) == (False, timedelta(minutes=5))
    assert "is `secret` the bot's 签名校验, and the clock right?" in error.detail
    assert "code 19021: sign match fail" in error.detail


def test_no_keyword_in_it(server: FeishuServer) -> None:
    error = refusal(server.url, a_notice(text={"zh": "你好", "en": "hello"}))

    assert error.permanent
    assert "allow 预警" in error.detail


def test_an_address_that_is_not_on_its_list(server: FeishuServer) -> None:
    server.addresses = ("203.0.113.7",)
    error = refusal(server.url)

    assert not error.permanent
    assert "IP 白名单" in error.detail


def test_five_a_second(server: FeishuServer) -> None:
    clock = iter([0.0] * 100)
    receiver = Feishu(settings(server.url), lambda: NOW, lambda: next(clock))
    for _ in range(5):
        receiver.send(a_notice(), KEY)
    with pytest.raises(Throttled) as caught:
        receiver.send(a_notice(), KEY)
    receiver.close()

    assert caught.value.retry_after == timedelta(seconds=1.1)
    assert len(server.messages) == 5


SOON, SET_UP = timedelta(seconds=30), timedelta(minutes=5)


@pytest.mark.parametrize(
    ("code", "words", "is_permanent", "rest", "reason"),
    [
        (9499, "Bad Request", True, None, "malformed"),
        (9499, "too many request", False, SOON, "too many messages"),
        (11232, "frequency limited psm[x]appID[1500]", False, SOON, "too many messages"),
        (11246, "ErrCode: 11310; ErrMsg: unsupported type of block", True, None, "the card"),
        (19001, "param invalid: incoming webhook access token invalid", False, SET_UP, "hook"),
        (19007, "Bot Not Enabled", False, SET_UP, "switched off"),
        (19021, "sign match fail", False, SET_UP, "signature"),
        (19022, "Ip Not Allowed", False, SET_UP, "our address"),
        (19024, "Key Words Not Found", True, None, "allow 预警"),
        (99999, "something new", False, None, ""),
    ],
)
def test_what_a_code_means(
    server: FeishuServer,
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
    assert f"code {code}: {words}" in error.detail


@pytest.mark.parametrize(
    ("told", "is_taken"),
    [
        ({"StatusCode": 0, "StatusMessage": "success"}, True),
        ({"StatusCode": 9499, "StatusMessage": "Bad Request"}, False),
        ({"StatusCode": 0, "StatusMessage": "", "code": 19007, "msg": "Bot Not Enabled"}, False),
        ({"code": 0, "msg": "success", "data": {}}, True),
    ],
)
def test_answers_of_older_times(server: FeishuServer, told: dict[str, Any], is_taken: bool) -> None:
    server.behave = lambda request: said(told)

    if is_taken:
        assert send(server.url) == "code 0: success"
    else:
        assert refusal(server.url)


def test_phone_numbers_are_refused_where_they_would_call_nobody() -> None:
    with pytest.raises(ValidationError, match="by Open ID or User ID: put them in names"):
        settings("http://127.0.0.1/", mention={"mobiles": ["13800001111"]})


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(settings("http://127.0.0.1/"))
