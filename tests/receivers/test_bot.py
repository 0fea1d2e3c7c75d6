"""What the three bots do alike."""

import json
import logging
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fumewatch.core.errors import SendError, Throttled
from fumewatch.receivers.bot import Bot
from tests.receivers.bots import (
    LOG_IN_PAGE,
    PORTAL,
    BotServer,
    self_signed,
)
from tests.receivers.factories import KEY, a_body
from tests.receivers.kinds import Clock, Kind, make, read, refusal
from tests.receivers.notices import a_notice
from tests.receivers.servers import (
    CLOSE_HALF_WAY,
    CLOSE_IN_BODY,
    HANG,
    Answer,
    Request,
)


def test_a_notice_is_read_in_the_group(server: BotServer, receiver: Bot[Any]) -> None:
    assert receiver.send(a_notice(), KEY) in ("errcode 0: ok", "code 0: success")

    (message,) = server.messages
    assert "油烟浓度" in message.title + message.text
    assert (message.names, message.mobiles, message.all) == ((), (), False)


def test_a_transition_is_sent_as_a_notice_of_one(server: BotServer, receiver: Bot[Any]) -> None:
    receiver.send(a_body(key=str(KEY)), KEY)

    assert "老王面馆" in server.messages[0].text


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
