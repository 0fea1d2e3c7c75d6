"""The shipped rules at the edges of their numbers: the tests in tests/data/rules, one by one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fumewatch.cli import trials
from fumewatch.config import example, load
from fumewatch.config.trials import Case, read, terms
from fumewatch.core.alert import State
from fumewatch.core.rules import PatternRule
from fumewatch.core.trial.perform import perform

ROOT = Path(__file__).parents[1]
FILES = (
    *sorted((ROOT / "tests/data/rules").glob("*.toml")),
    ROOT / "deploy/rules.example.test.toml",
)
CONFIG = load(example.path(), {})
TERMS = terms(CONFIG)


def cases() -> Iterator[tuple[Path, Case]]:
    for file in FILES:
        yield from ((file.relative_to(ROOT), case) for case in read(file).cases(CONFIG))


CASES = list(cases())


@pytest.mark.parametrize(("file", "case"), CASES, ids=[case.trial.name for _, case in CASES])
def test_of_shipped_rules(file: Path, case: Case) -> None:
    tried = trials.Tried(file, case, perform(case.trial, TERMS), TERMS)
    assert tried.has_passed, "\n".join(trials.lines(tried))


def test_every_shipped_rule_is_seen_to_fire_and_not_to_fire() -> None:
    """Rules about weeks of alerts have tests of their own: here there are only minutes and days."""
    expected = [each for _, case in CASES for each in case.trial.expected]
    fire = {each.rule for each in expected if each.state is State.FIRING}
    calm = {each.rule for each in expected if each.at is None or each.state is None}
    shipped = {rule.id for rule in CONFIG.rule if not isinstance(rule, PatternRule)}
    assert shipped <= fire
    assert shipped <= calm
