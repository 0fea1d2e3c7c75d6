"""A CSV file that people made: bytes to rows of named cells, whatever Excel did to it.

1. UTF-8 with or without BOM, UTF-16 with BOM, else GB18030.
2. Comma, semicolon or tab, as the header has it.
3. Columns by name or alias, in any order.
"""

import codecs
import csv
import difflib
import io
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from fumewatch.core.errors import Fault, ImportRefused

LONGEST_CELL: Final = 500
LONGEST_PROSE: Final = 5000
LARGEST_FILE: Final = 64 * 1024 * 1024
_DELIMITERS: Final = ",;\t"
_FORMULA: Final = "=@+-＝＠＋－\t\r"
"""With these Excel takes a cell for a formula; in Chinese also with the wide ones."""
_SIGNED: Final = re.compile(r"[+＋－-][\d.,()\s-]*")


@dataclass(frozen=True, slots=True)
class Column:
    """`is_prose`: what people wrote at length; its line breaks become spaces."""

    name: str
    aliases: tuple[str, ...]
    meaning: str
    is_prose: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file; `cells` has no empty ones."""

    line: int
    cells: dict[str, str]


@dataclass(slots=True)
class Table:
    """Rows, and what is wrong so far; who looks at the rows adds to it."""

    name: str
    rows: list[Row] = field(default_factory=list)
    _faults: list[tuple[int, Fault]] = field(default_factory=list)

    def fault(self, line: int, column: str, what: str) -> None:
        where = f"{self.name}:{line} {column}".rstrip()
        self._faults.append((line, Fault(where, what)))

    def refuse(self) -> None:
        """Raise ImportRefused with every fault, in the order of the file, if there is any."""
        if self._faults:
            raise ImportRefused([fault for _, fault in sorted(self._faults, key=lambda f: f[0])])


def read(data: bytes, name: str, columns: Sequence[Column], needed: Collection[str]) -> Table:
    """Raise ImportRefused where no row can be told; faults of single rows are in the table."""
    table = Table(name)
    lines = _lines(table, _text(table, data))
    header = next(lines, None)
    if header is None:
        table.fault(1, "", "is empty; the first line must name the columns")
        table.refuse()
        raise AssertionError
    names = _header(table, *header, columns, needed)
    table.refuse()
    prose = {column.name for column in columns if column.is_prose}
    for line, cells in lines:
        _row(table, line, cells, names, prose)
    return table


def closest(word: str, known: Collection[str]) -> str:
    """`; did you mean 'x'?`, or nothing."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _text(table: Table, data: bytes) -> str:
    if len(data) > LARGEST_FILE:
        table.fault(1, "", f"has {len(data):,} bytes; {LARGEST_FILE:,} are allowed")
        table.refuse()
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encodings = ["utf-16"] if is_utf16 else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            at = error.start
    table.fault(
        data[:at].count(b"\n") + 1, "", "is neither UTF-8 nor GB18030; save it as CSV UTF-8"
    )
    table.refuse()
    raise AssertionError


def _lines(table: Table, text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row that is not blank; stops where the quoting breaks down."""
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            table.fault(line, "", f"cannot be read from here on: {error}; mind the quotes")
            return
        cells = [cell.strip() for cell in cells]
        if any(cells):
            yield line, cells


def _header(
    table: Table, line: int, cells: list[str], columns: Sequence[Column], needed: Collection[str]
) -> list[str]:
    """The column names in the order of the file; "" for one without a name."""
    by_alias = {a.casefold(): c.name for c in columns for a in (c.name, *c.aliases)}
    names = []
    for number, cell in enumerate(cells, start=1):
        name = by_alias.get(cell.casefold().replace(" ", "_"), "")
        if cell and not name:
            known = closest(cell.casefold(), by_alias) or f"; known: {_known(columns)}"
            table.fault(line, _shown(cell), f"column {number} has an unknown name{known}")
        elif name in names and name:
            table.fault(line, name, "is there twice; delete one of the two columns")
        names.append(name)
    for column in columns:
        if column.name in needed and column.name not in names:
            also = " / ".join((column.name, *column.aliases))
            table.fault(line, column.name, f"column missing; add one named {also}")
    return names


def _known(columns: Sequence[Column]) -> str:
    return ", ".join(column.name for column in columns)


def _row(
    table: Table, line: int, cells: list[str], names: list[str], prose: Collection[str]
) -> None:
    """Cells that are hostile or not under a name are told and left out."""
    if any(cells[len(names) :]):
        table.fault(
            line, "", f"cells beyond its {len(names)} columns; quote text with a delimiter in it"
        )
    kept = {}
    for name, cell in zip(names, cells, strict=False):
        if not cell:
            continue
        if not name:
            table.fault(line, "", f"{_shown(cell)} stands in a column that has no name")
            continue
        cell = " ".join(cell.split()) if name in prose else cell
        kept[name], wrong = _read(cell, is_prose=name in prose)
        if wrong:
            table.fault(line, name, wrong)
    table.rows.append(Row(line, kept))


BAD: Final = "\0"
"""In the place of a cell that was refused: it is not missing, and nothing more is said of it."""


def _read(cell: str, *, is_prose: bool) -> tuple[str, str]:
    """(what the cell says, "") or (BAD, what is wrong)."""
    said = cell[1:] if cell[0] == "'" and is_formula(cell[1:]) else cell  # see `guarded`
    wrong = _wrong(said, LONGEST_PROSE if is_prose else LONGEST_CELL)
    if not wrong and said == cell and is_formula(cell) and not (is_prose and cell[0] in "+-＋－"):
        wrong = f"{_shown(cell)} is a formula; paste its value"
    return (BAD, wrong) if wrong else (said, "")


def _wrong(cell: str, longest: int) -> str:
    if len(cell) > longest:
        return f"has {len(cell):,} characters; {longest} are allowed"
    if strange := next((c for c in cell if unicodedata.category(c) in ("Cc", "Cs", "Co")), ""):
        return f"has the character U+{ord(strange):04X}, which does not print; delete it"
    return ""


def is_formula(cell: str) -> bool:
    """Whether Excel would compute it; a number or a phone number with its sign is none."""
    return cell[:1] in tuple(_FORMULA) and not _SIGNED.fullmatch(cell)


def guarded(cell: str) -> str:
    """As a CSV file for people has it: Excel takes what follows a ' for text. `read` undoes it.

    On one line: csv leaves a lone CR unquoted, and what follows it would begin a row.
    """
    flat = "".join(" " if unicodedata.category(c) == "Cc" else c for c in cell).strip()
    return f"'{flat}" if is_formula(flat) else flat


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else f"{cell[:40]}…")
