"""What the README says is so."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import typer.main

from fumewatch import cli
from fumewatch.config import examine
from fumewatch.config.profiles import ready_made
from fumewatch.core.decode import Horizon, decode
from fumewatch.core.reading import CHANNELS
from fumewatch.core.sites_csv import COLUMNS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_every_promise_names_a_test_that_there_is() -> None:
    named = set(re.findall(r"`(test_\w+)`", README))
    found = subprocess.run(
        ["grep", "-rhoE", r"def (test_\w+)", ROOT / "tests"], capture_output=True, text=True
    ).stdout
    assert len(named) > 30
    assert named <= set(re.findall(r"test_\w+", found))
    assert [
        name for name in re.findall(r"`(tests/[\w/]+\.py)`", README) if not (ROOT / name).is_file()
    ] == []


def test_every_command_is_in_the_table() -> None:
    group = typer.main.get_command(cli.app)
    told = README[README.index("| command | does |") : README.index("Every command has `--help`")]
    for name in group.commands:  # type: ignore[attr-defined]
        assert f"`fumewatch {name}" in told, name


def test_the_payload_is_read_as_it_says() -> None:
    payload = next(text for text in blocks("json") if "measured_at" in text)
    decoded = decode([payload.encode()], [""], 0, Horizon(-(2**62), 2**62))
    assert decoded.faults == []
    channels = set(json.loads(payload)) - {"measured_at", "quality"}
    assert channels == {channel.name for channel in CHANNELS}


@pytest.mark.parametrize("channel", [c for c in CHANNELS if not c.is_state], ids=lambda c: c.name)
def test_the_table_of_channels(channel) -> None:
    row = next(line for line in README.splitlines() if re.match(rf"\| .*\b{channel.name}\b", line))
    assert f"| {channel.unit} | {channel.low:g} to {channel.high:g} |" in row


def test_the_configuration_it_shows_is_good(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    for text in blocks("toml"):
        file.write_text(text, "utf-8")
        assert examine(file, {}).faults == ()


def test_every_ready_made_profile_is_named() -> None:
    for name in ready_made():
        assert f"`{name}`" in README, name


def test_the_columns_of_sites() -> None:
    for column in COLUMNS:
        assert re.search(rf"^\| (?:.*, )?{column.name}\b.*\|", README, re.MULTILINE), column.name
