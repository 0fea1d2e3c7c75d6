"""Whatever a rule puts into its evidence can be shown."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fumewatch.web.evidence import Table, lay_out

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("evidence", "facts"),
    [
        ({"value": 1.5}, [("value", "1.5")]),
        ({"value": 2.0, "channel": "fume"}, [("channel", "fume"), ("value", "2")]),
        ({"refresh_learned": True}, [("refresh_learned", "✓")]),
        ({"skipped": [], "last_will": None, "unit": "min"}, []),
        ({"skipped": ["fan_on", "velocity"]}, [("skipped", "fan_on, velocity")]),
        ({"at": "2026-11-23T12:00:00+00:00"}, [("at", "11-23 20:00")]),
        ({"at": "2026-11-23T12:00:00Z"}, [("at", "11-23 20:00")]),
        ({"text": "2026-11-23T99:99:99+00:00"}, [("text", "2026-11-23T99:99:99+00:00")]),
        (
            {"window": {"to": "2026-11-23T12:10:00Z", "from": "2026-11-23T12:00:00Z"}},
            [("window", "11-23 20:00 – 11-23 20:10")],
        ),
        ({"odd": {"a": {"b": 1}}}, [("odd", "{'b': 1}")]),
    ],
)
def test_facts(evidence: dict[str, Any], facts: list[tuple[str, str]]) -> None:
    assert lay_out(evidence, ZONE).facts == facts


@pytest.mark.parametrize(
    ("evidence", "table"),
    [
        (
            {"times": ["2026-11-23T12:00:00Z", "2026-11-23T12:01:00Z"], "values": [1.25, None]},
            Table("values", ["at", "value"], [["11-23 20:00", "1.25"], ["11-23 20:01", "–"]]),
        ),
        ({"rows": [{"a": 1}, {"a": None}]}, Table("rows", ["a"], [["1"], ["–"]])),
        ({"columns": {"x": [1], "y": [False]}}, Table("columns", ["x", "y"], [["1", "✗"]])),
    ],
)
def test_tables(evidence: dict[str, Any], table: Table) -> None:
    assert lay_out(evidence, ZONE).tables == [table]


def test_times_without_a_value_each_are_a_list() -> None:
    shown = lay_out({"times": ["2026-11-23T12:00:00Z"], "values": [1, 2]}, ZONE)
    assert shown.facts == [("times", "11-23 20:00"), ("values", "1, 2")]


def test_a_long_table_keeps_the_newest() -> None:
    rows = lay_out({"times": list(range(1000)), "values": list(range(1000))}, ZONE).tables[0].rows
    assert (len(rows), rows[-1]) == (240, ["999", "999"])
