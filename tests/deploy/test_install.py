"""install.md, without a machine to install on: each block is shell, each command and path is real.

test_install_for_real.py runs it.
"""

import re
import subprocess
from pathlib import Path

import click
import pytest
import typer.main

from fumewatch import cli
from tests.deploy.guide import DEPLOY, Block, blocks
from tests.fixtures.tools import find, need

GUIDES = ["install.md", "mosquitto/certificates.md"]
BLOCKS = [(name, block) for name in GUIDES for block in blocks(name)]
SCRIPTS = sorted(
    (
        file
        for file in [*DEPLOY.rglob("*.sh"), *(DEPLOY.parent / ".ci").iterdir()]
        if "python" not in file.read_text().partition("\n")[0]
    ),
    key=lambda file: file.name,
)
each_block = pytest.mark.parametrize(
    "block", [block for _, block in BLOCKS], ids=[block.heading for _, block in BLOCKS]
)


@each_block
def test_a_block_is_shell(block: Block) -> None:
    done = subprocess.run(["sh", "-n"], input=block.script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if find("shellcheck"):
        _shellcheck(["-"], f"set -eu\n{block.script}")


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_a_script_is_shell(file: Path) -> None:
    need("shellcheck")
    _shellcheck(["-x", str(file)], "")


def _shellcheck(arguments: list[str], script: str) -> None:
    done = subprocess.run(
        [need("shellcheck"), "-s", "sh", "-e", "SC1091", *arguments],
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout


COMMANDS = [words for _, block in BLOCKS for words in block.commands]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_is_one_of_ours(words: list[str]) -> None:
    """As the command line itself reads it: names, options, arguments."""
    command: click.Command = typer.main.get_command(cli.app)
    rest = words[1:]
    if rest == ["--version"]:
        return
    while isinstance(command, click.Group):
        name = rest.pop(0)
        assert name in command.commands, " ".join(words)
        command = command.commands[name]
    command.make_context(words[0], rest)


def test_no_block_is_overlooked() -> None:
    text = "".join((DEPLOY / name).read_text("utf-8") for name in GUIDES)
    assert len(BLOCKS) == text.count("```sh\n") > 10


def test_some_commands_were_found() -> None:
    named = {words[1] for words in COMMANDS}
    assert {"migrate", "roles", "sites", "broker", "check", "status", "user"} <= named


@pytest.mark.parametrize("name", GUIDES)
def test_every_file_of_ours_that_it_names_is_there(name: str) -> None:
    text = (DEPLOY / name).read_text("utf-8")
    named = set(re.findall(r"(?<![\w/])deploy/[\w./-]*\w", text))
    assert [file for file in named if not (DEPLOY.parent / file).exists()] == []


def test_every_unit_and_proxy_is_installed_by_it() -> None:
    text = (DEPLOY / "install.md").read_text("utf-8")
    for file in DEPLOY.glob("fumewatch*"):
        assert f"deploy/{file.name}" in text, file.name


def test_the_secrets_of_the_unit_are_those_of_the_guide() -> None:
    unit = (DEPLOY / "fumewatch.service").read_text()
    credentials = dict(re.findall(r"^LoadCredential=(\w+):(\S+)$", unit, re.MULTILINE))
    text = (DEPLOY / "install.md").read_text("utf-8")
    for name, path in credentials.items():
        assert path == f"/etc/fumewatch/secrets/{name}"
        assert re.search(rf'_file = "{path}"', text), "the configuration does not name it"


def test_the_configuration_it_makes_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sed, on the example; secrets and state in a folder of the test."""
    (script,) = [b.script for b in blocks("install.md") if b.heading.startswith("3.")]
    edit = script[script.index("sed -e") :]
    secrets = tmp_path / "fumewatch" / "secrets"
    secrets.mkdir(parents=True)
    for name in ("links_secret", "metrics_token", "mqtt_password"):
        (secrets / name).write_text("0123456789abcdef" * 4)
        (secrets / name).chmod(0o600)
    made = subprocess.run(
        edit.replace("/etc/fumewatch", str(tmp_path / "fumewatch")),
        shell=True,
        cwd=DEPLOY.parent,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    from fumewatch.config import examine

    examined = examine(tmp_path / "fumewatch" / "config.toml")
    assert examined.faults == ()
    assert examined.config is not None
    assert examined.config.database.url == "postgresql://fumewatch@/fumewatch?host=/run/postgresql"
    assert examined.config.mqtt.username == "fumewatch"
    assert examined.config.web.public_url == "https://fume.example.org"
    assert examined.config.login.metrics_token is not None
