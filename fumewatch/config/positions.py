"""Where each key of a TOML text stands: the line numbers that tomllib does not keep.

The text has been accepted by tomllib already, so this scanner trusts its grammar and only follows
it: tokens in, (path → line) out. tomlkit keeps positions for contiguous tables only.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

Path = tuple[str | int, ...]
"""A way through tables by key and through arrays by index: ("rule", 2, "window")."""

_TOKEN: Final = re.compile(
    r"""
    (?P<string> \"{3} (?:\\.|[^\\])*? \"{3,5} | '{3} .*? '{3,5} | "(?:\\.|[^"\\])*" | '[^']*' )
  | (?P<comment> \#[^\n]* )
  | (?P<bare> [^\s\#"'\[\]{},=.]+ )
  | (?P<newline> \n )
  | (?P<mark> [\[\]{},=.] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r'\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[btnfre"\\])')
_PLAIN: Final = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


class _Token(NamedTuple):
    text: str
    line: int


def find(text: str) -> dict[Path, int]:
    """The line (from 1) of every key, table header and array element."""
    return _Scanner(text).scan()


def nearest(lines: dict[Path, int], path: Path) -> int:
    """The line of the path, or of the innermost thing around it; 1 for the file itself."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "comment":
            yield _Token(match[0], line)
        line += match[0].count("\n")


class _Scanner:
    """One pass over the tokens; `_at` is the one to be read next."""

    def __init__(self, text: str) -> None:
        self._tokens = [*_tokens(text), _Token("\n", 0)]
        self._at = 0
        self._lines: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        while self._at < len(self._tokens):
            if self._peek() == "[":
                table = self._header()
            elif self._peek() == "\n":
                self._at += 1
            else:
                self._pair(table)
        return self._lines

    def _peek(self) -> str:
        return self._tokens[self._at].text

    def _take(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _header(self) -> Path:
        line = self._take().line
        is_array = self._peek() == "["
        self._at += is_array
        *parents, last = self._key()
        self._at += 1 + is_array
        path = self._enter((), parents)
        path = (*path, last)
        if is_array:
            self._arrays[path] = self._arrays.get(path, -1) + 1
            self._lines.setdefault(path, line)
            path = (*path, self._arrays[path])
        self._lines[path] = line  # a later [mqtt] beats an earlier [mqtt.tls]
        return path

    def _enter(self, path: Path, keys: list[str]) -> Path:
        """Follow keys; a name of an array of tables means its last element, as TOML says."""
        for key in keys:
            path = (*path, key)
            self._lines.setdefault(path, self._tokens[self._at - 1].line)
            if path in self._arrays:
                path = (*path, self._arrays[path])
        return path

    def _pair(self, table: Path) -> None:
        line = self._tokens[self._at].line
        *parents, last = self._key()
        path = (*self._enter(table, parents), last)
        self._lines.setdefault(path, line)
        self._at += 1  # the equals sign
        self._value(path)

    def _key(self) -> list[str]:
        parts = [_unquote(self._take().text)]
        while self._peek() == ".":
            self._at += 1
            parts.append(_unquote(self._take().text))
        return parts

    def _value(self, path: Path) -> None:
        match self._peek():
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case _:
                while self._peek() not in ("\n", ",", "]", "}"):  # 2026-11-23 08:00, 1.5
                    self._at += 1

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._skip_blank() != "]":
            self._lines[(*path, index)] = self._tokens[self._at].line
            self._value((*path, index))
            index += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._skip_blank() != "}":
            self._pair(path)
        self._at += 1

    def _skip_blank(self) -> str:
        while self._peek() in ("\n", ","):
            self._at += 1
        return self._peek()


def _unquote(key: str) -> str:
    if key.startswith("'"):
        return key[1:-1]
    if key.startswith('"'):
        return _ESCAPE.sub(_unescape, key[1:-1])
    return key


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if code[0] in "uU" else _PLAIN.get(code, code)
