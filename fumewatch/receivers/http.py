"""HTTP by configuration alone: what a gateway for SMS or a city's platform asks for, as templates.

A gateway for SMS, one POST for each contact:

    [[receiver]]
    name = "sms"
    kind = "http"
    contact = "site"
    language = "zh"
    url = "https://sms.example.org/v1/send"
    values = { account = "bureau", token_file = "/run/secrets/sms" }
    body = '''
    {"account": {{ values.account | tojson }}, "token": {{ values.token | tojson }},
     "mobile": {{ to.phone | tojson }}, "content": {{ text | tojson }}}'''
    most_bytes = 500
    success = "body.code == '0'"
    retry = "body.code == '1016'"
    answer = "body.msg"

A city's platform, with a token in a header and a form:

    [[receiver]]
    name = "city"
    kind = "http"
    takes = "transitions"
    url = "https://city.example.org/events/{{ alerts[0].district }}"
    headers = { X-Token_file = "/run/secrets/city" }
    content_type = "application/x-www-form-urlencoded"
    body = "{{ {'id': key, 'level': severity, 'what': title} | urlencode }}"
    success = "body.code == `0`"
"""

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import Field, SecretStr, field_validator, model_validator

from fumewatch.core.errors import SendError
from fumewatch.core.letter import Style, render
from fumewatch.core.letter.samples import CONTACT, samples
from fumewatch.core.notice import Reason, as_notice
from fumewatch.receivers import signature
from fumewatch.receivers.post import (
    CHARSETS,
    Answer,
    Post,
    PostFields,
    charset_of,
    check_header,
    check_url,
    hide,
    revealed,
    tokens_of,
)
from fumewatch.receivers.query import ask, check_query
from fumewatch.receivers.receiver import Body, as_answer
from fumewatch.receivers.template import (
    Template,
    TemplateFault,
    for_body,
    for_header,
    for_url,
)

FORM: Final = "application/x-www-form-urlencoded"
KNOWN: Final = frozenset(
    {"key", "reason", "at", "receiver", "to", "state", "severity", "group", "counts", "title"}
    | {"alerts", "left_out", "link", "step", "text", "now", "values"}
)
"""What templates are offered: the notice (core.notice), but for `title` and `text`, which are the
letter's, and `now`, and the receiver's own `values`. step: none where it is no escalation."""
_SERVER: Final = re.compile(r"https?://[^/?#{}\s]+([/?].*)?", re.DOTALL)
_NOT_IN_A_FORM: Final = re.compile(r"[^\x21-\x7e]")


class HttpSettings(PostFields):
    """A [[receiver]] of kind "http". `url`, `headers` and `body` are templates.

    success, retry, answer: JMESPath over {status, headers, body}: whether it was taken (default:
    2xx), whether a refusal is of the moment, what is shown of the answer. secret: of Standard
    Webhooks. values: for the templates, kept like secrets. most_bytes: of `text`, 0: all of it.
    """

    kind: Literal["http"]
    takes: Literal["transitions", "groups"] = "groups"
    parallel: int = Field(4, ge=1, le=16)
    method: Literal["GET", "POST", "PUT", "PATCH"] = "POST"
    url: SecretStr
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    values: dict[str, SecretStr] = Field(default_factory=dict)
    content_type: str = "application/json"
    body: str = ""
    success: str = ""
    retry: str = ""
    answer: str = ""
    secret: SecretStr | None = None
    most_bytes: int = Field(0, ge=0, le=100_000)

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, url: SecretStr) -> SecretStr:
        """The server is not to be chosen by a name from outside."""
        if not _SERVER.fullmatch(url.get_secret_value()):
            raise ValueError("is not a URL like https://host/path; no template names the server")
        _compiled(url.get_secret_value(), for_url())
        return url

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            check_header(name, value.get_secret_value())
            try:
                _compiled(value.get_secret_value(), for_header())
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return headers

    @field_validator("content_type")
    @classmethod
    def _is_a_content_type(cls, text: str) -> str:
        if not re.fullmatch(r"[\w.+-]+/[\w.+-]+(\s*;\s*[\w-]+=[\w.\"-]+)*", text, re.ASCII):
            raise ValueError(f"{text!r} is not a content type like application/json")
        if charset_of(text) is None:
            raise ValueError(f"{text!r}: the charsets known are {', '.join(sorted(CHARSETS))}")
        return text

    @field_validator("body")
    @classmethod
    def _is_a_body(cls, text: str) -> str:
        _compiled(text, for_body())
        return text

    @field_validator("success", "retry", "answer")
    @classmethod
    def _is_a_query(cls, text: str) -> str:
        return check_query(text)

    @field_validator("secret")
    @classmethod
    def _is_a_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            signature.check_secret(secret.get_secret_value())
        return secret

    @model_validator(mode="after")
    def _fits_together(self) -> "HttpSettings":
        if self.method == "GET" and self.body:
            raise ValueError('a request with method = "GET" has no body')
        if self.secret is not None and charset_of(self.content_type) != "utf-8":
            raise ValueError("secret: only a body in UTF-8 can be signed")
        return self

    @model_validator(mode="after")
    def _can_be_rendered(self) -> "HttpSettings":
        form = Form(self)
        for notice in _samples(self):
            try:
                form.request(notice, notice["at"])
            except TemplateFault as fault:
                what = f"{notice['state']} notice of reason {notice['reason']!r}"
                none = "" if notice["alerts"] else ", which has no alert"
                raise ValueError(f"{fault}{self._hint(form)} (for a {what}{none})") from None
        return self

    def _hint(self, form: "Form") -> str:
        is_meant = "to" in form.names and not self.contact
        return "; `to` is nobody where the receiver has no contact" if is_meant else ""


@dataclass(frozen=True, slots=True)
class Request:
    url: str
    headers: Mapping[str, str]
    body: bytes


class Form:
    """The templates of a receiver, compiled."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._charset = charset_of(settings.content_type) or "utf-8"
        self._url = Template(settings.url.get_secret_value(), for_url())
        self._body = Template(settings.body, for_body(self._charset))
        self._headers = {
            name: Template(value.get_secret_value(), for_header())
            for name, value in settings.headers.items()
        }
        self._values = {name: v.get_secret_value() for name, v in settings.values.items()}

    @property
    def names(self) -> set[str]:
        templates = [self._url, self._body, *self._headers.values()]
        return {name for template in templates for name in template.names}

    @property
    def secrets(self) -> list[str]:
        """What no answer and no error may repeat."""
        headers = revealed(self._settings.headers)
        return [*tokens_of(self._settings.url.get_secret_value(), headers), *self._values.values()]

    def request(self, notice: Body, now: str) -> Request:
        """TemplateFault where it cannot be made; its text names the option and holds no secret."""
        try:
            return self._request(self._context(notice, now))
        except TemplateFault as fault:
            raise TemplateFault(hide(str(fault), self.secrets)) from None

    def _request(self, context: Mapping[str, Any]) -> Request:
        url = _rendered("url", self._url, context)
        try:
            check_url(SecretStr(url))
        except ValueError as error:
            raise TemplateFault(f"url: {error}") from None
        headers = {
            name: _rendered(f"headers.{name}", template, context).strip()
            for name, template in self._headers.items()
        }
        body = _rendered("body", self._body, context)
        if body:
            self._check(body)
            headers["Content-Type"] = self._settings.content_type
        return Request(url, headers, self._encoded(body))

    def _context(self, notice: Body, now: str) -> dict[str, Any]:
        settings, to = self._settings, notice["to"]
        letter = render(
            notice,
            language=to["language"] if to else settings.language,
            style=Style.PLAIN,
            templates=settings.wording.templates,
            most_bytes=settings.most_bytes or None,
        )
        return {
            "step": None,
            **notice,
            "title": letter.title,
            "text": letter.text,
            "now": now,
            "values": self._values,
        }

    def _check(self, body: str) -> None:
        """A body is what its Content-Type says, so that no gateway has to find out."""
        kind = self._settings.content_type.partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            try:
                json.loads(body)
            except ValueError as error:
                hint = "is every value in it written {{ value | tojson }}, without quotes around?"
                raise TemplateFault(f"body: does not give JSON: {error}; {hint}") from None
        elif kind == FORM and (found := _NOT_IN_A_FORM.search(body)):
            hint = "write {{ {'name': value} | urlencode }}"
            raise TemplateFault(f"body: {found.group()!r} is not allowed in a form; {hint}")

    def _encoded(self, body: str) -> bytes:
        try:
            return body.encode(self._charset, "strict" if self._charset == "utf-8" else "replace")
        except UnicodeEncodeError:
            raise TemplateFault("body: holds half a character") from None


class Http:
    def __init__(self, settings: HttpSettings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._form = Form(settings)
        self._post = Post(settings, self._form.secrets)

    def send(self, body: Body, key: uuid.UUID) -> str:
        now = self._now()
        notice = as_notice({**body, "key": str(key)}, self._settings.name)
        try:
            request = self._form.request(notice, now.isoformat())
        except TemplateFault as fault:
            raise SendError(as_answer(str(fault)), permanent=True) from None
        headers = {**request.headers, "Idempotency-Key": str(key)}
        if self._settings.secret is not None:
            secret = self._settings.secret.get_secret_value()
            headers |= signature.headers(secret, key, now, request.body)
        answer = self._post.send(request.url, request.body, headers, method=self._settings.method)
        return self._judge(answer)

    def _judge(self, answer: Answer) -> str:
        """What is shown of it; SendError where it is a refusal.

        What a 2xx refuses is the message, unless `retry` says otherwise; but not where the answer
        broke off, or is a page for people, as a log-in page or a proxy's is.
        """
        settings = self._settings
        said = self._said(answer)
        if ask(settings.success, answer) is True if settings.success else answer.is_success:
            return said
        refusal = answer.refusal(self._now())
        is_strange = answer.is_success and (not answer.is_whole or answer.is_page)
        is_permanent = answer.is_success or refusal.permanent
        if is_strange or (settings.retry and ask(settings.retry, answer) is True):
            is_permanent = False
        raise SendError(said, permanent=is_permanent, retry_after=refusal.retry_after)

    def _said(self, answer: Answer) -> str:
        found = ask(self._settings.answer, answer) if self._settings.answer else None
        if found is None:
            return answer.said
        words = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
        return answer.shown(words)

    def close(self) -> None:
        self._post.close()


def _samples(settings: HttpSettings) -> Iterator[Body]:
    """What it may be told of, with a quotation mark in each name."""
    for notice in samples(settings.name, CONTACT if settings.contact else None):
        if not settings.is_machine or notice["reason"] == Reason.TRANSITION:
            alerts = [{**alert, "site": f'"{alert["site"]}"'} for alert in notice["alerts"]]
            yield {**notice, "alerts": alerts}


def _compiled(text: str, environment: ImmutableSandboxedEnvironment) -> None:
    names = Template(text, environment).names - set(environment.globals)
    if unknown := sorted(names - KNOWN):
        raise ValueError(f"there is no {unknown[0]!r} in a notice but {', '.join(sorted(KNOWN))}")


def _rendered(option: str, template: Template, context: Mapping[str, Any]) -> str:
    try:
        return template.render(context)
    except TemplateFault as fault:
        raise TemplateFault(f"{option}, {fault}") from None
