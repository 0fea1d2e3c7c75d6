"""Receivers: an address plus a way to reach it, one way a file."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, assert_never

from pydantic import Field

from fumewatch.receivers.alertmanager import Alertmanager, AlertmanagerSettings
from fumewatch.receivers.apprise import Apprise, AppriseSettings
from fumewatch.receivers.bot import BotFields
from fumewatch.receivers.cloudevents import CloudEvents, CloudEventsSettings
from fumewatch.receivers.dingtalk import DingTalk, DingTalkSettings
from fumewatch.receivers.email import Email, EmailSettings
from fumewatch.receivers.feishu import Feishu, FeishuSettings
from fumewatch.receivers.http import Http, HttpSettings
from fumewatch.receivers.log import LogFile, LogSettings
from fumewatch.receivers.mail import SeriesOf
from fumewatch.receivers.mqtt import MqttReceiver, MqttReceiverSettings, Publisher
from fumewatch.receivers.receiver import Body, Receiver, as_answer
from fumewatch.receivers.webhook import Webhook, WebhookSettings
from fumewatch.receivers.wecom import WeCom, WeComSettings

__all__ = [
    "Body",
    "Publisher",
    "Receiver",
    "ReceiverSettings",
    "SeriesOf",
    "as_answer",
    "build",
]

ReceiverSettings = Annotated[
    WebhookSettings
    | EmailSettings
    | MqttReceiverSettings
    | LogSettings
    | HttpSettings
    | CloudEventsSettings
    | AlertmanagerSettings
    | AppriseSettings
    | WeComSettings
    | DingTalkSettings
    | FeishuSettings,
    Field(discriminator="kind"),
]
"""One [[receiver]] of the configuration."""


def build(
    settings: ReceiverSettings,
    publisher: Publisher,
    now: Callable[[], datetime],
    series: SeriesOf | None = None,
) -> Receiver:
    """The receiver of these settings; nothing is connected before the first send.

    `series`: what a mail plots of an alert; None: nothing.
    """
    match settings:
        case EmailSettings():
            return Email(settings, series)
        case MqttReceiverSettings():
            return MqttReceiver(settings, publisher)
        case LogSettings():
            return LogFile(settings)
        case AppriseSettings():
            return Apprise(settings)
        case WebhookSettings() | HttpSettings() | CloudEventsSettings() | AlertmanagerSettings():
            return _over_http(settings, now)
        case BotFields():
            return _bot(settings, now)
        case _:
            assert_never(settings)


def _over_http(
    settings: WebhookSettings | HttpSettings | CloudEventsSettings | AlertmanagerSettings,
    now: Callable[[], datetime],
) -> Receiver:
    match settings:
        case WebhookSettings():
            return Webhook(settings, now)
        case HttpSettings():
            return Http(settings, now)
        case CloudEventsSettings():
            return CloudEvents(settings, now)
        case AlertmanagerSettings():
            return Alertmanager(settings, now)
        case _:
            assert_never(settings)


def _bot(
    settings: WeComSettings | DingTalkSettings | FeishuSettings, now: Callable[[], datetime]
) -> Receiver:
    match settings:
        case WeComSettings():
            return WeCom(settings, now)
        case DingTalkSettings():
            return DingTalk(settings, now)
        case FeishuSettings():
            return Feishu(settings, now)
        case _:
            assert_never(settings)
