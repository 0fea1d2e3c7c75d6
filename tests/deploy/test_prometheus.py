"""Rules for the service itself, by promtool; every metric they and dashboards name is there."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from fumewatch import metrics
from tests.fixtures.tools import need

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
_NAME = re.compile(r"\b(fumewatch_\w+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_PROMETHEUS_OWN = {"job", "instance", "le"}


def rules() -> list[dict[str, str]]:
    groups = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    """(where, PromQL) of all rules and all panels."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for file in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                if "expr" in target:
                    expr = target["expr"].replace("$__rate_interval", "5m")
                    yield f"{file.name}: {panel['title']}", expr


def _labels() -> dict[str, set[str]]:
    """By the name of each series that /metrics can show, those of labels."""
    ours = [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]
    return {
        name: set(metric._labelnames) | _PROMETHEUS_OWN
        for metric in ours
        for name in REGISTRY._collector_to_names[metric]
    }


def test_every_metric_and_label_that_is_named_exists() -> None:
    known = _labels()
    named = [(where, *found) for where, expr in expressions() for found in _NAME.findall(expr)]
    assert {name for _, name, _ in named} >= {"fumewatch_leader", "fumewatch_commit_seconds_bucket"}
    unknown = [(where, name) for where, name, _ in named if name not in known]
    assert unknown == []
    wrong = [
        (where, name, label)
        for where, name, matchers in named
        for label in _LABEL.findall(matchers)
        if label not in known[name]
    ]
    assert wrong == []


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    for rule in rules():
        notes = rule["annotations"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}, rule  # type: ignore[index]
        assert "summary" in notes, rule
        assert "action" in notes or rule["alert"] == "Watchdog", rule


def test_every_rule_has_a_test_in_which_it_fires() -> None:
    fired = {
        test["alertname"]
        for file in PROMETHEUS.glob("*.test.yml")
        for group in yaml.safe_load(file.read_text())["tests"]
        for test in group["alert_rule_test"]
        if test["exp_alerts"]
    }
    assert fired == {rule["alert"] for rule in rules()}


def run(*command: str, cwd: Path = PROMETHEUS) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_finds_no_fault_in_the_rules() -> None:
    run(need("promtool"), "check", "rules", "--lint-fatal", "rules.yml")


@pytest.mark.parametrize("file", ["rules.test.yml", "rules.days.test.yml"])
def test_the_rules_fire_when_they_should_and_only_then(file: str) -> None:
    run(need("promtool"), "test", "rules", file)


def test_promtool_reads_what_the_dashboards_ask(tmp_path: Path) -> None:
    records = [{"record": "read", "expr": expr} for _, expr in expressions()]
    file = tmp_path / "asked.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": records}]}))
    run(need("promtool"), "check", "rules", "--lint=none", str(file))


@pytest.mark.parametrize("name", ["prometheus/prometheus.yml", "compose/prometheus.yml"])
def test_promtool_finds_no_fault_in_the_configuration(name: str, tmp_path: Path) -> None:
    """The token's file is one of the machine's, so another stands for it."""
    token = tmp_path / "token"
    token.write_text("x")
    text = re.sub(r"(credentials_file:) .*", rf"\1 {token}", (DEPLOY / name).read_text())
    (tmp_path / "prometheus.yml").write_text(text)
    shutil.copy(PROMETHEUS / "rules.yml", tmp_path)
    run(need("promtool"), "check", "config", "prometheus.yml", cwd=tmp_path)


def test_both_configurations_of_prometheus_differ_in_addresses_alone() -> None:
    def bare(name: str) -> object:
        text = re.sub(r"(credentials_file:) .*", r"\1 x", (DEPLOY / name).read_text())
        whole = yaml.safe_load(re.sub(r"targets: .*", "targets: []", text))
        whole["scrape_configs"] = [
            job for job in whole["scrape_configs"] if job["job_name"] != "node"
        ]
        return whole

    assert bare("prometheus/prometheus.yml") == bare("compose/prometheus.yml")


def test_amtool_finds_no_fault_and_routes_as_meant() -> None:
    file = str(DEPLOY / "alertmanager" / "alertmanager.yml")
    amtool = need("amtool")
    run(amtool, "check-config", file)
    for labels, receiver in (
        (["alertname=FumewatchAllDown", "severity=critical"], "operators"),
        (["alertname=FumewatchCommitSlow", "severity=warning"], "operators"),
        (["alertname=FumewatchNoStandby", "severity=info"], "nobody"),
        (["alertname=Watchdog", "severity=none"], "watchdog"),
    ):
        told = run(amtool, "config", "routes", "test", f"--config.file={file}", *labels)
        assert told.split() == [receiver], labels
