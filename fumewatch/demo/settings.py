"""The demo's configuration: config.example.toml with its own addresses; the rules as shipped.

Two numbers are the demo's own, as nobody has time: how long after the connection silence is not
taken for offline, and how long late readings are waited for.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, assert_never

import tomlkit

from fumewatch.config import example as shipped
from fumewatch.demo.names import VENDORS, Speech

_DOWNLINK: Final = "fume/{district}/{monitor}/down"


def example() -> str:
    """The shipped example, as it is written."""
    return shipped.path().read_text(encoding="utf-8")


def demo_config(mqtt_url: str, database_url: str, listen: str, sink_url: str, log: Path) -> str:
    """TOML. All alerts go to three receivers: the demo's webhook, a log file, the broker."""
    config: Any = tomlkit.parse(example())
    config["mqtt"]["url"] = mqtt_url
    config["database"]["url"] = database_url
    config["web"]["listen"] = listen
    # A new broker holds no backlog for which silence would have to be forgiven.
    config["evaluate"]["settle"] = "15s"
    config["integrity"]["settle"] = "1m"
    config["profile"] = _tables(*_profiles())
    config["receiver"] = _tables(
        # Four at a time: a third of the fleet is in trouble when the curtain rises.
        {"name": "inspectors", "kind": "webhook", "url": sink_url, "parallel": 4},
        {"name": "duty-log", "kind": "log", "path": str(log)},
        {"name": "bus", "kind": "mqtt"},
    )
    config["route"] = _tables({"receiver": ["inspectors", "duty-log", "bus"]})
    return tomlkit.dumps(config)


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
