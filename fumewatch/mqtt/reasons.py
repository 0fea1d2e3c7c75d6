"""Why the broker is away, in words that tell an operator what to look at."""

import socket
import ssl
from typing import Final

from paho.mqtt.reasoncodes import ReasonCode

_OURS: Final = {
    "Not authorized": "not authorised",
    "Bad user name or password": "wrong user name or password",
    "Unsupported protocol version": "the broker does not speak this MQTT version; set version = 4",
    "Session taken over": "another client with the same client_id took over",
    "Keep alive timeout": "keepalive timeout",
    "Unspecified error": "connection lost",
}


def of_code(code: ReasonCode) -> str:
    name = code.getName()
    return _OURS.get(name, name[:1].lower() + name[1:])


def of_error(error: BaseException) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the broker's certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS: {(error.reason or str(error)).lower().replace('_', ' ')}"
        case socket.gaierror():
            return "host name not found"
        case TimeoutError(args=()) | TimeoutError(errno=int()):
            return "timed out"
        case OSError(filename=str(name), strerror=str(what)):
            return f"{name}: {what}"
        case OSError(strerror=str(what)):
            return what.lower()
    return str(error) or type(error).__name__
