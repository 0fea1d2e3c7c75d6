from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fumewatch.core.errors import SendError
from fumewatch.receivers.dingtalk import DingTalk, DingTalkSettings, sign
from tests.receivers.bots import DingTalkServer, dingtalk_server, said
from tests.receivers.factories import KEY
from tests.receivers.notices import NOW, a_contact, a_notice

SECRET = "SEC0123456789abcdef"


@pytest.fixture(scope="module")
def running() -> Iterator[DingTalkServer]:
    with dingtalk_server(secret=SECRET, keywords=("预警",), now=NOW.timestamp) as server:
        yield server


@pytest.fixture
def server(running: DingTalkServer) -> DingTalkServer:
    running.reset()
    running.addresses = ("127.0.0.1",)
    return running


def send(
    url: str,
    notice: dict[str, Any] | None = None,
    now: Callable[[], datetime] = lambda: NOW,
    **overrides: Any,
) -> str:
    table = {
        "kind": "dingtalk",
        "name": "group",
        "url": url,
        "secret": SECRET,
        "timeout": "2s",
        **overrides,
    }
    receiver = DingTalk(DingTalkSettings.model_validate(table), now)
    try:
        return receiver.send(notice or a_notice(), KEY)
    finally:
        receiver.close()


def refusal(url: str, notice: dict[str, Any] | None = None, **overrides: Any) -> SendError:
    with pytest.raises(SendError) as caught:
        send(url, notice, **overrides)
    return caught.value


def test_sign_of_the_documents_own_secret() -> None:
    """With "this is secret" of the document's examples, which print no result: by openssl.

    printf '1577808000000\\nthis is secret' | openssl dgst -sha256 -hmac 'this is secret' -binary
    """
    assert sign("1577808000000", "this is secret") == "ijHEivi6YiCNPZOq4hZstmvZ3sPfbioAiMhP30ae7W0="


def test_markdown_as_documented(server: DingTalkServer) -> None:
    send(server.url)

    (request,) = server.requests
    assert request.path.startswith(
        f"/robot/send?access_token={server.token}&timestamp=1795407300000&sign="
    )
    assert request.body["msgtype"] == "markdown"
    assert request.body["markdown"].keys() == {"title", "text"}
    assert request.body["at"] == {"atUserIds": [], "atMobiles": [], "isAtAll": False}


@pytest.mark.parametrize("seconds", range(8))
def test_signs_of_many_moments_arrive_whole(server: DingTalkServer, seconds: int) -> None:
    """+, / and = of Base64 survive the URL."""
    at = NOW + timedelta(seconds=seconds)

    assert send(server.url, now=lambda: at) == "errcode 0: ok"


@pytest.mark.parametrize(
    ("settings", "to", "called"),
    [
        ({"names": ["a", "b"]}, {}, (("a", "b"), (), False)),
        ({"mobiles": "138-0000-1111"}, {}, ((), ("13800001111",), False)),
        ({"all": True}, {}, ((), (), True)),
        ({}, {"account": "lisi", "phone": "13800001111"}, (("lisi",), (), False)),
        ({"names": ["a"]}, {"phone": "0086 13800001111"}, (("a",), ("13800001111",), False)),
    ],
)
def test_who_is_called_stands_in_the_text(
    server: DingTalkServer,
    settings: dict[str, Any],
    to: dict[str, str],
    called: tuple[tuple[str, ...], tuple[str, ...], bool],
) -> None:
    notice = a_notice(severity="critical", to=a_contact(**to) if to else None)
    send(server.url, notice, mention=settings)

    (message,) = server.messages
    assert (message.names, message.mobiles, message.all) == called


def test_a_phone_number_in_the_text_calls_nobody(server: DingTalkServer) -> None:
    text = {"zh": "【预警】@13800001111", "en": "[Early warning] @13800001111"}
    send(server.url, a_notice(text=text, severity="critical"))

    (message,) = server.messages
    assert message.mobiles == ()
    assert "@" not in message.title


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ({"secret": "SECwrong"}, "is `secret` the bot's 加签"),
        ({"secret": None}, "is `secret` the bot's 加签"),
        ({"now": lambda: NOW + timedelta(minutes=61)}, "the clock right"),
        ({"now": lambda: NOW - timedelta(minutes=61)}, "the clock right"),
    ],
)
def test_a_signature_that_is_refused(
    server: DingTalkServer, overrides: dict[str, Any], reason: str
) -> None:
    error = refusal(server.url, **overrides)

    assert (error.permanent, error.retry_after) == (False, timedelta(minutes=5))
    assert reason in error.detail
    assert "errcode 310000" in error.detail
    assert not server.messages


@pytest.mark.parametrize("minutes", [-59, 59])
def test_a_clock_less_than_an_hour_off_will_do(server: DingTalkServer, minutes: int) -> None:
    assert send(server.url, now=lambda: NOW + timedelta(minutes=minutes)) == "errcode 0: ok"


def test_no_keyword_in_it(server: DingTalkServer) -> None:
    error = refusal(server.url, a_notice(text={"zh": "你好", "en": "hello"}))

    assert error.permanent
    assert "allow 预警" in error.detail


def test_an_address_that_is_not_on_its_list(server: DingTalkServer) -> None:
    server.addresses = ("203.0.113.7",)
    error = refusal(server.url)

    assert not error.permanent
    assert "IP 地址段" in error.detail


def test_a_bot_that_is_switched_off(server: DingTalkServer) -> None:
    server.is_stopped = True
    error = refusal(server.url)

    assert not error.permanent
    assert "switched off" in error.detail


LONG, SET_UP = timedelta(minutes=10), timedelta(minutes=5)


@pytest.mark.parametrize(
    ("code", "words", "is_permanent", "rest", "reason"),
    [
        (-1, "系统繁忙", False, timedelta(seconds=30), "busy"),
        (130101, "send too fast, exceed 20 times per minute", False, LONG, "the bot is shut"),
        (410100, "发送速度太快而限流", False, LONG, "the bot is shut"),
        (300001, "token is not exist", False, SET_UP, "access_token in the URL"),
        (300005, "token is not exist", False, SET_UP, "access_token in the URL"),
        (400101, "token is not exist", False, SET_UP, "access_token in the URL"),
        (40035, "缺少参数 access_token", False, SET_UP, "access_token in the URL"),
        (40035, "缺少参数 json", True, None, "misses something"),
        (400013, "群已被解散", False, SET_UP, "dissolved"),
        (400102, "bot is stopped", False, SET_UP, "switched off"),
        (400105, "unsupported msgtype", True, None, "type of message"),
        (400106, "bot is not exist", False, SET_UP, "no such bot"),
        (430104, "包含不合适的内容", True, None, "unfit"),
        (460101, "message too long, exceed 20000 bytes", True, None, "too long"),
        (310000, "keywords not in content", True, None, "allow 预警"),
        (310000, "description:关键词不匹配;solution:请联系群管理员", True, None, "allow 预警"),
        (310000, "invalid timestamp", False, SET_UP, "the clock right"),
        (310000, "sign not match", False, SET_UP, "signature refused"),
        (310000, "description:机器人发送签名不匹配;solution:", False, SET_UP, "signature"),
        (310000, "ip 203.0.113.7 not in whitelist", False, SET_UP, "our address"),
        (310000, "description:ip 203.0.113.7 不在白名单之内", False, SET_UP, "our address"),
        (310000, "something new", False, SET_UP, "安全设置"),
        (99999, "something new", False, None, ""),
    ],
)
def test_what_a_code_means(
    server: DingTalkServer,
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


def test_the_gateway_shuts_our_address_out(server: DingTalkServer) -> None:
    told = {"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "xxx"}
    server.behave = lambda request: said(told)

    error = refusal(server.url)

    assert (error.permanent, error.retry_after) == (False, timedelta(minutes=5))
    assert "gateway" in error.detail


def test_without_a_secret_the_url_goes_as_it_is() -> None:
    with dingtalk_server() as server:
        send(server.url, secret=None)
        assert server.requests[0].path == f"/robot/send?access_token={server.token}"


def test_the_secret_is_not_shown() -> None:
    settings = DingTalkSettings.model_validate(
        {"kind": "dingtalk", "name": "x", "url": "http://127.0.0.1/", "secret": "geheim"}
    )

    assert "geheim" not in repr(settings)


def test_the_time_is_that_of_now_in_milliseconds(server: DingTalkServer) -> None:
    send(server.url, now=lambda: datetime(2026, 11, 23, 4, 15, 0, 123_000, tzinfo=UTC))

    assert "timestamp=1795407300123&sign=" in server.requests[0].path
