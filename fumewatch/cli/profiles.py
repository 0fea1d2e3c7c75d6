"""`fumewatch profiles`: how models of monitor write, as configured and ready-made."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fumewatch.cli import options, show
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.core.errors import ConfigError, FumewatchError

if TYPE_CHECKING:
    from fumewatch.config import Config

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)


@app.command("list")
def list_(config: ConfigPath = None, json: AsJson = False) -> None:
    """List the profiles: those of the configuration in their order, then the ready-made ones.

    \b
    Examples:
      fumewatch profiles list
      fumewatch profiles list --json
    """
    entries = list(_entries(_load(config)))
    if json:
        show.as_json(entries)
        return
    columns = ["profile", "origin", "format", "topic", "match", "channels"]
    show.table("", columns, map(_cells, entries))
    show.line(
        "The first configured profile whose topic and match fit reads a message; else default."
    )


@app.command("show")
def show_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As in fumewatch profiles list.")],
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Show one profile as TOML, ready to paste into the configuration and to edit.

    What `like` brings is worked in; options that are not shown have their defaults; keys of SM4
    are never shown. A configured profile comes before a ready-made one of the same name.

    \b
    Examples:
      fumewatch profiles show hj212
      fumewatch profiles show json-ofc >> config.toml
      fumewatch profiles show hj212 --json
    """
    from fumewatch.config import profiles
    from fumewatch.config.source import closest

    ready = profiles.ready_made()
    try:
        loaded = _load(config)
    except ConfigError:
        if name not in ready:  # who mends a profile may want to look at the one it starts from
            raise
        loaded = None
    configured = {each.name: each for each in loaded.profile} if loaded else {}
    if name not in configured and name not in ready:
        raise FumewatchError(f"no profile is named {name!r}{closest(name, [*configured, *ready])}")
    table = profiles.spelled(configured[name]) if name in configured else ready[name]
    if json:
        show.as_json(table)
    elif name in configured:
        show.line(_as_toml(table))
    else:
        show.line(profiles.ready_text(name).rstrip())


def _load(path: Path | None) -> "Config | None":
    """None where no configuration is named and none is in its usual place."""
    from fumewatch.config import USUAL_PLACES, default_path

    if path is None and (usual := default_path(None)) in USUAL_PLACES and not usual.exists():
        return None
    return options.load(path)


def _entries(config: "Config | None") -> Iterator[dict[str, Any]]:
    from fumewatch.config import profiles

    if config is not None:
        for profile in config.profile:
            table = profiles.spelled(profile)
            yield _entry("configured", table, profile.topic or config.mqtt.topic)
    for table in profiles.ready_made().values():
        yield _entry("ready-made", table, table.get("topic", ""))


def _entry(origin: str, table: dict[str, Any], topic: str) -> dict[str, Any]:
    return {
        "name": table["name"],
        "origin": origin,
        "format": table.get("format", "auto"),
        "topic": topic,
        "match": table.get("match", {}),
        "channels": list(table.get("channel", {})),
    }


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    match = ", ".join(
        f"{key} {' or '.join(_listed(value))}" for key, value in entry["match"].items()
    )
    return (
        entry["name"],
        entry["origin"],
        entry["format"],
        entry["topic"],
        match,
        ", ".join(entry["channels"]),
    )


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _as_toml(profile: dict[str, Any]) -> str:
    """Plain keys first, as TOML wants it; each channel in one line."""
    import tomlkit

    table = tomlkit.table()
    inner = {key: value for key, value in profile.items() if isinstance(value, dict)}
    for key, value in profile.items():
        if key not in inner:
            table.add(key, _item(value))
    for key, value in inner.items():
        block = tomlkit.table()
        for name, each in value.items():
            block.add(name, _item(each))
        table.add(key, block)
    tables = tomlkit.aot()
    tables.append(table)
    return tomlkit.dumps({"profile": tables}).strip()


def _item(value: Any) -> Any:
    """A list of one is written without its brackets; both mean the same."""
    import tomlkit

    if isinstance(value, dict):
        line = tomlkit.inline_table()
        line.update({key: _item(each) for key, each in value.items()})
        return line
    return value[0] if isinstance(value, list) and len(value) == 1 else value
