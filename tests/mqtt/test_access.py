"""Who may connect: users, TLS, client certificates, and what is said when it does not work."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fumewatch.core.errors import BrokerUnavailable
from fumewatch.mqtt import Publisher
from tests.fixtures.broker import Broker
from tests.mqtt.conftest import Listener, numbers

Listen = Callable[..., Listener]
Publish = Callable[..., Publisher]
Brokers = Callable[..., Broker]

UP = "fume/xuhui/FM01/up"
_OPENSSL = shutil.which("openssl")
_PASSWD = shutil.which("mosquitto_passwd")
_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

needs_passwd = pytest.mark.skipif(_PASSWD is None, reason="mosquitto_passwd is not installed")
needs_openssl = pytest.mark.skipif(_OPENSSL is None, reason="openssl is not installed")


def set_password(broker: Broker, user: str, password: str) -> None:
    assert _PASSWD
    users = broker.directory / "users"
    create = [] if users.exists() else ["-c"]
    subprocess.run([_PASSWD, *create, "-b", users, user, password], check=True, timeout=30)
    users.chmod(0o644)


@pytest.fixture
def guarded(brokers: Brokers) -> Broker:
    """A broker that lets in only duty, with the password sesame."""
    broker = brokers("password_file {dir}/users", start=False)
    set_password(broker, "duty", "sesame")
    broker.start()
    return broker


@needs_passwd
@pytest.mark.parametrize("version", [4, 5])
def test_a_user_with_a_password_is_let_in(
    guarded: Broker, listen: Listen, publisher: Publish, version: int
) -> None:
    access = {"username": "duty", "password": "sesame", "version": version}
    listener = listen(guarded.url, **access)
    listener.wait_until(True)
    publisher(guarded.url, **access).publish(UP, b"1")
    assert numbers(listener.receive(1)) == [1]


@needs_passwd
@pytest.mark.usefixtures("reader_kind")
@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("access", [{}, {"username": "duty", "password": "please"}])
def test_a_wrong_password_is_said(
    guarded: Broker, listen: Listen, publisher: Publish, access: dict[str, Any], version: int
) -> None:
    assert listen(guarded.url, **access, version=version).wait_until(False) == "not authorised"
    with pytest.raises(BrokerUnavailable, match="not authorised"):
        publisher(guarded.url, **access, version=version).publish(UP, b"1", timeout=1)


@needs_passwd
def test_a_password_file_put_right_needs_no_restart(
    guarded: Broker, listen: Listen, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("please\n")
    listener = listen(guarded.url, username="duty", password_file=file)
    assert listener.wait_until(False) == "not authorised"
    file.write_text("sesame\n")
    listener.wait_until(True)


@needs_passwd
def test_a_password_file_that_went_away_is_named(
    guarded: Broker, listen: Listen, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("sesame")
    listener = listen(guarded.url, start=False, username="duty", password_file=file)
    file.unlink()
    assert listener.start().wait_until(False) == f"{file}: No such file or directory"


def test_a_topic_that_may_not_be_written_is_named(brokers: Brokers, publisher: Publish) -> None:
    broker = brokers("acl_file {dir}/acl", start=False)
    (broker.directory / "acl").write_text("topic readwrite fume/#\n")
    broker.start()
    ours = publisher(broker.url)
    with pytest.raises(BrokerUnavailable, match="refuses secret/topic: not authorised"):
        ours.publish("secret/topic", b"1")
    ours.publish(UP, b"1")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem has signed broker.pem (for 127.0.0.1) and us.pem; other.pem has signed nothing."""
    directory = tmp_path_factory.mktemp("certificates")

    def openssl(*words: str) -> None:
        assert _OPENSSL
        subprocess.run([_OPENSSL, *words], cwd=directory, check=True, capture_output=True)

    for name in ("ca", "other"):
        may_sign = ["-addext", "keyUsage=critical,keyCertSign"]
        names = ["-subj", f"/CN=fumewatch test {name}", "-keyout", f"{name}.key"]
        openssl("req", "-x509", *_NEW_KEY, *names, *may_sign, "-out", f"{name}.pem")
    (directory / "extensions").write_text(
        "subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n"
    )
    for name in ("broker", "us"):
        openssl("req", *_NEW_KEY, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", "csr")
        by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions"]
        openssl("x509", "-req", "-in", "csr", *by, "-out", f"{name}.pem")
    return directory


@pytest.fixture
def tls(brokers: Brokers, certificates: Path) -> Callable[..., Broker]:
    """tls(extra config) -> a broker that speaks TLS."""

    def make(extra: str = "", **options: Any) -> Broker:
        broker = brokers(
            "cafile {dir}/ca.pem\ncertfile {dir}/broker.pem\nkeyfile {dir}/broker.key\n" + extra,
            scheme="mqtts",
            start=False,
        )
        for name in ("ca.pem", "broker.pem", "broker.key"):
            shutil.copy(certificates / name, broker.directory / name)
            (broker.directory / name).chmod(0o644)
        broker.start()
        return broker

    return make


@needs_openssl
@pytest.mark.usefixtures("reader_kind")
@pytest.mark.parametrize("version", [4, 5])
def test_tls_carries_messages_of_every_size(
    tls: Callable[..., Broker],
    certificates: Path,
    listen: Listen,
    publisher: Publish,
    version: int,
) -> None:
    """A TLS record holds 16 KiB; nothing may stay in the TLS layer where select cannot see it."""
    broker = tls()
    access = {"ca_file": certificates / "ca.pem", "version": version}
    listener = listen(broker.url, **access)
    listener.wait_until(True)
    sizes = [0, 1, 200, 16_000, 16_384, 70_000, 300_000, 1_000_000] * 3 + [300] * 2000
    sent = [os.urandom(size) for size in sizes]
    publisher(broker.url, **access).publish_many([(UP, payload, False) for payload in sent])
    assert [message[1] for message in listener.receive(len(sent))] == sent
    assert listener.subscriber.generation == 1


@pytest.mark.soak
@needs_openssl
def test_tls_keeps_up_with_a_flood_and_a_pause(
    tls: Callable[..., Broker], certificates: Path, listen: Listen, publisher: Publish
) -> None:
    broker = tls()
    access = {"ca_file": certificates / "ca.pem"}
    listener = listen(broker.url, **access, inbox_limit=1000, keepalive="2s")
    listener.wait_until(True)
    numbered = [(UP, f"{n:0200d}".encode(), False) for n in range(10_000)]
    publisher(broker.url, **access).publish_many(numbered)
    time.sleep(4)  # longer than the broker's patience with a silent client
    assert numbers(listener.receive(10_000)) == list(range(10_000))
    assert listener.states == [(True, "connected")]


@needs_openssl
def test_a_broker_with_the_wrong_certificate_is_not_trusted(
    tls: Callable[..., Broker], certificates: Path, listen: Listen, publisher: Publish
) -> None:
    broker = tls()
    said = listen(broker.url, ca_file=certificates / "other.pem").wait_until(False)
    assert said.startswith("the broker's certificate is not trusted: ")
    with pytest.raises(BrokerUnavailable, match="is not trusted"):
        publisher(broker.url, ca_file=certificates / "other.pem").publish(UP, b"1", timeout=1)
    by_name = broker.url.replace("127.0.0.1", "localhost")
    said = listen(by_name, ca_file=certificates / "ca.pem").wait_until(False)
    assert "Hostname mismatch" in said


@needs_openssl
def test_a_client_certificate_opens_the_door(
    tls: Callable[..., Broker], certificates: Path, listen: Listen
) -> None:
    broker = tls("require_certificate true")
    ca = {"ca_file": certificates / "ca.pem"}
    ours = {"cert_file": certificates / "us.pem", "key_file": certificates / "us.key"}
    listen(broker.url, **ca, **ours).wait_until(True)
    assert listen(broker.url, **ca, client_id="other").wait_until(False).startswith("TLS: ")


@needs_openssl
def test_plain_and_tls_mixed_up_are_said(
    broker: Broker, tls: Callable[..., Broker], certificates: Path, listen: Listen
) -> None:
    as_tls = broker.url.replace("mqtt:", "mqtts:")
    assert listen(as_tls, ca_file=certificates / "ca.pem").wait_until(False)
    as_plain = tls().url.replace("mqtts:", "mqtt:")
    assert listen(as_plain).wait_until(False)
