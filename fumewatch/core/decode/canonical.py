"""Canonical JSON: one object, or an array of them, into entries that are typed but not yet judged.

A payload is read by itself: joined with others, one with an open bracket could shift their rows.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec

from fumewatch.core.decode.scalar import is_blank
from fumewatch.core.errors import DecodeError

MOST_BYTES: Final = 256 * 1024
MOST_READINGS: Final = 5000  # of one payload

_NAN: Final = float("nan")

Measured = float | None
Switched = bool | float | None


class Entry(msgspec.Struct, gc=False):
    """One reading as it was written. NaN and None: the channel was not sent."""

    measured_at: str | float
    monitor: str = ""
    fume: Measured = _NAN
    pm: Measured = _NAN
    nmhc: Measured = _NAN
    temperature: Measured = _NAN
    humidity: Measured = _NAN
    velocity: Measured = _NAN
    fan_current: Measured = _NAN
    purifier_current: Measured = _NAN
    fan_on: Switched = _NAN
    purifier_on: Switched = _NAN
    quality: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = "N"


@dataclass(frozen=True, slots=True)
class Parsed:
    """`message[i]`: the payload that entry i came in; `element[i]`: its place there or None."""

    entries: list[Entry]
    message: Sequence[int]
    element: Sequence[int | None]
    faults: list[tuple[int, DecodeError]]


_KEYS: Final = frozenset(Entry.__struct_fields__)
_read: Final = msgspec.json.Decoder(Entry | list[Entry]).decode


def parse(payloads: Sequence[bytes]) -> Parsed:
    """Every entry that has the right shape, and a fault for every payload or element that has not.

    1. All payloads at once and strictly, one object each: what nearly every batch is.
    2. Otherwise each payload by itself; one that the strict reader refuses is read leniently.
    """
    try:
        whole = [_read(payload) for payload in payloads]
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        whole = []
    if set(map(type, whole)) == {Entry} and max(map(len, payloads)) <= MOST_BYTES:
        return Parsed(whole, range(len(whole)), [None] * len(whole), [])
    return _parse_each(payloads)


def _parse_each(payloads: Sequence[bytes]) -> Parsed:
    found = Parsed([], message := [], element := [], [])
    for number, payload in enumerate(payloads):
        try:
            for place, entry in _entries(payload):
                if isinstance(entry, DecodeError):
                    found.faults.append((number, entry))
                    continue
                found.entries.append(entry)
                message.append(number)
                element.append(place)
        except DecodeError as fault:
            found.faults.append((number, fault))
    return found


def _entries(payload: bytes) -> list[tuple[int | None, Entry | DecodeError]]:
    check_size(payload)
    if payload.startswith(b"##"):
        raise DecodeError("not_json", "an HJ 212 frame, and this profile reads JSON only")
    try:
        read = _read(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _lenient(payload)
    return [(None, read)] if isinstance(read, Entry) else numbered(read)


def check_size(payload: bytes) -> None:
    """Raise DecodeError where it is too large to be read."""
    if len(payload) > MOST_BYTES:
        raise DecodeError("too_large", f"{len(payload)} bytes; at most {MOST_BYTES} are read")


def numbered(items: list[Any]) -> list[tuple[int | None, Any]]:
    """Each of the readings of one payload with its place; DecodeError for none or too many."""
    if not items:
        raise DecodeError("no_reading", "an empty array")
    if len(items) > MOST_READINGS:
        raise DecodeError("too_large", f"{len(items)} readings; at most {MOST_READINGS} are read")
    return list(enumerate(items))


def _lenient(payload: bytes) -> list[tuple[int | None, Entry | DecodeError]]:
    """Numbers and states as text, NaN as a bare word, blanks for missing; an array one by one."""
    raw = leniently(payload)
    if isinstance(raw, list):
        return [(place, _entry(item, place)) for place, item in numbered(raw)]
    return [(None, _entry(raw, None))]


def leniently(payload: bytes) -> Any:
    """What the JSON holds, NaN as a bare word included; DecodeError where it is none."""
    if not payload.strip():
        raise DecodeError("not_json", "the payload is empty")
    try:
        return json.loads(payload)
    except RecursionError:
        raise DecodeError("not_json", "it is nested too deeply") from None
    except ValueError as error:
        raise DecodeError("not_json", _in_one_line(error)) from None


def _entry(raw: object, place: int | None) -> Entry | DecodeError:
    where = "$" if place is None else f"$[{place}]"
    if not isinstance(raw, dict):
        return DecodeError("not_object", f"{where} is {kind_of(raw)}, not an object", place)
    fields = {key: raw[key] for key in _KEYS & raw.keys() if not is_blank(raw[key])}
    if "measured_at" not in fields:
        return DecodeError("no_time", f"{where} has no measured_at", place)
    if isinstance(fields.get("monitor"), int):
        fields["monitor"] = str(fields["monitor"])
    try:
        return msgspec.convert(fields, Entry, strict=False)
    except (msgspec.ValidationError, OverflowError, UnicodeError) as error:
        detail = _in_one_line(error).replace("`$", f"`{where}")
        return DecodeError(_blame(detail), detail, place)


def _blame(detail: str) -> str:
    return "bad_time" if detail.endswith(".measured_at`") else "wrong_type"


def kind_of(raw: object) -> str:
    names = {str: "a text", bool: "true or false", type(None): "null", list: "an array"}
    return names.get(type(raw), "a number")


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
