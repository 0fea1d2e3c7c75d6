"""HJ 212 frames as the fleet's monitors write them, HJ 212-2025 and the usual codes. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from fumewatch.core.decode.hj212.encode import encode
from fumewatch.core.reading import CHANNELS, MISSING
from fumewatch.demo.fleet import ZONE_S
from fumewatch.demo.signal import SENTINEL

LOCAL: Final = timezone(timedelta(seconds=ZONE_S))
_CODES: Final = {
    "fume": "a34041",
    "pm": "a34000",
    "nmhc": "a24088",
    "temperature": "a01012",
    "humidity": "a01014",
    "velocity": "a01011",
    "fan_current": "ga2001",
    "purifier_current": "ga0601",
    "fan_on": "ga2101",
    "purifier_on": "ga0701",
}
_SCALES: Final = tuple((_CODES[each.name], each.scale, each.high * each.scale) for each in CHANNELS)
_READING: Final = "2011"
_HOUR: Final = "2061"
_RESTART: Final = "2081"
_HEARTBEAT: Final = "9015"
_VERSION: Final = 8
"""HJ 212-2025, which knows heartbeats; its lowest bit asks for an acknowledgement."""
_RUBBISH: Final = 5


@dataclass(frozen=True, slots=True)
class Statistic:
    """Of one channel over an interval: thousandths of its unit, and a data flag."""

    channel: int
    least: int
    mean: int
    most: int
    quality: str


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes one monitor's frames. `place`: of a frame among those sent in the same second, which
    makes its QN another."""

    monitor: str
    wants_ack: bool = False

    def reading(
        self, measured_s: int, values: Iterable[int], quality: str, sent_s: int, place: int = 0
    ) -> bytes:
        """`values` as in a column of Readings. A flag for each: over range T, none at all D."""
        fields = [
            f"{code}-Rtd={value / scale if scale > 1 else value},"
            f"{code}-Flag={_flag(value, most, quality)}"
            for (code, scale, most), value in zip(_SCALES, values, strict=True)
            if value != MISSING
        ]
        return self._frame(_READING, [_data_time(measured_s), *fields], sent_s, place)

    def hour(self, start_s: int, statistics: Iterable[Statistic], sent_s: int) -> bytes:
        fields = [_statistic(each) for each in statistics]
        return self._frame(_HOUR, [_data_time(start_s), *fields], sent_s)

    def restart(self, at_s: int, sent_s: int) -> bytes:
        fields = [_data_time(sent_s), f"RestartTime={_digits(at_s)}"]
        return self._frame(_RESTART, fields, sent_s)

    def heartbeat(self, sent_s: int) -> bytes:
        return self._frame(_HEARTBEAT, [], sent_s)

    def rubbish(self, at_s: int, turn: int) -> bytes:
        """A frame that nothing can be read from, another one each turn."""
        match turn % _RUBBISH:
            case 0:  # cut off on the way
                return self._plain(at_s)[:-40]
            case 1:  # a digit got lost, its checksum did not
                return self._plain(at_s).replace(b"=0.8,", b"=0.9,")
            case 2:
                return Pen(f"{self.monitor[:-1]}X", self.wants_ack)._plain(at_s)
            case 3:
                return self._plain(at_s, value="-999")
            case _:  # a clock that was never set
                return self._plain(at_s, data_time="DataTime=00000000000000")

    def _plain(self, at_s: int, value: str = "0.8", data_time: str = "") -> bytes:
        fields = [data_time or _data_time(at_s), f"a34041-Rtd={value},a34041-Flag=N"]
        return self._frame(_READING, fields, at_s)

    def _frame(self, command: str, fields: list[str], sent_s: int, place: int = 0) -> bytes:
        header = {
            "QN": f"{_digits(sent_s)}{place % 1000:03d}",
            "ST": "31",
            "CN": command,
            "PW": "123456",
            "MN": self.monitor,
            "Flag": f"{_VERSION | self.wants_ack}",
        }
        return encode(header, ";".join(fields))


def _statistic(each: Statistic) -> str:
    channel = CHANNELS[each.channel]
    code = _CODES[channel.name]
    found = (("Min", each.least), ("Avg", each.mean), ("Max", each.most))
    values = "".join(f"{code}-{name}={value / channel.scale}," for name, value in found)
    return f"{values}{code}-Flag={each.quality}"


def _flag(value: int, most: float, quality: str) -> str:
    if value == SENTINEL:
        return "D"
    return "T" if quality == "N" and value > most else quality


def _data_time(at_s: int) -> str:
    return f"DataTime={_digits(at_s)}"


@lru_cache(maxsize=4096)  # monitors send in the second in which they measure
def _digits(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, LOCAL).strftime("%Y%m%d%H%M%S")
