"""The demo's configuration: config.example.toml with its own addresses; the rules as shipped.

Its numbers are the demo's own where nobody has time: how long after the connection silence is not
taken for offline, how long late readings are waited for, and how soon people are told, and others
where nobody answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, assert_never

import tomlkit

from fumewatch.config import example as shipped
from fumewatch.demo import gateway
from fumewatch.demo.names import VENDORS, Speech

_DOWNLINK: Final = "fume/{district}/{monitor}/down"
_GROUP: Final = "duty"
_PATROL: Final = "patrol"


@dataclass(frozen=True, slots=True)
class Addresses:
    """URLs of the demo's parts; `listen` is host:port of the pages, `log` a file."""

    mqtt: str
    database: str
    listen: str
    webhook: str
    gateway: str
    log: Path


def example() -> str:
    """The shipped example, as it is written."""
    return shipped.path().read_text(encoding="utf-8")


def demo_config(to: Addresses, links_secret: str) -> str:
    """TOML. All alerts go to three machines: the demo's webhook, a log file, the broker; and to
    people: the group on duty, then the patrol of the street where nobody acknowledges."""
    config: Any = tomlkit.parse(example())
    config["mqtt"]["url"] = to.mqtt
    config["database"]["url"] = to.database
    config["web"]["listen"] = to.listen
    config["links"]["secret"] = links_secret
    config["login"]["required"] = False  # it is of this machine only
    # A new broker holds no backlog for which silence would have to be forgiven.
    config["evaluate"]["settle"] = "15s"
    config["integrity"]["settle"] = "1m"
    config["profile"] = _tables(*_profiles())
    config["receiver"] = _tables(*_machines(to), *_people(to))
    config["route"] = _tables(*_routes())
    config["escalation"] = _tables(_escalation())
    return tomlkit.dumps(config)


def _machines(to: Addresses) -> Iterator[dict[str, Any]]:
    # Four at a time: a third of the fleet is in trouble when the curtain rises.
    yield {"name": "inspectors", "kind": "webhook", "url": to.webhook, "parallel": 4}
    yield {"name": "duty-log", "kind": "log", "path": str(to.log)}
    yield {"name": "bus", "kind": "mqtt"}


def _people(to: Addresses) -> Iterator[dict[str, Any]]:
    """A group's bot, and the SMS of those who patrol a street: one gateway has both."""
    takes = {"body": gateway.BODY, "success": "body.code == `0`", "answer": "body.msg"}
    yield {"name": _GROUP, "kind": "http", "url": to.gateway, **takes}
    yield {"name": _PATROL, "kind": "http", "contact": "street", "url": to.gateway, **takes}


def _routes() -> Iterator[dict[str, Any]]:
    yield {"receiver": ["inspectors", "duty-log", "bus"], "continue": True}
    yield {
        "receiver": _GROUP,
        "match": {"severity": ["warning", "critical"]},
        "group_by": ["street"],
        "group_wait": "3s",
        "group_interval": "30s",
        "repeat_interval": "10m",
    }


def _escalation() -> dict[str, Any]:
    visit = {
        "name": "上门核查 street visit",
        "receiver": _PATROL,
        "after": "2m",  # since it fired: about a minute since people were told
        "unless": ["acknowledged", "visited", "confirmed"],
    }
    match = {"severity": ["warning", "critical"]}
    return {"name": "supervision", "match": match, "step": _tables(visit)}


def profiles_text() -> str:
    """The [[profile]] tables that the fleet's makes need, and the one that answers HJ 212."""
    return tomlkit.dumps({"profile": _tables(*_profiles())}).strip()


def _profiles() -> Iterator[dict[str, Any]]:
    """HJ 212 would be read without, but not answered. What it says of vendors holds for monitors
    that are listed; a topic of its own needs no list."""
    for vendor in VENDORS:
        match vendor.speaks:
            case Speech.CANONICAL:
                pass
            case Speech.HJ212:
                what = {"match": {"vendor": vendor.name}, "downlink": _DOWNLINK}
                yield {"name": vendor.model, "like": vendor.speaks.value, **what}
            case Speech.LAMPBLACK:
                what = {"topic": vendor.topic, "monitor_field": "deviceNo"}
                yield {"name": vendor.model, "like": vendor.speaks.value, **what}
            case _:
                assert_never(vendor.speaks)


def _tables(*rows: dict[str, Any]) -> Any:
    tables = tomlkit.aot()
    for row in rows:
        table = tomlkit.table()
        table.update(row)
        tables.append(table)
    return tables
