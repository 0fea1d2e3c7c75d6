"""Payloads for `fumewatch decode`: from files, folders, captures, standard input."""

import base64
import binascii
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fumewatch.core.errors import DecodeError, Fault, ImportRefused

STDIN: Final = Path("-")
CAPTURE: Final = ".jsonl"


@dataclass(frozen=True, slots=True)
class Input:
    """One payload. `name`: where it comes from. `fault`: why there is none."""

    name: str
    payload: bytes
    topic: str = ""
    fault: DecodeError | None = None


def read(paths: Sequence[Path], *, jsonl: bool, lines: bool) -> Iterator[Input]:
    """Every payload in order; ImportRefused names a path that cannot be read.

    A file is one payload, or with `lines` one a line; a capture (`jsonl`, or a file so called) has
    one a line with topic and payload. Of a folder all files count, also in folders below.
    """
    for path in _files(paths):
        name = "standard input" if path == STDIN else str(path)
        if jsonl or path.suffix == CAPTURE:
            yield from _captured(name, _lines(path))
        elif lines:
            for number, line in _lines(path):
                yield Input(f"{name}:{number}", line)
        else:
            yield Input(name, _whole(path))


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path != STDIN and path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.is_file())
        else:
            yield path


def _whole(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Those that are not blank, numbered from 1, without their ends; never all in memory."""
    try:
        with sys.stdin.buffer if path == STDIN else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line.rstrip(b"\r\n")
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> ImportRefused:
    return ImportRefused([Fault(str(path), f"cannot be read: {error.strerror}")])


def _captured(name: str, lines: Iterable[tuple[int, bytes]]) -> Iterator[Input]:
    for number, line in lines:
        where = f"{name}:{number}"
        try:
            topic, payload = _capture(line)
        except DecodeError as fault:
            yield Input(where, line, fault=fault)
        else:
            yield Input(where, payload, topic)


def _capture(line: bytes) -> tuple[str, bytes]:
    """{"topic": "...", "payload": "..."} or payload_base64; a payload may also be JSON as such."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _no_capture(f"not JSON: {error}") from None
    if not isinstance(found, dict):
        raise _no_capture("not an object")
    topic = found.get("topic") or ""
    if not isinstance(topic, str):
        raise _no_capture("topic is no text")
    return topic, _payload(found)


def _payload(found: dict[str, Any]) -> bytes:
    if isinstance(encoded := found.get("payload_base64"), str):
        try:
            return base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise _no_capture(f"payload_base64 is no base64: {error}") from None
    if "payload" not in found:
        raise _no_capture("has neither payload nor payload_base64")
    payload = found["payload"]
    text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _no_capture(what: str) -> DecodeError:
    return DecodeError("bad_capture", f"{what}; a line is an object with topic and payload")
