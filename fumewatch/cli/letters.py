"""What `fumewatch deadletters` tells: tables and text for people, plain values for programs."""

import base64
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from fumewatch.cli import show

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fumewatch.cli.replay import Report
    from fumewatch.store.pages.dead_letters import Group, Letter

LONGEST_DETAIL: Final = 80
BYTES_A_LINE: Final = 16


def facts(letter: "Letter") -> dict[str, Any]:
    """Everything but the payload."""
    found = asdict(letter)
    del found["payload"]
    return found | {"state": letter.state}


def captured(letter: "Letter") -> dict[str, Any]:
    """As a captured message is written: a line of what decode reads."""
    names = ("id", "received_at", "topic", "profile", "kind", "detail")
    return {name: getattr(letter, name) for name in names} | payload(letter.payload)


def payload(raw: bytes) -> dict[str, str]:
    """Under the name that says how it is written."""
    try:
        return {"payload": raw.decode()}
    except UnicodeDecodeError:
        return {"payload_base64": base64.b64encode(raw).decode()}


def _time(at: datetime, zone: "ZoneInfo") -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def tell_groups(groups: list["Group"], zone: "ZoneInfo") -> None:
    rows = [
        (g.profile or "none", g.kind, f"{g.count:,}", f"{g.recent:,}", _time(g.latest_at, zone),
         _time(g.first_at, zone))
        for g in groups
    ]  # fmt: skip
    show.table("", ["profile", "reason", "letters", "last 24 h", "newest", "oldest"], rows)


def tell_letters(letters: list["Letter"], zone: "ZoneInfo") -> None:
    rows = [
        (x.id, _time(x.received_at, zone), x.topic, x.profile or "none", x.kind, x.state,
         _short(x.detail))
        for x in letters
    ]  # fmt: skip
    if rows:
        columns = ["id", "received", "topic", "profile", "reason", "state", "detail"]
        show.table("The newest", columns, rows)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_DETAIL else f"{text[:LONGEST_DETAIL]}..."


def tell_letter(letter: "Letter", zone: "ZoneInfo") -> None:
    times = {
        "replay asked": letter.requested_at,
        "last tried": letter.tried_at,
        "replayed": letter.replayed_at,
    }
    lines = {
        "letter": f"{letter.id}, {letter.state}",
        "received": _time(letter.received_at, zone),
        **{name: _time(at, zone) for name, at in times.items() if at is not None},
        "topic": letter.topic,
        "profile": letter.profile or "none",
        "reason": letter.kind,
        "detail": letter.detail,
        "payload": show.count(letter.size, "byte"),
    }
    for name, value in lines.items():
        show.line(f"{name:<13}{show.inert(value)}")
    show.line()
    for line in _readable(letter.payload):
        show.line(line)


def _readable(payload: bytes) -> Iterator[str]:
    """As text where it is UTF-8; else in hexadecimal, with what is ASCII beside it."""
    try:
        yield from map(show.inert, payload.decode().split("\n"))
        return
    except UnicodeDecodeError:
        pass
    for at in range(0, len(payload), BYTES_A_LINE):
        part = payload[at : at + BYTES_A_LINE]
        plain = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{at:08x}  {part.hex(' '):<{3 * BYTES_A_LINE}} {plain}"


def tell_report(report: "Report", waited: bool) -> None:
    if report.asked and not waited:
        show.line(
            f"A replay of {show.count(report.asked, 'letter')} is asked for: a running daemon does"
            " it within seconds, another one when it starts."
        )
    elif report.asked:
        gave = ""
        if report.readings is not None:
            gave = f", {show.count(report.readings, 'reading')} nobody had"
        show.line(f"{show.count(report.replayed, 'letter')} of {report.asked:,} replayed{gave}.")
    elif not (report.cut or report.unknown or report.already):
        show.line("No open dead letter fits.")
    for id, at in report.already.items():
        show.line(f"Letter {id} was replayed already, at {at.isoformat(timespec='seconds')}.")
    _tell_failures(report, waited)


def _tell_failures(report: "Report", waited: bool) -> None:
    if report.still_dead:
        columns = ["profile", "reason", "letters", "for example", "detail"]
        rows = [
            (x.profile or "none", x.kind, f"{x.count:,}", x.id, _short(x.detail))
            for x in report.still_dead
        ]
        show.table("Still dead", columns, rows)
        if report.readings is None:
            show.complain(
                "The daemon reads by the configuration in force there: fumewatch status says"
                " whether a change was taken."
            )
    if report.due and waited:
        show.complain(
            f"{show.count(len(report.due), 'letter')} still to be replayed, letter {report.due[0]}"
            " the first: whoever leads has not come to them. Look at fumewatch status; the request"
            " stands."
        )
    if report.gone:
        show.complain(
            f"{show.count(report.gone, 'letter')} gone: older than [retention] dead_letters."
        )
    if report.cut:
        show.complain(
            f"{show.count(len(report.cut), 'letter')} not asked for, letter {report.cut[0]} the"
            " first: of a payload longer than max_message of [mqtt] only the beginning was kept,"
            " so it cannot be replayed."
        )
    for id in report.unknown:
        show.complain(f"There is no dead letter {id}.")
