"""The network thread: keeps a connection to the broker up, and reports its state.

paho's own loop cannot stop reading without missing its keepalive, and an error in a callback ends
its thread for good. Here every connection has a client of its own, so nothing of an old connection
leaks into the next, and whatever goes wrong ends that connection only.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from fumewatch.mqtt import reasons
from fumewatch.mqtt.conversation import ANSWER_S, Bell, Conversation, Role

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_ASK_S: Final = 0.1
_STEADY_S: Final = 10.0
"""A connection that held so long was a good one: the next attempt comes soon."""

_log = structlog.get_logger(__name__)

OnState = Callable[[bool, str], None]
"""(is up, why, in words); called in the network thread, on each change."""


class Network:
    def __init__(
        self,
        name: str,
        role: Role,
        on_state: OnState,
        may_return: Callable[[float], bool] = lambda _: True,
    ) -> None:
        """may_return: whether to connect again after a connection ended at that time of the
        monotonic clock; asked until it says so."""
        self._may_return = may_return
        self._role = role
        self._on_state = on_state
        self._told: tuple[bool, str] | None = None
        self._is_stopping = threading.Event()
        self._bell = Bell()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is work; from any thread."""
        self._bell.ring()

    def stop(self) -> None:
        """Send what is queued, say goodbye, end the thread; may be called again."""
        self._is_stopping.set()
        self._bell.ring()
        if self._thread.is_alive():
            self._thread.join(ANSWER_S + 1)  # it is a daemon: a name server may keep it longer
        self._bell.close()

    def tell(self, is_up: bool, why: str) -> None:
        if self._told == (is_up, why):
            return
        self._told = is_up, why
        try:
            self._on_state(is_up, why)
        except Exception:
            _log.exception("mqtt_on_state_failed")

    def _run(self) -> None:
        attempt = 0
        while not self._is_stopping.is_set():
            began = time.monotonic()
            why = self._visit()
            if self._is_stopping.is_set():
                break
            self.tell(False, why)
            ended = time.monotonic()
            attempt = 1 if ended - began > _STEADY_S else attempt + 1
            self._is_stopping.wait(pause_before(attempt, random.random()))  # nosec B311
            while not self._may_return(ended) and not self._is_stopping.wait(_ASK_S):
                pass
        self.tell(False, "stopped")

    def _visit(self) -> str:
        """One connection from its beginning to its end; why it ended."""
        try:
            conversation = Conversation(self._role, self._bell, self._is_stopping.is_set)
            return conversation.run()
        except (OSError, ValueError) as error:
            return reasons.of_error(error)
        except Exception as error:  # the thread must outlive its own mistakes
            _log.exception("mqtt_network_failed")
            return f"internal error: {error}"
        finally:
            self._role.lost()


def pause_before(attempt: int, chance: float) -> float:
    """Seconds before attempt 1, 2, ...: doubling, and scattered by `chance` (0 to 1) so that many
    clients do not come back all at once."""
    longest = min(_FIRST_PAUSE_S * (1 << min(attempt - 1, 10)), _LONGEST_PAUSE_S)
    return longest * (0.5 + chance / 2)
