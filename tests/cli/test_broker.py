"""`fumewatch broker`."""

import csv
import io
import os
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.mqtt.passwd import PasswordFile, hash_password, is_password, user_of
from tests.cli.conftest import Fumewatch, Write
from tests.fixtures.broker import MOSQUITTO, Broker

SITES = (
    "district,site_code,site,outlet_code,monitor,street,limit_profile\n"
    "xuhui,S1,老王面馆,O1,FM01,田林街道,DB31/844-2014\n"
    "xuhui,S2,小李饭店,O2,FM02,田林街道,DB31/844-2014\n"
    "pudong,S3,张记,O3,FM01,花木街道,DB31/844-2014\n"
)


@pytest.fixture
def sites(write: Write) -> Path:
    return write(SITES, "sites.csv")


@pytest.fixture
def plain(write: Write) -> Path:
    """A configuration without a database to reach."""
    return write(
        '[database]\nurl = "postgresql://127.0.0.1:1/none"\n[[limit]]\nname = "DB31/844-2014"\n'
        'fume = 1.0\n[[rule]]\nid = "offline"\nkind = "absence"\n[[receiver]]\nname = "log"\n'
        'kind = "log"\npath = "alerts.jsonl"\n[[route]]\nreceiver = "log"\n'
    )


def rows(file: Path) -> dict[str, str]:
    """Password by user."""
    return {row["user"]: row["password"] for row in csv.DictReader(io.StringIO(file.read_text()))}


def hashes(file: Path) -> dict[str, str]:
    return dict(line.split(":", 1) for line in file.read_text().splitlines() if line[:1] != "#")


def test_everybody_gets_one_once_and_anew_when_asked(
    fumewatch: Fumewatch, plain: Path, sites: Path, tmp_path: Path
) -> None:
    file, first, second, third = (tmp_path / name for name in ("passwd", "1.csv", "2.csv", "3.csv"))
    file.write_text("# by hand\ngateway:$7$101$c2FsdA==$aGFzaA==\n")
    file.chmod(0o640)
    given = ("broker", "passwords", "-c", plain, "--sites", sites, "--password-file", file)
    said = fumewatch(*given, "--out", first)
    assert said.code == 0, said.err
    assert said.out.splitlines()[:2] == [
        "3 monitors: 3 got a password, 0 a new one, 0 keep theirs.",
        "1 user of no known monitor kept: gateway.",
    ]
    users = {"xuhui/FM01", "xuhui/FM02", "pudong/FM01"}
    assert rows(first).keys() == users
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.read_text().startswith("# by hand\ngateway:$7$101$c2FsdA==$aGFzaA==\n")
    before = hashes(file)
    assert all(is_password(rows(first)[user], before[user]) for user in users)
    assert not any(password in file.read_text() for password in rows(first).values())

    again = fumewatch(*given, "--out", second)
    assert again.out.startswith("3 monitors: 0 got a password, 0 a new one, 3 keep theirs.")
    assert hashes(file) == before
    assert not second.exists()

    rotated = fumewatch(
        *given, "--out", third, "--rotate", "FM02", "--rotate", "pudong/FM01", "--json"
    )
    assert rotated.json == {"new": 0, "renewed": 2, "not_monitors": ["gateway"]}
    after = hashes(file)
    assert {user for user in after if after[user] != before[user]} == {"xuhui/FM02", "pudong/FM01"}
    assert rows(third).keys() == {"xuhui/FM02", "pudong/FM01"}


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (
            ["--rotate", "FM01"],
            "FM01: names 2 monitors; write one of xuhui/FM01, pudong/FM01",
        ),
        (["--rotate", "FM99"], "--rotate FM99: names 0 monitors; see sites list"),
        (["--out", "there.csv"], "there.csv: is there already; name another file"),
        (["--service", "there.csv"], "there.csv: is there already"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    fumewatch: Fumewatch,
    plain: Path,
    sites: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: list[str],
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.csv").write_text("mine")
    given = ("broker", "passwords", "-c", plain, "--sites", sites, "--password-file", "passwd")
    said = fumewatch(*given, "--out", "new.csv", *more)
    assert (said.code, said.out) == (1, "")
    assert why in said.err
    assert not (tmp_path / "passwd").exists()
    assert not (tmp_path / "new.csv").exists()
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_the_monitors_of_the_database_are_asked_where_no_file_is_named(
    fumewatch: Fumewatch, config: Path, sites: Path, tmp_path: Path
) -> None:
    assert fumewatch("sites", "import", sites, "-c", config).code == 0
    given = ("--password-file", tmp_path / "passwd", "--out", tmp_path / "out.csv")
    said = fumewatch("broker", "passwords", "-c", config, *given, "--service", tmp_path / "own")
    assert said.code == 0, said.err
    assert rows(tmp_path / "out.csv").keys() == {"xuhui/FM01", "xuhui/FM02", "pudong/FM01"}
    own = (tmp_path / "own").read_text()
    assert is_password(own, hashes(tmp_path / "passwd")["fumewatch"])
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o600


@pytest.mark.skipif(MOSQUITTO is None, reason="asks mosquitto: apt install mosquitto")
def test_mosquitto_takes_ten_thousand_of_our_hashes(tmp_path: Path) -> None:
    passwords = {f"xuhui/FM{n:05}": f"password-{n}-火锅" for n in range(10_000)}
    found = {user: hash_password(password) for user, password in passwords.items()}
    broker = Broker("password_file {dir}/passwd\n")
    try:
        file = broker.directory / "passwd"
        file.write_text(str(PasswordFile().with_hashes(found)))
        file.chmod(0o644)
        broker.start()
        for user in ("xuhui/FM00000", "xuhui/FM09999"):
            for password, status in ((passwords[user], 0), (passwords[user] + "x", 5)):
                sent = subprocess.run(
                    [*f"mosquitto_pub -t t -m 1 -p {broker.port} -P".split(), password, "-u", user],
                    capture_output=True,
                    timeout=30,
                    env={**os.environ, "LC_ALL": "C.UTF-8"},
                )
                assert sent.returncode == status, sent.stderr
    finally:
        broker.remove()


@pytest.mark.parametrize(
    "code", ["FM:01", "FM+01", "FM#01", "FM/01", "FM\n01", "", " FM", "FM\x1b"]
)
def test_a_name_that_could_be_taken_for_more_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match=r"cannot stand|is not a district"):
        user_of("xuhui", code)


def test_a_file_that_is_none_of_mosquittos_is_refused_by_its_line() -> None:
    with pytest.raises(ValueError, match="line 2 is no user:hash"):
        PasswordFile.parse("xuhui/FM01:$7$x\na password\n")


@given(
    st.dictionaries(
        st.text("aZ9/=$火é", min_size=1),
        st.text("abc$/+=", min_size=1),
    ),
    st.lists(st.sampled_from(["# a: b", ""])),
)
def test_a_password_file_is_read_back_as_it_was_written(
    found: dict[str, str], others: list[str]
) -> None:
    file = PasswordFile(tuple(others)).with_hashes(found)
    assert PasswordFile.parse(str(file)) == file
    assert file.users == found.keys()
    assert file.with_hashes(found) == file
