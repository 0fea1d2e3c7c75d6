"""`fumewatch user`: who may log in to the pages."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fumewatch.cli import options, show
from fumewatch.cli.options import AsJson, ConfigPath

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fumewatch.core.access import Role
    from fumewatch.store import Connection
    from fumewatch.store.accounts import Account

ABOUT: Final = "Users of the pages: add, list, change, keep out."

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name, as they log in.")]
By = Annotated[
    str, typer.Option("--by", metavar="WHO", help="Who does it; else who runs the command.")
]
Wanted = Annotated[str, typer.Option("--role", help="viewer, inspector or admin.")]
PasswordFile = Annotated[
    str,
    typer.Option("--password-file", metavar="FILE", help="Holds the password; -: standard input."),
]
Invite = Annotated[
    bool, typer.Option("--invite", help="Print a link by which they choose a password, once.")
]


@app.command()
def add(
    name: Name,
    role: Wanted = "viewer",
    display: Annotated[
        str, typer.Option("--display-name", metavar="TEXT", help="As records show them: 张三.")
    ] = "",
    language: Annotated[
        str, typer.Option("--language", help="zh or en; else as their browser asks.")
    ] = "",
    password_file: PasswordFile = "",
    invite: Invite = False,
    by: By = "",
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Add a user. The password is asked for twice on the terminal, unless it is given otherwise.

    \b
    A viewer reads. An inspector also answers alerts. An admin also silences alerts,
    sends notifications again, and looks after users.

    \b
    Examples:
      fumewatch user add zhangsan --role inspector --display-name 张三
      fumewatch user add lisi --role admin --invite
      pass show fumewatch/chen | fumewatch user add chen --password-file -
    """
    from fumewatch.core.access import LONGEST_DISPLAY
    from fumewatch.store import accounts

    if language not in ("", "zh", "en"):
        raise typer.BadParameter(f"{language!r} is neither zh nor en", param_hint="--language")
    wanted, shown, who = (
        _role(role),
        one_line_of(display, LONGEST_DISPLAY, "--display-name"),
        who_by(by),
    )
    known, loaded, now = _name(name), options.load(config), options.clock()
    password = "" if invite else _password(password_file, known, shown)
    with options.transaction(loaded) as conn:
        account = accounts.add(
            conn, known, wanted, who, now, display_name=shown, language=language or None
        )
        secret = _give(conn, account, password, who, now)
    _tell(loaded.web.base_url, account, secret, f"User {known} is added as {wanted}.", json=json)


@app.command("list")
def list_(config: ConfigPath = None, json: AsJson = False) -> None:
    """List users, with when they were last here.

    \b
    Examples:
      fumewatch user list
      fumewatch user list --json
    """
    from fumewatch.store import accounts

    loaded, now = options.load(config), options.clock()
    with options.transaction(loaded) as conn:
        found, seen = accounts.every(conn), accounts.seen(conn)
    if json:
        show.as_json({"users": [_as_json(one, seen.get(one.id)) for one in found]})
        return
    if not found:
        show.line("No users; make the first: fumewatch user add NAME --role admin")
        return
    rows = [
        (
            one.name,
            show.inert(one.display_name),
            one.role,
            _state(one),
            show.ago(now - seen[one.id]) if one.id in seen else "never",
        )
        for one in found
    ]
    show.table("Users", ["name", "shown as", "role", "state", "last here"], rows)


@app.command()
def password(
    name: Name,
    password_file: PasswordFile = "",
    invite: Invite = False,
    by: By = "",
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Give a user another password, or a link to choose one. Every login of theirs ends.

    With --invite the password of now holds until they have chosen another.

    \b
    Examples:
      fumewatch user password zhangsan
      fumewatch user password zhangsan --invite
    """
    loaded, now, who = options.load(config), options.clock(), who_by(by)
    known = _name(name)
    with options.transaction(loaded) as conn:
        shown = _found(conn, known).display_name
    given = "" if invite else _password(password_file, known, shown)
    with options.transaction(loaded) as conn:
        account = _found(conn, known)
        secret = _give(conn, account, given, who, now)
    _tell(loaded.web.base_url, account, secret, f"User {known} has another password.", json=json)


@app.command()
def role(
    name: Name,
    wanted: Annotated[str, typer.Argument(metavar="ROLE", help="viewer, inspector or admin.")],
    by: By = "",
    config: ConfigPath = None,
) -> None:
    """Give a user another role; every login of theirs ends.

    \b
    Examples:
      fumewatch user role zhangsan admin
    """
    from fumewatch.store import accounts

    given, who = _role(wanted), who_by(by)
    with _account(name, config) as (conn, account):
        accounts.set_role(conn, account, given, who, options.clock())
    show.line(f"User {account.name} is {given} now.")


@app.command()
def disable(name: Name, by: By = "", config: ConfigPath = None) -> None:
    """Keep a user out from now on; every login of theirs ends. What they did keeps their name.

    \b
    Examples:
      fumewatch user disable zhangsan
    """
    from fumewatch.store import accounts

    with _account(name, config) as (conn, account):
        accounts.disable(conn, account, who_by(by), options.clock())
    show.line(f"User {account.name} is kept out.")


@app.command()
def enable(name: Name, by: By = "", config: ConfigPath = None) -> None:
    """Let a user in again who was kept out.

    \b
    Examples:
      fumewatch user enable zhangsan
    """
    from fumewatch.store import accounts

    with _account(name, config) as (conn, account):
        accounts.enable(conn, account, who_by(by), options.clock())
    show.line(f"User {account.name} may log in again.")


@app.command()
def unlock(name: Name, by: By = "", config: ConfigPath = None) -> None:
    """Forget the wrong passwords that keep a user waiting.

    \b
    Examples:
      fumewatch user unlock zhangsan
    """
    from fumewatch.store import accounts

    with _account(name, config) as (conn, account):
        accounts.unlock(conn, account, who_by(by), options.clock())
    show.line(f"User {account.name} need not wait any more.")


@app.command()
def sessions(
    name: Name,
    end: Annotated[bool, typer.Option("--end", help="End all of them.")] = False,
    by: By = "",
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """List where a user is or was logged in, or end all that.

    \b
    Examples:
      fumewatch user sessions zhangsan
      fumewatch user sessions zhangsan --end
    """
    from fumewatch.core.access import Change
    from fumewatch.store import accounts
    from fumewatch.store import sessions as stored

    loaded, now = options.load(config), options.clock()
    with options.transaction(loaded) as conn:
        account, ended = _found(conn, _name(name)), 0
        if end:
            ended = accounts.end_sessions(conn, account, now)
            accounts.record(conn, who_by(by), Change.SESSIONS_ENDED, account.name, now)
        rows = stored.of_account(conn, account.id, 50)
    if json:
        keys = ("id", "address", "agent", "created_at", "seen_at", "ended_at")
        listed = [{key: getattr(row, key) for key in keys} for row in rows]
        show.as_json({"ended": ended, "sessions": listed})
    elif end:
        show.line(f"{show.count(ended, 'login')} of {account.name} ended.")
    else:
        _tell_sessions(rows, loaded.zone)


def _tell_sessions(rows: list[Any], zone: "ZoneInfo") -> None:
    def at(when: datetime | None) -> str:
        return f"{when.astimezone(zone):%Y-%m-%d %H:%M}" if when else ""

    listed = [
        (row.address, at(row.created_at), at(row.seen_at), at(row.ended_at), show.inert(row.agent))
        for row in rows
    ]
    show.table("Logins", ["address", "since", "last used", "ended", "browser"], listed)


# ── What they share ──


def _give(conn: "Connection", account: "Account", password: str, by: str, now: datetime) -> str:
    """The secret of an invitation; "" where a password was given."""
    from fumewatch.store import accounts, passwords

    if not password:
        return accounts.invite(conn, account, by, now)
    accounts.choose(conn, account, passwords.hashed(password), by, now)
    return ""


def _tell(base_url: str, account: "Account", secret: str, said: str, *, json: bool) -> None:
    from fumewatch.store.accounts import INVITED_FOR

    link = f"{base_url}/i/{secret}" if secret else None
    if json:
        show.as_json({"name": account.name, "role": account.role, "link": link})
    elif link is None:
        show.line(said)
    else:
        show.line(f"For {INVITED_FOR.days} days this link lets {account.name} choose a password:")
        show.line(link)


def _as_json(one: "Account", seen: datetime | None) -> dict[str, Any]:
    return {
        "name": one.name,
        "display_name": one.display_name,
        "role": one.role,
        "language": one.language,
        "state": _state(one),
        "created_at": one.created_at,
        "password_changed_at": one.password_changed_at,
        "disabled_at": one.disabled_at,
        "last_here": seen,
    }


def _state(one: "Account") -> str:
    return "disabled" if one.disabled_at else "active" if one.password_hash else "no password yet"


@contextmanager
def _account(name: str, config: Path | None) -> Iterator[tuple["Connection", "Account"]]:
    """A transaction, and the user that it is about."""
    with options.transaction(options.load(config)) as conn:
        yield conn, _found(conn, _name(name))


def _found(conn: "Connection", name: str) -> "Account":
    from fumewatch.core.errors import StoreRefused
    from fumewatch.store import accounts

    account = accounts.named(conn, name)
    if account is None:
        raise StoreRefused(f"there is no user {name}; see fumewatch user list")
    return account


def _name(text: str) -> str:
    from fumewatch.core.access import account_name

    try:
        return account_name(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None


def _role(text: str) -> "Role":
    from fumewatch.core.access import Role

    try:
        return Role(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is none of {', '.join(Role)}", param_hint="--role"
        ) from None


def one_line_of(text: str, longest: int, hint: str) -> str:
    said = " ".join(text.split())
    if len(said) > longest or not said.isprintable():
        raise typer.BadParameter(f"has at most {longest} characters, on a line", param_hint=hint)
    return said


def who_by(by: str) -> str:
    """Who is recorded: as they say, else the user of this machine."""
    return one_line_of(by, 64, "--by") or f"{_user()} (command)"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "somebody"


def _password(file: str, *names: str) -> str:
    from fumewatch.core.access import weakness

    given = _read(file) if file else _ask()
    if weak := weakness(given, *names):
        raise typer.BadParameter(
            f"{weak}; it has 10 to 200 characters, and is neither the name nor what others try"
            " first",
            param_hint="--password-file" if file else "password",
        )
    return given


def _read(file: str) -> str:
    """Its first line."""
    try:
        text = sys.stdin.read(1000) if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise typer.BadParameter(f"{file}: {why}", param_hint="--password-file") from None
    return text.splitlines()[0] if text else ""


def _ask() -> str:
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            "there is no terminal to ask on; pipe the password into --password-file -, name a file"
            " that holds it, or let them choose one with --invite",
            param_hint="password",
        )
    given = getpass.getpass("Password: ")
    if given != getpass.getpass("Once more: "):
        raise typer.BadParameter("the two are not the same")
    return given
