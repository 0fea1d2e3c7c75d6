"""Receivers: an address plus a way to reach it, one way a file."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, assert_never

from pydantic import Field

from fumewatch.receivers.email import Email, EmailSettings
from fumewatch.receivers.log import LogFile, LogSettings
from fumewatch.receivers.mail import SeriesOf
from fumewatch.receivers.mqtt import MqttReceiver, MqttReceiverSettings, Publisher
from fumewatch.receivers.receiver import Body, Receiver, as_answer
from fumewatch.receivers.webhook import Webhook, WebhookSettings

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
    WebhookSettings | EmailSettings | MqttReceiverSettings | LogSettings,
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
        case WebhookSettings():
            return Webhook(settings, now)
        case EmailSettings():
            return Email(settings, series)
        case MqttReceiverSettings():
            return MqttReceiver(settings, publisher)
        case LogSettings():
            return LogFile(settings)
        case _:
            assert_never(settings)
