"""The units, by systemd's own tools."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
ANALYZE = shutil.which("systemd-analyze")
UNITS = ["fumewatch.service", "fumewatch-backup.service", "fumewatch-backup.timer"]
MOST_EXPOSED = 2.0

pytestmark = pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    assert ANALYZE
    return subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, timeout=60)


def settings(unit: str) -> dict[str, str]:
    """The last of each key."""
    lines = (DEPLOY / unit).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"\w+=", line))


@pytest.mark.parametrize("unit", UNITS[:2])
def test_a_service_is_exposed_little(unit: str) -> None:
    told = analyze("security", "--offline=true", "--no-pager", str(DEPLOY / unit))
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", told.stdout)
    assert level, told.stdout + told.stderr
    assert float(level[1]) <= MOST_EXPOSED


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    """All at once, since a timer names its service; /bin/true is what is not installed here."""
    for unit in UNITS:
        text = (DEPLOY / unit).read_text()
        (tmp_path / unit).write_text(re.sub(r"/opt/fumewatch/bin/fumewatch", "/bin/true", text))
    folder = tmp_path / "mosquitto.service.d"
    folder.mkdir()
    shutil.copy(DEPLOY / "mosquitto.service.d" / "fumewatch.conf", folder)
    (tmp_path / "mosquitto.service").write_text("[Service]\nExecStart=/bin/true\n")
    files = [str(tmp_path / name) for name in [*UNITS, "mosquitto.service"]]
    told = analyze("verify", "--man=no", "--recursive-errors=no", *files)
    ours = [
        line for line in told.stderr.splitlines() if "fumewatch" in line or str(tmp_path) in line
    ]
    assert ours == []
    assert told.returncode == 0, told.stderr


def test_the_watchdog_and_the_stop_fit_the_daemon() -> None:
    from fumewatch.app import STOP_SECONDS

    unit = settings("fumewatch.service")
    assert unit["Type"] == "notify"
    assert int(unit["WatchdogSec"]) >= 30
    assert int(unit["TimeoutStopSec"]) > STOP_SECONDS
    assert unit["Restart"] == "always"
    assert unit["StartLimitIntervalSec"] == "0"


def test_the_calendar_is_read() -> None:
    told = analyze("calendar", settings("fumewatch-backup.timer")["OnCalendar"])
    assert told.returncode == 0, told.stderr


def test_the_users_are_read(tmp_path: Path) -> None:
    sysusers = shutil.which("systemd-sysusers")
    if sysusers is None:
        pytest.skip("no systemd-sysusers: apt install systemd")
    done = subprocess.run(
        [sysusers, "--dry-run", f"--root={tmp_path}", str(DEPLOY / "fumewatch.sysusers.conf")],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    made = done.stdout + done.stderr
    users = {settings(unit)["User"] for unit in UNITS[:2]}
    assert users == {"fumewatch", "fumewatch-backup"}
    assert all(f"'{user}'" in made for user in users), made
