"""Webhook: the notification as JSON in a POST, the key in the header Idempotency-Key."""

import ssl
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Literal

import httpx2
from pydantic import Field, FilePath, SecretStr, field_validator

from fumewatch.core.duration import Duration
from fumewatch.core.errors import SendError
from fumewatch.receivers.receiver import (
    LONGEST_ANSWER,
    Body,
    ReceiverFields,
    as_answer,
    content,
)

TRY_AGAIN: Final = frozenset({408, 425, 429})
"""The 4xx answers that speak of the moment, not of the message."""


class WebhookSettings(ReceiverFields):
    """A [[receiver]] of kind "webhook". The URL may hold a token, so it is never shown."""

    kind: Literal["webhook"]
    parallel: int = Field(4, ge=1, le=16)
    url: SecretStr
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    timeout: Duration = Field(timedelta(seconds=10), gt=timedelta(0), le=timedelta(seconds=60))
    proxy: SecretStr | None = None
    tls_ca: FilePath | None = None

    @field_validator("url", "proxy")
    @classmethod
    def _is_http(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        try:
            url = httpx2.URL(value.get_secret_value())
        except (httpx2.InvalidURL, ValueError) as error:
            raise ValueError(f"is not a URL: {error}") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("is not a URL like https://host/path")
        return value

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
                raise ValueError(f"{name!r} is not a header's name")
            if name.lower() in ("idempotency-key", "content-type", "content-length", "host"):
                raise ValueError(f"{name!r} is set by fumewatch")
            if not value.get_secret_value().isascii() or not value.get_secret_value().isprintable():
                raise ValueError(f"the value of {name!r} is not plain ASCII in one line")
        return headers


class Webhook:
    def __init__(
        self,
        settings: WebhookSettings,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._now = now
        self._clock = clock
        self._client = httpx2.Client(
            headers={
                **{name: value.get_secret_value() for name, value in settings.headers.items()},
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",  # so that a cut answer can be read
            },
            timeout=settings.timeout.total_seconds(),
            follow_redirects=False,  # a redirected POST may lose its body and leak its headers
            trust_env=False,  # a proxy is the file's business, not the environment's
            proxy=settings.proxy.get_secret_value() if settings.proxy else None,
            verify=ssl.create_default_context(cafile=settings.tls_ca) if settings.tls_ca else True,
        )

    def send(self, body: Body, key: uuid.UUID) -> str:
        sent = content(body, key, self._settings.language)
        try:
            with self._client.stream(
                "POST",
                self._settings.url.get_secret_value(),
                json=sent,
                headers={"Idempotency-Key": str(key)},
            ) as response:
                answer = f"{response.status_code} {self._read(response)}".strip()
                retry_after = response.headers.get("Retry-After", "")
        except httpx2.HTTPError as error:
            raise SendError(_what(error), permanent=False) from None
        if response.is_success:
            return answer
        raise SendError(
            answer,
            permanent=_is_permanent(response.status_code),
            retry_after=parse_retry_after(retry_after, self._now()),
        )

    def _read(self, response: httpx2.Response) -> str:
        """The beginning of the answer: the status has decided already, so no fault matters here."""
        deadline = self._clock() + self._settings.timeout.total_seconds()
        head = b""
        try:
            for chunk in response.iter_raw():
                head += chunk
                if len(head) >= LONGEST_ANSWER * 4 or self._clock() > deadline:
                    break
        except httpx2.HTTPError:
            pass
        return as_answer(head.decode("utf-8", "replace"))

    def close(self) -> None:
        self._client.close()


def _is_permanent(status: int) -> bool:
    """A redirect is not: a gateway's log-in page or a moved URL can be mended within the day."""
    return 400 <= status < 500 and status not in TRY_AGAIN


def _what(error: httpx2.HTTPError) -> str:
    """Without the URL, which may hold a token."""
    words = type(error).__name__
    return as_answer(f"{words}: {error}" if isinstance(error, httpx2.ConnectError) else words)


def parse_retry_after(text: str, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date (RFC 9110 §10.2.3); None where it says nothing of use."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 86_400))
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta(0)), timedelta(days=1))
