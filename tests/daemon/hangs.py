"""Parts that hang on purpose, in a forked daemon: from when a file of that name appears.

The limits are those of a test: seconds in place of minutes.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fumewatch import terms, watchdog
from fumewatch.deliver.deliverer import Deliverer
from fumewatch.dispatch import Dispatch
from fumewatch.evaluate import Evaluate
from fumewatch.judging import Judging
from fumewatch.mqtt import echo, inbox, lookout, network, subscriber
from fumewatch.pump import Pump
from fumewatch.receivers.webhook import Webhook

LIMIT_S: Final = 3.0


def _hang(*_: Any, **__: Any) -> Any:
    threading.Event().wait()


def _spin(*_: Any, **__: Any) -> Any:
    while True:
        time.sleep(0)


def _hear_nothing(_inbox: Any, _limit: int, timeout: float, *_: Any) -> None:
    time.sleep(timeout)


def _judge_nothing(*_: Any) -> bool:
    return False


PARTS: Final[dict[str, tuple[type, str, Callable[..., Any]]]] = {
    "pump": (Pump, "turn", _hang),
    "evaluate": (Evaluate, "step", _spin),
    "judging": (Judging, "_judge", _judge_nothing),
    "dispatch": (Dispatch, "round", _hang),
    "deliver": (Deliverer, "_round", _hang),
    "send": (Webhook, "send", _hang),
    "network": (subscriber._Subscription, "work", _hang),
    "inbox": (inbox.Inbox, "take", _hear_nothing),
    "lookout": (lookout._LookingOut, "work", _hang),
}


def prepare(flag: str) -> None:
    """`flag`: the part {name} hangs once the file {flag}.{name} is there."""
    usual = watchdog.LIMITS
    watchdog.LIMITS = {  # type: ignore[misc]
        loop: min(limit, 1.5 * usual["main"]) / usual["main"] * LIMIT_S
        for loop, limit in usual.items()
    }
    watchdog.ECHO_SECONDS = LIMIT_S  # type: ignore[misc]
    terms.LONGEST_RETRY_SECONDS = network._LONGEST_PAUSE_S = 1.0  # type: ignore[misc]
    watchdog.SLOW_SECONDS = 1.0  # type: ignore[misc]
    watchdog.LOOK_SECONDS = 0.2  # type: ignore[misc]
    echo.EVERY_S = 0.5  # type: ignore[misc]
    for name, (owner, method, instead) in PARTS.items():
        _may_hang(owner, method, instead, Path(f"{flag}.{name}"))


def _may_hang(owner: type, method: str, instead: Callable[..., Any], flag: Path) -> None:
    usual = getattr(owner, method)

    def either(*args: Any, **options: Any) -> Any:
        return (instead if flag.exists() else usual)(*args, **options)

    setattr(owner, method, either)
