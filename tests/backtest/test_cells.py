"""Cells as people write them: what each becomes, or why its row is refused."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fumewatch.backtest import csv_file, times
from fumewatch.backtest.cells import Part
from fumewatch.core.decode.instant import UNREADABLE
from fumewatch.core.errors import ImportRefused
from fumewatch.core.reading import INDEX, MISSING

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = 1_795_406_400_000_000
"""12:00 on 2026-11-23 in Shanghai."""
BY_CSV = "csv"


@pytest.fixture(params=["pyarrow", BY_CSV])
def read(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str | bytes], list[Part]]:
    """The parts of a file of this content, by either of the readers."""
    if request.param == BY_CSV:
        monkeypatch.setattr(csv_file, "_by_arrow", lambda _block, _found: None)

    def read(content: str | bytes) -> list[Part]:
        file = tmp_path / "readings.csv"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return list(csv_file.parts(file, SHANGHAI))

    return read


Read = Callable[[str | bytes], list[Part]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23 12:00", NOON),
        ("2026-11-23 12:00:00", NOON),
        ("2026-11-23T12:00:00", NOON),
        ("2026-11-23 12:00:00.250", NOON + 250_000),
        ("2026-11-23T12:00:00+08:00", NOON),
        ("2026-11-23T04:00:00Z", NOON),
        ("2026-11-22T23:00:00-05:00", NOON),
        ("2026/11/23 12:00", NOON),
        ("2026/11/23 12:00:00", NOON),
        ("1795406400", NOON),
        ("1795406400000", NOON),
        ("2026-02-31 12:00:00", UNREADABLE),
        ("2026/13/23 12:00", UNREADABLE),
        ("noon", UNREADABLE),
        ("", UNREADABLE),
    ],
)
def test_times(text: str, expected: int) -> None:
    assert times.read([text], SHANGHAI).tolist() == [expected]
    assert times.read([text, "2026-11-23 12:00"], SHANGHAI).tolist() == [expected, NOON]


def test_a_clock_that_is_put_forward() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    texts = ["2026-03-29 01:30:00", "2026-03-29 03:30:00", "2026-10-25 02:30:00"]
    found = [datetime.fromtimestamp(us / 1e6, UTC) for us in times.read(texts, berlin).tolist()]
    assert [f"{at:%m-%d %H:%M}" for at in found] == ["03-29 00:30", "03-29 01:30", "10-25 00:30"]


@pytest.mark.parametrize(
    ("channel", "text", "expected"),
    [
        ("fume", "0.82", 820),
        ("fume", " 0.82 ", 820),
        ("fume", "1e-1", 100),
        ("fume", "31", 31_000),
        ("fume", "", MISSING),
        ("fume", "-999", MISSING),
        ("fume", "-9999.0", MISSING),
        ("fume", "NaN", MISSING),
        ("fume", "null", MISSING),
        ("fume", "inf", MISSING),
        ("fan_on", "on", 1),
        ("fan_on", "OFF", 0),
        ("fan_on", "true", 1),
        ("fan_on", "False", 0),
        ("fan_on", "1", 1),
        ("fan_on", "0.0", 0),
        ("fan_on", "开", 1),
        ("fan_on", "", MISSING),
        ("fan_on", "-999", MISSING),
    ],
)
def test_values(read: Read, channel: str, text: str, expected: int) -> None:
    header = f"measured_at,monitor,temperature,{channel}"
    (part,) = read(f"{header}\n2026-11-23 12:00,M1,20,{text}\n")
    assert part.readings.values[INDEX[channel]].tolist() == [expected]
    assert part.readings.measured_at.tolist() == [NOON]


@pytest.mark.parametrize(
    ("row", "kind", "what"),
    [
        ("noon,M1,1,1,N", "bad_time", "measured_at: 'noon' is no time; write 2026-11-23 12:00:00"),
        (",M1,1,1,N", "bad_time", "measured_at: missing"),
        ("2026-11-23 12:00,,1,1,N", "no_monitor", "monitor: missing"),
        (
            "2026-11-23 12:00,a/b/c,1,1,N",
            "no_monitor",
            "monitor: 'a/b/c' is neither a code nor district/code",
        ),
        ("2026-11-23 12:00,M1,x,1,N", "bad_value", "fume: 'x' is no number"),
        ("2026-11-23 12:00,M1,true,1,N", "bad_value", "fume: 'true' is no number"),
        ("2026-11-23 12:00,M1,1_0,1,N", "bad_value", "fume: '1_0' is no number"),
        (
            "2026-11-23 12:00,M1,1,2,N",
            "bad_state",
            "fan_on: '2' is neither on nor off; write 1 or 0",
        ),
        (
            "2026-11-23 12:00,M1,1,1,NN",
            "bad_quality",
            "quality: 'NN' is no single ASCII letter, such as N",
        ),
        ("2026-11-23 12:00,M1,1", "cells", "has 3 cells, the header has 5"),
    ],
)
def test_rows_that_are_refused(read: Read, row: str, kind: str, what: str) -> None:
    good = "2026-11-23 12:00,M1,1,1,N"
    parts = read(f"measured_at,monitor,fume,fan_on,quality\n{good}\n{row}\n{good}\n")
    refused = [each for part in parts for each in part.refused]
    assert [(each.line, each.kind, each.what) for each in refused] == [(3, kind, what)]
    assert sum(len(part.readings) for part in parts) == 2


def test_lines_are_counted_over_blank_ones_and_quoted_ends(read: Read) -> None:
    header = "measured_at,monitor,fume"
    parts = read(f'{header}\n\n2026-11-23 12:00,M1,1\n2026-11-23 12:00,"M\n1",1\nnoon,M1,1\n')
    assert [each.line for part in parts for each in part.refused] == [4, 6]


def test_rows_without_any_value_are_passed_over(read: Read) -> None:
    rows = "2026-11-23 12:00,M1,-999,\n2026-11-23 12:01,M1,1,\n"
    (part,) = read(f"measured_at,monitor,fume,fan_on\n{rows}")
    assert (len(part.readings), part.empty, part.rows, part.refused) == (1, 1, 2, [])


def test_what_is_implausible_is_kept_and_not_judged(read: Read) -> None:
    (part,) = read("measured_at,monitor,fume,pm\n2026-11-23 12:00,M1,31,5\n")
    assert part.readings.unjudged.tolist() == [1 << INDEX["fume"]]
    assert part.readings.judged()[INDEX["pm"]].tolist() == [5000]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfmeasured_at,monitor,fume\r\n2026-11-23 12:00,M1,0.82\r\n",
        b"monitor;fume;measured_at\nM1;0.82;2026-11-23 12:00\n",
        b"Measured at\tMonitor\tFume\n2026-11-23 12:00\tM1\t0.82",
        "measured_at,monitor,油烟浓度\n2026-11-23 12:00,M1,0.82\n".encode("gb18030"),
        b'"measured_at","monitor","fume"\n"2026-11-23 12:00","M1","0.82"\n',
    ],
)
def test_ways_of_writing_the_file(read: Read, content: bytes) -> None:
    (part,) = read(content)
    assert part.readings.measured_at.tolist() == [NOON]
    assert part.readings.values[INDEX["fume"]].tolist() == [820]
    assert part.names == ["M1"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "is empty; the first line must name the columns"),
        ("monitor,fume\n", "no column is named measured_at"),
        ("measured_at,monitor\n", "no column is named as a channel; known: fume, pm,"),
        ("measured_at,monitor,fume,fume\n", "fume is there twice; delete one of the two columns"),
        (
            "measured_at,monitor,fume,temprature\n",
            "column 4 has an unknown name 'temprature'; did you mean 'temperature'?; "
            "--skip-bad passes over it",
        ),
        ("measured_at,monitor,fume\n".encode("utf-16"), "is UTF-16; save it as CSV UTF-8"),
    ],
)
def test_headers_that_are_refused(read: Read, content: str | bytes, what: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        read(content)
    assert any(fault.what.startswith(what) for fault in refused.value.faults)
    assert all(fault.where.endswith("readings.csv:1") for fault in refused.value.faults)


def test_blocks_are_cut_between_lines(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 100)
    rows = [f"2026-11-23 12:{i:02},M{i % 3},{i / 10}" for i in range(60)]
    rows[41] = "noon,M1,1"
    parts = read("\n".join(["measured_at,monitor,fume", *rows]))
    assert len(parts) > 5
    assert [each.line for part in parts for each in part.refused] == [43]
    fume = np.concatenate([part.readings.values[INDEX["fume"]] for part in parts])
    assert fume.tolist() == [i * 100 for i in range(60) if i != 41]
