"""`fumewatch contacts`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Fumewatch, Write

EXAMPLE = Path(__file__).parents[2] / "deploy/sites.example.csv"
PEOPLE = (
    "site_code,vendor,street,name,email,phone,account,language\n"
    "XH-0001,,,王店长,,13800000000,,zh\n"
    ",,田林街道,值班,patrol@example.org,,tianlin,both\n"
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


def test_people_go_in_once_and_come_out_as_they_went_in(say: Say, write: Write) -> None:
    file = write(PEOPLE, "contacts.csv")
    dry = say("contacts", "import", file, "--dry-run").splitlines()
    first = say("contacts", "import", file).splitlines()
    again = say("contacts", "import", file, "--replace").splitlines()
    assert dry == [
        "contacts       2 new      0 changed      0 unchanged",
        "Dry run: nothing was changed.",
    ]
    assert first == [dry[0], "Contacts that the file does not name were kept."]
    assert again[1] == "The store says the same as the file already: nothing changed."
    assert say("contacts", "export") == PEOPLE
    listed = say("contacts", "list").splitlines()
    assert listed[-4].split()[1:] == ["site", "XH-0001", "王店长", "13800000000", "zh"]
    assert listed[-1] == "2 contacts"


def test_who_left_is_removed_by_a_whole_list_or_by_the_id(say: Say, write: Write) -> None:
    say("contacts", "import", write(PEOPLE, "contacts.csv"))
    fewer = write("".join(PEOPLE.splitlines(keepends=True)[:2]), "fewer.csv")
    say("contacts", "import", fewer)
    assert say("contacts", "export") == PEOPLE
    assert say("contacts", "import", fewer, "--replace").splitlines() == [
        "contacts       0 new      0 changed      1 unchanged",
        "               1 removed",
        "Contacts that the file does not name were removed.",
    ]
    assert say("contacts", "remove", "1") == "Removed 王店长.\n"
    assert say("contacts", "list") == "No contacts yet; see fumewatch contacts import --help.\n"


def test_a_name_that_nothing_has_is_told(say: Say, write: Write) -> None:
    file = write(PEOPLE.replace("田林街道", "田林"), "contacts.csv")
    said = say("contacts", "import", file).splitlines()[-1]
    assert said == (
        "1 vendor or street with contacts that no monitor and no site has: street 田林. "
        "Mind the spelling; see fumewatch sites list."
    )


@pytest.mark.parametrize(
    ("args", "text", "error"),
    [
        (("import",), PEOPLE + "XH-9,,,甲,,13800000000,,\n", ":4 site_code: no site has the code"),
        (("import", "--replace"), "street,name,phone\n", ": names nobody; with --replace that"),
        (("remove", "7", "8"), "", "no contact has the id 7, 8; see fumewatch contacts list"),
    ],
)
def test_what_is_refused_changes_nothing(
    say: Say, fumewatch: Fumewatch, config: Path, write: Write, args, text: str, error: str
) -> None:
    say("contacts", "import", write(PEOPLE, "contacts.csv"))
    file = [write(text, "bad.csv")] if text else []
    said = fumewatch("contacts", *args, *file, "-c", config)
    assert (said.code, said.out) == (1, "")
    assert error in said.err
    assert say("contacts", "export") == PEOPLE
