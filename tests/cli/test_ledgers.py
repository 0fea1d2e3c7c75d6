"""`fumewatch cleanings` and `fumewatch complaints`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Fumewatch, Write

EXAMPLE = Path(__file__).parents[2] / "deploy/sites.example.csv"
CLEANINGS = "排口编码,清洗日期,备注\nXH-0001-A,2026-10-01,大洗\nXH-0001-A,2026-09-15,\n"
COMPLAINTS = (
    "number,at,latitude,longitude,site_code,address\n"
    "W1,2026-11-01 18:05,31.1742,121.4187,,\nW2,2026-11-02 18:05,,,,示例路\n"
    "W3,2026-11-03 18:05,,,XH-0001,\n"
)
Say = Callable[..., str]


@pytest.fixture
def say(fumewatch: Fumewatch, config: Path) -> Say:
    """Run a command that must succeed, on a store that knows the example's sites."""

    def run(*args: str | Path) -> str:
        said = fumewatch(*args, "-c", config)
        assert (said.code, said.err) == (0, "")
        return said.out

    run("sites", "import", EXAMPLE)
    return run


def test_cleanings_go_in_once_and_again_change_nothing(say: Say, write: Write) -> None:
    file = write(CLEANINGS, "ledger.csv")
    dry = say("cleanings", "import", file, "--dry-run").splitlines()
    first = say("cleanings", "import", file).splitlines()
    again = say("cleanings", "import", file).splitlines()
    assert dry == [
        "cleanings      1 new      0 changed      1 unchanged",
        "Dry run: nothing was changed.",
    ]
    assert first == [dry[0], "Cleanings that the file does not name were kept."]
    assert again == [
        "cleanings      0 new      0 changed      2 unchanged",
        "The store says the same as the file already: nothing changed.",
    ]
    listed = say("cleanings", "list", "--outlet", "XH-0001-A").splitlines()
    assert [line.split()[0] for line in listed[-4:-2]] == ["2026-10-01", "2026-09-15"]
    assert listed[-4].split()[-2:] == ["大洗", "ledger.csv"]
    assert listed[-1] == "2 cleanings"


def test_a_note_that_comes_later_is_a_change(say: Say, write: Write, fumewatch, config) -> None:
    say("cleanings", "import", write(CLEANINGS, "ledger.csv"))
    file = write(CLEANINGS.replace("09-15,", "09-15,小洗"), "later.csv")
    said = fumewatch("cleanings", "import", file, "--json", "-c", config).json
    assert said == {"dry_run": False, "cleanings": {"new": 0, "changed": 1, "unchanged": 1}}


def test_complaints_go_in_once_and_tell_which_cannot_be_placed(say: Say, write: Write) -> None:
    file = write(COMPLAINTS, "complaints.csv")
    first = say("complaints", "import", file).splitlines()
    again = say("complaints", "import", file).splitlines()
    assert first[0] == "complaints      3 new      0 changed      0 unchanged"
    assert first[2].startswith("2 complaints cannot be placed (W2, W3): no position, and no site")
    assert again[0] == "complaints      0 new      0 changed      3 unchanged"
    assert again[1] == "The store says the same as the file already: nothing changed."
    listed = say("complaints", "list").splitlines()
    assert "unplaced" in listed[-5]
    assert listed[-1] == "3 complaints, 2 of them cannot be placed"


def test_a_site_that_gets_a_position_places_its_complaints(say: Say, write: Write) -> None:
    say("complaints", "import", write(COMPLAINTS, "complaints.csv"))
    header, row, *_ = EXAMPLE.read_text().splitlines()
    sites = f"{header},latitude,longitude\n{row},31.2,121.4\n"
    say("sites", "import", write(sites, "sites.csv"))
    assert say("complaints", "list").splitlines()[-1].startswith("3 complaints, 1 of them")


@pytest.mark.parametrize(
    ("command", "text", "fault"),
    [
        ("cleanings", CLEANINGS + "XH-9,2026-01-01,\n", ":4 outlet_code: no outlet has the code"),
        ("complaints", COMPLAINTS + "W4,gestern,,,,\n", ":5 at: 'gestern' is not a day with its"),
    ],
)
def test_a_file_with_one_bad_row_is_refused_whole(
    say: Say, fumewatch: Fumewatch, config: Path, write: Write, command: str, text: str, fault: str
) -> None:
    file = write(text, "bad.csv")
    said = fumewatch(command, "import", file, "-c", config)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"{file}{fault}")
    assert "大洗" not in say(command, "list")
    assert "W1" not in say(command, "list")
