"""Post: HTTP as every receiver that speaks it does it, with the same caution towards the remote.

The environment's proxies are not used, redirects are not followed, an answer is read to
MOST_READ bytes and for one time-out at most, and no URL (they hold tokens) is in any error.
"""

import codecs
import json
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx2
from pydantic import AfterValidator, Field, FilePath, SecretStr, field_validator

from fumewatch.core.duration import Duration, show
from fumewatch.core.errors import SendError
from fumewatch.receivers.receiver import ReceiverFields, as_answer

MOST_READ: Final = 65_536
TRY_AGAIN: Final = frozenset({408, 425, 429})
"""The 4xx answers that speak of the moment, not of the message."""
OURS: Final = frozenset(
    {"idempotency-key", "content-type", "content-length", "host", "transfer-encoding"}
    | {"webhook-id", "webhook-timestamp", "webhook-signature"}
)
"""Headers that no configuration sets."""


CHARSETS: Final = frozenset(
    {"utf-8", "ascii", "iso8859-1", "cp1252", "gb2312", "gbk", "gb18030", "big5"}
)
"""Others of Python's are no charsets at all (rot13), or fail over a byte too many (idna)."""


def check_url(value: SecretStr) -> SecretStr:
    """For pydantic: ValueError where it is not the URL of an HTTP server; it is not repeated."""
    try:
        url = httpx2.URL(value.get_secret_value())
    except (httpx2.InvalidURL, ValueError) as error:
        raise ValueError(f"is not a URL: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("is not a URL like https://host/path")
    return value


def check_headers(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, value in headers.items():
        check_header(name, value.get_secret_value())
    return headers


def check_header(name: str, value: str) -> None:
    """ValueError where it cannot be sent, or is not the configuration's to set."""
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"{name!r} is not a header's name")
    if name.lower() in OURS:
        raise ValueError(f"{name!r} is set by fumewatch")
    if not value.isascii() or not value.isprintable():
        raise ValueError(f"the value of {name!r} is not plain ASCII in one line")


Url = Annotated[SecretStr, AfterValidator(check_url)]
Headers = Annotated[dict[str, SecretStr], AfterValidator(check_headers)]


class PostFields(ReceiverFields):
    """What each [[receiver]] that is reached over HTTP has."""

    timeout: Duration = Field(timedelta(seconds=10), gt=timedelta(0), le=timedelta(seconds=60))
    proxy: Url | None = None
    tls_ca: FilePath | None = None

    @field_validator("tls_ca")
    @classmethod
    def _holds_certificates(cls, path: Path | None) -> Path | None:
        if path is not None:
            try:
                _trusting(path)
            except OSError as error:  # ssl.SSLError is one
                raise ValueError(f"{path} holds no certificates in PEM: {error.strerror}") from None
        return path


@dataclass(frozen=True, slots=True)
class Answer:
    """What a remote said. Names of headers are lower case; `body` may be cut: see `is_whole`.

    hidden: secrets that are not to be shown, should the remote repeat them.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool = True
    hidden: tuple[str, ...] = ()

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_page(self) -> bool:
        """A page for people: what a portal or a proxy in between says."""
        return "html" in self.headers.get("content-type", "").lower()

    @property
    def text(self) -> str:
        """In the charset it says it is in (many gateways still say GBK), else UTF-8."""
        return self.body.decode(
            charset_of(self.headers.get("content-type", "")) or "utf-8", "replace"
        )

    @property
    def said(self) -> str:
        return self.shown(self.text)

    def shown(self, words: str) -> str:
        """The status and these words of it in one line, cut as an answer is kept and shown."""
        return as_answer(hide(f"{self.status} {words}".strip(), self.hidden))

    def json(self) -> Any:
        """None where it is not JSON, or was cut."""
        try:
            return json.loads(self.text.removeprefix("\ufeff")) if self.is_whole else None
        except (ValueError, RecursionError):
            return None

    def refusal(self, now: datetime) -> SendError:
        """By its status alone: 4xx is about the message, but for those of TRY_AGAIN.

        A redirect is not for good: a gateway's log-in page or a moved URL can be mended.
        """
        return SendError(
            self.said,
            permanent=400 <= self.status < 500 and self.status not in TRY_AGAIN,
            retry_after=parse_retry_after(self.headers.get("retry-after", ""), now),
        )


class Post:
    """Sends requests; safe to be used from several threads at once. `hidden`: see Answer."""

    def __init__(
        self,
        settings: PostFields,
        hidden: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout = settings.timeout
        self._hidden = tuple(hidden)
        self._clock = clock
        self._client = httpx2.Client(
            headers={
                "User-Agent": "fumewatch",
                "Accept-Encoding": "identity",  # so that a cut answer can be read
            },
            timeout=settings.timeout.total_seconds(),
            follow_redirects=False,  # a redirected POST may lose its body and leak its headers
            trust_env=False,  # a proxy is the file's business, not the environment's
            proxy=settings.proxy.get_secret_value() if settings.proxy else None,
            verify=_trusting(settings.tls_ca) if settings.tls_ca else _trusting_the_usual(),
        )

    def send(
        self, url: str, body: bytes, headers: Mapping[str, str], *, method: str = "POST"
    ) -> Answer:
        """The remote's answer, whatever its status; SendError, to be retried, where none came."""
        try:
            with self._client.stream(method, url, content=body, headers=headers) as response:
                return Answer(
                    response.status_code, _plain(response), *self._read(response), self._hidden
                )
        except httpx2.HTTPError as error:
            raise SendError(self._what(error), permanent=False) from None

    def _read(self, response: httpx2.Response) -> tuple[bytes, bool]:
        """The beginning of the body, and whether it is all of it."""
        deadline = self._clock() + self._timeout.total_seconds()
        head = b""
        try:
            for chunk in response.iter_raw():
                head += chunk
                if len(head) > MOST_READ or self._clock() > deadline:
                    return head[:MOST_READ], False
        except httpx2.HTTPError:
            return head, False
        return head, True

    def _what(self, error: httpx2.HTTPError) -> str:
        """Without the URL, which may hold a token."""
        within = show(self._timeout)
        match error:
            case httpx2.ConnectTimeout():
                return f"no connection within {within}"
            case httpx2.TimeoutException():
                return f"no answer within {within}"
            case httpx2.ConnectError():
                return as_answer(_tls(error) or f"no connection: {error}")
            case httpx2.RemoteProtocolError():
                return "the connection was closed before the answer, or the answer is not HTTP"
            case _:
                return type(error).__name__

    def close(self) -> None:
        self._client.close()


def as_json(value: Any) -> bytes:
    """Compact UTF-8; ValueError for NaN."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def revealed(headers: Mapping[str, SecretStr]) -> dict[str, str]:
    """As they go out."""
    return {name: value.get_secret_value() for name, value in headers.items()}


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


def _trusting(ca: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)


@cache
def _trusting_the_usual() -> ssl.SSLContext:
    """Once for all receivers: to read some 140 certificates takes 0.1 s."""
    return httpx2.create_ssl_context(trust_env=False)


def _plain(response: httpx2.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text without any secret that a remote repeats. Shorter than 6 is none, but a word."""
    for secret in secrets:
        if len(secret) >= 6:
            text = text.replace(secret, "***")
    return text


def tokens_of(url: str, headers: Mapping[str, str]) -> list[str]:
    """What of an address is likely a secret: values of its query, long parts of its path, and
    the words of headers."""
    parts = urlsplit(url)
    query = [value for _, value in parse_qsl(parts.query)]
    path = [part for part in parts.path.split("/") if len(part) >= 16]
    return [*query, *path, *(word for value in headers.values() for word in value.split())]


def charset_of(content_type: str) -> str | None:
    """By Python's name for it, UTF-8 where it names none; None for one that is not known here."""
    _, _, name = content_type.lower().partition("charset=")
    try:
        found = codecs.lookup(name.split(";")[0].strip(" \"'") or "utf-8").name
    except (LookupError, ValueError):
        return None
    return found if found in CHARSETS else None


def _tls(error: BaseException) -> str:
    """What is wrong with the server's TLS, where that is what went wrong."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate of the server is not trusted: {cause.verify_message}"
    return f"TLS failed: {cause.reason or cause}" if cause else ""
