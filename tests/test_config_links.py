"""[links] of the configuration."""

from pathlib import Path

import pytest

from fumewatch.config import examine, load

NEW, OLD = "n" * 32, "o" * 40


def write(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(f"[links]\n{text}")
    return file


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("", ()),
        (f'secret = "{NEW}"', (NEW,)),
        (f'secret = "{NEW}"\nold_secret = "{OLD}"', (NEW, OLD)),
        ('secret_file = "new"\nold_secret_file = "old"', (NEW, OLD)),
    ],
)
def test_the_secret_that_signs_comes_first(
    tmp_path: Path, text: str, secrets: tuple[str, ...]
) -> None:
    (tmp_path / "new").write_text(NEW + "\n")
    (tmp_path / "old").write_text(OLD)
    config = load(write(tmp_path, text), {})
    assert config.links.secrets == secrets
    assert NEW not in repr(config)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('secret = "short-secret"', "12 characters can be guessed; make one of 32 or more"),
        (f'secret = "{NEW}"\nold_secret = "short-secret"', "12 characters can be guessed"),
        (f'old_secret = "{OLD}"', "there is no secret that came after it"),
        ('secret = ""', "0 characters can be guessed"),
    ],
)
def test_a_secret_that_protects_nothing_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    (found,) = examine(write(tmp_path, text), {}).faults
    assert fault in str(found)
    assert "short-secret" not in str(found)
    assert OLD not in str(found)
