"""`fumewatch backtest`: from files and from the store to the report."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from fumewatch.backtest.sources import read_file
from fumewatch.backtest.spool import Spool
from fumewatch.store import Database, monitors
from fumewatch.store import readings as stored
from tests.backtest.conftest import CONFIG, HEADER, MILDER, SHANGHAI, rows, shuffled
from tests.cli.conftest import Fumewatch, Said, Write


@pytest.fixture
def compared(fumewatch: Fumewatch, readings: Path, sites: Path, old: Path, new: Path) -> Said:
    return fumewatch(
        *("backtest", "-c", new, "--against", old, "--readings", readings, "--sites", sites)
    )


def test_the_first_line_says_what_the_change_would_have_done(compared: Said) -> None:
    assert compared.code == 0
    assert compared.out.splitlines()[0] == (
        "With this change you would have sent 2 messages fewer "
        "from 2026-11-23 10:00 to 2026-11-23 13:00, and missed 1 of 3 early warnings."
    )


def test_the_text_has_it_by_rule_street_day_and_receiver(compared: Said) -> None:
    said = compared.out
    assert re.search(r"exceedance +warning +2 → 1 .* 4 → 2", said)
    assert re.search(r"purifier-off +critical +1 +0 .* 3", said)
    assert re.search(r"xuhui 田林街道 +1 → 0 +2 → 0", said)
    assert re.search(r"duty +3 → 2 +3 → 2 +0 +6 → 4 +6 → 4", said)
    assert re.search(r"boss +1 +0 +0 +1 +1", said)
    assert "Alerts a day, 2026-11-23 to 2026-11-23, at most 3\n  old █\n  new ▆\n" in said
    assert "Differences: 1 gone, 1 later, 1 shorter; 1 alert as before\n" in said
    assert "MISSED gone: exceedance at 老灶台面馆, 田林街道 (M1), 11-23 10:3" in said
    assert re.search(r"\n\d+m later, \d+m shorter: exceedance at <script>", said)


def test_a_mildest_change_and_none(
    fumewatch: Fumewatch, readings: Path, sites: Path, old: Path
) -> None:
    same = fumewatch(
        *("backtest", "-c", old, "--against", old, "--readings", readings, "--sites", sites)
    )
    assert same.out.startswith("With this change you would have sent as many messages (7) from")
    assert same.out.splitlines()[0].endswith(", and missed nothing.")
    alone = fumewatch("backtest", "-c", old, "--readings", readings, "--sites", sites)
    assert alone.out.startswith(
        "This configuration would have raised 3 alerts and sent 7 messages from 2026-11-23 10:00"
    )
    assert "Differences" not in alone.out


def test_the_same_input_gives_the_same_bytes(
    fumewatch: Fumewatch, write: Write, sites: Path, old: Path, new: Path
) -> None:
    said = []
    for lines in (rows(), rows(), shuffled(), [*shuffled(), rows()[7]][:-1]):
        file = write("\n".join([HEADER, *lines]), "h.csv")
        said.append(
            fumewatch(
                *("backtest", "-c", new, "--against", old, "--readings", file),
                *("--sites", sites, "--json"),
            ).out
        )
    assert len(set(said)) == 1
    found = json.loads(said[0])
    assert found["summary"]["zh"] == (
        "若采用此变更，2026-11-23 10:00 至 2026-11-23 13:00 将少发 2 条消息，"
        "漏掉 3 起预警中的 1 起。"
    )
    assert found["read"]["readings"] == 540
    assert (found["new"]["messages"], found["old"]["messages"]) == (5, 7)
    assert found["difference"]["counts"]["gone"] == found["difference"]["missed"] == 1
    (gone,) = [each for each in found["difference"]["listed"] if each["changes"] == ["gone"]]
    assert (gone["site"], gone["missed"], gone["new"]) == ("老灶台面馆", True, None)
    assert gone["old"]["limit"] == 1.0
    assert gone["why"]["en"].startswith("[Early warning] 老灶台面馆: fume mean over ")


def fill(database: Database, file: Path) -> None:
    with Spool() as spool:
        read_file(file, SHANGHAI, spool, skip_bad=False, progress=lambda _rows: None)
        with database.transaction() as conn:
            keys = {name: tuple(name.split("/")) for name in spool.names}
            ids = monitors.register(conn, list(keys.values()))  # type: ignore[arg-type]
            numbers = np.array([ids[keys[n]] for n in spool.names], np.int32)  # type: ignore[index]
            for day in spool.days:
                part = spool.day(day, numbers)
                stored.add(conn, part, datetime(2026, 11, 25, tzinfo=UTC))


def test_the_store_gives_what_the_file_gives(
    fumewatch: Fumewatch,
    write: Write,
    readings: Path,
    sites: Path,
    database: Database,
    database_url: str,
) -> None:
    url = f'[database]\nurl = "{database_url}"\n'
    new, old = write(url + MILDER, "new.toml"), write(url + CONFIG, "old.toml")
    assert fumewatch("sites", "import", sites, "-c", new).code == 0
    fill(database, readings)
    asked = ("-c", new, "--against", old, "--from", "2026-11-23 10:00", "--json")
    of_store = fumewatch("backtest", *asked).json
    of_file = fumewatch("backtest", *asked, "--readings", readings, "--sites", sites).json
    assert of_store.pop("read")["source"] == "store"
    assert of_file.pop("read")["readings"] == 540
    del of_store["warm_up_from"], of_file["warm_up_from"]
    assert of_store == of_file


def test_the_warm_up_raises_nothing_but_is_known(
    fumewatch: Fumewatch, readings: Path, sites: Path, old: Path
) -> None:
    """M1's alert fires before the span and ends in it; without a warm-up it fires in it."""
    asked = ("-c", old, "--readings", readings, "--sites", sites, "--from", "2026-11-23 10:50")
    warm = fumewatch("backtest", *asked, "--json").json
    cold = fumewatch("backtest", *asked, "--warm-up", "0s", "--json").json
    assert (warm["new"]["alerts"], cold["new"]["alerts"]) == (2, 3)
    assert (warm["new"]["messages"], cold["new"]["messages"]) == (6, 7)
    assert warm["warm_up_from"] == "2026-11-23T10:00:00+08:00"


@pytest.mark.parametrize(
    ("asked", "alerts"),
    [
        (("--site", "M1"), 1),
        (("--site", "老灶台面馆"), 1),
        (("--site", "xuhui/M3", "--site", "M1"), 2),
        (("--street", "漕河泾街道"), 2),
        (("--rule", "purifier-off"), 1),
        (("--rule", "exceedance", "--site", "M3"), 0),
        (("--from", "2026-11-23 11:20"), 1),
        (("--to", "2026-11-23 11:20"), 2),
        (("--to", "2026-11-23"), 3),
    ],
)
def test_only_a_part_of_it(
    asked: Sequence[str],
    alerts: int,
    fumewatch: Fumewatch,
    readings: Path,
    sites: Path,
    old: Path,
) -> None:
    said = fumewatch(
        *("backtest", "-c", old, "--readings", readings, "--sites", sites, "--json"), *asked
    )
    assert (said.code, said.json["new"]["alerts"]) == (0, alerts)


def test_without_sites_all_have_the_first_limits_and_it_says_so(
    fumewatch: Fumewatch, readings: Path, old: Path
) -> None:
    said = fumewatch("backtest", "-c", old, "--readings", readings)
    assert "Note: Limits of 'db31', the first of the configuration, for every monitor." in said.out
    assert said.out.startswith("This configuration would have raised 3 alerts and sent 7 messages")


def test_bad_rows_stop_it_unless_they_are_to_be_skipped(
    fumewatch: Fumewatch, write: Write, sites: Path, old: Path
) -> None:
    file = write("\n".join([HEADER, *rows(), "noon,M1,1,1,1"]), "bad.csv")
    asked = ("backtest", "-c", old, "--readings", file, "--sites", sites)
    refused = fumewatch(*asked)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.splitlines()[0] == (
        f"{file}:542: measured_at: 'noon' is no time; write 2026-11-23 12:00:00"
    )
    skipped = fumewatch(*asked, "--skip-bad", "--json")
    assert skipped.json["read"]["refused"] == {"bad_time": 1}
    assert skipped.json["notes"] == ["Rows left out that could not be read: bad_time 1."]


def test_a_gate_for_those_who_change_rules(
    fumewatch: Fumewatch, readings: Path, sites: Path, old: Path, new: Path
) -> None:
    asked = ("--readings", readings, "--sites", sites, "--fail-on-missed", "--json")
    assert fumewatch("backtest", "-c", new, "--against", old, *asked).code == 1
    assert fumewatch("backtest", "-c", old, "--against", new, *asked).code == 0


def test_a_rule_that_only_one_of_them_has(
    fumewatch: Fumewatch, write: Write, readings: Path, sites: Path, old: Path
) -> None:
    renamed = write(CONFIG.replace('"purifier-off"', '"machine-off"'), "renamed.toml")
    asked = ("backtest", "-c", renamed, "--against", old, "--readings", readings)
    said = fumewatch(*asked, "--sites", sites, "--rule", "machine-off", "--json").json
    assert (said["new"]["alerts"], said["old"]["alerts"]) == (1, 0)
    said = fumewatch(*asked, "--sites", sites, "--json").json["difference"]
    assert [said["counts"][name] for name in ("new", "gone")] == [1, 1]
    assert said["missed"] == 0  # another rule of the same severity fires in its place


@pytest.mark.parametrize(
    ("asked", "code", "what"),
    [
        (("--rule", "exceedence"), 2, "no rule 'exceedence'; there are exceedance, purifier-off"),
        (("--site", "M9"), 2, "no monitor is called or lies at 'M9'"),
        (("--from", "yesterday"), 2, "'yesterday' is no time; write 2026-11-01"),
        (("--from", "2026-11-24"), 1, "--from, --to: nothing to judge from 2026-11-23 16:00"),
        (("--from", "2020-01-01"), 1, "are too many, 400d are judged at most"),
        (("--html", "/nowhere/report.html"), 2, "there is no folder /nowhere"),
        (("--html", "/"), 1, "/: cannot be written: Is a directory"),
        (("--fail-on-missed",), 2, "goes with --against"),
    ],
)
def test_what_is_refused(
    asked: Sequence[str],
    code: int,
    what: str,
    fumewatch: Fumewatch,
    readings: Path,
    sites: Path,
    old: Path,
) -> None:
    said = fumewatch("backtest", "-c", old, "--readings", readings, "--sites", sites, *asked)
    assert said.code == code
    plain = re.sub(r"[│\s]+", " ", said.err)
    assert what in plain


def test_sites_go_with_a_file(fumewatch: Fumewatch, sites: Path, old: Path) -> None:
    assert fumewatch("backtest", "-c", old, "--sites", sites).code == 2


def test_a_code_that_two_districts_have(
    fumewatch: Fumewatch, write: Write, old: Path, sites: Path
) -> None:
    more = "minhang,七宝镇,S4,另一家,db31,M1,\n"
    two = write(sites.read_text() + more, "two.csv")
    file = write(f"{HEADER}\n2026-11-23 10:00,M1,1,1,1\n", "h.csv")
    said = fumewatch("backtest", "-c", old, "--readings", file, "--sites", two)
    assert said.code == 1
    what = "monitor 'M1' could be minhang/M1 or xuhui/M1; write which"
    assert said.err.splitlines()[0] == f"{file}: {what}"


def test_an_empty_store(fumewatch: Fumewatch, config: Path) -> None:
    said = fumewatch("backtest", "-c", config)
    assert said.code == 1
    assert "the store has no reading yet; give some with --readings FILE" in said.err


def test_progress_goes_to_terminals_only(compared: Said) -> None:
    (line,) = compared.err.splitlines()
    assert re.fullmatch(r"1,080 readings judged in .* peak memory \d+ MiB", line)
