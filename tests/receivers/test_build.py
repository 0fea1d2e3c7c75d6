import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from fumewatch.core.alert import State
from fumewatch.receivers import ReceiverSettings, build
from fumewatch.receivers.alertmanager import Alertmanager
from fumewatch.receivers.apprise import Apprise
from fumewatch.receivers.cloudevents import CloudEvents
from fumewatch.receivers.dingtalk import DingTalk
from fumewatch.receivers.email import Email
from fumewatch.receivers.feishu import Feishu
from fumewatch.receivers.http import Http
from fumewatch.receivers.log import LogFile
from fumewatch.receivers.mqtt import MqttReceiver
from fumewatch.receivers.receiver import Receiver, content
from fumewatch.receivers.webhook import Webhook
from fumewatch.receivers.wecom import WeCom
from tests.receivers.factories import KEY, a_body, a_notice

P, F, R = State.PENDING, State.FIRING, State.RESOLVED
ONE_OF_EACH: list[dict[str, Any]] = [
    {"kind": "webhook", "name": "duty", "url": "http://127.0.0.1:9000/alerts"},
    {"kind": "email", "name": "mail", "host": "127.0.0.1", "from": "a@b.cn", "to": ["c@d.cn"]},
    {"kind": "mqtt", "name": "bus"},
    {"kind": "log", "name": "file", "path": "alerts.jsonl"},
    {"kind": "http", "name": "sms", "url": "http://127.0.0.1:9000/sms"},
    {"kind": "cloudevents", "name": "city", "url": "http://127.0.0.1:9000/events"},
    {"kind": "alertmanager", "name": "am", "urls": ["http://127.0.0.1:9093"]},
    {"kind": "apprise", "name": "others", "urls": ["json://127.0.0.1:9000/"]},
    {"kind": "wecom", "name": "wecom", "url": "http://127.0.0.1/cgi-bin/webhook/send?key=k"},
    {"kind": "dingtalk", "name": "ding", "url": "http://127.0.0.1/robot/send?access_token=t"},
    {"kind": "feishu", "name": "feishu", "url": "http://127.0.0.1/open-apis/bot/v2/hook/h"},
]
KINDS = (
    *(Webhook, Email, MqttReceiver, LogFile, Http, CloudEvents, Alertmanager, Apprise),
    *(WeCom, DingTalk, Feishu),
)


class Publisher:
    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, timeout: float
    ) -> None:
        raise AssertionError("nothing is published here")


def read(table: dict[str, Any]) -> ReceiverSettings:
    adapter: TypeAdapter[ReceiverSettings] = TypeAdapter(ReceiverSettings)
    return adapter.validate_python(table)


@pytest.mark.parametrize(
    ("table", "kind"),
    list(zip(ONE_OF_EACH, KINDS, strict=True)),
    ids=lambda x: x["kind"] if isinstance(x, dict) else "",
)
def test_a_table_makes_its_receiver(table: dict[str, Any], kind: type[Receiver]) -> None:
    receiver = build(read(table), Publisher(), lambda: datetime(2026, 11, 23, tzinfo=UTC))
    receiver.close()

    assert isinstance(receiver, kind)


def test_an_unknown_kind_is_told_what_there_is() -> None:
    with pytest.raises(ValidationError, match=r"'webhook', 'email', .* 'dingtalk', 'feishu'"):
        read({"kind": "pigeon", "name": "x"})


@pytest.mark.parametrize("name", ["", "two words", "a/b", "x" * 65])
def test_names_are_words(name: str) -> None:
    with pytest.raises(ValidationError):
        read({"kind": "mqtt", "name": name})


@pytest.mark.parametrize(
    ("states", "before", "after", "is_told"),
    [
        (["firing", "resolved"], None, P, False),
        (["firing", "resolved"], None, F, True),
        (["firing", "resolved"], P, F, True),
        (["firing", "resolved"], F, R, True),
        (["firing", "resolved"], P, R, False),  # nobody there heard of its beginning
        (["pending", "firing", "resolved"], P, R, True),
        (["pending", "firing", "resolved"], None, P, True),
        (["firing"], F, R, False),
        (["resolved"], F, R, True),
        (["resolved"], P, R, False),
    ],
)
def test_which_transitions_a_receiver_is_told_of(
    states: list[str], before: State | None, after: State, is_told: bool
) -> None:
    settings = read({"kind": "log", "name": "x", "path": "x", "states": states})

    assert settings.is_told(before, after) is is_told


def test_mqtt_is_told_of_everything_by_default() -> None:
    assert all(read(ONE_OF_EACH[2]).is_told(*pair) for pair in [(None, P), (P, F), (F, R), (P, R)])


def test_content_has_the_key_and_leaves_the_body_alone() -> None:
    body = a_body(key=str(uuid.UUID(int=0)))

    assert content(body, KEY, "both") == {**body, "key": str(KEY)}
    assert content(body, KEY, "en")["text"] == {"en": body["text"]["en"]}
    assert body == a_body(key=str(uuid.UUID(int=0)))


def test_a_notice_goes_to_a_machine_as_it_is() -> None:
    assert content(a_notice(key=uuid.UUID(int=0)), KEY, "en") == a_notice(key=KEY)


def test_machines_and_people() -> None:
    machines = {table["kind"] for table in ONE_OF_EACH if read(table).is_machine}

    assert machines == {"webhook", "mqtt", "log", "cloudevents", "alertmanager"}
