"""Who the simulated fleet is."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from fumewatch.core.calendar import BusinessHours
from fumewatch.core.sites_csv import parse
from fumewatch.demo.fleet import LIMIT_PROFILE, build, facts, sites_csv

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def test_same_seed_same_fleet() -> None:
    assert sites_csv(build(200, 7, AT)) == sites_csv(build(200, 7, AT))
    assert sites_csv(build(200, 7, AT)) != sites_csv(build(200, 8, AT))


@pytest.mark.parametrize("monitors", [1, 2, 99, 200, 1500])
def test_the_importer_reads_what_the_fleet_writes(monitors: int) -> None:
    fleet = build(monitors, 1, AT)
    read = parse(sites_csv(fleet).encode(), "fleet.csv", [LIMIT_PROFILE])
    assert read == facts(fleet)
    assert len(fleet) == monitors
    assert len({outlet.monitor for outlet in fleet.outlets}) == monitors
    assert all(len(outlet.monitor) <= 24 for outlet in fleet.outlets), "HJ 212 allows 24 for an MN"


def test_a_fleet_has_shared_flues_two_flue_kitchens_and_strangers() -> None:
    fleet = build(400, 1, AT)
    assert any(len(outlet.sites) > 1 for outlet in fleet.outlets)
    assert any(
        one.sites == other.sites and one.code != other.code
        for one, other in pairwise(fleet.outlets)
    )
    assert sum(not outlet.is_listed for outlet in fleet.outlets) == 4
    assert {site.size_class for o in fleet.outlets for site in o.sites} == {
        *("small", "medium", "large")
    }


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_a_cooking_fleet_cooks_at_any_hour(hour: int) -> None:
    at = AT.replace(hour=hour)
    for site in facts(build(100, 1, at, cooking=True)).sites:
        hours = BusinessHours.parse(site.business_hours, "Asia/Shanghai")
        for minutes in (-120, 0, 90):
            assert hours.is_open(at + timedelta(minutes=minutes)), (site.business_hours, minutes)


def test_usual_hours_are_lunch_and_dinner() -> None:
    spans = build(300, 1, AT).spans
    assert np.all((spans[:, 0, 0] >= 10 * 60) & (spans[:, 0, 1] <= 14 * 60 + 30))
    assert np.all((spans[:, 1, 0] >= 16 * 60) & (spans[:, 1, 1] <= 22 * 60 + 30))
