"""Frames that a device split into packets, put together again."""

from collections.abc import Sequence

from fumewatch.core.decode.hj212.shape import Frame

_Key = tuple[str, int, str]  # MN, CN, DataTime


def merged(frames: Sequence[Frame]) -> list[Frame]:
    """Packets of one monitor, command and DataTime as one frame each, the others as they are.

    1. In order of first appearance; the fields of a frame in order of its packets' PNO.
    2. Header, length and checksum are those of the first packet there is, without PNUM and PNO.
    3. Of a packet that came twice the later one counts.
    4. Where packets are missing the oddity packet_missing says so.
    """
    found: list[Frame | _Key] = []
    parts: dict[_Key, dict[int, Frame]] = {}
    for frame in frames:
        if frame.packet is None:
            found.append(frame)
            continue
        key = (frame.mn, frame.command, frame.fields.get("DataTime", ""))
        if key not in parts:
            found.append(key)
        parts.setdefault(key, {})[frame.packet[1]] = frame
    return [each if isinstance(each, Frame) else _one(parts[each]) for each in found]


def _one(parts: dict[int, Frame]) -> Frame:
    ordered = [parts[place] for place in sorted(parts)]
    total = max(part.packet[0] for part in ordered if part.packet)
    oddities = [oddity for part in ordered for oddity in part.oddities]
    if not parts.keys() >= set(range(1, total + 1)):
        oddities.append("packet_missing")
    first = ordered[0]
    header = {key: first.header[key] for key in first.header if key not in ("PNUM", "PNO")}
    fields = {key: value for part in ordered for key, value in part.fields.items()}
    length, crc = first.declared_length, first.crc
    return Frame(header, fields, length, crc, tuple(dict.fromkeys(oddities)))
