"""Try what the configuration points to: database, broker, receivers. Nothing is sent or changed."""

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from secrets import token_hex
from typing import Final, assert_never
from urllib.parse import urlsplit

from pydantic import SecretStr

from fumewatch import log
from fumewatch.config import Config
from fumewatch.config.source import closest
from fumewatch.config.ways import sources
from fumewatch.core.errors import BrokerUnavailable, FumewatchError, StoreRefused
from fumewatch.core.facts import Facts, OutletFacts
from fumewatch.mqtt import Subscriber
from fumewatch.receivers import ReceiverSettings
from fumewatch.receivers.alertmanager import AlertmanagerSettings
from fumewatch.receivers.apprise import AppriseSettings
from fumewatch.receivers.bot import BotFields
from fumewatch.receivers.cloudevents import CloudEventsSettings
from fumewatch.receivers.email import PORTS, EmailSettings
from fumewatch.receivers.http import HttpSettings
from fumewatch.receivers.log import LogSettings
from fumewatch.receivers.mqtt import MqttReceiverSettings
from fumewatch.receivers.webhook import WebhookSettings
from fumewatch.store import Database, accounts, migrate, sites
from fumewatch.store.pages import operation

PATIENCE_S: Final = 5.0
_NOBODY: Final = "nobody can log in; run fumewatch user add NAME --role admin"


_SCHEMA: Final = {
    migrate.State.CURRENT: "schema current",
    migrate.State.EMPTY: "no schema yet; run fumewatch migrate",
    migrate.State.OLD: "schema old; run fumewatch migrate",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """`detail` is what was found there, or why it could not be reached."""

    name: str
    is_reached: bool
    detail: str


def attempts(config: Config) -> Iterator[Attempt]:
    yield _attempt("database", partial(_database, config))
    yield _attempt("broker", partial(_broker, config))
    for receiver in config.receiver:
        yield _attempt(f"receiver {receiver.name}", partial(_receiver, receiver))


def _attempt(name: str, look: Callable[[], str]) -> Attempt:
    try:
        return Attempt(name, True, look())
    except (FumewatchError, OSError) as error:
        why = " ".join(str(error).split())  # PostgreSQL says it on several lines
        return Attempt(name, False, log.masked(why) or type(error).__name__)


def _database(config: Config) -> str:
    database = Database(config.database)
    database.open()
    try:
        with database.transaction() as conn:
            state = migrate.state(conn)
            if state is migrate.State.NEWER:
                migrate.require_current(conn)
            facts = operation.store_facts(conn)
            doubts: list[str] = []
            if state is migrate.State.CURRENT:
                known = sites.facts(conn)
                _limits_are_there(config, known.outlets)
                doubts = list(_matches_nobody(config, known))
                if config.login.required and not accounts.is_any(conn):
                    doubts.append(_NOBODY)
    finally:
        database.close()
    kind = f"TimescaleDB {facts.timescaledb}" if facts.timescaledb else "no TimescaleDB"
    return "; ".join([f"PostgreSQL {facts.postgresql}, {kind}, {_SCHEMA[state]}", *doubts])


def _limits_are_there(config: Config, outlets: Iterable[OutletFacts]) -> None:
    """A profile that went out of the configuration leaves its outlets unjudged."""
    gone = {o.limit_profile for o in outlets} - {profile.name for profile in config.limit}
    if gone:
        names = ", ".join(f"{name!r}" for name in sorted(gone))
        raise StoreRefused(f"outlets name limit profiles that no [[limit]] has: {names}")


def _matches_nobody(config: Config, facts: Facts) -> Iterator[str]:
    """A misspelt vendor leaves its monitors to another profile, which may read them otherwise."""
    known = {
        "vendor": {monitor.vendor for monitor in facts.monitors} - {""},
        "model": {monitor.model for monitor in facts.monitors} - {""},
        "tags": {tag for site in facts.sites for tag in site.tags},
    }
    for profile in config.profile:
        for label, there in known.items():
            for name in sorted(set(getattr(profile.match, label)) - there):
                hint = closest(name, sorted(there))
                yield f"profile {profile.name!r}: no monitor has {label} {name!r}{hint}"


def _broker(config: Config) -> str:
    """Subscribe as the daemon would, but under another name: the daemon keeps its session."""
    settings = config.mqtt.model_copy(
        update={"client_id": f"{config.mqtt.client_id}-check-{token_hex(4)}", "keep_session": False}
    )
    answers: Queue[tuple[bool, str]] = Queue()
    filters = sources(config).filters
    subscriber = Subscriber(settings, lambda is_up, why: answers.put((is_up, why)), filters=filters)
    subscriber.start()
    try:
        is_up, why = answers.get(timeout=PATIENCE_S)
    except Empty:
        is_up, why = False, "no answer"
    finally:
        subscriber.stop()
    where = f"{settings.host}:{settings.port}"
    if not is_up:
        raise BrokerUnavailable(f"{where}: {why}")
    return f"{where} lets us subscribe to {', '.join(filters)}"


def _receiver(receiver: ReceiverSettings) -> str:
    match receiver:
        case WebhookSettings() | HttpSettings() | CloudEventsSettings() | BotFields():
            return _server(receiver.proxy or receiver.url)
        case AlertmanagerSettings():
            return "; ".join(map(_server, [receiver.proxy] if receiver.proxy else receiver.urls))
        case AppriseSettings():
            return "its services are apprise's to reach; fumewatch receivers test tries them"
        case EmailSettings():
            return _open(receiver.host, receiver.port or PORTS[receiver.security])
        case MqttReceiverSettings():
            return "on the broker of [mqtt]"
        case LogSettings():
            return _writable(receiver.path)
        case _:
            assert_never(receiver)


def _server(url: SecretStr) -> str:
    """Only host and port are told: the rest of the address may be a secret."""
    parts = urlsplit(url.get_secret_value())
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return _open(parts.hostname or "", port)


def _open(host: str, port: int) -> str:
    try:
        socket.create_connection((host, port), timeout=PATIENCE_S).close()
    except OSError as error:
        raise OSError(f"{host}:{port}: {error.strerror or error}") from error
    return f"{host}:{port} accepts connections"


def _writable(path: Path) -> str:
    there = path if path.exists() else path.parent
    if not os.access(there, os.W_OK):
        what = "cannot be written" if there.exists() else "does not exist"
        raise OSError(f"{there} {what}")
    return f"{path} can be written"
