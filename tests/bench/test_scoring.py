"""Scores, on alerts and episodes that are written down here."""

from collections.abc import Sequence
from itertools import pairwise
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.happened import Claim, is_true
from tests.bench.known import runs, trailing
from tests.bench.scoring import Episode, Fired, crowded, false_in_all, merged, pooled, score

MINUTE = 60


def fired(*at: int, monitor: int = 1, rule: str = "r") -> list[Fired]:
    return [Fired(rule, monitor, t) for t in at]


THING = Episode(monitor=1, from_s=100, until_s=200, event_s=120)


@pytest.mark.parametrize(
    ("alerts", "true", "false", "found", "delays"),
    [
        ([], 0, 0, 0, ()),
        (fired(150), 1, 0, 1, (30,)),
        (fired(100), 1, 0, 1, (-20,)),
        (fired(200), 1, 0, 1, (80,)),
        (fired(99), 0, 1, 0, ()),
        (fired(201), 0, 1, 0, ()),
        (fired(150, monitor=2), 0, 1, 0, ()),
        (fired(150, rule="another"), 0, 0, 0, ()),
        (fired(190, 130, 150), 3, 0, 1, (10,)),
        (fired(50, 130), 1, 1, 1, (10,)),
    ],
)
def test_an_alert_is_true_inside_an_episode(
    alerts: list[Fired], true: int, false: int, found: int, delays: tuple[int, ...]
) -> None:
    got = score("r", alerts, [THING])
    assert (got.true, got.false, got.found, got.delays) == (true, false, found, delays)
    assert got.expected == 1
    assert len(got.strays) == false


def test_what_may_be_spoken_of_is_neither_false_nor_missed() -> None:
    may = Episode(1, 100, 200, 120, must=False)
    silent, spoken = score("r", [], [may]), score("r", fired(150), [may])
    assert (silent.expected, isnan(silent.recall)) == (0, True)
    assert (spoken.precision, spoken.expected, spoken.found) == (1.0, 0, 0)


def test_what_is_close_is_neither_true_nor_false() -> None:
    close = Episode(1, 100, 300, 120, must=False, is_close=True)
    got = score("r", fired(150, 250, 400), [THING, close])
    assert (got.fired, got.true, got.close, got.false) == (3, 1, 1, 1)
    assert got.precision == pytest.approx(1 / 3)


def test_what_was_missed_had_no_lead() -> None:
    """One alert 50 s ahead, two episodes: the median lead is of both."""
    things = [Episode(1, 0, 100, 100), Episode(2, 0, 100, 100)]
    got = score("r", fired(50), things)
    assert (got.recall, got.lead_s, got.delay_s) == (0.5, 25, -50)


def test_of_nothing_nothing_is_known() -> None:
    got = score("r", [], [])
    assert all(isnan(x) for x in (got.precision, got.recall, got.lead_s, got.delay_s))


def test_pooled_counts_every_run() -> None:
    one, other = score("r", fired(150), [THING]), score("r", fired(10, 20), [THING])
    both = pooled([one, other])
    assert (both.fired, both.true, both.false, both.expected, both.found) == (3, 1, 2, 2, 1)
    assert both.delays == (30,)
    assert false_in_all({"r": both}) == 2
    assert false_in_all({"r": both}, quiet=["r"]) == 0


moments = st.lists(st.integers(0, 400), max_size=8)


@given(moments, moments)
def test_every_alert_is_true_close_or_false(alerts: list[int], starts: list[int]) -> None:
    things = [Episode(1, s, s + 50, s, s % 2 == 0, s % 3 == 0) for s in starts]
    got = score("r", fired(*alerts), things)
    assert got.true + got.close + len(got.strays) == got.fired == len(alerts)
    assert got.found <= got.expected
    assert len(got.delays) == got.found


@pytest.mark.parametrize(
    ("times", "spans"),
    [
        ([], []),
        ([1, 2], []),
        ([1, 2, 3], [(3, 13)]),
        ([1, 5, 20], []),
        ([1, 2, 3, 50, 51, 52], [(3, 13), (52, 62)]),
        ([1, 2, 3, 4], [(3, 14)]),
    ],
)
def test_crowded(times: Sequence[int], spans: list[tuple[int, int]]) -> None:
    assert crowded(times, least=3, within=10) == spans


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)).map(lambda p: (p[0], sum(p)))))
def test_merged_spans_are_apart_and_cover_the_same(spans: list[tuple[int, int]]) -> None:
    found = merged(spans)
    covered = {t for start, end in spans for t in range(start, end + 1)}
    assert {t for start, end in found for t in range(start, end + 1)} == covered
    assert all(end < start for (_, end), (start, _) in pairwise(found))


@given(
    st.lists(st.lists(st.booleans(), min_size=9, max_size=9), min_size=1, max_size=3),
    st.integers(0, 3),
)
def test_runs_are_the_stretches_of_true(rows: list[list[bool]], gap: int) -> None:
    mask = np.array(rows)
    for row, line in enumerate(rows):
        ones = [(i, i + 1) for i, it in enumerate(line) if it]
        assert [(a, b) for r, a, b in runs(mask, gap) if r == row] == merged(ones, gap)


def test_trailing_is_the_mean_of_the_last_minutes() -> None:
    fume = np.array([[0, 0, 3, 3, 0, 0]], np.float32)
    assert trailing(fume, 3)[0].tolist() == pytest.approx([0, 0, 1, 2, 2, 1])


@pytest.mark.parametrize(
    ("claim", "minutes"),
    [
        (Claim(1.0, window=1), [2, 3, 6]),
        (Claim(2.5, window=1), [6]),
        (Claim(1.0, window=3), [3, 4, 6, 7, 8]),
        (Claim(1.0, window=1, least=2, within=4), [3, 4, 5, 6]),
    ],
)
def test_a_claim_is_true_of_the_minutes_that_end_with_each(
    claim: Claim, minutes: list[int]
) -> None:
    fume = np.array([[0.1, 0.1, 2, 2, 0.1, 0.1, 5, 0.1, 0.1, 0.1]], np.float32)
    assert np.flatnonzero(is_true(fume, claim)[0]).tolist() == minutes
