"""Prometheus Alertmanager: POST /api/v2/alerts (its api/v2/openapi.yaml), to each of a cluster.

Alertmanager takes an alert for over once its endsAt has passed, and whoever sends alerts to it
is meant to send them again and again. A transition comes once: so endsAt of a firing alert is
`expires` away, and an alert that is open for longer ends there before it ends here. It also keeps
alerts in memory only: restarted, it knows of none until their next transition.

Its members do not tell each other of alerts: each is sent to, and one that takes them is enough.
"""

import base64
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from fumewatch.core.alert import State
from fumewatch.core.duration import Duration
from fumewatch.core.errors import SendError
from fumewatch.core.notice import is_notice
from fumewatch.receivers.post import (
    Headers,
    Post,
    PostFields,
    Url,
    as_json,
    revealed,
    tokens_of,
)
from fumewatch.receivers.receiver import Body, as_answer

PATH: Final = "/api/v2/alerts"
LABELS: Final = ("severity", "kind", "monitor", "site", "street", "district", "vendor")
CLOCKS_APART: Final = timedelta(seconds=30)
"""An end that is still to come by Alertmanager's clock would lose against the earlier `expires`."""


class AlertmanagerSettings(PostFields):
    """A [[receiver]] of kind "alertmanager". urls: as --alertmanager.url has them, without path."""

    kind: Literal["alertmanager"]
    parallel: int = Field(4, ge=1, le=16)
    urls: tuple[Url, ...] = Field(min_length=1, max_length=10)
    headers: Headers = Field(default_factory=dict)
    username: str = ""
    password: SecretStr | None = None
    token: SecretStr | None = None
    expires: Duration = Field(timedelta(hours=24), ge=timedelta(minutes=5), le=timedelta(days=90))

    @field_validator("urls")
    @classmethod
    def _are_servers(cls, urls: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for url in urls:
            parts = urlsplit(url.get_secret_value())
            if parts.query or parts.fragment or parts.path.rstrip("/").endswith(PATH):
                raise ValueError(f"{PATH} is added to it: leave it away, and what follows it")
        if len({url.get_secret_value().rstrip("/") for url in urls}) < len(urls):
            raise ValueError("names a server twice")
        return urls

    @field_validator("states")
    @classmethod
    def _is_open_or_not(cls, states: tuple[State, ...]) -> tuple[State, ...]:
        if State.PENDING in states:
            raise ValueError("Alertmanager has no pending alerts, only firing and resolved ones")
        return states

    @model_validator(mode="after")
    def _log_in_is_whole(self) -> "AlertmanagerSettings":
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password go together")
        if self.username and self.token is not None:
            raise ValueError("token or username and password, not both")
        if (self.username or self.token) and "authorization" in map(str.lower, self.headers):
            raise ValueError("headers has Authorization too; keep one of the two")
        return self


class Alertmanager:
    def __init__(self, settings: AlertmanagerSettings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._headers = {**revealed(settings.headers), **_authorization(settings)}
        self._urls = [url.get_secret_value().rstrip("/") + PATH for url in settings.urls]
        hidden = [part for url in self._urls for part in tokens_of(url, self._headers)]
        self._post = Post(settings, hidden)

    def send(self, body: Body, key: uuid.UUID) -> str:
        alerts = as_json(alerts_of(body, self._now() + self._settings.expires))
        headers = {
            **self._headers,
            "Content-Type": "application/json",
            "Idempotency-Key": str(key),
        }
        if len(self._urls) == 1:
            return self._send(alerts, headers, self._urls[0])
        with ThreadPoolExecutor(len(self._urls)) as pool:
            tried = list(pool.map(partial(self._try, alerts, headers), self._urls))
        return _judge([_server(url) for url in self._urls], tried)

    def _try(self, alerts: bytes, headers: dict[str, str], url: str) -> SendError | None:
        try:
            self._send(alerts, headers, url)
        except SendError as error:
            return error
        return None

    def _send(self, alerts: bytes, headers: dict[str, str], url: str) -> str:
        answer = self._post.send(url, alerts, headers)
        if answer.is_success:
            return answer.said
        raise answer.refusal(self._now())

    def close(self) -> None:
        self._post.close()


def alerts_of(body: Body, expires_at: datetime) -> list[dict[str, Any]]:
    """Those of a transition or of a notice; a notice without any is an alert of its own."""
    if not is_notice(body):
        return [_alert(body, expires_at)]
    if body["alerts"]:
        return [_alert(alert, expires_at) for alert in body["alerts"]]
    return [_own(body, expires_at)]


def _alert(body: Body, expires_at: datetime) -> dict[str, Any]:
    """Alertmanager knows an alert by its labels: so they hold nothing that changes while it is
    open, like its value, and none that is empty."""
    opened_at = datetime.fromisoformat(body["opened_at"])
    ends_at = expires_at
    if body["state"] == State.RESOLVED:
        ends_at = max(opened_at, datetime.fromisoformat(body["at"]) - CLOCKS_APART)
    labels = {name: str(body.get(name) or "") for name in LABELS}
    return {
        "labels": {"alertname": body["rule"], **{k: v for k, v in labels.items() if v}},
        "annotations": _annotations(body["text"], body),
        "startsAt": opened_at.isoformat(),
        "endsAt": ends_at.isoformat(),
        **_generator(body),
    }


def _own(body: Body, expires_at: datetime) -> dict[str, Any]:
    at = datetime.fromisoformat(body["at"])
    is_over = body["state"] == State.RESOLVED
    return {
        "labels": {"alertname": f"fumewatch {body['reason']}", "severity": body["severity"]},
        "annotations": {f"summary_{code}": text for code, text in body["title"].items() if text},
        "startsAt": at.isoformat(),
        "endsAt": (at if is_over else expires_at).isoformat(),
        **_generator(body),
    }


def _annotations(texts: dict[str, str], body: Body) -> dict[str, str]:
    """In both languages, whatever `language` says: the templates of Alertmanager choose."""
    said = {f"summary_{code}": text.partition("\n")[0] for code, text in texts.items()}
    said |= {f"description_{code}": text.partition("\n")[2] for code, text in texts.items()}
    said |= {"address": body["address"], "id": body["id"]}
    return {name: text for name, text in said.items() if text}


def _generator(body: Body) -> dict[str, str]:
    return {"generatorURL": body["link"]} if body.get("link") else {}


def _authorization(settings: AlertmanagerSettings) -> dict[str, str]:
    if settings.token is not None:
        return {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
    if settings.password is not None:
        pair = f"{settings.username}:{settings.password.get_secret_value()}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def _judge(servers: Sequence[str], errors: Sequence[SendError | None]) -> str:
    """Taken by one is taken; refused for good only where all of them refuse it for good."""
    refused = [(s, e) for s, e in zip(servers, errors, strict=True) if e is not None]
    words = "; ".join(f"{server}: {error.detail}" for server, error in refused)
    if len(refused) < len(servers):
        taken = f"taken by {len(servers) - len(refused)} of {len(servers)}"
        return as_answer(f"{taken}; {words}" if words else taken)
    waits = [error.retry_after for _, error in refused if error.retry_after is not None]
    raise SendError(
        as_answer(words),
        permanent=all(error.permanent for _, error in refused),
        retry_after=min(waits, default=None),
    )


def _server(url: str) -> str:
    """Host and port only: whatever else the URL holds is not shown."""
    return urlsplit(url).netloc.rpartition("@")[2]
