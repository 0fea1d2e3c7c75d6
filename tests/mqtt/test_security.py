"""Who the shipped broker lets in, and what they may do: real mosquitto on the files of deploy/.

mosquitto 2.0 acks a publish that its access list refuses, and grants a subscription that it
will not serve: so every refusal here is proved by what is delivered, to someone who may hear it.
"""

import socket
import ssl
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from fumewatch.core.errors import BrokerUnavailable
from fumewatch.mqtt import Publisher
from tests.fixtures.broker import MOSQUITTO
from tests.mqtt.certificates import Authority
from tests.mqtt.conftest import PATIENCE_S, Listener, numbers, payloads
from tests.mqtt.shipped import DEPLOY, PASSWORDS, Shipped

Listen = Callable[..., Listener]
Publish = Callable[..., Publisher]

OWN = "xuhui/FM01"
OTHER = "xuhui/FM02"
NOT_AUTHORISED = 0x87
NOBODY_LISTENS = 0x10
GOOD = "fume/xuhui/FM02/up"
"""What the witness hears last, so that all before it has been refused or delivered."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mosquitto.conf names, and what else a test needs, in one directory."""
    directory = tmp_path_factory.mktemp("certificates")
    ca = Authority(directory, "ca")
    ca.issue("server", "broker", "127.0.0.1")
    ca.issue("expired", "broker", "127.0.0.1", lasts=-timedelta(days=1))
    ca.issue("elsewhere", "broker", "mqtt.example.org")
    stranger = Authority(directory, "stranger")
    monitors = Authority(directory, "monitors-ca")
    for name, common_name in (("fm01", OWN), ("fm02", OTHER), ("withdrawn", OWN)):
        monitors.issue(name, common_name)
    monitors.issue("late", OWN, lasts=-timedelta(days=1))
    monitors.withdraw("monitors.crl", directory / "withdrawn.crt")
    stranger.issue("forged", OWN)
    Authority(directory, "service-ca").issue("service", "fumewatch")
    return directory


@pytest.fixture
def shipped(certificates: Path) -> Iterator[Callable[..., Shipped]]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    with ExitStack() as stack:

        def make(*marks: str, certificate: str = "server") -> Shipped:
            broker = Shipped(certificates, *marks)
            stack.callback(broker.remove)
            for kind in ("crt", "key"):
                source = broker.certificates / f"{certificate}.{kind}"
                (broker.certificates / f"server.{kind}").write_bytes(source.read_bytes())
            broker.start()
            return broker

        yield make


class Device:
    """What a monitor is to the broker: paho as anybody would use it, and what it was told.

    It reads only while it waits for something, and never connects again by itself.
    """

    def __init__(
        self, port: int, user: str | None, password: str | None, version: int, **tls: Any
    ) -> None:
        self._told: deque[tuple[str, Any]] = deque()
        protocol = MQTTProtocolVersion.MQTTv5 if version == 5 else MQTTProtocolVersion.MQTTv311
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=protocol, client_id="any")
        if user is not None:
            self._client.username_pw_set(user, password)
        if tls:
            context = ssl.create_default_context(cafile=tls["ca"])
            if "pair" in tls:
                context.load_cert_chain(*tls["pair"])
            self._client.tls_set_context(context)
        tell = self._tell
        self._client.on_connect = lambda _c, _d, _f, code, _p: tell("connected", code)
        self._client.on_disconnect = lambda _c, _d, _f, code, _p: tell("gone", code)
        self._client.on_publish = lambda _c, _d, _m, code, _p: tell("published", code)
        self._client.on_subscribe = lambda _c, _d, _m, codes, _p: tell("subscribed", codes)
        self._client.on_message = lambda _c, _d, message: tell("message", message)
        self._client.connect("127.0.0.1", port)

    def _tell(self, what: str, detail: Any) -> None:
        self._told.append((what, detail))

    def hear(self, what: str) -> Any:
        """What comes with the next thing told of this kind."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            while self._told:
                kind, detail = self._told.popleft()
                if kind == what:
                    return detail
            self._client.loop(0.1)
        raise AssertionError(f"never heard that it is {what}")

    def publish(self, topic: str, payload: bytes = b"1", *, retain: bool = False) -> int:
        """The reason code of its ack; 0 in MQTT 3.1.1, which has none, and where nobody listens."""
        self._client.publish(topic, payload, qos=1, retain=retain)
        code = int(self.hear("published").value)
        return 0 if code == NOBODY_LISTENS else code

    def subscribe(self, *filters: str) -> list[int]:
        self._client.subscribe([(name, 1) for name in filters])
        return [code.value for code in self.hear("subscribed")]

    def heard(self) -> set[tuple[str, bytes]]:
        """(topic, payload) of what has come and was not asked for yet."""
        self._client.loop(0.1)
        found = {(said.topic, said.payload) for kind, said in self._told if kind == "message"}
        self._told.clear()
        return found

    def send_unheard(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop(0.1)


@pytest.fixture
def device() -> Iterator[Callable[..., Device]]:
    """device(broker, user=OWN, password=its own, version=5) on the listener of monitors, let in."""
    with ExitStack() as stack:

        def make(
            broker: Shipped,
            user: str | None = OWN,
            password: str | None = None,
            version: int = 5,
            port: int = 0,
            **tls: Any,
        ) -> Device:
            tls = {"ca": broker.certificates / "ca.crt", **tls}
            password = password or PASSWORDS.get(user or "")
            made = Device(port or broker.tls_port, user, password, version, **tls)
            stack.callback(made.close)
            assert made.hear("connected").value == 0
            return made

        yield make


def as_service(broker: Shipped, **settings: Any) -> dict[str, Any]:
    return {"username": "fumewatch", "password": PASSWORDS["fumewatch"], **settings}


def over_tls(broker: Shipped) -> dict[str, Any]:
    certs = broker.certificates
    return as_service(
        broker,
        url=f"mqtts://127.0.0.1:{broker.service_port}",
        ca_file=certs / "ca.crt",
        cert_file=certs / "service.crt",
        key_file=certs / "service.key",
    )


@pytest.mark.parametrize("version", [4, 5])
def test_a_monitor_is_heard_and_answered_under_its_own_topic(
    shipped: Callable[..., Shipped],
    device: Callable[..., Device],
    listen: Listen,
    publisher: Publish,
    version: int,
) -> None:
    broker = shipped()
    service = as_service(broker)
    witness = listen(broker.url, topic="fume/+/+/up", **service)
    witness.wait_until(True)
    monitor = device(broker, version=version)
    assert monitor.subscribe("fume/xuhui/FM01/down") == [1]
    assert monitor.publish("fume/xuhui/FM01/status", b"online", retain=True) == 0
    assert monitor.publish("fume/xuhui/FM01/up", b"7") == 0
    assert sorted(payloads(witness.receive(2))) == [b"7", b"online"]
    publisher(broker.url, **service).publish("fume/xuhui/FM01/down", b"9014")
    assert monitor.hear("message").payload == b"9014"
    gateway = device(broker, "gateway-pudong", version=version)
    for n in (1, 2):
        gateway.publish(f"fume/pudong/FM0{n}/up", b"%d" % n)
    assert numbers(witness.receive(2)) == [1, 2]


REFUSED_TOPICS = [
    "fume/xuhui/FM02/up",
    "fume/pudong/FM01/up",  # its namesake in another district
    "fume/new1/FM01/up",  # no district at all: each would become a monitor
    "fume/xuhui/FM02/status",
    "fume/xuhui/FM01/down",
    "fume/xuhui/FM02/down",
    "fume/xuhui/FM01/other",
    "fume/xuhui/FM01/up/more",
    "fume/FM01/up",
    "fumewatch/alert/xuhui/FM01/exceedance",
    "fumewatch/echo/host",
    "$SYS/broker/uptime",
    "anything",
]


@pytest.mark.parametrize("version", [4, 5])
def test_what_is_not_its_own_a_monitor_publishes_for_nobody(
    shipped: Callable[..., Shipped],
    device: Callable[..., Device],
    listen: Listen,
    version: int,
) -> None:
    """A witness that the access list lets hear all hears only the last message."""
    broker = shipped()
    acl = (broker.directory / "acl").read_text()
    broker.stop()
    (broker.directory / "acl").write_text(f"{acl}\nuser fumewatch\ntopic read #\n")
    broker.start()
    witness = listen(broker.url, filters=["#"], **as_service(broker))
    witness.wait_until(True)
    for topic in REFUSED_TOPICS:  # mosquitto 2.0.11 ends a connection at the next one
        code = device(broker, version=version).publish(topic)
        assert code == (NOT_AUTHORISED if version == 5 else 0), topic
    gateway = device(broker, "gateway-pudong", version=version)
    gateway.publish("fume/xuhui/FM01/up")
    device(broker, OTHER).publish(GOOD, b"2")
    (heard,) = witness.receive(1)
    assert (heard[0], heard[1]) == (GOOD.encode(), b"2")


REFUSED_FILTERS = [
    "#",
    "fume/#",
    "+/+/+/up",
    "fume/xuhui/+/up",
    "fume/xuhui/FM02/up",
    "fume/xuhui/FM02/down",
    "$share/all/fume/+/+/down",
    "fumewatch/#",
    "$SYS/#",
    "$SYS/broker/uptime",
]


@pytest.mark.parametrize("version", [4, 5])
def test_what_is_not_its_own_a_monitor_never_hears(
    shipped: Callable[..., Shipped],
    device: Callable[..., Device],
    publisher: Publish,
    version: int,
) -> None:
    broker = shipped()
    spy = device(broker, version=version)
    spy.subscribe(*REFUSED_FILTERS, "fume/xuhui/FM01/down")
    service = publisher(broker.url, **as_service(broker))
    device(broker, OTHER, version=version).publish(GOOD, b"secret", retain=True)
    service.publish("fume/xuhui/FM02/down", b"secret")
    service.publish("fumewatch/alert/xuhui/FM02/exceedance", b"secret")
    service.publish("fume/xuhui/FM01/down", b"mine")
    first = spy.hear("message")
    assert (first.topic, first.payload) == ("fume/xuhui/FM01/down", b"mine")
    assert spy.heard() <= {("fume/xuhui/FM01/down", b"mine")}  # again, by the shared one


@pytest.mark.parametrize("version", [4, 5])
def test_without_the_right_password_nobody_is_let_in(
    shipped: Callable[..., Shipped], version: int
) -> None:
    broker = shipped()
    tls = {"ca": broker.certificates / "ca.crt"}
    for user, password in (
        (OWN, PASSWORDS[OTHER]),
        ("xuhui/FM99", PASSWORDS[OWN]),
        (OWN, ""),
        (None, None),
    ):
        for port, ways in ((broker.tls_port, tls), (broker.port, {})):
            stranger = Device(port, user, password, version, **ways)
            assert stranger.hear("connected").is_failure, (user, password, port)
            stranger.close()


def test_a_monitor_cannot_take_over_the_session_of_the_service(
    shipped: Callable[..., Shipped], device: Callable[..., Device], listen: Listen
) -> None:
    """Calling itself "fumewatch" would cost the daemon its session and what waits in it."""
    broker = shipped()
    witness = listen(broker.url, client_id="any", **as_service(broker))  # as all devices here
    witness.wait_until(True)
    witness.subscriber.stop()
    device(broker, OTHER).publish(GOOD, b"1")
    device(broker).publish("fume/xuhui/FM01/up", b"2")
    again = listen(broker.url, client_id="any", **as_service(broker))
    assert sorted(numbers(again.receive(2))) == [1, 2]


def test_a_monitor_that_comes_and_goes_uses_up_no_connections(
    shipped: Callable[..., Shipped], device: Callable[..., Device]
) -> None:
    """max_connections counts what is open: mosquitto before 2.0.12 was wrong about it."""
    broker = shipped()
    config = broker.directory / "mosquitto.conf"
    assert "max_connections 20000" in config.read_text()
    few = broker._config(broker.directory / "data").replace(
        "max_connections 20000", "max_connections 3"
    )
    broker.stop()
    broker._config = lambda _data: few  # type: ignore[method-assign]
    broker.start()
    for n in range(10):
        monitor = device(broker)
        assert monitor.publish("fume/xuhui/FM01/up", b"%d" % n) == 0
        monitor.close()


@pytest.mark.parametrize("version", [4, 5])
def test_a_packet_beyond_the_limit_ends_the_connection_and_reaches_nobody(
    shipped: Callable[..., Shipped], device: Callable[..., Device], listen: Listen, version: int
) -> None:
    broker = shipped()
    witness = listen(broker.url, max_message=8 << 20, **as_service(broker))
    witness.wait_until(True)
    monitor = device(broker, version=version)
    monitor.publish("fume/xuhui/FM01/up", bytes((4 << 20) - 1000))
    assert len(witness.receive(1)[0][1]) == (4 << 20) - 1000
    monitor.send_unheard("fume/xuhui/FM01/up", bytes((4 << 20) + 1))
    monitor.hear("gone")
    monitor.close()
    device(broker, OTHER).publish(GOOD, b"2")
    assert payloads(witness.receive(1)) == [b"2"]


@pytest.mark.parametrize("which", ["plain", "tls"])
def test_the_service_connects_by_loopback_or_by_tls(
    shipped: Callable[..., Shipped],
    device: Callable[..., Device],
    listen: Listen,
    publisher: Publish,
    which: str,
) -> None:
    broker = shipped("service")
    settings = over_tls(broker) if which == "tls" else as_service(broker, url=broker.url)
    witness = listen(**settings)
    witness.wait_until(True)
    ours = publisher(**settings)  # beside the subscriber: the same user, another client
    ours.publish("fumewatch/alert/xuhui/FM01/exceedance", b"1")
    with pytest.raises(BrokerUnavailable, match="refuses fume/xuhui/FM01/up: not authorised"):
        ours.publish("fume/xuhui/FM01/up", b"1")
    device(broker).publish("fume/xuhui/FM01/up", b"5")
    assert numbers(witness.receive(1)) == [5]
    figures = listen(filters=["$SYS/broker/version"], client_id="figures", **settings)
    assert b"mosquitto" in figures.receive(1)[0][1]


@pytest.mark.parametrize(
    ("certificate", "changes", "why"),
    [
        ("expired", {}, "certificate has expired"),
        ("elsewhere", {}, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ("server", {"ca_file": "stranger.crt"}, "self-signed|unable to get local issuer"),
        ("server", {"cert_file": None, "key_file": None}, "TLS: "),
        ("server", {"cert_file": "fm01.crt", "key_file": "fm01.key"}, "TLS: |reset|lost"),
        ("server", {"password": "of-the-first"}, "not authorised"),
    ],
    ids=["expired", "another host", "another authority", "none", "a monitor's", "password"],
)
def test_the_service_says_why_it_is_not_connected(
    shipped: Callable[..., Shipped],
    listen: Listen,
    certificate: str,
    changes: dict[str, Any],
    why: str,
) -> None:
    broker = shipped("service", certificate=certificate)
    given = {
        name: value if name == "password" or value is None else broker.certificates / value
        for name, value in changes.items()
    }
    said = listen(**{**over_tls(broker), **given}).wait_until(False)
    assert any(part in said for part in why.split("|")), said


def test_a_certificate_is_a_user_too(
    shipped: Callable[..., Shipped], device: Callable[..., Device], listen: Listen
) -> None:
    """Whatever the monitor calls itself in the MQTT greeting, its certificate counts."""
    broker = shipped("cert")
    witness = listen(broker.url, **as_service(broker))
    witness.wait_until(True)

    def pair(name: str) -> tuple[Path, Path]:
        return broker.certificates / f"{name}.crt", broker.certificates / f"{name}.key"

    def monitor() -> Device:
        return device(broker, OTHER, port=broker.cert_port, pair=pair("fm01"))

    assert monitor().publish(GOOD, b"1") == NOT_AUTHORISED
    assert monitor().publish("fume/xuhui/FM01/up", b"2") == 0
    assert numbers(witness.receive(1)) == [2]
    for name in ("forged", "late", "withdrawn", "service", None):
        assert_not_let_in(broker, pair(name) if name else None)


def assert_not_let_in(broker: Shipped, pair: tuple[Path, Path] | None) -> None:
    """TLS 1.3 tells the client of it only when it reads."""
    context = ssl.create_default_context(cafile=broker.certificates / "ca.crt")
    if pair:
        context.load_cert_chain(*pair)
    with socket.create_connection(("127.0.0.1", broker.cert_port), PATIENCE_S) as plain:
        tls = context.wrap_socket(plain, server_hostname="127.0.0.1")
        with tls, pytest.raises((ssl.SSLError, ConnectionError), match=r"alert|reset"):
            tls.recv(1)


def test_old_tls_is_not_spoken(shipped: Callable[..., Shipped]) -> None:
    broker = shipped()
    context = ssl.create_default_context(cafile=broker.certificates / "ca.crt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        socket.create_connection(("127.0.0.1", broker.tls_port)) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1").close()


def test_what_the_shipped_files_promise_is_in_them() -> None:
    """The lines that no behaviour of mosquitto 2.0 shows in a test's time."""
    conf = (DEPLOY / "mosquitto.conf").read_text().splitlines()
    for line in (
        "allow_anonymous false",
        "tls_version tlsv1.2",
        "memory_limit 6442450944",
        "max_queued_messages 0",
        "max_queued_bytes 4294967296",
        "max_packet_size 4194304",
        "persistent_client_expiration 14d",
    ):
        assert line in conf
    assert not any(line.startswith("per_listener_settings") for line in conf)
