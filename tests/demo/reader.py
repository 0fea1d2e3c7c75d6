"""The fleet's messages as the daemon of the demo reads them: by its own configuration."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from fumewatch.config import Config, load
from fumewatch.core.decode.columns import Horizon
from fumewatch.core.decode.decoded import Decoded
from fumewatch.core.decode.decoder import decode_each
from fumewatch.core.device import Fact
from fumewatch.core.reading import Readings
from fumewatch.core.site import Place
from fumewatch.core.sources import Source, Sources
from fumewatch.demo.fleet import Fleet
from fumewatch.demo.settings import Addresses, demo_config
from fumewatch.demo.wire import Sending, reading_topic
from fumewatch.pump import sources

DAY_US = 86_400_000_000


@cache
def config_of_the_demo() -> Config:
    there = "http://127.0.0.1/"
    database = "postgresql://u@h/d"
    log = Path("alerts.jsonl")
    to = Addresses("mqtt://127.0.0.1", database, "127.0.0.1:80", there, there, log)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(demo_config(to, "0" * 64), encoding="utf-8")
        return load(path)


def sources_of(fleet: Fleet, config: Config | None = None) -> Sources:
    """Which profile reads whom, once the listed monitors are known."""
    found = sources(config or config_of_the_demo())
    found.learn(
        Place(number, o.monitor, fleet.district, vendor=o.vendor.name, model=o.vendor.model)
        for number, o in enumerate(fleet.outlets)
        if o.is_listed
    )
    return found


def origins(
    fleet: Fleet, sendings: Sequence[Sending], config: Config | None = None
) -> list[Source]:
    known = sources_of(fleet, config)
    return [known[reading_topic(fleet, sending.monitor).encode()] for sending in sendings]


def decoded(
    fleet: Fleet, sendings: Sequence[Sending], at_s: int, config: Config | None = None
) -> Decoded:
    if not sendings:
        return Decoded.nothing()
    found = origins(fleet, sendings, config)
    now = at_s * 1_000_000
    return decode_each(
        [source.decoder for source in found],
        [sending.payload for sending in sendings],
        [source.code for source in found],
        now,
        Horizon(now - DAY_US, now + DAY_US),
    )


def read_back(fleet: Fleet, sendings: Sequence[Sending], at_s: int) -> Readings:
    """What the daemon would store of these messages; a monitor's number is its index."""
    ids = np.array([sending.monitor for sending in sendings], np.int32)
    return decoded(fleet, sendings, at_s).readings(ids)


def told(fleet: Fleet, sendings: Sequence[Sending], at_s: int) -> list[tuple[int, Fact]]:
    """(monitor's index, fact) of all that is told besides, in order."""
    facts = decoded(fleet, sendings, at_s).facts
    return [(sendings[each.message].monitor, each.fact) for each in facts]
