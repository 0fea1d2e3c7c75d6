"""E-mail over SMTP: a mail of each notice, to addresses of its own or to whom it is for.

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
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Final, Literal

from pydantic import Field, FilePath, SecretStr, field_validator, model_validator

from fumewatch.core.duration import Duration
from fumewatch.core.errors import SendError
from fumewatch.core.notice import as_notice
from fumewatch.core.phrases import one_line
from fumewatch.receivers.mail import SeriesOf, compose
from fumewatch.receivers.receiver import Body, ReceiverFields, as_answer

PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
REMEMBERED: Final = 1000
"""Notifications of which some recipients have been served and others are still to be."""

_ADDRESS: Final = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_MAILBOX: Final = re.compile(rf"({_ADDRESS})|(?:\"([^\"<>]*)\"|([^\"<>]*?))\s*<({_ADDRESS})>")

Refused = Mapping[str, tuple[int, bytes]]
"""smtplib's: address -> (code, what the server said)."""


class EmailSettings(ReceiverFields):
    """A [[receiver]] of kind "email". `from` may carry a name: "值班 <duty@example.org>".

    to: whom what is for no contact goes to; may be empty where `contact` is set.
    """

    kind: Literal["email"]
    takes: Literal["transitions", "groups"] = "groups"
    parallel: int = Field(2, ge=1, le=16)
    host: str = Field(min_length=1)
    port: int | None = Field(None, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr | None = None
    sender: str = Field(alias="from")
    to: tuple[str, ...] = Field((), max_length=100)
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
    def _reaches_somebody(self) -> "EmailSettings":
        if not self.to and self.contact is None:
            raise ValueError('missing `to`; name addresses, or write contact = "site"')
        return self

    @model_validator(mode="after")
    def _log_in_is_whole(self) -> "EmailSettings":
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password go together")
        return self


class Email:
    """`series`: what is plotted of an alert; None: mails have no plot."""

    def __init__(self, settings: EmailSettings, series: SeriesOf | None = None) -> None:
        self._settings = settings
        self._series = series
        self._sender = mailbox(settings.sender)
        self._to = [mailbox(text) for text in settings.to]
        self._lock = threading.Lock()
        self._served: OrderedDict[uuid.UUID, set[str]] = OrderedDict()

    def send(self, body: Body, key: uuid.UUID) -> str:
        settings = self._settings
        notice = as_notice({**body, "key": str(key)}, settings.name)
        to = self._addressed(notice)
        message = compose(
            notice,
            sender=self._sender,
            to=to,
            language=settings.language,
            templates=settings.wording.templates,
            series=self._series,
        )
        served = self._served_before(key)
        rest = [each.addr_spec for each in to if each.addr_spec not in served]
        refused = self._hand_over(message, rest)
        return self._judge(key, rest, refused)

    def _addressed(self, notice: Body) -> list[Address]:
        contact = notice["to"]
        if contact is None and self._to:
            return self._to
        if contact is None:
            raise SendError("for no contact, and this receiver has no `to`", permanent=True)
        try:
            return [Address(addr_spec=mailbox(contact["email"]).addr_spec)]
        except ValueError:
            name = one_line(contact["name"])
            has = f"{contact['email']!r} is no address" if contact["email"] else "has none"
            detail = f"no e-mail address of {name} (contact {contact['id']}): {has}; enter one"
            raise SendError(as_answer(detail), permanent=True) from None

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


def _said(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return one_line(f"{code} {text}", 150)
