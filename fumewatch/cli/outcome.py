"""What one payload became, as `fumewatch decode` tells it."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, assert_never

from fumewatch.cli import show
from fumewatch.cli.inputs import Input
from fumewatch.core.decode.columns import Horizon
from fumewatch.core.decode.decoded import Decoded
from fumewatch.core.decode.decoder import Decoder, is_frame
from fumewatch.core.device import DeviceAggregate, DeviceEvent, Heartbeat, Reply
from fumewatch.core.errors import DecodeError
from fumewatch.core.reading import CHANNELS, INDEX, MISSING
from fumewatch.core.sources import STATUSES, Kind, Sources

_ANY_TIME: Final = Horizon(0, 9_000_000_000_000_000)
"""From 1970 to 2255: what a time can be."""
_NAMES: Final = {"measured_at", "monitor", "quality"}
MOST_READINGS: Final = 20
"""Of one payload, for the eye; --json has them all."""
_AROUND: Final = 40
"""Bytes before and behind the place of a fault."""


def of(
    each: Input, topic: str, ways: Sources, chosen: Decoder | None, zone: tzinfo
) -> dict[str, Any]:
    """{"readings": [...]} and what else it holds, or {"error": kind, "detail": ..., "at": ...}.

    `chosen` reads it whatever the topic says; without topic and `chosen` the default profile does.
    """
    if each.fault:
        return {"input": each.name, **of_fault(each.fault)}
    source = ways[topic.encode()] if topic else None
    if source and source.kind is Kind.STATUS and not chosen:
        return _status(each.payload)
    decoder = chosen or (source.decoder if source else ways.last)
    if decoder is None:
        fault = DecodeError("bad_topic", f"no filter of the configuration takes {topic!r}")
        return {"input": each.name, **of_fault(fault)}
    code = source.code if source and source.kind is Kind.READING else ""
    now = round(datetime.now(UTC).timestamp() * 1e6)
    decoded = decoder.decode([each.payload], [code], now, _ANY_TIME)
    return {"input": each.name, "profile": decoder.profile.name, **_found(decoded, code, zone)}


def of_fault(fault: DecodeError) -> dict[str, Any]:
    return {"error": fault.kind, "detail": fault.detail, "at": fault.at}


def _status(payload: bytes) -> dict[str, Any]:
    if payload in STATUSES:
        return {"readings": [], "status": payload.decode()}
    return of_fault(
        DecodeError("bad_status", f"a status is online or offline, not {payload[:40]!r}")
    )


def _found(decoded: Decoded, code: str, zone: tzinfo) -> dict[str, Any]:
    faults = [of_fault(fault) for _, fault in decoded.faults]
    if faults and not len(decoded) and not decoded.facts:
        more = {"faults": faults} if len(faults) > 1 else {}
        return {**faults[0], **more}
    found: dict[str, Any] = {"readings": _readings(decoded, code, zone), **_facts(decoded, zone)}
    if decoded.oddities:
        found["oddities"] = {oddity: n for (_, oddity), n in decoded.oddities.items()}
    return found | ({"faults": faults} if faults else {})


def _readings(decoded: Decoded, code: str, zone: tzinfo) -> list[dict[str, Any]]:
    """As canonical JSON, to which `unjudged` adds the channels that are kept and not judged."""
    found: list[dict[str, Any]] = []
    for row, name in enumerate(decoded.names()):
        reading: dict[str, Any] = {"measured_at": _local(int(decoded.measured_at[row]), zone)}
        if monitor := name or code:
            reading["monitor"] = monitor
        for channel, value in zip(CHANNELS, decoded.values[:, row].tolist(), strict=True):
            if value != MISSING:
                reading[channel.name] = bool(value) if channel.is_state else value / channel.scale
        reading["quality"] = chr(decoded.quality[row])
        barred = int(decoded.unjudged[row])
        if unjudged := [c.name for i, c in enumerate(CHANNELS) if barred >> i & 1]:
            reading["unjudged"] = unjudged
        _join(found, reading)
    return found


def _join(found: list[dict[str, Any]], reading: dict[str, Any]) -> None:
    """Add it, or what it has besides to one of that monitor and time, as the store does.

    Two that differ in a channel stay two: that is something to see here.
    """
    for other in found:
        both = other.keys() & reading.keys()
        if both <= _NAMES and all(other[key] == reading[key] for key in both):
            other |= reading
            return
    found.append(reading)


def _facts(decoded: Decoded, zone: tzinfo) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for told in decoded.facts:
        match told.fact:
            case DeviceEvent(kind, at, detail):
                event = {"kind": kind.value, "at": _local(at, zone), "detail": detail}
                found.setdefault("events", []).append(event)
            case DeviceAggregate() as aggregate:
                found.setdefault("aggregates", []).append(_aggregate(aggregate, zone))
            case Heartbeat():
                found["heartbeat"] = True
            case Reply(_, frame):
                found["reply"] = frame.decode()
            case _:
                assert_never(told.fact)
    return found


def _aggregate(aggregate: DeviceAggregate, zone: tzinfo) -> dict[str, Any]:
    scale = CHANNELS[aggregate.channel].scale
    numbers = {"least": aggregate.least, "mean": aggregate.mean, "most": aggregate.most}
    return {
        "interval": aggregate.interval.value,
        "start": _local(aggregate.start, zone),
        "channel": CHANNELS[aggregate.channel].name,
        **{name: value / scale for name, value in numbers.items() if value != MISSING},
        "quality": aggregate.quality,
    }


def _local(at_us: int, zone: tzinfo) -> str:
    if not _ANY_TIME.oldest <= at_us <= _ANY_TIME.newest:
        return f"{at_us} µs since 1970"  # of an event; no calendar may reach so far
    return datetime.fromtimestamp(at_us / 1e6, UTC).astimezone(zone).isoformat()


def tell(found: dict[str, Any], each: Input) -> None:
    """For the eye; what comes from outside is shown as text, whatever it holds."""
    profile = f"  [{found['profile']}]" if "profile" in found else ""
    show.line(show.inert(f"{each.name}{profile}"))
    if "error" in found:
        _tell_fault(found, each.payload)
    elif "readings" not in found:
        _tell_raw(found)
    else:
        _tell_found(found, each.payload)
    show.line()


def _tell_fault(fault: dict[str, Any], payload: bytes) -> None:
    at = fault.get("at")
    has_bytes = isinstance(at, int) and at <= len(payload) and is_frame(payload)
    place = f" at byte {at}" if has_bytes else ""
    show.line(show.inert(f"  {fault['error']}{place}: {fault.get('detail', '')}"))
    if has_bytes and isinstance(at, int):
        start = max(0, at - _AROUND)
        before = show.inert(payload[start:at].decode("utf-8", "replace"))
        after = show.inert(payload[at : at + _AROUND].decode("utf-8", "replace"))
        show.line(f"    {before}{after}")
        show.line(f"    {' ' * len(before)}^")


def _tell_raw(found: dict[str, Any]) -> None:
    import json

    for line in json.dumps(found, ensure_ascii=False, indent=2).splitlines():
        show.line(show.inert(f"  {line}"))


def _tell_found(found: dict[str, Any], payload: bytes) -> None:
    readings = found["readings"]
    for reading in readings[:MOST_READINGS]:
        _tell_reading(reading)
    if len(readings) > MOST_READINGS:
        show.line(f"  ... and {len(readings) - MOST_READINGS:,} readings more")
    for line in _told_besides(found):
        show.line(show.inert(f"  {line}"))
    for fault in found.get("faults", []):
        _tell_fault(fault, payload)


def _told_besides(found: dict[str, Any]) -> Iterator[str]:
    for event in found.get("events", []):
        detail = ", ".join(f"{key}={value}" for key, value in event["detail"].items())
        yield f"event {event['kind']} {event['at']} {detail}"
    for aggregate in found.get("aggregates", []):
        yield f"the device's own {_spelt(aggregate)}"
    for name in ("heartbeat", "status", "reply"):
        if name in found:
            yield f"{name}: {found[name]}"
    if odd := found.get("oddities"):
        listed = ", ".join(f"{name} {count}" for name, count in odd.items())
        yield f"forgiven or passed over: {listed}"


def _spelt(aggregate: dict[str, Any]) -> str:
    unit = CHANNELS[INDEX[aggregate["channel"]]].unit
    numbers = ", ".join(
        f"{name} {aggregate[name]:g}" for name in ("least", "mean", "most") if name in aggregate
    )
    return (
        f"{aggregate['interval']} from {aggregate['start']}: {aggregate['channel']} {numbers}"
        f" {unit}, quality {aggregate['quality']}"
    )


def _tell_reading(reading: dict[str, Any]) -> None:
    quality = reading["quality"]
    verdict = "judged" if quality == "N" else "kept, not judged"
    head = f"  {reading['measured_at']}  {reading.get('monitor', '')}".rstrip()
    show.line(show.inert(f"{head}  quality {quality} ({verdict})"))
    for channel in CHANNELS:
        if channel.name not in reading:
            continue
        value = reading[channel.name]
        shown = ("on" if value else "off") if channel.is_state else f"{value:g} {channel.unit}"
        note = "  not judged" if channel.name in reading.get("unjudged", ()) else ""
        show.line(f"    {channel.name:<17}{shown}{note}")
