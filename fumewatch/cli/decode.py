"""`fumewatch decode`: what payloads become, channel by channel, or what is wrong with them."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fumewatch.cli import inputs, options, show
from fumewatch.cli.inputs import Input
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.core.errors import FumewatchError

if TYPE_CHECKING:
    from fumewatch.config import Config
    from fumewatch.core.decode.decoder import Decoder

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE...", help="Files, folders; - is standard input, the default."),
]


def decode(
    paths: Paths = None,
    config: ConfigPath = None,
    profile: Annotated[
        str | None, typer.Option(help="Read all by this profile, configured or ready-made.")
    ] = None,
    topic: Annotated[
        str,
        typer.Option(help="The topic of all inputs: it chooses the profile, names the monitor."),
    ] = "",
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Lines with topic and payload or payload_base64.")
    ] = False,
    lines: Annotated[bool, typer.Option("--lines", help="Each line is a payload.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="The HJ 212 frame as it stands, not what it means.")
    ] = False,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="With --raw: forgive what the daemon forgives.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Show what payloads become, channel by channel, or the fault and its place.

    \b
    A file is one payload. Of a capture (--jsonl, or a file that ends so) and with
    --lines each line is one. Without --topic and --profile the default profile
    reads them: canonical JSON, and HJ 212 with the codes most devices have; see
    fumewatch profiles list. Profiles that match on vendor, model or tags need
    --profile here: who has which stands in the database. How old a reading is
    does not matter here. Nothing is stored or changed. --json prints one object a
    line for each input. Status 1 when one of them has a fault.

    \b
    Examples:
      fumewatch decode payload.bin
      fumewatch decode --profile alibaba captured/ --json
      mosquitto_sub -t 'fume/#' -C 100 | fumewatch decode --lines
      fumewatch deadletters export - | fumewatch decode --jsonl
      fumewatch decode --raw --json frame.txt
    """
    if lenient and not raw:
        raise typer.BadParameter("goes with --raw", param_hint="--lenient")
    if jsonl and lines:
        raise typer.BadParameter("is one of --jsonl and --lines", param_hint="--lines")
    look = _raw(_chosen(config, profile), lenient) if raw else _meaning(config, profile, topic)
    kinds: Counter[str] = Counter()
    for each in inputs.read(paths or [inputs.STDIN], jsonl=jsonl, lines=lines):
        found = look(each)
        kinds[_kind(found)] += 1
        if json:
            show.as_json(found)
        else:
            _tell(found, each)
    _sum_up(kinds)
    raise typer.Exit(0 if set(kinds) == {""} else 1)


def _meaning(path: Path | None, name: str | None, topic: str) -> Callable[[Input], dict[str, Any]]:
    from fumewatch.cli import outcome
    from fumewatch.config.ways import sources

    config = _config(path)
    ways = sources(config)
    chosen = _chosen(path, name) if name else None

    def look(each: Input) -> dict[str, Any]:
        return outcome.of(each, topic or each.topic, ways, chosen, config.zone)

    return look


def _raw(decoder: "Decoder", lenient: bool) -> Callable[[Input], dict[str, Any]]:
    from fumewatch.cli import outcome
    from fumewatch.core.decode.hj212.raw import raw

    def look(each: Input) -> dict[str, Any]:
        if each.fault:
            return outcome.of_fault(each.fault)
        profile = decoder.profile
        return raw(
            each.payload,
            lenient=lenient,
            modbus=profile.crc == "modbus",
            key_of=decoder.key_of,
        )

    return look


def _config(path: Path | None) -> "Config":
    """The one named; else the usual one where there is any; else none is needed."""
    from fumewatch.config import Config, default_path

    options.keep_quiet()
    usual = default_path(path)
    return options.load(usual) if path is not None or usual.exists() else Config()


def _chosen(path: Path | None, name: str | None) -> "Decoder":
    from fumewatch.config import profiles
    from fumewatch.config.source import closest
    from fumewatch.core.decode.decoder import Decoder

    if name is None:
        return Decoder(profiles.default())
    configured = {each.name: each for each in _config(path).profile}
    ready = profiles.ready_made()
    if name in configured:
        return Decoder(configured[name])
    if name in ready:
        return Decoder(profiles.reader(name))
    hint = closest(name, [*configured, *ready])
    raise FumewatchError(f"no profile is named {name!r}{hint}")


def _kind(found: dict[str, Any]) -> str:
    """The first fault's, "" where there is none."""
    faults = found.get("faults") or [{}]
    return str(found.get("error") or faults[0].get("error", ""))


def _tell(found: dict[str, Any], each: Input) -> None:
    from fumewatch.cli import outcome

    outcome.tell(found, each)


def _sum_up(kinds: Counter[str]) -> None:
    if not kinds:
        show.complain("No input.")
    if kinds.total() < 2:
        return
    bad = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common() if kind)
    text = f"{show.count(kinds.total(), 'input')}: {kinds['']:,} good"
    show.complain(f"{text}, faults: {bad}." if bad else f"{text}.")
