"""Reaching the broker as the settings say: address, TLS, user, session."""

import ssl

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from fumewatch.mqtt.settings import MqttSettings


def connect(client: Client, settings: MqttSettings, *, has_session: bool, timeout: float) -> None:
    """Blocks for at most `timeout` seconds an address, and again for TLS.

    Files are read anew each time, so a renewed certificate or password needs no restart.
    """
    client.connect_timeout = timeout
    if settings.username is not None:
        client.username_pw_set(settings.username, settings.secret())
    if settings.is_tls:
        client.tls_set_context(_tls(settings))
    keepalive = round(settings.keepalive.total_seconds())
    if client.protocol != MQTTProtocolVersion.MQTTv5:
        client.connect(settings.host, settings.port, keepalive)
        return
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = settings.receive_maximum
    if has_session:
        properties.SessionExpiryInterval = round(settings.session_expiry.total_seconds())
    client.connect(
        settings.host,
        settings.port,
        keepalive,
        clean_start=not has_session,
        properties=properties,
    )


def _tls(settings: MqttSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.sslsocket_class = _Socket
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return context


class _Socket(ssl.SSLSocket):
    """Closes itself when the two sides do not agree; paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise
