"""`fumewatch broker`: who may log in at mosquitto, for the whole fleet at once."""

import csv
import io
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fumewatch.cli import files, imports, options, show
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.core.errors import Fault, ImportRefused

if TYPE_CHECKING:
    from fumewatch.core.facts import MonitorFacts
    from fumewatch.mqtt.passwd import PasswordFile

ABOUT = "The broker: passwords for monitors."

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)

SERVICE: Final = "fumewatch"
"""The daemon's own user, as in deploy/mosquitto/acl."""


@app.callback()
def _group() -> None:
    """Keeps `passwords` a command of its own while it is the only one."""


@app.command("passwords")
def passwords(
    password_file: Annotated[
        Path,
        typer.Option("--password-file", metavar="FILE", help="mosquitto's; changed in place."),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="New CSV, for installers: the passwords.")
    ],
    sites: Annotated[
        Path | None,
        typer.Option("--sites", metavar="FILE", help="sites.csv; else the database's monitors."),
    ] = None,
    rotate: Annotated[
        list[str] | None,
        typer.Option("--rotate", metavar="MONITOR", help="District/code, or code: a new password."),
    ] = None,
    service: Annotated[
        Path | None,
        typer.Option(
            "--service", metavar="FILE", help="New file: the password of user fumewatch itself."
        ),
    ] = None,
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Give every monitor without one a user and a password at mosquitto.

    Users are named district/code, which the shipped access list lets publish under their own topic
    only. Users that are there keep their passwords; nobody is removed (mosquitto_passwd -D does).
    The passwords themselves are written once, into FILE of --out, which only you can read: hand
    them to the installers, then delete it. Reload mosquitto afterwards.

    \b
    Examples:
      fumewatch broker passwords --password-file passwd --out passwords.csv
      fumewatch broker passwords --password-file passwd --out pw.csv --service mqtt_password
      fumewatch broker passwords --password-file passwd --out fm01.csv --rotate xuhui/FM01
    """
    from fumewatch.mqtt import passwd

    monitors = _monitors(config, sites)
    users = _users(monitors)
    there = _there(password_file)
    renewed = _renewed(rotate or (), users, there)
    new = passwd.make_passwords(
        user for user in users if user not in there.users or user in renewed
    )
    own = passwd.make_passwords([SERVICE] if service else [])
    files.refuse_those_there(*([out] if new else []), *([service] if service else []))
    hashes = {user: passwd.hash_password(word) for user, word in (own | new).items()}
    if new:
        files.create_private(out, _as_csv(new, users))
    if service:
        files.create_private(service, own[SERVICE])
    if hashes:
        files.replace(password_file, str(there.with_hashes(hashes)))
    strangers = sorted(there.users - users.keys() - {SERVICE})
    if json:
        show.as_json(
            {"new": len(new) - len(renewed), "renewed": len(renewed), "not_monitors": strangers}
        )
        return
    _tell(len(users), len(new), len(renewed), strangers)
    if new:
        show.line(f"Their passwords are in {out}: hand them out, then delete it.")
    if hashes:
        show.line(f"Then: systemctl reload mosquitto, for it to read {password_file}.")


def _monitors(config: Path | None, file: Path | None) -> "Collection[MonitorFacts]":
    """Those that hang at an outlet: one that merely spoke up gets no password."""
    from fumewatch.core import sites_csv
    from fumewatch.store import sites

    loaded = options.load(config)
    if file is not None:
        profiles = [profile.name for profile in loaded.limit]
        return sites_csv.parse(imports.read(file), str(file), profiles).monitors
    with options.transaction(loaded) as conn:
        return sites.facts(conn).monitors


def _there(file: Path) -> "PasswordFile":
    from fumewatch.mqtt import passwd

    try:
        return passwd.PasswordFile.parse(files.text(file))
    except ValueError as error:
        raise ImportRefused([Fault(show.inert(str(file)), str(error))]) from None


def _users(monitors: "Iterable[MonitorFacts]") -> "dict[str, MonitorFacts]":
    """By user name; ImportRefused names every monitor that can have none."""
    from fumewatch.mqtt import passwd

    users, faults = {}, []
    for monitor in monitors:
        try:
            users[passwd.user_of(monitor.district, monitor.code)] = monitor
        except ValueError as error:
            faults.append(Fault(f"monitor {show.inert(monitor.code)}", str(error)))
    if faults:
        raise ImportRefused(faults)
    return users


def _renewed(asked: Iterable[str], users: Collection[str], there: "PasswordFile") -> set[str]:
    """The users that `asked` names, by district/code or by a code that only one of them has."""
    found: set[str] = set()
    for name in asked:
        fits = [user for user in users if name in (user, user.partition("/")[2])]
        if len(fits) != 1:
            known = f"; write one of {', '.join(map(show.inert, fits))}" if fits else ""
            what = f"names {show.count(len(fits), 'monitor')}{known or '; see sites list'}"
            raise ImportRefused([Fault(f"--rotate {show.inert(name)}", what)])
        found.update(user for user in fits if user in there.users)
    return found


def _as_csv(passwords: "dict[str, str]", users: "dict[str, MonitorFacts]") -> str:
    from fumewatch.core.table import guarded

    out = io.StringIO()
    writer = csv.writer(out, lineterminator=os.linesep)
    writer.writerow(("district", "monitor", "outlet", "user", "password"))
    for user, password in passwords.items():
        monitor = users[user]
        cells = (monitor.district, monitor.code, monitor.outlet, user)
        writer.writerow((*map(guarded, cells), password))
    return out.getvalue()


def _tell(known: int, new: int, renewed: int, strangers: list[str]) -> None:
    show.line(
        f"{show.count(known, 'monitor')}: {new - renewed:,} got a password, {renewed:,} a new one, "
        f"{known - new:,} keep theirs."
    )
    if strangers:
        named = ", ".join(map(show.inert, strangers[:5])) + (", ..." if len(strangers) > 5 else "")
        show.line(f"{show.count(len(strangers), 'user')} of no known monitor kept: {named}.")
