"""The demo's configuration: config.example.toml with its own addresses; the rules as shipped.

One number is the demo's own: how long after the connection silence is not taken for offline.
"""

from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import tomlkit

_NAME: Final = "config.example.toml"


def example() -> str:
    """The shipped example: inside the installed package, or beside it in a source tree."""
    packaged = files("fumewatch") / _NAME
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / _NAME).read_text(encoding="utf-8")


def demo_config(mqtt_url: str, database_url: str, listen: str, sink_url: str, log: Path) -> str:
    """TOML. All alerts go to three receivers: the demo's webhook, a log file, the broker."""
    config: Any = tomlkit.parse(example())
    config["mqtt"]["url"] = mqtt_url
    config["database"]["url"] = database_url
    config["web"]["listen"] = listen
    # A new broker holds no backlog for which silence would have to be forgiven.
    config["evaluate"]["settle"] = "15s"
    config["receiver"] = _tables(
        # Four at a time: a third of the fleet is in trouble when the curtain rises.
        {"name": "inspectors", "kind": "webhook", "url": sink_url, "parallel": 4},
        {"name": "duty-log", "kind": "log", "path": str(log)},
        {"name": "bus", "kind": "mqtt"},
    )
    config["route"] = _tables({"receiver": ["inspectors", "duty-log", "bus"]})
    return tomlkit.dumps(config)


def _tables(*rows: dict[str, Any]) -> Any:
    tables = tomlkit.aot()
    for row in rows:
        table = tomlkit.table()
        table.update(row)
        tables.append(table)
    return tables
