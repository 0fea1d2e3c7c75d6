"""The chain of hashes, as values."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.record import EMPTY, Entry, Head, Trouble, link, netstrings, verify

FIELDS = st.lists(st.none() | st.text(max_size=8), min_size=1, max_size=5)


def chain(rows: list[list[str | None]]) -> list[Entry]:
    entries, last = [], EMPTY.hash
    for n, fields in enumerate(rows, 1):
        last = link(last, fields)
        entries.append(Entry(n, last, f"row {n}", fields))
    return entries


@given(FIELDS, FIELDS)
def test_no_two_rows_are_written_alike(one: list[str | None], other: list[str | None]) -> None:
    assert (netstrings(one) == netstrings(other)) == (one == other)


@given(st.lists(FIELDS, min_size=1, max_size=6), st.data())
def test_every_change_is_found_and_nothing_else(
    rows: list[list[str | None]], data: st.DataObject
) -> None:
    entries = chain(rows)
    head = Head(len(entries), entries[-1].hash)
    assert list(verify(entries, head)) == []
    at = data.draw(st.integers(0, len(rows) - 1))
    fields = data.draw(FIELDS.filter(lambda fields: fields != rows[at]))
    changed = [*entries[:at], replace(entries[at], fields=fields), *entries[at + 1 :]]
    assert [(f.trouble, f.seq) for f in verify(changed, head)] == [(Trouble.CHANGED, at + 1)]
    rewritten = chain([*rows[:at], fields, *rows[at + 1 :]])
    assert list(verify(rewritten)) == []
    assert [f.trouble for f in verify(rewritten, head)] == [Trouble.REWRITTEN]


@given(st.lists(FIELDS, min_size=2, max_size=6), st.data())
def test_what_is_left_out_is_found(rows: list[list[str | None]], data: st.DataObject) -> None:
    entries = chain(rows)
    at = data.draw(st.integers(0, len(rows) - 1))
    left = entries[:at] + entries[at + 1 :]
    found = [f.trouble for f in verify(left, Head(len(entries), entries[-1].hash))]
    assert found == [Trouble.SHORTER if at == len(rows) - 1 else Trouble.CUT]


@pytest.mark.parametrize("text", ["", "12", "12:ab", "-1:" + "0" * 64, "1:" + "g" * 64])
def test_a_head_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="fumewatch audit head prints it"):
        Head.parse(text)
