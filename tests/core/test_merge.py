"""Frames of one instant: whatever their grouping, the judged values are the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.merge import merge, unique
from fumewatch.core.reading import CHANNELS, MISSING, Readings

VALUES = st.one_of(st.just(MISSING), st.integers(0, 3))
FRAME = st.tuples(
    st.integers(1, 2),  # monitor
    st.integers(0, 2),  # measured_at
    st.lists(VALUES, min_size=len(CHANNELS), max_size=len(CHANNELS)),
    st.sampled_from("NND"),
    st.integers(0, 2 ** len(CHANNELS) - 1),
)


def readings(*frames: tuple[int, int, list[int], str, int]) -> Readings:
    monitor, measured_at, values, quality, unjudged = zip(*frames, strict=True)
    return Readings(
        np.array(monitor, np.int32),
        np.array(measured_at, np.int64),
        np.array(values, np.int32).T.copy(),
        np.array([ord(q) for q in quality], np.uint8),
        np.array(unjudged, np.int16),
    )


def judged(rows: Readings) -> dict[tuple[int, int], list[int]]:
    columns = zip(rows.monitor, rows.measured_at, rows.judged().T, strict=True)
    return {(int(m), int(t)): list(map(int, v)) for m, t, v in columns}


def one_by_one(frames: list[tuple[int, int, list[int], str, int]]) -> dict[tuple[int, int], list]:
    """Said plainly: of each instant and channel, the first frame that has it, if to be judged."""
    told: dict[tuple[int, int], list] = {}
    for monitor, at, values, quality, unjudged in frames:
        row = told.setdefault((monitor, at), [None] * len(CHANNELS))
        for c, value in enumerate(values):
            if row[c] is None and value != MISSING:
                good = quality == "N" and not unjudged >> c & 1
                row[c] = value if good else MISSING
    return {key: [MISSING if v is None else v for v in row] for key, row in told.items()}


@given(st.lists(FRAME, min_size=1, max_size=12))
def test_a_batch_becomes_one_row_an_instant(frames: list) -> None:
    rows = unique(readings(*frames))
    keys = list(zip(rows.monitor.tolist(), rows.measured_at.tolist(), strict=True))
    assert keys == sorted(set(keys))
    assert judged(rows) == one_by_one(frames)


@given(FRAME, FRAME)
def test_a_later_frame_fills_what_is_missing(first: tuple, second: tuple) -> None:
    second = (*first[:2], *second[2:])
    added = merge(readings(first), readings(second))
    expected = one_by_one([first, second])
    if len(added):
        assert judged(added.after) == expected
        gained = np.where(
            added.fresh.judged() == MISSING, added.before.judged(), added.fresh.judged()
        )
        assert (gained == added.after.judged()).all()
    else:
        assert judged(readings(first)) == expected


def frame(quality: str = "N", unjudged: int = 0, **channels: int) -> tuple:
    values = [channels.get(channel.name, MISSING) for channel in CHANNELS]
    return (1, 0, values, quality, unjudged)


@pytest.mark.parametrize(
    ("first", "second", "quality", "unjudged"),
    [
        (frame(fume=1), frame(pm=2), "N", 0b00),
        (frame(fume=1), frame("D", pm=2), "N", 0b10),
        (frame("D", fume=1), frame(pm=2), "N", 0b01),
        (frame("D", fume=1), frame("C", pm=2), "D", 0b00),
        (frame(unjudged=1, fume=1), frame(unjudged=2, pm=2), "N", 0b11),
    ],
)
def test_quality_of_a_merged_row(first: tuple, second: tuple, quality: str, unjudged: int) -> None:
    after = merge(readings(first), readings(second)).after
    assert (chr(after.quality[0]), after.unjudged[0]) == (quality, unjudged)


def test_a_thousand_frames_of_one_instant() -> None:
    assert len(unique(readings(*[frame(fume=i) for i in range(1000)]))) == 1
    assert len(unique(Readings.empty())) == 0
