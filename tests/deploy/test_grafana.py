"""Dashboards and their provisioning, as far as they can be held without Grafana itself.

What they ask of Prometheus is in test_prometheus.py; what they ask of the database runs here, as
the role that Grafana has.
"""

import json
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
PANELS = {"stat", "table", "timeseries", "state-timeline"}


def dashboard(file: Path) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return whole


def sources() -> dict[str, dict[str, Any]]:
    text = (GRAFANA / "provisioning" / "datasources" / "fumewatch.yml").read_text()
    return {source["uid"]: source for source in yaml.safe_load(text)["datasources"]}


def questions() -> list[tuple[str, str]]:
    """(where, SQL) of all panels and variables."""
    found = []
    for file in DASHBOARDS:
        whole = dashboard(file)
        for panel in whole["panels"]:
            found += [
                (f"{file.stem}: {panel['title']}", target["rawSql"])
                for target in panel["targets"]
                if "rawSql" in target
            ]
        found += [
            (f"{file.stem}: ${each['name']}", each["query"]) for each in whole["templating"]["list"]
        ]
    return found


def filled_in(sql: str) -> str:
    """As Grafana sends it: its macros and the dashboard's variable spelt out."""
    sql = re.sub(
        r"\$__timeFilter\(([\w.]+)\)", r"\1 between now() - interval '1 day' and now()", sql
    )
    sql = re.sub(
        r"\$__timeGroup\(([\w.]+), *'1d'\)", r"floor(extract(epoch from \1) / 86400) * 86400", sql
    )
    return sql.replace("$district", "'xuhui','changning'")


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_is_whole(file: Path) -> None:
    whole = dashboard(file)
    panels = whole["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(set(ids)) == len(ids)
    assert len({panel["title"] for panel in panels}) == len(panels)
    known = {(uid, source["type"]) for uid, source in sources().items()}
    for panel in panels:
        assert panel["type"] in PANELS
        places = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {(place["uid"], place["type"]) for place in places} <= known, panel["title"]
        letters = [target["refId"] for target in panel["targets"]]
        assert letters, panel["title"]
        assert len(set(letters)) == len(letters), panel["title"]


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_no_panel_covers_another(file: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard(file)["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_names_are_unique() -> None:
    wholes = [dashboard(file) for file in DASHBOARDS]
    assert len({whole["uid"] for whole in wholes}) == len(DASHBOARDS) == 2
    assert len({whole["title"] for whole in wholes}) == len(DASHBOARDS)


def test_provisioning_shows_no_password_and_finds_the_dashboards() -> None:
    for source in sources().values():
        assert source["editable"] is False
        secrets = source.get("secureJsonData", {}).values()
        assert all(secret.startswith("$__file{") for secret in secrets)
    text = (GRAFANA / "provisioning" / "dashboards" / "fumewatch.yml").read_text()
    (provider,) = yaml.safe_load(text)["providers"]
    compose = yaml.safe_load((GRAFANA.parent / "compose.yaml").read_text())
    mounts = compose["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in mounts


def test_every_question_is_answered_by_the_database(reader: psycopg.Connection) -> None:
    asked = questions()
    assert len(asked) > 10
    for where, sql in asked:
        try:
            rows = reader.execute(filled_in(sql).encode())
        except psycopg.Error as error:
            pytest.fail(f"{where}: {error}")
        assert rows.description
        names = [column.name for column in rows.description]
        if "as metric" in sql:
            assert names == ["time", "metric", "value"], where
