"""`fumewatch receivers`: who is told; whether a message reaches them, and what they answer."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from fumewatch.cli import options, show
from fumewatch.cli.options import AsJson, ConfigPath

if TYPE_CHECKING:
    from uuid import UUID

    from fumewatch.config import Config
    from fumewatch.core.errors import SendError
    from fumewatch.core.notice import Body, Contact
    from fumewatch.receivers import ReceiverSettings

ABOUT: Final = "Receivers: list them, send one of them a test."

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)

Language = Literal["both", "zh", "en"]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a test. seconds: until the answer. what_to_do: "" where it was taken."""

    receiver: str
    kind: str
    is_taken: bool
    seconds: float
    answer: str
    is_permanent: bool = False
    what_to_do: str = ""


@app.command("list")
def list_(config: ConfigPath = None, json: AsJson = False) -> None:
    """List them: what they take, in which language, how often.

    \b
    Examples:
      fumewatch receivers list
    """
    loaded = options.load(config)
    found = [
        {
            "name": each.name,
            "kind": each.kind,
            "takes": each.takes,
            "contact": each.contact,
            "language": each.language,
            "states": [state.value for state in each.states],
            "parallel": each.parallel,
            "most_per_minute": each.most_per_minute or None,
        }
        for each in loaded.receiver
    ]
    if json:
        show.as_json({"receivers": found})
    elif found:
        rows = [[_listed(value) for value in each.values()] for each in found]
        show.table("", [name.replace("_", " ") for name in found[0]], rows)
    else:
        show.line("No [[receiver]] is configured: nobody is sent anything.")


@app.command("test")
def try_out(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of a [[receiver]].")],
    config: ConfigPath = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="WHOM",
            help='A mail address, a phone number, an account of its platform, or "contact N".',
        ),
    ] = None,
    language: Annotated[
        Language | None, typer.Option("--language", help="Instead of the configured one.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Send it one message that says it is a test, and show what the remote answers.

    It goes straight there: neither the daemon nor the database is needed, but for "contact N".
    Status 0: it was taken. 1: it was not, with the reason and what to do.

    \b
    Examples:
      fumewatch receivers test duty
      fumewatch receivers test sms --to 13800000000
      fumewatch receivers test mail --to 'contact 12' --language en
    """
    loaded = options.load(config)
    settings = _named(loaded, name)
    if language is not None:
        settings = settings.model_copy(update={"language": language})
    result = _send(loaded, settings, _whom(loaded, settings, to))
    if json:
        show.as_json(result)
    else:
        _tell(result)
    raise typer.Exit(0 if result.is_taken else 1)


def _listed(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value if value is not None else "")


def _named(config: "Config", name: str) -> "ReceiverSettings":
    from fumewatch.config.source import closest

    known = {each.name: each for each in config.receiver}
    if name not in known:
        hint = closest(name, list(known)) or "; see fumewatch receivers list"
        raise typer.BadParameter(f"no receiver is named {name!r}{hint}", param_hint="NAME")
    return known[name]


def _whom(config: "Config", settings: "ReceiverSettings", to: str | None) -> "Contact | None":
    if settings.contact is None:
        if to is not None:
            what = f"{settings.name} has an address of its own; leave --to out"
            raise typer.BadParameter(what, param_hint="--to")
        return None
    if not to:
        what = f"{settings.name} writes to the {settings.contact}'s contacts; say whom with --to"
        raise typer.BadParameter(what, param_hint="--to")
    return _contact(config, to)


def _contact(config: "Config", to: str) -> "Contact":
    from fumewatch.core.addressing import Addressing
    from fumewatch.core.notice import Contact
    from fumewatch.store import contacts

    word, _, number = to.partition(" ")
    if word == "contact" and number.isdecimal():
        with options.transaction(config) as conn:
            found = Addressing(contacts.all_contacts(conn)).named(to)
        if found is None:
            raise typer.BadParameter(f"there is no {to}", param_hint="--to")
        return found
    whom = Contact(0, to)
    if "@" in to:
        return replace(whom, email=to)
    is_phone = to.lstrip("+").replace("-", "").isdecimal()
    return replace(whom, phone=to) if is_phone else replace(whom, account=to)


def _send(config: "Config", settings: "ReceiverSettings", to: "Contact | None") -> Result:
    """Whatever goes wrong is a result; what is not foreseen shows no more than its kind."""
    import uuid

    from fumewatch.core.errors import SendError
    from fumewatch.mqtt import Publisher
    from fumewatch.receivers import build

    key, begun = uuid.uuid4(), time.monotonic()
    with ExitStack() as stack:
        publisher = Publisher(config.mqtt)
        stack.callback(publisher.stop)
        try:
            receiver = build(settings, publisher, options.clock)
            stack.callback(receiver.close)
            answer = receiver.send(message(settings, key, options.clock(), to), key)
        except SendError as error:
            seconds = time.monotonic() - begun
            return Result(
                settings.name, settings.kind, False, seconds, error.detail, error.permanent,
                _what_to_do(settings.name, error),
            )  # fmt: skip
        except Exception as error:
            what = f"cannot be used as it is configured: {type(error).__name__}"
            advice = "run fumewatch check"
            return Result(settings.name, settings.kind, False, 0.0, what, True, advice)
    return Result(settings.name, settings.kind, True, time.monotonic() - begun, answer)


def message(
    settings: "ReceiverSettings", key: "UUID", at: datetime, to: "Contact | None"
) -> "Body":
    from fumewatch.core.notice import Reason, notice

    title = {
        "zh": f"测试：“{settings.name}”能收到通知。这不是预警。",
        "en": f"Test: {settings.name} gets notifications. This is no early warning.",
    }
    return notice(
        [], key=key, reason=Reason.TEST, at=at, receiver=settings.name, to=to, title=title
    )


def _what_to_do(name: str, error: "SendError") -> str:
    from fumewatch.core import duration
    from fumewatch.core.errors import Throttled

    if isinstance(error, Throttled) and error.retry_after:
        return f"try again in {duration.show(error.retry_after)}"
    if error.permanent:
        return (
            f"mend the address, the token or what else is named in [[receiver]] {name!r}, then try"
            f" again; what failed before is sent again with"
            f" fumewatch outbox retry --receiver {name} --failed"
        )
    return (
        "the daemon would try again by itself; see what is reached with fumewatch check --connect"
    )


def _tell(result: Result) -> None:
    word = "taken" if result.is_taken else "refused" if result.is_permanent else "not taken"
    show.line(f"{result.receiver} ({result.kind}): {word} after {result.seconds:.2f} s")
    show.line(f"  answer      {show.inert(result.answer)}")
    if result.what_to_do:
        show.line(f"  what to do  {result.what_to_do}")
