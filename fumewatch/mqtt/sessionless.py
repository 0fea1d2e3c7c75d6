"""What a connection without a session is like, whatever it is for: under a name of its own, always
listening, and forgotten by the broker at its end."""

from secrets import token_hex
from typing import Final

from fumewatch.mqtt import reader
from fumewatch.mqtt.connect import connect
from fumewatch.mqtt.conversation import ANSWER_S
from fumewatch.mqtt.reader import PlainClient, Receive
from fumewatch.mqtt.settings import MqttSettings

_LONGEST_MESSAGE: Final = 1024
"""Of what comes in: figures, and nothing else that anybody waits for."""


class Sessionless:
    """Most of a Role."""

    def __init__(self, settings: MqttSettings, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._client_type = reader.choose_client()

    def _new_client(self, receive: Receive) -> PlainClient:
        return self._client_type(
            self._client_id,
            self._settings.version,
            clean=True,
            receive=receive,
            max_message=_LONGEST_MESSAGE,
        )

    def connect(self, client: PlainClient) -> None:
        connect(client, self._settings, has_session=False, timeout=ANSWER_S)

    def wants_data(self) -> bool:
        return True

    def patience(self, _client: PlainClient) -> float | None:
        return None

    def read(self, client: PlainClient, *, waited: float, is_late: bool) -> None:
        client.loop_read()


def own_client_id(settings: MqttSettings, purpose: str = "") -> str:
    """Of nobody else, however many daemons have the same settings."""
    return "-".join(filter(None, (settings.client_id, purpose, token_hex(4))))
