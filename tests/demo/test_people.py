"""The demo's people: the gateway that takes their notices, the inspector who answers one."""

import json
import urllib.request
from typing import Any

import pytest

from fumewatch.core.followup.action import ActionKind
from fumewatch.core.letter.samples import CONTACT, samples
from fumewatch.core.notice import Reason
from fumewatch.demo import inspector
from fumewatch.demo.gateway import Gateway, Refused, read
from fumewatch.receivers.http import Form, HttpSettings
from fumewatch.store import Database, actions
from fumewatch.web import Server, create_app
from tests.demo.reader import config_of_the_demo
from tests.web.conftest import NOW, all_up, now
from tests.web.phones import RECEIVER, open_case, place, token, with_links

LINK = "http://127.0.0.1:80/l/A"


def body(**overrides: Any) -> dict[str, Any]:
    usual = {"key": "k", "reason": "group", "severity": "critical", "alerts": ["a"]}
    return usual | {"text": f"【预警】 {LINK}", "links": [LINK]} | overrides


@pytest.mark.parametrize(
    ("overrides", "lack"),
    [
        ({"text": " \n", "alerts": [], "links": []}, "no text"),
        ({"links": [""]}, "alert a has no link"),
        ({"links": ["http://127.0.0.1:80/alerts/a"]}, "alert a has no link"),
        ({"text": "【预警】"}, "the link of alert a is not in the text"),
    ],
)
def test_a_notice_without_text_or_link_is_refused(overrides: dict[str, Any], lack: str) -> None:
    with pytest.raises(Refused, match=lack):
        read(body(**overrides), 1.0)


def test_the_gateway_answers_as_bots_do_and_counts_once() -> None:
    sent = [
        body(key="1", severity="warning"),
        body(key="1", severity="warning"),
        body(key="2", alerts=["b", "a"], links=[f"{LINK}b", LINK], text=f"{LINK}b {LINK}"),
        body(key="3", reason=Reason.ESCALATION, links=[f"{LINK}own"], text=f"{LINK}own"),
        body(key="4", text=""),
        {"key": "5"},
    ]
    with Gateway(lambda: 7.0) as gateway:
        assert gateway.tally.first_s is None
        assert [post(gateway.url, each) for each in sent] == [0, 0, 0, 0, 40058, 40001]
    tally = gateway.tally
    assert (tally.notices, tally.alerts, tally.escalations, tally.first_s) == (3, 2, 1, 7.0)
    assert gateway.links == [("b", f"{LINK}b"), ("a", f"{LINK}own")]


def post(url: str, body: dict[str, Any]) -> int:
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode())) as answer:
        return int(json.load(answer)["code"])


def test_what_the_receivers_write_is_what_the_gateway_takes() -> None:
    people = [each for each in config_of_the_demo().receiver if isinstance(each, HttpSettings)]
    assert [each.name for each in people] == ["duty", "patrol"]
    for receiver in people:
        form = Form(receiver)
        notices = list(samples(receiver.name, CONTACT if receiver.contact else None))
        assert notices
        for notice in notices:
            taken = json.loads(form.request(notice, notice["at"]).body)
            links = [alert["link"] for alert in notice["alerts"]]
            assert (taken["links"], taken["key"]) == (links, notice["key"])
            assert taken["text"].strip()


def test_the_inspector_acknowledges_through_the_page(database: Database) -> None:
    place(database)
    case = open_case(database, NOW)
    app = create_app(database, with_links(config_of_the_demo()), all_up(), now)
    with Server(app, "127.0.0.1", 0) as server:
        link = f"{server.url}/l/{token(case.alert, RECEIVER)}"
        assert inspector.acknowledge(link)
        assert not inspector.acknowledge(link), "there is nothing left to acknowledge"
        assert not inspector.acknowledge(f"{server.url}/l/forged")
    assert not inspector.acknowledge(link), "nobody listens"
    with database.transaction() as conn:
        done = [(each.kind, each.actor, each.addressee) for each in actions.of(conn, case.alert)]
    assert done == [(ActionKind.ACKNOWLEDGED, inspector.NAME, RECEIVER)]
