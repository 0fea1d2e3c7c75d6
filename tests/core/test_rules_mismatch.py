"""Device means that disagree with ours. Times are local, of November 2026."""

from collections.abc import Sequence
from typing import Any

import pytest

from fumewatch.core.alert import Verdict
from fumewatch.core.rules.mismatch import Mismatch
from tests.core.history import happenings, past, rule_of

BREACH, CLEAR = Verdict.BREACH, Verdict.CLEAR


def mismatch(**fields: Any) -> Mismatch:
    rule: Mismatch = rule_of(Mismatch, **fields)
    return rule


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param((), CLEAR, id="none"),
        pytest.param(("23 11:00", "23 12:00", "23 13:00"), CLEAR, id="one bad day"),
        pytest.param(("21 11:00", "22 12:00", "23 13:00"), BREACH, id="three days"),
        pytest.param(("16 17:00", "22 12:00", "23 13:00"), CLEAR, id="one over a week ago"),
        pytest.param(("17 17:00", "20 12:00", "23 13:00"), BREACH, id="not one after the other"),
    ],
)
def test_days_with_a_mean_that_differs(found: Sequence[str], expected: Verdict) -> None:
    judged = mismatch().judge(past("23 18:00", findings=happenings(*found)))
    assert (judged.opens[0, 0], judged.stays[0, 0]) == (expected, expected)


def test_each_monitor_has_its_own() -> None:
    found = happenings("21 11:00", "22 12:00", "23 13:00", monitor=[1, 1, 0])
    judged = mismatch(at_least=2).judge(past("23 18:00", monitors=(0, 1), findings=found))
    assert judged.opens[0].tolist() == [CLEAR, BREACH]
    assert judged.value[0].tolist() == [1, 2]


def test_evidence() -> None:
    found = happenings("21 11:00", "22 12:00", "22 13:00", "23 13:00")
    assert mismatch().evidence(past("23 18:00", findings=found), 0) == {
        "value": 3,
        "limit": 3,
        "within_days": 7.0,
        "findings": 4,
        "days": ["2026-11-21", "2026-11-22", "2026-11-23"],
        "last": "2026-11-23T05:00:00+00:00",
    }


def test_evidence_of_a_monitor_without_any() -> None:
    told = mismatch().evidence(past("23 18:00"), 0)
    assert (told["value"], told["findings"], told["days"], told["last"]) == (0, 0, [], None)
