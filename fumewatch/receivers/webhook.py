"""Webhook: the notification as JSON in a POST, the key in the header Idempotency-Key."""

import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from pydantic import Field

from fumewatch.receivers.post import Headers, Post, PostFields, Url, as_json, revealed, tokens_of
from fumewatch.receivers.receiver import Body, content


class WebhookSettings(PostFields):
    """A [[receiver]] of kind "webhook". The URL may hold a token, so it is never shown."""

    kind: Literal["webhook"]
    parallel: int = Field(4, ge=1, le=16)
    url: Url
    headers: Headers = Field(default_factory=dict)


class Webhook:
    def __init__(
        self,
        settings: WebhookSettings,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._now = now
        self._url = settings.url.get_secret_value()
        self._headers = revealed(settings.headers)
        self._post = Post(settings, tokens_of(self._url, self._headers), clock)

    def send(self, body: Body, key: uuid.UUID) -> str:
        answer = self._post.send(
            self._url,
            as_json(content(body, key, self._settings.language)),
            {
                **self._headers,
                "Content-Type": "application/json",
                "Idempotency-Key": str(key),
            },
        )
        if answer.is_success:
            return answer.said
        raise answer.refusal(self._now())

    def close(self) -> None:
        self._post.close()
