"""Payloads into columns: this project's decoders beside a bare parse of the same payloads.

All in one process, one core, CPU time of the thread. The rounds are interleaved, so that the
machine's other work falls on all alike; medians. `split` is the least that reading an HJ 212 frame
can cost in Python: text, items, a dict, no check of anything.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from time import thread_time
from typing import Final

from fumewatch.config import profiles
from fumewatch.core.decode import Horizon
from fumewatch.core.decode.decoder import Decoder
from fumewatch.core.decode.hj212.encode import encode
from fumewatch.core.reading import CHANNELS
from tests.bench.machine import Table

CANONICAL: Final = "canonical JSON"
HJ212: Final = "HJ 212, 8 channels"
OURS: Final = "fumewatch, to columns"
BATCH: Final = 2000
ROUNDS: Final = 15
START: Final = 1_795_406_400 * 1_000_000  # noon in Shanghai
HORIZON: Final = Horizon(START - 10**12, START + 10**12)
CODES: Final = {
    "fume": "a34041",
    "pm": "a34000",
    "nmhc": "a24088",
    "temperature": "a01012",
    "humidity": "a01014",
    "velocity": "a01011",
    "fan_current": "ga2001",
    "purifier_current": "ga0601",
}
"""Eight channels, as the ready-made profile hj212 reads them."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Payloads a second and core of one way to read one kind of payload."""

    payload: str
    size: int
    way: str
    rate: float
    least: float
    greatest: float

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def measure() -> list[Rate]:
    rng = random.Random(7)
    readings = [_reading(rng, minute) for minute in range(BATCH)]
    canonical = [json.dumps(each, separators=(",", ":")).encode() for each in readings]
    frames = [_frame(each) for each in readings]
    alibaba = [_property_post(each) for each in readings]
    default = Decoder(profiles.default())
    own = Decoder(profiles.reader("alibaba"))
    return [
        *_compare(CANONICAL, canonical, _ways(default) | {"json.loads": json.loads}),
        *_compare(HJ212, frames, _ways(default) | {"split": _split}),
        *_compare("vendor JSON by profile", alibaba, _ways(own) | {"json.loads": json.loads}),
    ]


def _ways(decoder: Decoder) -> dict[str, Callable[[bytes], object] | Decoder]:
    return {OURS: decoder}


def _compare(
    name: str, payloads: Sequence[bytes], ways: dict[str, Callable[[bytes], object] | Decoder]
) -> list[Rate]:
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, read in ways.items():
            taken[way].append(_seconds(read, payloads))
    size = round(sum(map(len, payloads)) / len(payloads))
    return [
        Rate(
            name,
            size,
            way,
            len(payloads) / median(seconds),
            len(payloads) / max(seconds),
            len(payloads) / min(seconds),
        )
        for way, seconds in taken.items()
    ]


def _seconds(read: Callable[[bytes], object] | Decoder, payloads: Sequence[bytes]) -> float:
    begin = thread_time()
    if isinstance(read, Decoder):
        decoded = read.decode(payloads, ["M1"] * len(payloads), START, HORIZON)
        seconds = thread_time() - begin
        assert len(decoded) == len(payloads), decoded.faults[:1]
        return seconds
    for payload in payloads:
        read(payload)
    return thread_time() - begin


def _reading(rng: random.Random, minute: int) -> dict[str, object]:
    values = {
        "fume": round(rng.lognormvariate(-1.5, 0.8), 2),
        "pm": round(rng.uniform(0, 3), 2),
        "nmhc": round(rng.uniform(0, 8), 2),
        "temperature": round(rng.uniform(30, 60), 1),
        "humidity": round(rng.uniform(40, 60), 1),
        "velocity": 9.1,
        "fan_current": 3.2,
        "purifier_current": 1.1,
    }
    hour, rest = divmod(minute, 60)
    at = f"2026-11-23T{hour % 24:02d}:{rest:02d}:00+08:00"
    return {"measured_at": at, **values, "fan_on": True, "purifier_on": True, "quality": "N"}


def _frame(reading: dict[str, object]) -> bytes:
    at = "".join(filter(str.isdigit, str(reading["measured_at"])[:19]))
    items = [f"{code}-Rtd={reading[name]},{code}-Flag=N" for name, code in CODES.items()]
    header = {"QN": f"{at}001", "ST": "31", "CN": "2011", "PW": "123456", "MN": "M1", "Flag": "4"}
    return encode(header, ";".join([f"DataTime={at}", *items]))


def _property_post(reading: dict[str, object]) -> bytes:
    params = {c.name: reading[c.name] for c in CHANNELS if not c.is_state}
    return json.dumps({"id": "1", "version": "1.0", "params": params}).encode()


def _split(payload: bytes) -> dict[str, str]:
    text = payload.decode().partition("CP=&&")[2]
    return dict(item.split("=", 1) for item in text.replace(",", ";").split(";") if "=" in item)


def table(rates: Sequence[Rate]) -> Table:
    header = ("payload", "bytes", "read by", "a second and core", "µs each")
    rows = [
        (
            rate.payload,
            str(rate.size),
            rate.way,
            f"{rate.rate:,.0f} ({rate.least:,.0f}-{rate.greatest:,.0f})",
            f"{1e6 / rate.rate:.2f}",
        )
        for rate in rates
    ]
    return Table("Decoding, payloads a second on one core: median (least-greatest)", header, rows)
