"""`fumewatch user` and `fumewatch token`: who may come in, as an operator says it."""

from pathlib import Path

import pytest

from tests.cli.conftest import Fumewatch, Write

PASSWORD = "鱼香肉丝 with rice, at noon"


@pytest.fixture
def user(fumewatch: Fumewatch, config: Path, write: Write) -> Fumewatch:
    """`fumewatch user` on a database where lisi is an inspector with a password."""

    def run(command: str, *args: str | Path):
        return fumewatch("user", command, *args, "--config", config)

    secret = write(f"{PASSWORD}\n", "password")
    said = run("add", "lisi", "--role", "inspector", "--password-file", secret)
    assert (said.code, said.out) == (0, "User lisi is added as inspector.\n")
    return run


def state(user: Fumewatch) -> tuple[str, str]:
    (lisi,) = user("list", "--json").json["users"]
    return lisi["role"], lisi["state"]


def test_a_user_is_changed_and_each_change_is_told(user: Fumewatch) -> None:
    for command, more, said, then in [
        ("role", ["admin"], "User lisi is admin now.", ("admin", "active")),
        ("disable", [], "User lisi is kept out.", ("admin", "disabled")),
        ("enable", [], "User lisi may log in again.", ("admin", "active")),
        ("unlock", [], "User lisi need not wait any more.", ("admin", "active")),
        ("sessions", ["--end"], "0 logins of lisi ended.", ("admin", "active")),
    ]:
        done = user(command, "lisi", *more)
        assert (done.code, done.out) == (0, f"{said}\n"), done.err
        assert state(user) == then


def test_an_invitation_is_a_link_and_is_shown_once(user: Fumewatch) -> None:
    link = user("add", "chen", "--invite", "--json").json["link"]
    assert "/i/" in link
    assert link.rpartition("/")[2] not in user("list", "--json").out


@pytest.mark.parametrize(
    ("args", "code", "fault"),
    [
        (["role", "lisi", "king"], 2, "king"),
        (["role", "nobody", "admin"], 1, "there is no user nobody; see fumewatch user list"),
        (["disable", "nobody"], 1, "there is no user nobody"),
        (["add", "lisi", "--invite"], 1, "lisi"),
        (["add", "a b/c", "--invite"], 2, "NAME"),
        (["add", "wang"], 2, "pipe the password into --password-file -"),
        (["add", "wang", "--invite", "--language", "fr"], 2, "'fr' is neither zh nor en"),
    ],
)
def test_what_is_refused(user: Fumewatch, args: list[str], code: int, fault: str) -> None:
    said = user(args[0], *args[1:])
    assert said.code == code
    assert fault in said.err
    assert state(user) == ("inspector", "active")


def test_a_password_that_is_too_easy_is_refused(user: Fumewatch, write: Write) -> None:
    said = user("password", "lisi", "--password-file", write("lisi\n", "easy"))
    assert said.code != 0
    assert "password" in said.err


def test_a_token_is_shown_once_and_revoked(fumewatch: Fumewatch, config: Path) -> None:
    def token(*args: str):
        return fumewatch("token", *args, "--config", str(config))

    secret = token("add", "dashboard", "--scope", "read", "--expires", "90d").out.strip()
    assert len(secret) > 30
    (listed,) = token("list", "--json").json["tokens"]
    assert (listed["name"], listed["scopes"], listed["state"]) == (
        "dashboard",
        ["read"],
        "in force",
    )
    assert secret not in token("list", "--json").out
    assert token("revoke", "dashboard").out == "Token dashboard opens nothing any more.\n"
    assert token("list", "--json").json["tokens"][0]["state"] == "revoked"
    again = token("revoke", "dashboard")
    assert again.code == 1
    assert "there is no token dashboard in force" in again.err
    assert token("add", "x", "--scope", "all").code == 2
