"""What the three bots do alike."""

import json
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from fumewatch.core.errors import SendError, Throttled
from fumewatch.core.letter import Letter
from fumewatch.core.notice import Reason
from fumewatch.receivers import Receiver, ReceiverSettings
from fumewatch.receivers import bot as bot_module
from fumewatch.receivers.bot import Bot, fitted
from fumewatch.receivers.dingtalk import DingTalk
from fumewatch.receivers.feishu import Feishu
from fumewatch.receivers.post import as_json
from fumewatch.receivers.wecom import WeCom
from tests.receivers.bots import (
    LOG_IN_PAGE,
    PORTAL,
    BotServer,
    dingtalk_server,
    feishu_server,
    self_signed,
    wecom_server,
)
from tests.receivers.factories import KEY, a_body
from tests.receivers.notices import NOW, a_contact, a_notice
from tests.receivers.servers import (
    CLOSE_HALF_WAY,
    CLOSE_IN_BODY,
    HANG,
    Answer,
    Request,
)


@dataclass(frozen=True)
class Kind:
    name: str
    receiver: type[Bot[Any]]
    server: Callable[..., AbstractContextManager[BotServer]]
    most: int

    def __str__(self) -> str:
        return self.name


KINDS = [
    Kind("wecom", WeCom, wecom_server, 20),
    Kind("dingtalk", DingTalk, dingtalk_server, 20),
    Kind("feishu", Feishu, feishu_server, 100),
]


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def read(kind: str, **table: Any) -> ReceiverSettings:
    adapter: TypeAdapter[ReceiverSettings] = TypeAdapter(ReceiverSettings)
    return adapter.validate_python({"kind": kind, "name": "group", "timeout": "2s", **table})


@pytest.fixture(scope="module", params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture(scope="module")
def running(kind: Kind) -> Iterator[tuple[BotServer, Clock]]:
    clock = Clock()
    with kind.server(now=NOW.timestamp, clock=clock) as server:
        yield server, clock


@pytest.fixture
def server(running: tuple[BotServer, Clock]) -> BotServer:
    running[0].reset()
    return running[0]


@pytest.fixture
def clock(running: tuple[BotServer, Clock]) -> Clock:
    running[1].now = 0.0
    return running[1]


def make(kind: Kind, url: str, clock: Clock | None = None, **table: Any) -> Bot[Any]:
    return kind.receiver(read(kind.name, url=url, **table), lambda: NOW, clock or Clock())


@pytest.fixture
def receiver(kind: Kind, server: BotServer, clock: Clock) -> Iterator[Bot[Any]]:
    receiver = make(kind, server.url, clock)
    yield receiver
    receiver.close()


def refusal(receiver: Receiver, body: dict[str, Any] | None = None) -> SendError:
    with pytest.raises(SendError) as caught:
        receiver.send(body or a_notice(), KEY)
    return caught.value


def test_a_notice_is_read_in_the_group(server: BotServer, receiver: Bot[Any]) -> None:
    assert receiver.send(a_notice(), KEY) in ("errcode 0: ok", "code 0: success")

    (message,) = server.messages
    assert "油烟浓度" in message.title + message.text
    assert (message.names, message.mobiles, message.all) == ((), (), False)


def test_a_transition_is_sent_as_a_notice_of_one(server: BotServer, receiver: Bot[Any]) -> None:
    receiver.send(a_body(key=str(KEY)), KEY)

    assert "老王面馆" in server.messages[0].text


@pytest.mark.parametrize(
    ("settings", "to", "languages"),
    [
        ({}, None, {"zh", "en"}),
        ({"language": "en"}, None, {"en"}),
        ({"language": "en"}, a_contact(language="zh"), {"zh"}),
    ],
)
def test_the_language_of_whom_it_is_meant_for(
    kind: Kind, server: BotServer, settings: dict[str, Any], to: Any, languages: set[str]
) -> None:
    receiver = make(kind, server.url, **settings)
    receiver.send(a_notice(to=to), KEY)
    receiver.close()

    text = server.messages[0].text
    assert {code for code, word in (("zh", "地点"), ("en", "Where")) if word in text} == languages


@pytest.mark.parametrize(
    ("answer", "is_permanent", "words"),
    [
        (HANG, False, "no answer within"),
        (CLOSE_HALF_WAY, False, "closed before the answer"),
        (CLOSE_IN_BODY, False, "broke off"),
        (LOG_IN_PAGE, False, "log-in page"),
        (PORTAL, False, "is the URL right, or a proxy between"),
        (Answer(200, {}, b"{}"), False, "is the URL right"),
        (Answer(200, {}, b'{"errcode": "0", "code": "0"}'), False, "is the URL right"),
        (Answer(200, {}, b'{"errcode": true, "code": true}'), False, "is the URL right"),
        (Answer(200, {}, b"[0]"), False, "is the URL right"),
        (Answer(200, {}, b'{"errcode": 77777, "errmsg": "x", "code": 77777}'), False, "77777"),
        (Answer(404, {}, b"not here"), False, "404 not here"),
        (Answer(403, {}, b"forbidden"), False, "is the URL right"),
        (Answer(413, {}, b"large"), True, "too long"),
        (Answer(429, {}, b"slow down"), False, "429 slow down"),
        (Answer(500, {}, b'{"errcode": 0, "code": 0}'), False, "0"),
        (Answer(502, {}, b"bad gateway"), False, "502 bad gateway"),
    ],
)
def test_what_is_no_word_of_the_platform(
    kind: Kind, server: BotServer, answer: Answer, is_permanent: bool, words: str
) -> None:
    server.behave = lambda request: answer
    receiver = make(kind, server.url, timeout="1s" if answer is not HANG else 0.2)

    error = refusal(receiver)
    receiver.close()

    assert error.permanent is is_permanent
    assert words in error.detail
    assert server.token not in error.detail


def test_429_is_obeyed_without_asking_again(
    server: BotServer, receiver: Bot[Any], clock: Clock
) -> None:
    server.behave = lambda request: Answer(429, {"Retry-After": "30"})
    first = refusal(receiver)
    server.behave = server.as_platform
    second = refusal(receiver)
    clock.now = 31
    receiver.send(a_notice(), KEY)

    assert (type(first), first.retry_after) == (SendError, timedelta(seconds=30))
    assert (type(second), second.retry_after) == (Throttled, timedelta(seconds=30))
    assert len(server.requests) == 2


def test_an_answer_that_is_lost_means_again(server: BotServer, receiver: Bot[Any]) -> None:
    def taken_and_gone(request: Request) -> Answer:
        server.as_platform(request)
        return CLOSE_HALF_WAY

    server.behave = taken_and_gone
    error = refusal(receiver)
    server.behave = server.as_platform
    receiver.send(a_notice(), KEY)

    assert not error.permanent
    assert len(server.messages) == 2  # at least once: none of them knows a key


def test_nobody_listens(kind: Kind) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/send?key=geheim-geheim"
        receiver = make(kind, url)
        error = refusal(receiver)
        receiver.close()

    assert not error.permanent
    assert "geheim" not in error.detail


def test_a_certificate_nobody_vouches_for(kind: Kind, tmp_path: Path) -> None:
    tls, certificate = self_signed(tmp_path)
    with kind.server(tls=tls) as server:
        wary, trusting = make(kind, server.url), make(kind, server.url, tls_ca=str(certificate))
        error = refusal(wary)
        trusting.send(a_notice(), KEY)
        wary.close()
        trusting.close()

    assert not error.permanent
    assert "certificate of the server is not trusted" in error.detail
    assert len(server.messages) == 1


def test_a_certificate_of_somebody_else(kind: Kind, tmp_path: Path) -> None:
    tls, certificate = self_signed(tmp_path, "portal.example.org")
    with kind.server(tls=tls) as server:
        receiver = make(kind, server.url, tls_ca=str(certificate))
        error = refusal(receiver)
        receiver.close()

    assert "certificate" in error.detail
    assert not server.requests


@pytest.mark.parametrize("where", ["words", "page", "cut"])
def test_a_remote_that_repeats_its_url_gives_nothing_away(
    server: BotServer, receiver: Bot[Any], where: str
) -> None:
    words = {"errcode": 1, "errmsg": server.url, "code": 1, "msg": server.url}
    answers = {
        "words": Answer(200, {}, json.dumps(words).encode()),
        "page": Answer(404, {}, f"no such page: {server.url}".encode()),
        "cut": Answer(404, {}, b"x" * 215 + server.url.encode()),
    }
    server.behave = lambda request: answers[where]

    detail = refusal(receiver).detail

    assert "***" in detail or where == "cut"
    assert server.token[:8] not in detail


def test_no_token_in_a_repr_or_a_log(
    kind: Kind, server: BotServer, receiver: Bot[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        receiver.send(a_notice(), KEY)

    assert server.token not in repr(read(kind.name, url=server.url))
    assert server.token not in caplog.text


def test_more_than_it_takes_is_not_asked_for(
    kind: Kind, server: BotServer, receiver: Bot[Any], clock: Clock
) -> None:
    for number in range(kind.most):
        clock.now = 0.25 * number
        receiver.send(a_notice(), KEY)
    error = refusal(receiver)
    waited = clock.now
    assert error.retry_after is not None
    clock.now += error.retry_after.total_seconds()
    receiver.send(a_notice(), KEY)

    assert isinstance(error, Throttled)
    assert not error.permanent
    assert clock.now - waited == pytest.approx(61 - waited)
    assert len(server.requests) == len(server.messages) == kind.most + 1


def test_a_limit_of_ones_own(kind: Kind, server: BotServer, clock: Clock) -> None:
    receiver = make(kind, server.url, clock, most_per_minute=1)
    receiver.send(a_notice(), KEY)
    clock.now = 30
    error = refusal(receiver)
    receiver.close()

    assert error.retry_after == timedelta(seconds=31)


def test_who_shares_the_bot_uses_up_its_room(
    kind: Kind, server: BotServer, receiver: Bot[Any], clock: Clock
) -> None:
    """The platform says no though we did not ask too often: it is left alone for as long."""
    other = make(kind, server.url, clock, most_per_minute=0)
    for number in range(kind.most):
        clock.now = 0.25 * number
        other.send(a_notice(), KEY)
    first, second = refusal(receiver), refusal(receiver)
    other.close()

    assert not isinstance(first, Throttled)
    assert isinstance(second, Throttled)
    assert first.retry_after == second.retry_after
    assert len(server.requests) == kind.most + 1


MENTION = {"mention": {"names": ["zhangsan"]}}


@pytest.mark.parametrize(
    ("overrides", "settings", "are_called"),
    [
        ({"severity": "critical"}, {}, True),
        ({"severity": "warning"}, {}, False),
        ({"severity": "warning"}, {"mention_when": {"severity": ["critical", "warning"]}}, True),
        ({"severity": "warning"}, {"mention_when": {"severity": "warning"}}, True),
        ({"severity": "critical", "state": "resolved"}, {}, False),
        ({"severity": "critical", "reason": Reason.DIGEST}, {}, False),
        ({"severity": "critical", "reason": Reason.STORM}, {}, True),
        ({"severity": "critical", "reason": Reason.ESCALATION}, {}, True),
    ],
)
def test_when_somebody_is_called(
    kind: Kind,
    server: BotServer,
    overrides: dict[str, Any],
    settings: dict[str, Any],
    are_called: bool,
) -> None:
    receiver = make(kind, server.url, **MENTION, **settings)
    receiver.send(a_notice(**overrides), KEY)
    receiver.close()

    assert server.messages[0].names == (("zhangsan",) if are_called else ())


def test_everybody_is_called(kind: Kind, server: BotServer) -> None:
    receiver = make(kind, server.url, mention={"all": True})
    receiver.send(a_notice(severity="critical"), KEY)
    receiver.close()

    assert server.messages[0].all


@pytest.mark.parametrize(
    ("account", "names"),
    [
        ("lisi", ("lisi",)),
        ("", ()),
        ("all", ()),
        ("@all", ()),
        ("ALL", ()),
        ("x></at><at id=all", ()),
        ("a> <@all", ()),
        ("老李", ()),
    ],
)
def test_a_contact_is_called_whatever_the_severity(
    kind: Kind, server: BotServer, receiver: Bot[Any], account: str, names: tuple[str, ...]
) -> None:
    receiver.send(a_notice(to=a_contact(account=account), severity="info"), KEY)

    (message,) = server.messages
    assert (message.names, message.all) == (names, False)


UNFIT = {
    "wecom": {"errcode": 40058, "errmsg": "no"},
    "dingtalk": {"errcode": 430104, "errmsg": "no"},
    "feishu": {"code": 11246, "msg": "no"},
}


def test_a_mention_that_is_refused_costs_no_message(
    kind: Kind, server: BotServer, receiver: Bot[Any]
) -> None:
    def only_unnamed(request: Request) -> Answer:
        if "lisi" in json.dumps(request.body):
            return Answer(200, {}, json.dumps(UNFIT[kind.name]).encode())
        return server.as_platform(request)

    server.behave = only_unnamed
    answer = receiver.send(a_notice(to=a_contact(account="lisi")), KEY)

    assert "without its mention" in answer
    assert len(server.messages) == 1


WORST = ['"', "\\", "烟", "\U0001f525", "a", "\n"]


@pytest.mark.parametrize("character", WORST)
@pytest.mark.parametrize("settings", [{}, {"mention": {"names": ["zhangsan"], "all": True}}])
def test_as_much_as_the_platform_takes(
    kind: Kind,
    server: BotServer,
    monkeypatch: pytest.MonkeyPatch,
    character: str,
    settings: dict[str, Any],
) -> None:
    """A letter that uses all the room it is given is neither refused nor much shorter."""

    def full(*args: Any, most_bytes: int, **kwargs: Any) -> Letter:
        return Letter("标题" * 50, character * (most_bytes // len(character.encode())))

    monkeypatch.setattr(bot_module, "render", full)
    receiver = make(kind, server.url, **settings)
    receiver.send(a_notice(severity="critical"), KEY)
    receiver.close()

    (message,) = server.messages
    assert len(message.text.encode()) > 1900
    assert len(message.title) <= 64


@pytest.mark.parametrize("character", WORST)
def test_fitted_ends_even_where_text_is_all_quotes(character: str) -> None:
    made = fitted(lambda most: {"x": character * (most // len(character.encode()))}, 20_000)

    assert 17_000 < len(as_json(made)) <= 20_000


def test_a_letter_that_never_fits_is_asked_for_a_few_times_only() -> None:
    asked: list[int] = []

    def stubborn(most: int) -> dict[str, Any]:
        asked.append(most)
        return {"x": "烟" * 10_000}

    assert len(as_json(fitted(stubborn, 20_000))) > 20_000
    assert len(asked) < 40


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"url": "ftp://127.0.0.1/"}, "is not a URL like"),
        ({"url": "my-bot"}, "is not a URL like"),
        ({"mention": {"names": ["all"]}}, "for everybody write all = true"),
        ({"mention": {"names": ["张三"]}}, "is not an account"),
        ({"mention": {"names": ["a b"]}}, "is not an account"),
        ({"mention": {"mobiles": ["call me"]}}, "is not a phone number"),
        ({"mention": {"everyone": True}}, "Extra inputs"),
        ({"mention_when": {"severity": ["bad"]}}, "'info', 'warning' or 'critical'"),
        ({"mention_when": {"severity": []}}, "at least 1 item"),
        ({"timeout": "10m"}, "less than or equal"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_wrong_settings_are_refused(kind: Kind, table: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        read(kind.name, **{"url": "http://127.0.0.1/?key=geheim", **table})
    assert "geheim" not in str(caught.value)


def test_people_get_groups_by_default(kind: Kind) -> None:
    settings = read(kind.name, url="http://127.0.0.1/hook")

    assert settings.takes == "groups"
    assert settings.most_per_minute == kind.most
