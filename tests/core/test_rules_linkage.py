"""The purifier off while the fan runs."""

import pytest

from fumewatch.core.alert import Verdict
from tests.core.scene import rule_of, verdict, view_of

BREACH, CLEAR, NO_DATA = Verdict.BREACH, Verdict.CLEAR, Verdict.NO_DATA
RULE = rule_of(kind="linkage", window="20m", at_least="10m")

ON, OFF, GAP = 1.0, 0.0, None


@pytest.mark.parametrize(
    ("fan", "purifier", "firing", "expected"),
    [
        pytest.param([ON] * 20, [ON] * 20, False, CLEAR, id="linked"),
        pytest.param([ON] * 20, [OFF] * 20, False, BREACH, id="not linked"),
        pytest.param([OFF] * 20, [OFF] * 20, False, CLEAR, id="closed"),
        pytest.param([ON] * 20, [*[ON] * 10, *[OFF] * 10], False, BREACH, id="ten minutes"),
        pytest.param([ON] * 20, [*[ON] * 11, *[OFF] * 9], False, CLEAR, id="nine minutes"),
        pytest.param([ON, OFF] * 10, [OFF] * 20, False, BREACH, id="added up over the window"),
        pytest.param([], [], False, NO_DATA, id="no states"),
        pytest.param([OFF] * 20, [], False, CLEAR, id="fan off, purifier unknown"),
        pytest.param([ON] * 20, [], False, NO_DATA, id="fan on, purifier unknown"),
        pytest.param([], [OFF] * 20, False, NO_DATA, id="fan unknown"),
        pytest.param(
            [*[ON] * 9, *[GAP] * 11], [OFF] * 20, False, CLEAR, id="a gap is not running time"
        ),
        pytest.param(
            [*[GAP] * 15, *[ON] * 5], [OFF] * 20, True, BREACH, id="firing and still not linked"
        ),
        pytest.param(
            [ON] * 20, [*[OFF] * 9, *[ON] * 11], True, CLEAR, id="firing and linked again"
        ),
        pytest.param([GAP], [GAP], True, NO_DATA, id="firing and silent"),
    ],
)
def test_linkage(
    fan: list[float | None], purifier: list[float | None], firing: bool, expected: Verdict
) -> None:
    view = view_of({"fan_on": fan, "purifier_on": purifier})
    assert verdict(RULE, view, firing=firing) is expected


def test_minutes_in_which_when_does_not_hold_do_not_count() -> None:
    view = view_of({"fan_on": [ON] * 20, "purifier_on": [OFF] * 20, "fan_current": [1.0] * 20})
    idle = rule_of(kind="linkage", window="20m", at_least="10m", when={"fan_current": "> 2"})
    assert verdict(idle, view) is CLEAR
    assert verdict(idle, view, firing=True) is CLEAR


def test_outside_the_hours_that_it_is_about_there_is_no_verdict() -> None:
    view = view_of({"fan_on": [ON] * 20, "purifier_on": [OFF] * 20})
    outside = rule_of(kind="linkage", window="20m", at_least="10m", when={"business_hours": False})
    assert verdict(outside, view) is NO_DATA
    assert verdict(outside, view, firing=True) is NO_DATA


def test_evidence() -> None:
    view = view_of({"fan_on": [ON] * 12, "purifier_on": [*[OFF] * 11, ON]})
    evidence = RULE.evidence(view, 0, 0)
    assert (evidence["value"], evidence["limit"], evidence["unit"]) == (11, 10, "min")
    assert evidence["minutes_known"] == 12
    assert (evidence["times"][0], evidence["times"][-1]) == (
        "2026-11-23T03:48:00+00:00",
        "2026-11-23T03:58:00+00:00",
    )
