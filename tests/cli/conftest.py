"""What tests of commands share: a command run in this process, a configuration."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fumewatch import cli


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Fumewatch = Callable[..., Said]
Write = Callable[..., Path]


@pytest.fixture
def fumewatch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fumewatch:
    """Run a command in this process, through the same door as the script."""

    def run(*args: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["fumewatch", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        return Said(int(end.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, name: str = "config.toml") -> Path:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.fixture
def config(write: Write, database_url: str) -> Path:
    """A configuration on a fresh, migrated database."""
    return write(
        f'[database]\nurl = "{database_url}"\n[[limit]]\nname = "DB31/844-2014"\nfume = 1.0\n'
        '[[rule]]\nid = "offline"\nkind = "absence"\n[[receiver]]\nname = "log"\nkind = "log"\n'
        'path = "alerts.jsonl"\n[[route]]\nreceiver = "log"\n'
    )
