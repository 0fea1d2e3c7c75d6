"""[mqtt]: what is accepted, and what each refusal says."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fumewatch.mqtt import MqttSettings


def test_defaults_are_those_of_the_contract() -> None:
    settings = MqttSettings()
    assert (settings.host, settings.port, settings.is_tls) == ("127.0.0.1", 1883, False)
    assert (settings.topic, settings.status_topic) == ("fume/+/+/up", "fume/+/+/status")
    assert (settings.version, settings.session_expiry) == (5, timedelta(days=7))


@pytest.mark.parametrize(
    ("url", "host", "port", "is_tls"),
    [
        ("mqtt://broker", "broker", 1883, False),
        ("mqtts://broker", "broker", 8883, True),
        ("mqtts://broker.example:1234/", "broker.example", 1234, True),
        ("mqtt://[::1]:1885", "::1", 1885, False),
    ],
)
def test_urls(url: str, host: str, port: int, is_tls: bool) -> None:
    settings = MqttSettings(url=url)
    assert (settings.host, settings.port, settings.is_tls) == (host, port, is_tls)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "tcp://broker:1883"}, "mqtt://host:port"),
        ({"url": "broker:1883"}, "mqtt://host:port"),
        ({"url": "mqtt://"}, "mqtt://host:port"),
        ({"url": "mqtt://broker:99999"}, "ort"),
        ({"url": "mqtt://user:secret@broker"}, "password_file"),
        ({"url": "mqtt://broker/path"}, "nothing may follow"),
        ({"topic": "fume/#/up"}, "alone and at the end"),
        ({"topic": "fume/#"}, "does not tell which level is the monitor"),
        ({"status_topic": "fume/xuhui/M1/status"}, "one or two levels"),
        ({"topic": "fume/a+/up"}, "a whole level"),
        ({"topic": ""}, "1 to 65535 bytes"),
        ({"topic": "$share/group/fume/+/+/up"}, "scatters"),
        ({"status_topic": "fume/+x"}, "a whole level"),
        ({"version": 3}, "4 or 5"),
        ({"keepalive": "0s"}, "without a keepalive"),
        ({"session_expiry": "0s"}, "keep_session = false"),
        ({"session_expiry": "60000d"}, "49710d"),
        ({"receive_maximum": 0}, "greater than or equal to 1"),
        ({"client_id": ""}, "at least 1"),
        ({"password": "secret"}, "needs a username"),
        ({"username": "u", "password": "p", "password_file": __file__}, "not both"),
        ({"ca_file": __file__}, "mqtts://"),
        ({"url": "mqtts://broker", "key_file": __file__}, "needs cert_file"),
        ({"url": "mqtts://broker", "ca_file": "gone.pem"}, "file"),
        ({"topics": "fume/+/+/up"}, "not permitted"),
    ],
)
def test_refusals_say_what_to_do(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MqttSettings(**fields)


def test_no_session_may_be_asked_for_by_name() -> None:
    assert not MqttSettings(keep_session=False, session_expiry="0s").keep_session


def test_the_password_is_read_from_its_file_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("sesame\n")
    assert MqttSettings(username="u", password_file=file).secret() == "sesame"
    plain = MqttSettings(username="u", password="sesame")
    assert plain.secret() == "sesame"
    assert "sesame" not in repr(plain)
    assert "sesame" not in plain.model_dump_json()
