"""What `fumewatch check` tells of a configuration."""

from pathlib import Path
from typing import Any

from fumewatch.cli import show
from fumewatch.cli.reach import Attempt
from fumewatch.config import Config, Examined


def as_json(path: Path, examined: Examined, attempts: list[Attempt]) -> dict[str, Any]:
    return {
        "file": str(path),
        "good": examined.config is not None,
        "faults": examined.faults,
        "warnings": examined.warnings,
        "connections": attempts,
        "summary": _summary(examined.config) if examined.config else None,
    }


def tell(path: Path, examined: Examined, attempts: list[Attempt]) -> None:
    """Faults before doubts: warnings are told once nothing worse is left."""
    if examined.config is None:
        show.faults(examined.faults)
        show.complain(f"{path} is refused: {show.count(len(examined.faults), 'fault')}.")
        return
    for warning in examined.warnings:
        show.complain(f"{warning} (warning)")
    for section, names in _summary(examined.config).items():
        show.line(f"{len(names):>4} {section + ':':<10} {', '.join(names) or 'none'}")
    show.line(_who_is_told(examined.config))
    for attempt in attempts:
        say = show.line if attempt.is_reached else show.complain
        say(f"{attempt.name}: {'' if attempt.is_reached else 'NOT REACHED: '}{attempt.detail}")
    missed = [attempt.name for attempt in attempts if not attempt.is_reached]
    show.line(f"{path} is good{', but not reached: ' + ', '.join(missed) if missed else ''}.")


def _who_is_told(config: Config) -> str:
    people = sum(not receiver.is_machine for receiver in config.receiver)
    steps = sum(len(escalation.step) for escalation in config.escalation)
    parts = (
        show.count(len(config.route), "route"),
        f"{show.count(len(config.receiver), 'receiver')} ({people} of people)",
        show.count(steps, "escalation step"),
        show.count(len(config.digest), "digest"),
    )
    return f"Who is told: {', '.join(parts)}"


def _summary(config: Config) -> dict[str, list[str]]:
    return {
        "rules": [rule.id for rule in config.rule],
        "limits": [profile.name for profile in config.limit],
        "receivers": [f"{receiver.name} ({receiver.kind})" for receiver in config.receiver],
        "routes": [" + ".join(route.receiver) for route in config.route],
    }
