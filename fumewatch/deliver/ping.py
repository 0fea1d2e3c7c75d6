"""A ping each minute while delivery works: whoever receives it notices when none comes.

That covers what no message of ours can tell: that the daemon is gone, or its host, or the network.
Such watchdogs take a GET of a secret address (https://healthchecks.io/docs/http_api/, for one).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import httpx2
import structlog
from pydantic import SecretStr

log = structlog.get_logger()

EVERY: Final = timedelta(minutes=1)
TIMEOUT: Final = timedelta(seconds=10)


@contextmanager
def pinging(
    url: SecretStr | None, works: Callable[[], bool], every: timedelta = EVERY
) -> Iterator[None]:
    """From its own thread, as the remote may be slow; without an address nothing is done."""
    if url is None:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(url, works, every, stop), name="ping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(0.5)


def _run(
    url: SecretStr, works: Callable[[], bool], every: timedelta, stop: threading.Event
) -> None:
    trouble = ""
    with httpx2.Client(timeout=TIMEOUT.total_seconds(), trust_env=False) as client:
        while not stop.wait(every.total_seconds()):
            if works():
                before, trouble = trouble, _ping(client, url)
                if trouble != before:
                    log.warning("ping failed", error=trouble) if trouble else log.info("ping works")


def _ping(client: httpx2.Client, url: SecretStr) -> str:
    """What was wrong, or nothing. Never with the address: it is a secret."""
    try:
        answer = client.get(url.get_secret_value())
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return type(error).__name__
    return "" if answer.is_success else str(answer.status_code)
