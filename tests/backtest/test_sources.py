"""One history, however it is kept: every source gives the same readings."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from fumewatch.backtest import csv_file
from fumewatch.backtest.places import Wanted, find
from fumewatch.backtest.sources import (
    FileSource,
    Source,
    StoreSource,
    Window,
    read_file,
)
from fumewatch.backtest.spool import Spool
from fumewatch.core.errors import ImportRefused
from fumewatch.core.reading import INDEX, MISSING, Readings
from fumewatch.store import Database, monitors
from fumewatch.store import readings as stored
from tests.backtest.conftest import HEADER, MINUTES, SHANGHAI, START, rows, shuffled

MINUTE = 60_000_000
BEGIN = round(START.replace(tzinfo=SHANGHAI).timestamp() * 1e6)
END = BEGIN + MINUTES * MINUTE
Open = Callable[[], Source]


@pytest.fixture
def spool() -> Iterator[Spool]:
    with Spool() as spool:
        yield spool


def of_file(path: Path, spool: Spool, wanted: Wanted | None = None) -> FileSource:
    read_file(path, SHANGHAI, spool, skip_bad=False, progress=lambda _rows: None)
    found = find(spool.names, None, str(SHANGHAI), "db31", str(path))
    places = (wanted or Wanted()).pick(found.places.values())
    return FileSource(spool, found.keys, places)


def told(readings: Readings) -> list[tuple[object, ...]]:
    by_row = zip(
        readings.measured_at.tolist(),
        readings.monitor.tolist(),
        readings.quality.tolist(),
        readings.unjudged.tolist(),
        readings.values.T.tolist(),
        strict=True,
    )
    return [(*row[:4], tuple(row[4])) for row in by_row]


def whole(source: Source, start: int = BEGIN, end: int = END) -> list[tuple[object, ...]]:
    """All that it gives, in its order; each block holds what is before its end."""
    found: list[tuple[object, ...]] = []
    before = start
    for block in source.blocks(start, end):
        at = block.readings.measured_at
        assert ((at >= before) & (at < block.until)).all()
        found += told(block.readings)
        before = block.until
    assert before == end
    return found


def texts(lines: Sequence[str]) -> list[list[str]]:
    return [list(column) for column in zip(*(line.split(",") for line in lines), strict=True)]


def as_csv(path: Path) -> Path:
    path.write_text("\n".join([HEADER, *shuffled()]))
    return path


def as_gz(path: Path) -> Path:
    path.write_bytes(gzip.compress("\n".join([HEADER, *rows()]).encode(), mtime=0))
    return path


def as_parquet(path: Path, kinds: Sequence[pa.DataType]) -> Path:
    names = HEADER.split(",")
    columns = [
        pa.array(texts(rows())[i]).cast(kind) if kind != pa.bool_() else _switched(i)
        for i, kind in enumerate(kinds)
    ]
    parquet.write_table(pa.table(dict(zip(names, columns, strict=True))), path)
    return path


def _switched(column: int) -> pa.Array:
    return pa.array([text == "1" for text in texts(rows())[column]])


TYPED = (pa.timestamp("ms"), pa.string(), pa.float32(), pa.bool_(), pa.int8())
WRITTEN = (pa.string(),) * 5
FILES: dict[str, Callable[[Path], Path]] = {
    "rows in any order": lambda folder: as_csv(folder / "h.csv"),
    "gzip": lambda folder: as_gz(folder / "h.csv.gz"),
    "parquet with types": lambda folder: as_parquet(folder / "h.parquet", TYPED),
    "parquet of texts": lambda folder: as_parquet(folder / "h.parquet", WRITTEN),
}


@pytest.fixture
def expected(readings: Path, spool: Spool) -> list[tuple[object, ...]]:
    found = whole(of_file(readings, spool))
    assert len(found) == 3 * MINUTES
    assert found == sorted(found)
    return found


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_of_file(kind: str, expected: list[tuple[object, ...]], tmp_path: Path) -> None:
    with Spool() as spool:
        assert whole(of_file(FILES[kind](tmp_path), spool)) == expected


def test_without_pyarrow(
    expected: list[tuple[object, ...]], readings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "_by_arrow", lambda _block, _found: None)
    with Spool() as spool:
        assert whole(of_file(readings, spool)) == expected


def test_beyond_what_memory_may_hold(expected: list[tuple[object, ...]], readings: Path) -> None:
    with Spool(most_bytes=1) as spool:
        assert whole(of_file(readings, spool)) == expected


@pytest.fixture
def filled(database: Database, readings: Path) -> Database:
    """The same history in a store that numbers its monitors otherwise."""
    with Spool() as spool:
        read_file(readings, SHANGHAI, spool, skip_bad=False, progress=lambda _rows: None)
        with database.transaction() as conn:
            for name in reversed(spool.names):
                monitors.register(conn, [tuple(name.split("/"))])  # type: ignore[list-item]
            ids = monitors.register(conn, [tuple(name.split("/")) for name in spool.names])  # type: ignore[misc]
            numbers = [ids[tuple(name.split("/"))] for name in spool.names]  # type: ignore[index]
            for day in spool.days:
                part = spool.day(day, np.array(numbers, np.int32))
                stored.add(conn, part, datetime(2026, 11, 24, tzinfo=UTC) + timedelta(days=1))
    return database


def of_store(database: Database, wanted: Wanted | None = None) -> StoreSource:
    with database.transaction() as conn:
        places = monitors.places(conn, str(SHANGHAI))
    chosen = (wanted or Wanted()).pick(places)
    return StoreSource(database, chosen, is_all=not wanted)


def test_the_store(expected: list[tuple[object, ...]], filled: Database) -> None:
    assert whole(of_store(filled)) == expected


def test_the_store_a_few_hours_at_a_time(
    expected: list[tuple[object, ...]], filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fumewatch.backtest.sources.READINGS_AT_ONCE", 1)
    assert whole(of_store(filled)) == expected


def test_a_part_of_the_span(
    expected: list[tuple[object, ...]], readings: Path, filled: Database
) -> None:
    start, end = BEGIN + 30 * MINUTE, BEGIN + 100 * MINUTE
    inside = [row for row in expected if start <= int(str(row[0])) < end]
    with Spool() as spool:
        assert whole(of_file(readings, spool), start, end) == inside
    assert whole(of_store(filled), start, end) == inside


def test_some_of_the_monitors(readings: Path, filled: Database) -> None:
    """They are numbered anew, without gaps."""
    wanted = Wanted(sites=("M1", "xuhui/M3"))
    with Spool() as spool:
        source = of_file(readings, spool, wanted)
        found = whole(source)
        assert [place.code for place in source.places.values()] == ["M1", "M3"]
    assert {row[1] for row in found} == {0, 1}
    assert len(found) == 2 * MINUTES
    assert whole(of_store(filled, wanted)) == found


def test_windows_to_look_at_again(readings: Path, filled: Database) -> None:
    wanted = [Window(1, BEGIN + 60 * MINUTE, BEGIN + 63 * MINUTE), Window(0, BEGIN, BEGIN + MINUTE)]
    with Spool() as spool:
        found = [told(each) for each in of_file(readings, spool).windows(wanted)]
    assert [len(each) for each in found] == [3, 1]
    assert [told(each) for each in of_store(filled).windows(wanted)] == found


TWICE = {
    "the very same": (["1,1", "1,1"], (1, 0), (1000, 1)),
    "each fills the other's gap": (["1,", ",1"], (1, 1), (1000, 1)),
    "they differ: the larger counts": (["1,1", "2,0"], (1, 1), (2000, 0)),
    "three of them": (["1,", "1,", "3,"], (2, 1), (3000, MISSING)),
}


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("name", TWICE)
def test_rows_of_one_monitor_and_time(
    name: str, is_reversed: bool, spool: Spool, tmp_path: Path
) -> None:
    cells, counts, values = TWICE[name]
    file = tmp_path / "twice.csv"
    lines = [f"2026-11-23 10:00,M1,{cell}" for cell in cells]
    lines = lines[::-1] if is_reversed else lines
    file.write_text("\n".join(["measured_at,monitor,fume,fan_on", *lines]))
    source = of_file(file, spool)
    (row,) = whole(source)
    fume, fan = INDEX["fume"], INDEX["fan_on"]
    assert (row[4][fume], row[4][fan]) == values  # type: ignore[index]
    assert (spool.twice.repeated, spool.twice.differing) == counts


def test_all_that_is_wrong_is_told_at_once(spool: Spool, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    good = "2026-11-23 10:00,M1,1"
    file.write_text("\n".join(["measured_at,monitor,fume", good, "noon,M1,1", ",M1,x", good]))
    with pytest.raises(ImportRefused) as refused:
        of_file(file, spool)
    assert [str(fault) for fault in refused.value.faults] == [
        f"{file}:3: measured_at: 'noon' is no time; write 2026-11-23 12:00:00",
        f"{file}:4: measured_at: missing",
        f"{file}: rows refused among the first 4: bad_time 2; --skip-bad leaves them out",
    ]


def test_parquet_names_rows(spool: Spool, tmp_path: Path) -> None:
    file = tmp_path / "bad.parquet"
    table = pa.table(
        {
            "measured_at": pa.array([0, None], pa.timestamp("us", "UTC")),
            "monitor": ["M1", "M1"],
            "fume": [1.0, 2.0],
        }
    )
    parquet.write_table(table, file)
    with pytest.raises(ImportRefused) as refused:
        of_file(file, spool)
    assert refused.value.faults[0].where == f"{file}:2"


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        (
            "cut.csv.gz",
            gzip.compress(b"measured_at,monitor,fume\n" * 99, mtime=0)[:-9],
            "cannot be read: ",
        ),
        ("not.csv.gz", b"measured_at,monitor,fume\n", "cannot be read: Not a gzipped file"),
        ("not.parquet", b"measured_at,monitor,fume\n", "cannot be read: "),
        ("gone.csv", None, "cannot be read: No such file or directory"),
    ],
)
def test_files_that_cannot_be_read(
    name: str, content: bytes | None, what: str, spool: Spool, tmp_path: Path
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ImportRefused) as refused:
        of_file(file, spool)
    assert refused.value.faults[0].what.startswith(what)


@pytest.mark.parametrize("at", ["header", "row"])
def test_a_quote_that_never_ends_is_told_with_its_line(tmp_path: Path, at: str) -> None:
    path = tmp_path / "open.csv"
    head = "measured_at,monitor,fume\n"
    if at == "header":
        head = f'measured_at,"monitor{"x" * 140_000}\n'
    path.write_text(head + '2026-11-23 12:00:00,"m1,0.5\n' + "2026-11-23 12:00:00,m1,0.5\n" * 6000)
    with pytest.raises(ImportRefused, match=r"open.csv:[12]"):
        list(csv_file.parts(path, SHANGHAI))
