"""A morning at three restaurants, as a file and in the store."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.cli.conftest import config, fumewatch, write

__all__ = ["config", "fumewatch", "write"]

SHANGHAI = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 11, 23, 10)
MINUTES = 180
HEADER = "measured_at,monitor,fume,fan_on,purifier_on"
SITES = """district,street,site_code,site,limit_profile,monitor,business_hours
xuhui,田林街道,S1,老灶台面馆,db31,M1,10:00-22:00
xuhui,漕河泾街道,S2,<script>alert(1)</script>,db31,M2,10:00-22:00
xuhui,漕河泾街道,S3,川渝小馆,db31,M3,10:00-22:00
"""
CONFIG = """
[[limit]]
name = "db31"
fume = 1.0
[[rule]]
id = "exceedance"
kind = "threshold"
channel = "fume"
statistic = "mean"
window = "10m"
above = "limit"
min_count = 3
severity = "warning"
[[rule]]
id = "purifier-off"
kind = "linkage"
window = "20m"
at_least = "10m"
severity = "critical"
[[receiver]]
name = "duty"
kind = "log"
path = "duty.jsonl"
[[receiver]]
name = "boss"
kind = "log"
path = "boss.jsonl"
states = ["firing"]
[[route]]
receiver = "duty"
continue = true
[[route]]
receiver = "boss"
match = { severity = "critical" }
"""
MILDER = CONFIG.replace('above = "limit"', 'above = "1.5 * limit"')
"""Under it M1, which stays at 1.3, is not warned of; M2, which reaches 2.0, is a bit later."""


def fume(monitor: str, minute: int) -> float:
    if monitor == "M1" and 30 <= minute < 70:
        return 1.3
    if monitor == "M2" and 60 <= minute < 120:
        return min(2.0, 0.5 + (minute - 60) * 0.05)
    return 0.4


def rows() -> list[str]:
    """Every minute of each monitor; no two values alike, so that none is held."""
    found = []
    for minute in range(MINUTES):
        at = START + timedelta(minutes=minute)
        for number, monitor in enumerate(("M1", "M2", "M3")):
            value = fume(monitor, minute) + 0.001 * (minute % 7)
            purifier = 0 if monitor == "M3" and 90 <= minute < 130 else 1
            found.append(
                f"{at + timedelta(seconds=number)},xuhui/{monitor},{value:.3f},1,{purifier}"
            )
    return found


def shuffled() -> list[str]:
    mixed = rows()
    random.Random(1).shuffle(mixed)
    return mixed


@pytest.fixture
def readings(write: Callable[..., Path]) -> Path:
    return write("\n".join([HEADER, *rows()]) + "\n", "readings.csv")


@pytest.fixture
def sites(write: Callable[..., Path]) -> Path:
    return write(SITES, "sites.csv")


@pytest.fixture
def old(write: Callable[..., Path]) -> Path:
    return write(CONFIG, "old.toml")


@pytest.fixture
def new(write: Callable[..., Path]) -> Path:
    return write(MILDER, "new.toml")
