"""E-mail over SMTP: plain text and HTML, one thread of mails per alert.

What the server says of the message or of a recipient decides by its code: 4xx again, 5xx for good.
What goes wrong before that (name, connection, TLS, log-in) is the configuration's or the moment's
fault, not the message's: it is tried again, so that a mended password loses nothing.
"""

import re
import smtplib
import ssl
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from typing import Final, Literal

from pydantic import Field, FilePath, SecretStr, field_validator, model_validator

from fumewatch.core.duration import Duration
from fumewatch.core.errors import SendError
from fumewatch.core.phrases import one_line
from fumewatch.receivers.receiver import Body, ReceiverFields, as_answer

PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
REMEMBERED: Final = 1000
"""Notifications of which some recipients have been served and others are still to be."""

_ADDRESS: Final = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_MAILBOX: Final = re.compile(rf"({_ADDRESS})|(?:\"([^\"<>]*)\"|([^\"<>]*?))\s*<({_ADDRESS})>")

Refused = Mapping[str, tuple[int, bytes]]
"""smtplib's: address -> (code, what the server said)."""


class EmailSettings(ReceiverFields):
    """A [[receiver]] of kind "email". `from` may carry a name: "值班 <duty@example.org>"."""

    kind: Literal["email"]
    takes: Literal["transitions", "groups"] = "groups"
    parallel: int = Field(2, ge=1, le=16)
    host: str = Field(min_length=1)
    port: int | None = Field(None, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr | None = None
    sender: str = Field(alias="from")
    to: tuple[str, ...] = Field(min_length=1, max_length=100)
    timeout: Duration = Field(timedelta(seconds=20), gt=timedelta(0), le=timedelta(seconds=60))
    tls_ca: FilePath | None = None

    @field_validator("sender")
    @classmethod
    def _is_mailbox(cls, text: str) -> str:
        mailbox(text)
        return text

    @field_validator("to")
    @classmethod
    def _are_mailboxes(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        addresses = [mailbox(text).addr_spec for text in texts]
        if len(set(addresses)) < len(addresses):
            raise ValueError("names an address twice")
        return texts

    @model_validator(mode="after")
    def _log_in_is_whole(self) -> "EmailSettings":
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password go together")
        return self


class Email:
    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings
        self._sender = mailbox(settings.sender)
        self._to = [mailbox(text) for text in settings.to]
        self._lock = threading.Lock()
        self._served: OrderedDict[uuid.UUID, set[str]] = OrderedDict()

    def send(self, body: Body, key: uuid.UUID) -> str:
        message = compose(body, key, self._sender, self._to, self._settings.language)
        served = self._served_before(key)
        rest = [to.addr_spec for to in self._to if to.addr_spec not in served]
        refused = self._hand_over(message, rest)
        return self._judge(key, rest, refused)

    def close(self) -> None:
        """A connection lasts for one message only."""

    def _hand_over(self, message: EmailMessage, to: list[str]) -> Refused:
        """The recipients refused; SendError where the server took the message for nobody."""
        with self._session() as server:
            try:
                return server.send_message(message, self._sender.addr_spec, to)
            except smtplib.SMTPRecipientsRefused as error:
                return error.recipients
            except smtplib.SMTPResponseException as error:
                detail = _said(error.smtp_code, error.smtp_error)
                raise SendError(detail, permanent=error.smtp_code >= 500) from error

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        try:
            server = self._connect()
            try:
                self._prepare(server)
                yield server
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()  # the message is in: a rude good-bye changes nothing
            finally:
                server.close()
        except smtplib.SMTPResponseException as error:  # greeting, STARTTLS, log-in
            detail = _said(error.smtp_code, error.smtp_error)
            raise SendError(detail, permanent=False) from error
        except (OSError, smtplib.SMTPException) as error:
            detail = as_answer(f"{type(error).__name__}: {error}")
            raise SendError(detail, permanent=False) from error

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        port = settings.port or PORTS[settings.security]
        timeout = settings.timeout.total_seconds()
        if settings.security == "tls":
            return smtplib.SMTP_SSL(settings.host, port, timeout=timeout, context=self._context())
        return smtplib.SMTP(settings.host, port, timeout=timeout)

    def _prepare(self, server: smtplib.SMTP) -> None:
        if self._settings.security == "starttls":
            server.starttls(context=self._context())
        if self._settings.password is not None:
            server.login(self._settings.username, self._settings.password.get_secret_value())

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._settings.tls_ca)

    def _served_before(self, key: uuid.UUID) -> set[str]:
        with self._lock:
            return self._served.get(key, set())

    def _judge(self, key: uuid.UUID, to: list[str], refused: Refused) -> str:
        """A recipient refused for now is tried again alone: the others have their mail.

        Those served are remembered in memory only, so after a restart they may get it twice.
        """
        said = "; ".join(f"{address}: {_said(*why)}" for address, why in refused.items())
        if any(code < 500 for code, _ in refused.values()):
            with self._lock:
                self._served.setdefault(key, set()).update(set(to) - set(refused))
                while len(self._served) > REMEMBERED:
                    self._served.popitem(last=False)
            raise SendError(as_answer(f"refused for now: {said}"), permanent=False)
        with self._lock:
            served = self._served.pop(key, set()) | (set(to) - set(refused))
        if not served:
            raise SendError(as_answer(f"refused: {said}"), permanent=True)
        answer = f"accepted for {', '.join(sorted(served))}"
        return as_answer(f"{answer}; refused: {said}" if refused else answer)


def mailbox(text: str) -> Address:
    """One address with or without a name; ValueError where it is not one, or holds a line break."""
    match = _MAILBOX.fullmatch(text)
    if match is None or not text.isprintable():
        raise ValueError(f"{text!r} is not an address like duty@example.org")
    bare, quoted, name, address = match.groups()
    return Address(display_name=(quoted or name or "").strip(), addr_spec=bare or address)


def compose(
    body: Body,
    key: uuid.UUID,
    sender: Address,
    to: list[Address],
    language: Literal["both", "zh", "en"],
) -> EmailMessage:
    """The mail of one notification: the same for the same body and key, whenever it is sent."""
    languages = ("zh", "en") if language == "both" else (language,)
    texts = [body["text"][code] for code in languages]
    message = EmailMessage(SMTP.clone(cte_type="7bit"))  # whatever relay comes after the first
    message["From"] = sender
    message["To"] = to
    message["Subject"] = one_line(texts[0].partition("\n")[0], 150)
    message["Date"] = datetime.fromisoformat(body["at"])
    message["Message-ID"] = f"<{key}@{sender.domain}>"
    message["References"] = f"<{uuid.UUID(body['id'])}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # keeps out-of-office answers away
    message.set_content("\n\n".join(texts) + "\n")
    message.add_alternative(_html(texts, languages, body.get("link", "")), subtype="html")
    return message


def _html(texts: list[str], languages: tuple[str, ...], link: str) -> str:
    parts = [
        f'<div lang="{code}">{_block(text, link)}</div>'
        for code, text in zip(languages, texts, strict=True)
    ]
    return (
        '<!doctype html><html><head><meta charset="utf-8"></head>'
        f'<body style="font-family:sans-serif">{"<hr>".join(parts)}</body></html>\n'
    )


def _block(text: str, link: str) -> str:
    """The first line as a heading, each further line as a paragraph, the link to be clicked."""
    head, *lines = [escape(line) for line in text.split("\n")]
    if link.startswith(("http://", "https://")):
        href = escape(link)
        lines = [line.replace(href, f'<a href="{href}">{href}</a>') for line in lines]
    return f"<h3>{head}</h3>" + "".join(f"<p>{line}</p>" for line in lines)


def _said(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return one_line(f"{code} {text}", 150)
