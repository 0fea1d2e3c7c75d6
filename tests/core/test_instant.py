from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fumewatch.core.decode.instant import UNREADABLE, instant, instants

ZONES = st.integers(-15, 15).map(lambda h: timezone(timedelta(hours=h)))
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=ZONES)
PRECISION = st.sampled_from(["seconds", "milliseconds", "microseconds"])


@given(st.lists(TIMES), PRECISION)
def test_many_at_once_are_read_as_one_by_one(times, precision):
    texts = [time.isoformat(timespec=precision) for time in times]
    assert instants(texts).tolist() == [instant(text) for text in texts]


@given(TIMES, PRECISION, st.integers(0, 31), st.characters(max_codepoint=0x2FF))
def test_a_damaged_time_is_read_alike_however_it_comes(time, precision, place, letter):
    text = time.isoformat(timespec=precision)
    text = text[:place] + letter + text[place + 1 :]
    assume(not text.startswith("0000"))  # refused either way: as no time, or as too old
    assert instants([text]).tolist() == [instant(text)]


@pytest.mark.parametrize("word", ["now", "today", "NaT", ""])
def test_a_word_is_no_time(word):
    assert instants([word]).tolist() == [UNREADABLE]


def test_times_of_all_kinds_may_stand_side_by_side():
    noon = datetime(2026, 11, 23, 4, tzinfo=UTC)
    forms = ["2026-11-23T12:00:00+08:00", "2026-11-23T12:00:00", noon.timestamp(), 1795406400000]
    assert set(instants(forms).tolist()) == {1795406400000000}
