"""The three bots and their platforms side by side, for what they do alike."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import TypeAdapter

from fumewatch.core.errors import SendError
from fumewatch.receivers import Receiver, ReceiverSettings
from fumewatch.receivers.bot import Bot
from fumewatch.receivers.dingtalk import DingTalk
from fumewatch.receivers.feishu import Feishu
from fumewatch.receivers.wecom import WeCom
from tests.receivers.bots import BotServer, dingtalk_server, feishu_server, wecom_server
from tests.receivers.factories import KEY
from tests.receivers.notices import NOW, a_notice


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


def make(kind: Kind, url: str, clock: Clock | None = None, **table: Any) -> Bot[Any]:
    return kind.receiver(read(kind.name, url=url, **table), lambda: NOW, clock or Clock())


def refusal(receiver: Receiver, body: dict[str, Any] | None = None) -> SendError:
    with pytest.raises(SendError) as caught:
        receiver.send(body or a_notice(), KEY)
    return caught.value
