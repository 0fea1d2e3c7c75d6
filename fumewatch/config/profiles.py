"""[[profile]] of the configuration: what `like` and `sm4_keys_file` add; the ready-made ones."""

import csv
import io
import re
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import FilePath

from fumewatch.config.source import Source, closest
from fumewatch.core.decode.profile import Profile
from fumewatch.core.errors import Fault

DEFAULT: Final = "default"
_MERGED: Final = ("channel", "match")
_SM4_KEY: Final = re.compile(r"[0-9A-Fa-f]{32}")
_HEADER: Final = ("mn", "key")


class ProfileSettings(Profile):
    """One [[profile]] as the file may hold it."""

    like: str = ""
    """A ready-made profile that this one starts from. Tables `channel` and `match` are merged key
    by key, so that a channel given anew replaces that channel whole; all else replaces."""
    sm4_keys_file: FilePath | None = None
    """A CSV file with the columns MN and key, in place of sm4_keys or besides it."""


def ready_made() -> dict[str, dict[str, Any]]:
    """By name, as tables of TOML. One of them names no district, and is a profile only with it."""
    return deepcopy(_ready_made())


def default() -> Profile:
    """By what messages are read that no [[profile]] takes."""
    return Profile.model_validate(ready_made()[DEFAULT])


def reader(name: str) -> Profile:
    """A ready-made profile by which payloads are read, wherever they come from: without topic."""
    return Profile.model_validate({**ready_made()[name], "topic": ""})


def ready_text(name: str) -> str:
    """A ready-made profile as it is written, with the comments on what is known of it."""
    return _ready_texts()[name]


@cache
def _ready_texts() -> dict[str, str]:
    text = Path(__file__).with_name("profiles.toml").read_text("utf-8")
    _, *blocks = re.split(r"^(?=\[\[profile\]\])", text, flags=re.MULTILINE)
    return {tomllib.loads(block)["profile"][0]["name"]: f"{block.strip()}\n" for block in blocks}


@cache
def _ready_made() -> dict[str, dict[str, Any]]:
    return {name: tomllib.loads(text)["profile"][0] for name, text in _ready_texts().items()}


def spelled(profile: Profile) -> dict[str, Any]:
    """The table of TOML that gives this profile: what is not default, `like` worked in.

    Keys are secret and left out.
    """
    return profile.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude={"like", "sm4_keys"}
    )


def expand(source: Source) -> None:
    """Work `like` and `sm4_keys_file` into the tables, in place, with a fault for each that fails.

    Lines of keys stay what they are: what `like` brings has none of its own and counts as the
    table's.
    """
    tables = source.values.get("profile")
    for index, table in enumerate(tables if isinstance(tables, list) else []):
        if isinstance(table, dict):
            _overlay(source, index, table)
            _add_keys(source, index, table)


def _overlay(source: Source, index: int, table: dict[str, Any]) -> None:
    like = table.get("like", "")
    if not isinstance(like, str) or not like:
        return  # pydantic will say that it is no text
    ready = ready_made()
    if like not in ready:
        hint = closest(like, list(ready))
        source.fault(("profile", index, "like"), f"no ready-made profile is named {like!r}{hint}")
        return
    del ready[like]["name"]
    for key, value in ready[like].items():
        given = table.setdefault(key, value)
        if key in _MERGED and isinstance(given, dict):
            table[key] = value | given


def _add_keys(source: Source, index: int, table: dict[str, Any]) -> None:
    name, given = table.get("sm4_keys_file"), table.get("sm4_keys", {})
    if not isinstance(name, str) or not isinstance(given, dict):
        return  # pydantic will say what it is not
    file = Path(name)
    if not file.is_file():
        return  # likewise
    keys = dict(given)
    for line, mn, key in _rows(source, index, file):
        if mn in keys:
            source.faults.append(Fault(f"{file}:{line}", f"{mn!r} has a key already"))
        keys[mn] = key
    table["sm4_keys"] = keys


def _rows(source: Source, index: int, file: Path) -> Iterator[tuple[int, str, str]]:
    """(line, MN, key) of the good rows; a fault with file and line for each of the others."""
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        source.fault(("profile", index, "sm4_keys_file"), f"{file} cannot be read: {reason}")
        return
    rows = csv.reader(io.StringIO(text))
    for cells in rows:
        line, row = rows.line_num, tuple(cell.strip() for cell in cells)
        if not any(row) or (line == 1 and tuple(map(str.lower, row)) == _HEADER):
            continue
        if len(row) != len(_HEADER) or not row[0]:
            source.faults.append(Fault(f"{file}:{line}", "must be two columns, MN and key"))
        elif not _SM4_KEY.fullmatch(row[1]):
            what = f"the key of {row[0]!r} is not 32 hex digits"
            source.faults.append(Fault(f"{file}:{line}", what))
        else:
            yield line, row[0], row[1]
