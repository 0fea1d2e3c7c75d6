"""The engine where a zone's clock jumps at midnight: a day ends once, and no minute is skipped."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fumewatch.core.days import Days, date_of
from fumewatch.core.engine import Engine
from fumewatch.core.fresh import Freshness
from fumewatch.core.view import MINUTE
from tests.core.scene import micros, place, roster_of, rule_of

RULES = [rule_of(id="valid", kind="validity"), rule_of(id="gone", kind="absence")]


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Havana", datetime(2026, 11, 1, tzinfo=UTC)),  # 00:00 to 01:00 twice
        ("America/Havana", datetime(2026, 3, 8, tzinfo=UTC)),  # no 00:00 to 01:00
        ("Africa/Cairo", datetime(2026, 4, 24, tzinfo=UTC)),
        ("America/Santiago", datetime(2026, 4, 5, tzinfo=UTC)),  # 23:00 to 24:00 twice
        ("Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("keeps_days", [True, False])
def test_clocks_that_jump_at_midnight(
    zone: str, day: datetime, keeps_days: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(
        RULES, Freshness(), roster_of(place(0)), ZoneInfo(zone), keeps_days=keeps_days, most=60
    )
    judged: list[str] = []
    monkeypatch.setattr(engine, "judge_days", lambda days: judged.append(_last(days)) or [])
    start = micros(day - timedelta(days=1))
    engine.begin(start)
    engine.advance(start + 3 * 1440 * MINUTE)
    assert engine.settled_to == start + 3 * 1440 * MINUTE
    before, after = ((day + timedelta(days=n)).date().isoformat() for n in (0, 1))
    if keeps_days:
        assert len(judged) == len(set(judged))
        assert before in judged
        assert after not in judged or judged[-1] == after


def _last(days: Days) -> str:
    return date_of(int(days.day[-1])).isoformat()
