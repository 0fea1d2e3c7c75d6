"""What an inspector is told and answers, tried on the running daemon and the bots' far ends."""

import re
from collections.abc import Iterator

import httpx2
import pytest

from tests.daemon.conftest import Daemon, World, exceeding, reading, until
from tests.receivers.bots import BotServer, dingtalk_server, wecom_server

pytestmark = pytest.mark.timeout(180)

MORE = """
[links]
secret = "a secret of at least thirty-two characters"
[[receiver]]
name = "street"
kind = "wecom"
url = "{street}"
[[receiver]]
name = "bureau"
kind = "dingtalk"
url = "{bureau}"
[[escalation]]
name = "ladder"
[[escalation.step]]
name = "现场核查"
receiver = "bureau"
after = "5s"
unless = "acknowledged"
"""
ROUTE = """receiver = "duty"
continue = true
[[route]]
receiver = "street"
group_by = "street"
group_wait = "2s"
group_interval = "0s"
"""


@pytest.fixture
def bots() -> Iterator[tuple[BotServer, BotServer]]:
    with wecom_server() as street, dingtalk_server() as bureau:
        yield street, bureau


def a_daemon(world: World, bots: tuple[BotServer, BotServer], after: str = "5s") -> Daemon:
    street, bureau = bots
    more = MORE.format(street=street.url, bureau=bureau.url).replace('"5s"', f'"{after}"')
    daemon = world.daemon(more=more)
    text = daemon.config.read_text().replace(
        '[[route]]\nreceiver = "duty"\n', f"[[route]]\n{ROUTE}"
    )
    daemon.config.write_text(text)
    return daemon.start()


def link_in(text: str) -> str:
    found = re.search(r"http://[^\s)\]]*(/l/[\w-]+)", text)
    assert found, text
    return found[1]


def answer(daemon: Daemon, path: str, what: str, **fields: str) -> str:
    """The page after the form was sent."""
    page = daemon.get(path)[1]
    form = re.search(rf'name="form" value="([^"]+-{what})"', page)
    assert form, page
    parts = {name: (None, value) for name, value in {"form": form[1], **fields}.items()}
    url = f"{daemon.url}{path}/{what}"
    with httpx2.Client(trust_env=False, follow_redirects=True) as client:
        return client.post(url, files=parts).raise_for_status().text


def test_a_group_is_told_once_over_a_kill_and_its_link_stops_the_ladder(
    world: World, bots: tuple[BotServer, BotServer]
) -> None:
    street, bureau = bots
    world.assign("M1", "M2")
    daemon = a_daemon(world, bots, after="1h")
    world.publish("M1", *exceeding())
    world.publish("M2", *exceeding())
    until(lambda: street.messages, daemon.log)
    assert "老面馆0" in street.messages[0].text
    assert "老面馆1" in street.messages[0].text
    assert len(world.sink.bodies) == 2  # machines get each
    daemon.kill()
    daemon.start()

    page = answer(daemon, link_in(street.messages[0].text), "acknowledge", name="张巡查")
    assert "张巡查" in page
    assert world.rows("select kind, actor, addressee, via from action") == [
        ("acknowledged", "张巡查", "receiver street", "link")
    ]
    world.publish("M1", reading(fume=0.01), *[{**r, "fume": 0.01} for r in exceeding()])
    until(lambda: len(street.messages) == 2, daemon.log)
    assert "老面馆0" in street.messages[1].text
    assert bureau.messages == []
    query = "select receiver, reason, state from outbox where receiver <> 'duty'"
    until(lambda: world.rows(query) == [("street", "group", "sent")] * 2, daemon.log)
    assert daemon.stop() == 0


def test_who_does_not_answer_is_followed_by_the_next_step(
    world: World, bots: tuple[BotServer, BotServer]
) -> None:
    street, bureau = bots
    world.assign("M1")
    daemon = a_daemon(world, bots)
    world.publish("M1", *exceeding())
    until(lambda: bureau.messages and street.messages, daemon.log)  # the group waits, no step does
    assert "现场核查" in bureau.messages[0].text
    assert len(street.messages) == 1
    record = world.rows("select kind, detail->>'step', via from action")
    assert record == [("escalated", "现场核查", "fumewatch")]
    assert daemon.stop() == 0
