"""`fumewatch simulate`: a made-up fleet against any broker."""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fumewatch.cli import options, show
from fumewatch.cli.options import AsJson, read_duration

if TYPE_CHECKING:
    from fumewatch.demo.simulate import Figures
    from fumewatch.mqtt.settings import MqttSettings

DEFAULT_BROKER: Final = "mqtt://127.0.0.1:1883"
TELL_EVERY_S: Final = 5.0
NEEDED: Final = "The daemon that is to read all of this fleet needs in its configuration:"

Monitors = Annotated[int, typer.Option(min=1, max=100_000, help="How many monitors.")]
Seed = Annotated[int, typer.Option(help="The same seed makes the same fleet and troubles.")]
For = Annotated[
    timedelta | None,
    typer.Option("--for", parser=read_duration, metavar="60s", help="Stop by itself after this."),
]


def simulate(
    broker: Annotated[str, typer.Option(metavar="URL", help="Where to publish.")] = DEFAULT_BROKER,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", help="Take the broker from its [mqtt]."),
    ] = None,
    username: Annotated[str | None, typer.Option(help="For the broker.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="For the broker.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Who signed its certificate.")] = None,
    monitors: Monitors = 200,
    interval: Annotated[
        timedelta,
        typer.Option(
            parser=read_duration, metavar="60s", show_default="60s", help="Between two readings."
        ),
    ] = timedelta(seconds=60),
    seed: Seed = 1,
    trouble: Annotated[
        float, typer.Option(min=0, help="So many times as much goes wrong as usual.")
    ] = 1.0,
    district: Annotated[str, typer.Option(help="The topic level before the monitor.")] = "xuhui",
    duration: For = None,
    backfill: Annotated[
        timedelta,
        typer.Option(
            parser=read_duration, metavar="24h", show_default="none", help="History to send before."
        ),
    ] = timedelta(0),
    dense: Annotated[
        bool, typer.Option("--dense", help="All kitchens cook now, a third is in trouble.")
    ] = False,
    speak_all: Annotated[
        bool,
        typer.Option(
            "--speak-all",
            help="Let makes that need a [[profile]] write their own JSON; says what is needed.",
        ),
    ] = False,
    sites: Annotated[
        Path | None, typer.Option("--sites", help="Write the fleet's sites.csv here.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="Write what really went wrong here, JSON lines.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Publish a fleet's readings to a broker until Ctrl-C: cooking, held values, gaps, outages.

    A quarter of the monitors speak HJ 212, the others canonical JSON: a daemon reads both without
    any [[profile]].

    \b
    Examples:
      fumewatch simulate --monitors 50 --interval 5s
      fumewatch simulate --config config.toml --for 10m --sites sites.csv
      fumewatch simulate --config config.toml --speak-all
      fumewatch simulate --broker mqtts://broker:8883 --username fleet --password-file secret
    """
    from fumewatch.demo import simulate as fleet
    from fumewatch.demo.settings import profiles_text

    options.keep_quiet()
    settings = (
        options.load(config).mqtt
        if config
        else _broker(url=broker, username=username, password_file=password_file, ca_file=ca_file)
    )
    if speak_all:
        show.complain(f"{NEEDED}\n\n{profiles_text()}\n")
    figures = fleet.simulate(
        fleet.SimulateOptions(
            broker=settings,
            monitors=monitors,
            interval=interval,
            seed=seed,
            speed=trouble,
            duration=duration,
            district=district,
            backfill=backfill,
            is_dense=dense,
            speak_all=speak_all,
            sites_csv=sites,
            labels=labels,
        ),
        options.clock,
        options.stop_on_signals(),
        _Progress(),
    )
    if json:
        show.as_json(asdict(figures))
    else:
        show.line(_sent(figures))
    if figures.trouble:
        show.complain(f"fumewatch: {settings.host}:{settings.port}: {figures.trouble}")
        raise typer.Exit(1)


def _broker(**given: str | Path | None) -> "MqttSettings":
    from pydantic import ValidationError

    from fumewatch.mqtt.settings import MqttSettings

    try:
        return MqttSettings.model_validate({k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        key = "broker" if first["loc"] == ("url",) else "-".join(map(str, first["loc"]))
        what = first["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(what, param_hint=f"--{key}".replace("_", "-")) from None


class _Progress:
    """Says on standard error every few seconds how far it is."""

    def __init__(self) -> None:
        self._told_s = 0.0

    def __call__(self, figures: "Figures") -> None:
        if figures.seconds - self._told_s >= TELL_EVERY_S:
            self._told_s = figures.seconds
            show.complain(f"{_sent(figures)}{figures.trouble and f'; {figures.trouble}'}")


def _sent(figures: "Figures") -> str:
    return (
        f"{figures.readings:,} readings in {figures.messages:,} messages sent, "
        f"{figures.confirmed:,} confirmed, {figures.situations:,} situations, "
        f"{figures.seconds:.0f} s"
    )
