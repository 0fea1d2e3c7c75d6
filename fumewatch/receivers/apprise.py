"""Apprise (appriseit.com, an optional extra): the services that have no kind of their own here.

It says only whether a service took a message. What is not taken is tried again, but not at those
who took it; they are remembered in memory, so after a restart they may get it twice.
"""

import importlib
import logging
import threading
import uuid
from collections import OrderedDict
from typing import Any, Final, Literal

from pydantic import Field, SecretStr, field_validator

from fumewatch.core.errors import SendError
from fumewatch.core.letter import Style, render
from fumewatch.core.notice import as_notice
from fumewatch.receivers.post import hide, tokens_of
from fumewatch.receivers.receiver import Body, ReceiverFields, as_answer

OWN_KINDS: Final = {
    "dingtalk": "dingtalk",
    "wecombot": "wecom",
    "feishu": "feishu",
    "lark": "feishu",
}
"""Apprise takes their HTTP 200 for success, also where its errcode says that they refused."""
REMEMBERED: Final = 1000
_TYPES: Final = {"info": "info", "warning": "warning", "critical": "failure"}


class AppriseSettings(ReceiverFields):
    """A [[receiver]] of kind "apprise". Its URLs hold tokens, so they are never shown."""

    kind: Literal["apprise"]
    takes: Literal["transitions", "groups"] = "groups"
    urls: tuple[SecretStr, ...] = Field(min_length=1, max_length=20)

    @field_validator("urls")
    @classmethod
    def _are_understood(cls, urls: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        library = _library()
        for number, url in enumerate(urls, start=1):
            plugin = library.Apprise.instantiate(url.get_secret_value())
            if plugin is None:
                raise ValueError(
                    f"apprise does not understand URL {number} of {len(urls)}; "
                    "appriseit.com lists what each service wants"
                )
            if kind := OWN_KINDS.get(_scheme(plugin)):
                raise ValueError(
                    f'URL {number} of {len(urls)}: use kind = "{kind}"; apprise reports success '
                    "where this service refuses"
                )
        return urls


class Apprise:
    def __init__(self, settings: AppriseSettings) -> None:
        self._settings = settings
        self._services = [_Service(url.get_secret_value()) for url in settings.urls]
        self._lock = threading.Lock()
        self._served: OrderedDict[uuid.UUID, set[int]] = OrderedDict()

    def send(self, body: Body, key: uuid.UUID) -> str:
        notice = as_notice({**body, "key": str(key)}, self._settings.name)
        with self._lock:
            served = set(self._served.pop(key, ()))
        refused: list[str] = []
        for number, service in enumerate(self._services):
            if number not in served:
                words = service.send(notice, self._settings)
                if words is None:
                    served.add(number)
                else:
                    refused.append(f"{service.name}: {words}")
        if not refused:
            return as_answer(f"taken by {', '.join(s.name for s in self._services)}")
        self._remember(key, served)
        raise SendError(as_answer("; ".join(refused)), permanent=False)

    def _remember(self, key: uuid.UUID, served: set[int]) -> None:
        with self._lock:
            self._served[key] = served
            while len(self._served) > REMEMBERED:
                self._served.popitem(last=False)

    def close(self) -> None:
        """A connection lasts for one message only."""


class _Service:
    def __init__(self, url: str) -> None:
        library = _library()
        self._hidden = [url, *tokens_of(url, {})]
        plugin = library.Apprise.instantiate(url)
        self.name = _scheme(plugin)
        self._most = int(plugin.body_maxlen)
        self._apprise = library.Apprise()
        self._apprise.add(plugin)

    def send(self, notice: Body, settings: AppriseSettings) -> str | None:
        """None where it was taken, else what is known of why not."""
        letter = render(
            notice,
            language=notice["to"]["language"] if notice["to"] else settings.language,
            style=Style.PLAIN,
            templates=settings.wording.templates,
            most_bytes=self._most,
        )
        is_over = notice["state"] == "resolved"
        result = self._apprise.notify(
            title=letter.title,
            body=letter.text.removeprefix(letter.title).lstrip("\n") or letter.text,
            notify_type="success" if is_over else _TYPES[notice["severity"]],
            body_format="text",
        )
        return None if result else hide(_why(result), self._hidden)


def _why(result: Any) -> str:
    """What it logged of it, which older releases keep to themselves."""
    said = [str(entry.message) for entry in result.logs()] if hasattr(result, "logs") else []
    return " ".join(said) or "not taken"


def _scheme(plugin: Any) -> str:
    return str(plugin.secure_protocol or plugin.protocol)


def _library() -> Any:
    try:
        library = importlib.import_module("apprise")
    except ImportError:
        raise ValueError(
            "kind apprise needs a package that is not installed: pip install 'fumewatch[apprise]'"
        ) from None
    logging.getLogger("apprise").propagate = False  # it logs paths of URLs, which hold tokens
    return library
