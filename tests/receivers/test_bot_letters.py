"""What the three bots write into their groups, and whom they call there."""

import json
from contextlib import closing
from typing import Any

import pytest

from fumewatch.core.letter import Letter
from fumewatch.core.notice import Reason
from fumewatch.receivers import bot as bot_module
from fumewatch.receivers.bot import Bot, fitted
from fumewatch.receivers.post import as_json
from tests.receivers.bots import BotServer
from tests.receivers.factories import KEY
from tests.receivers.kinds import Clock, Kind, make
from tests.receivers.notices import a_contact, a_notice
from tests.receivers.servers import Answer, Request


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


EVIL = [
    "<@all>",
    "<@zhangsan> 面馆",
    "<at id=all></at>",
    '<at user_id="all">所有人</at>',
    "@13800001111 @所有人",
    "![x](http://evil.example/pixel)",
    "[点我](http://evil.example/)",
    "<a href='http://evil.example'>x</a>",
    "</font><font color='red'>x",
    "**粗** `code` ~~x~~ # 头",
    "a\n# 标题\n> 引用\r\n- 列",
    "http://evil.example/ www.evil.example",
    "$urlVal :DONE: \\ & &#60;at id=all&#62;",
]


@pytest.mark.parametrize("settings", [{}, {"mention": {"names": ["lisi"], "all": True}}])
def test_a_name_from_outside_calls_nobody_and_costs_no_message(
    kind: Kind, server: BotServer, clock: Clock, settings: dict[str, Any]
) -> None:
    """By the letters as they are, to the platform as it reads them."""
    with closing(make(kind, server.url, clock, **settings)) as receiver:
        for name in EVIL:
            server.reset()
            clock.now += 60  # none is too many
            receiver.send(a_notice(severity="critical", site=name, address=name), KEY)

            (message,) = server.messages
            called = (("lisi",), (), True) if settings else ((), (), False)
            assert (message.names, message.mobiles, message.all) == called, name
            assert "evil.example)" not in message.text, name
            assert "://evil" not in message.text, name


@pytest.mark.parametrize("count", [1, 7, 50])
@pytest.mark.parametrize("settings", [{}, {"mention": {"names": ["lisi"], "all": True}}])
def test_as_many_alerts_as_a_notice_lists(
    kind: Kind, server: BotServer, count: int, settings: dict[str, Any]
) -> None:
    receiver = make(kind, server.url, **settings)
    receiver.send(a_notice(severity="critical", count=count, site="很长的名字" * 16), KEY)
    receiver.close()

    assert len(server.messages) == 1


WORST = ['"', "\\", "烟", "\U0001f525", "a", "\n"]


@pytest.mark.parametrize("settings", [{}, {"mention": {"names": ["zhangsan"], "all": True}}])
def test_as_much_as_the_platform_takes(
    kind: Kind,
    server: BotServer,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
) -> None:
    """A letter that uses all the room it is given is neither refused nor much shorter."""

    def full(*args: Any, most_bytes: int, **kwargs: Any) -> Letter:
        return Letter("标题" * 50, character * (most_bytes // len(character.encode())))

    monkeypatch.setattr(bot_module, "render", full)
    with closing(make(kind, server.url, clock, **settings)) as receiver:
        for character in WORST:
            server.reset()
            clock.now += 60
            receiver.send(a_notice(severity="critical"), KEY)

            (message,) = server.messages
            assert len(message.text.encode()) > 1900, character
            assert len(message.title) <= 64, character


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
