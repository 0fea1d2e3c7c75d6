"""WeCom, DingTalk and Feishu on loopback, as strict as the real ones: for tests and the demo.

    with dingtalk_server(secret="SEC1", keywords=("预警",)) as server:
        ...                             # server.url goes into the configuration
        server.messages                 # what its group has got to read

`behave` may answer in the platform's place: `server.behave = lambda request: HANG`;
`server.as_platform(request)` is what the platform answers. What the documents leave open is as
users report it.
"""

import base64
import ipaddress
import json
import re
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.receivers.servers import Answer, Request, WebhookServer

HOUR_S = 3600.0
LOG_IN_PAGE = Answer(302, {"Location": "/portal/login"}, b"<html>Please log in</html>")
PORTAL = Answer(200, {"Content-Type": "text/html"}, b"<html>Please log in</html>")
"""What a captive portal says in the platform's place."""


def said(told: dict[str, Any]) -> Answer:
    """As a platform answers: 200, whatever became of it."""
    body = json.dumps(told, ensure_ascii=False).encode()
    return Answer(200, {"Content-Type": "application/json"}, body)


@dataclass(frozen=True)
class Message:
    """One message as the group sees it. names, mobiles, all: who was really called."""

    title: str
    text: str
    names: tuple[str, ...] = ()
    mobiles: tuple[str, ...] = ()
    all: bool = False


class Refused(Exception):
    def __init__(self, code: int, words: str) -> None:
        self.code, self.words = code, words
        super().__init__(f"{code} {words}")


class Frequency:
    """How often something happened within the last `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._times: deque[float] = deque()

    def is_over(self, now: float) -> bool:
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) > self._most


class BotServer(WebhookServer, ABC):
    """`secret`, `keywords`, `addresses`: the bot's security settings, where it has them."""

    path: str
    token = "0123456789abcdef-token"

    def __init__(
        self,
        *,
        secret: str = "",
        keywords: tuple[str, ...] = (),
        addresses: tuple[str, ...] = ("127.0.0.1",),
        most_per_minute: int | None = None,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls)
        self._judging = threading.Lock()
        self._most_per_minute = most_per_minute
        self.reset()
        self.secret, self.keywords, self.addresses = secret, keywords, addresses
        self._now, self._clock = now, clock

    def reset(self) -> None:
        """As if nobody had asked yet; its security settings stay."""
        self.messages: list[Message] = []
        self.requests.clear()
        self.is_stopped = False
        self.behave = self.as_platform
        self._frequencies = self.frequencies(self._most_per_minute)
        self._shut_until = float("-inf")

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"{self._scheme}://{host!s}:{port}{self.path}{self.token}"

    def frequencies(self, most_per_minute: int | None) -> list[Frequency]:
        return [Frequency(20 if most_per_minute is None else most_per_minute, 60)]

    @abstractmethod
    def judge(self, request: Request) -> Message:
        """What it becomes in the group; Refused."""

    def answer(self, code: int, words: str) -> dict[str, Any]:
        return {"errcode": code, "errmsg": words}

    def as_platform(self, request: Request) -> Answer:
        try:
            with self._judging:
                self.messages.append(self.judge(request))
            told = self.answer(0, "ok")
        except Refused as refused:
            told = self.answer(refused.code, refused.words)
        return said(told)

    def _is_too_often(self) -> bool:
        now = self._clock()
        over = [frequency.is_over(now) for frequency in self._frequencies]
        return any(over)

    def _is_in_time(self, seconds: float) -> bool:
        return abs(self._now() - seconds) <= HOUR_S

    def _has_keyword(self, *texts: str) -> bool:
        return not self.keywords or any(word in text for word in self.keywords for text in texts)


class WeComServer(BotServer):
    path = "/cgi-bin/webhook/send?key="
    longest: ClassVar = {"markdown": 4096, "text": 2048}

    def judge(self, request: Request) -> Message:
        body, kind = request.body, request.body.get("msgtype")
        if _query(request).get("key") != self.token:
            raise Refused(93000, _hint("invalid webhook url", 93000))
        if kind not in self.longest:
            raise Refused(40008, _hint("invalid message type", 40008))
        content = body.get(kind, {}).get("content", "")
        if not content:
            raise Refused(44004, _hint("empty content", 44004))
        if len(content.encode()) > self.longest[kind]:
            words = f"{kind}.content exceed max length {self.longest[kind]}. Invalid input"
            raise Refused(40058, _hint(words, 40058))
        if self._is_too_often():
            raise Refused(45009, _hint("api freq out of limit", 45009))
        named = re.findall(r"<@([^<>\s]+)>", content)
        if kind == "text":
            named += body["text"].get("mentioned_list", [])
        mobiles = body["text"].get("mentioned_mobile_list", []) if kind == "text" else []
        return Message(
            "",
            content,
            tuple(name for name in named if name != "@all"),
            tuple(mobile for mobile in mobiles if mobile != "@all"),
            "@all" in [*named, *mobiles],
        )


class DingTalkServer(BotServer):
    path = "/robot/send?access_token="
    longest = 20_000

    def judge(self, request: Request) -> Message:
        query, body = _query(request), request.body
        if "access_token" not in query:
            raise Refused(40035, "缺少参数 access_token")
        if query["access_token"] != self.token:
            raise Refused(300005, "token is not exist")
        if self.is_stopped:
            raise Refused(400102, "bot is stopped")
        self._check_security(query, body)
        if int(request.headers["Content-Length"]) > self.longest:
            raise Refused(460101, "message too long, exceed 20000 bytes")
        self._check_frequency()
        markdown, at = body["markdown"], body.get("at", {})
        text = markdown["text"]
        return Message(
            markdown["title"],
            text,
            tuple(name for name in at.get("atUserIds", []) if f"@{name}" in text),
            tuple(mobile for mobile in at.get("atMobiles", []) if f"@{mobile}" in text),
            at.get("isAtAll", False),
        )

    def _check_security(self, query: dict[str, str], body: dict[str, Any]) -> None:
        if self.secret:
            stamp = query.get("timestamp", "")
            if not stamp.isdigit() or not self._is_in_time(int(stamp) / 1000):
                raise Refused(310000, "invalid timestamp")
            if query.get("sign") != _hmac(self.secret, f"{stamp}\n{self.secret}"):
                raise Refused(310000, "description:机器人发送签名不匹配;solution:请确认签名")
        if "127.0.0.1" not in self.addresses:
            raise Refused(310000, "ip 127.0.0.1 not in whitelist")
        if not self._has_keyword(*body.get("markdown", {}).values()):
            raise Refused(310000, "keywords not in content")

    def _check_frequency(self) -> None:
        """Who asks too often is shut out for ten minutes."""
        now = self._clock()
        if self._is_too_often() and now >= self._shut_until:
            self._shut_until = now + 600
        if now < self._shut_until:
            raise Refused(130101, "send too fast, exceed 20 times per minute")


class FeishuServer(BotServer):
    path = "/open-apis/bot/v2/hook/"
    longest = 20 * 1024
    may_call_all = True

    def frequencies(self, most_per_minute: int | None) -> list[Frequency]:
        most = 100 if most_per_minute is None else most_per_minute
        return [Frequency(most, 60), Frequency(5, 1)]

    def answer(self, code: int, words: str) -> dict[str, Any]:
        if code:
            return {"code": code, "data": {}, "msg": words}
        success = {"StatusCode": 0, "StatusMessage": "success"}
        return {**success, "code": 0, "data": {}, "msg": "success"}

    def judge(self, request: Request) -> Message:
        body = request.body
        if request.path.rpartition("/")[2] != self.token:
            raise Refused(19001, "param invalid: incoming webhook access token invalid")
        if self.is_stopped:
            raise Refused(19007, "Bot Not Enabled")
        if int(request.headers["Content-Length"]) > self.longest:
            raise Refused(9499, "Bad Request")
        if self.secret:
            self._check_signature(body)
        if "127.0.0.1" not in self.addresses:
            raise Refused(19022, "Ip Not Allowed")
        message = self._read(body)
        if not self._has_keyword(message.title, message.text):
            raise Refused(19024, "Key Words Not Found")
        if self._is_too_often():
            words = "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]"
            raise Refused(11232, words)
        return message

    def _check_signature(self, body: dict[str, Any]) -> None:
        stamp = str(body.get("timestamp", ""))
        is_right = body.get("sign") == _hmac(f"{stamp}\n{self.secret}", "")
        if not (is_right and stamp.isdigit() and self._is_in_time(int(stamp))):
            words = "sign match fail or timestamp is not within one hour from current time"
            raise Refused(19021, words)

    def _read(self, body: dict[str, Any]) -> Message:
        if body.get("msg_type") == "text":
            return _feishu_text(body["content"]["text"])
        if body.get("msg_type") != "interactive":
            raise Refused(9499, "Bad Request")
        card = body["card"]
        title = card["header"]["title"]
        if title["tag"] != "plain_text" or any(
            each["tag"] != "markdown" for each in card["elements"]
        ):
            raise Refused(11246, "ErrCode: 11310; ErrMsg: unsupported type of block")
        text = "\n".join(each["content"] for each in card["elements"])
        if re.search(r"!\[[^\]]*\]\([^)]*\)", text):
            raise Refused(11246, "ErrCode: 11310; ErrMsg: invalid image keys")
        ids = re.findall(r"<at id=['\"]?([^'\">\s]+)['\"]?\s*>", text)
        if "all" in ids and not self.may_call_all:
            raise Refused(11246, "ErrCode: 11310; ErrMsg: at all is not allowed")
        return Message(
            title["content"], text, tuple(x for x in ids if x != "all"), (), "all" in ids
        )


def _feishu_text(text: str) -> Message:
    ids = re.findall(r'<at user_id="([^"]+)">', text)
    return Message("", text, tuple(x for x in ids if x != "all"), (), "all" in ids)


def _query(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}


def _hint(words: str, code: int) -> str:
    return (
        f"{words}, hint: [1653710540075724015410106], from ip: 127.0.0.1, "
        f"more info at https://open.work.weixin.qq.com/devtool/query?e={code}"
    )


def _hmac(key: str, text: str) -> str:
    """Not as the receivers make it: with another library."""
    made = hmac.HMAC(key.encode(), hashes.SHA256())
    made.update(text.encode())
    return base64.b64encode(made.finalize()).decode()


@contextmanager
def _running(server: BotServer) -> Iterator[Any]:
    try:
        yield server
    finally:
        server.close()


@contextmanager
def wecom_server(**settings: Any) -> Iterator[WeComServer]:
    with _running(WeComServer(**settings)) as server:
        yield server


@contextmanager
def dingtalk_server(**settings: Any) -> Iterator[DingTalkServer]:
    with _running(DingTalkServer(**settings)) as server:
        yield server


@contextmanager
def feishu_server(**settings: Any) -> Iterator[FeishuServer]:
    with _running(FeishuServer(**settings)) as server:
        yield server


def self_signed(folder: Path, name: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """A server's TLS that nobody has vouched for, and its certificate as a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    is_address = name.replace(".", "").isdigit()
    known_as: x509.GeneralName = (
        x509.IPAddress(ipaddress.ip_address(name)) if is_address else x509.DNSName(name)
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([known_as]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    return context, cert_file
