"""`fumewatch sites`: who is watched."""

import re
from pathlib import Path

from tests.cli.conftest import Fumewatch

EXAMPLE = Path(__file__).parents[2] / "deploy/sites.example.csv"


def test_sites_go_in_once_and_again_change_nothing(fumewatch: Fumewatch, config: Path) -> None:
    first = fumewatch("sites", "import", EXAMPLE, "-c", config)
    again = fumewatch("sites", "import", EXAMPLE, "-c", config)
    assert (first.code, again.code) == (0, 0)
    assert first.out.splitlines() == [
        "sites          5 new      0 changed      0 unchanged",
        "outlets        5 new      0 changed      0 unchanged",
        "monitors       4 new      0 changed      0 unchanged",
        "Sites that the file does not name were kept as they are.",
    ]
    assert again.out.splitlines() == [
        "sites          0 new      0 changed      5 unchanged",
        "outlets        0 new      0 changed      5 unchanged",
        "monitors       0 new      0 changed      4 unchanged",
        "The store says the same as the file already: nothing changed.",
    ]


def test_a_dry_run_changes_nothing(fumewatch: Fumewatch, config: Path) -> None:
    said = fumewatch("sites", "import", EXAMPLE, "--dry-run", "-c", config)
    assert said.out.endswith("Dry run: nothing was changed.\n")
    assert fumewatch("sites", "list", "-c", config).out.startswith("No sites yet")
    said = fumewatch("sites", "import", EXAMPLE, "--dry-run", "--json", "-c", config)
    assert said.json["dry_run"] is True
    assert said.json["changes"]["sites"] == {"new": 5, "changed": 0, "unchanged": 0}


def test_a_changed_row_is_counted_and_the_rest_is_kept(
    fumewatch: Fumewatch, config: Path, tmp_path: Path
) -> None:
    fumewatch("sites", "import", EXAMPLE, "-c", config)
    header, row, *_ = EXAMPLE.read_text().splitlines()
    changed = tmp_path / "changed.csv"
    changed.write_text(f"{header}\n{row.replace('老灶台面馆', '新灶台面馆')}\n", encoding="gb18030")
    said = fumewatch("sites", "import", changed, "--json", "-c", config)
    assert said.json["changes"]["sites"] == {"new": 0, "changed": 1, "unchanged": 0}
    listed = fumewatch("sites", "list", "--json", "-c", config).json
    assert [site["name"] for site in listed["sites"]][:2] == ["新灶台面馆", "临江阁本帮菜"]
    assert len(listed["monitors"]) == 4


def test_a_file_with_one_bad_row_is_refused_whole(
    fumewatch: Fumewatch, config: Path, tmp_path: Path
) -> None:
    file = tmp_path / "sites.csv"
    file.write_text(EXAMPLE.read_text().replace("medium", "middling"))
    said = fumewatch("sites", "import", file, "-c", config)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"{file}:6 size_class: 'middling' is not one of small, medium")
    assert fumewatch("sites", "list", "-c", config).out.startswith("No sites yet")


def test_sites_are_listed_with_their_monitors(fumewatch: Fumewatch, config: Path) -> None:
    fumewatch("sites", "import", EXAMPLE, "-c", config)
    said = fumewatch("sites", "list", "-c", config)
    assert re.search(r"XH-0011 .*川渝小馆.* XH-0010-A \(shared\) .* FM-310104-0010", said.out)
    assert re.search(r"XH-0020 .* XH-0020-A .* none", said.out)
    assert said.out.endswith("5 sites, 5 outlets, 4 monitors\n")


def test_a_file_that_is_not_there(fumewatch: Fumewatch, config: Path) -> None:
    said = fumewatch("sites", "import", "gone.csv", "-c", config)
    assert (said.code, said.err) == (1, "gone.csv: cannot be read: No such file or directory\n")
