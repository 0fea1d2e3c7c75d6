"""A foreign SMTP server on loopback, to be told whom and what to refuse."""

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP as POLICY
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

PASSWORD = "geheim"


class Mails:
    """What came in, and what to answer: `rcpt` by address, `data` for every message."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.logins: list[bytes] = []
        self.rcpt: dict[str, str] = {}
        self.data = ""
        self.quit = "221 Bye"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.rcpt:
            return self.rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.data:
            return self.data
        assert isinstance(envelope.content, bytes)
        self.messages.append(BytesParser(EmailMessage, policy=POLICY).parsebytes(envelope.content))
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 queued as 4711"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return self.quit

    def login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        self.logins.append(data.login)
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


class _Server(threading.Thread):
    """Its own loop on a free port; aiosmtpd's Controller knows its port only beforehand."""

    def __init__(self, tls: ssl.SSLContext | None, session: Callable[[], SMTP]) -> None:
        super().__init__(name="smtp-server")
        self._tls = tls
        self._session = session
        self._is_up = threading.Event()

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        server = await self._loop.create_server(self._session, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._is_up.set()
        async with server:
            await self._closing.wait()

    def __enter__(self) -> "_Server":
        self.start()
        assert self._is_up.wait(10)
        return self

    def __exit__(self, *args: object) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self.join()


@contextmanager
def smtp_server(
    mails: Mails,
    *,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
) -> Iterator[int]:
    """Its port."""

    def session() -> SMTP:
        return SMTP(
            mails,
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_require_tls=False,  # aiosmtpd does not see TLS that the loop speaks for it
            authenticator=mails.login,
        )

    with _Server(tls, session) as server:
        yield server.port


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for 127.0.0.1: what a client trusts, and the server's side."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context
