"""`fumewatch wording`: what people are sent, before they are."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fumewatch.cli import named, options, show
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.core.notice import Reason

if TYPE_CHECKING:
    from fumewatch.config import Config
    from fumewatch.core.letter import Letter, Style
    from fumewatch.core.letter.curve import Curve
    from fumewatch.core.notice import Body
    from fumewatch.receivers import ReceiverSettings

ABOUT: Final = "What people are sent: preview it, or begin a layout of your own."
app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)

_MOST_BYTES: Final[Mapping[str, int]] = {"wecom": 4096, "dingtalk": 20_000, "feishu": 20_000}
"""Of UTF-8, as the platforms' documents say; by kind, which is the name of the dialect too."""
_WECOM_TEXT: Final = 2048


@dataclass(frozen=True, slots=True)
class Preview:
    """`most`: bytes its channel takes; None: it names no limit. `text` fits that."""

    receiver: str
    kind: str
    style: str
    reason: str
    title: str
    text: str
    bytes: int
    whole_bytes: int
    most: int | None


@app.command()
def preview(
    config: ConfigPath = None,
    receiver: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Else all whose people read groups.")
    ] = None,
    alert: Annotated[str, typer.Option(metavar="ID", help="A real one, from the database.")] = "",
    sample: Annotated[str, typer.Option(metavar="RULE", help="A made-up alert of this rule.")] = "",
    reason: Annotated[
        list[Reason] | None, typer.Option(help="Why it is sent; repeatable; else transition.")
    ] = None,
    language: Annotated[
        str, typer.Option(metavar="zh|en|both", help="Else that of each receiver.")
    ] = "",
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it as a mail's HTML, to look at in a browser."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show what each receiver's people would be sent, and how long it is.

    With the layouts of the configuration, in the dialect of each receiver, cut to the length that
    its channel takes. Of a made-up alert, without a database, or of a real one. Links are those of
    the plain page: nothing is signed, nothing is sent.

    \b
    Examples:
      fumewatch wording preview
      fumewatch wording preview --receiver street --reason escalation --reason digest
      fumewatch wording preview --sample purifier-off --language en
      fumewatch wording preview --alert 7f0c1c8e --html mail.html
    """
    if alert and sample:
        raise typer.BadParameter("goes without --alert", param_hint="--sample")
    _check_language(language, ("zh", "en", "both", ""))
    loaded = options.load(config)
    chosen = _chosen(loaded, receiver or [])
    body, curve = _real(loaded, alert) if alert else (_made_up(loaded, sample), None)
    reasons = reason or [Reason.TRANSITION]
    pairs = [(each, _notice(loaded, each, why, body)) for each in chosen for why in reasons]
    if html:
        html.write_text(_page(*pairs[0], curve, language, is_real=bool(alert)), "utf-8")
    found = [_preview(each, notice, language) for each, notice in pairs]
    if json:
        show.as_json([asdict(each) for each in found])
    else:
        _tell(found)


@app.command()
def layout(
    language: Annotated[str, typer.Option(metavar="zh|en", help="Of which language.")] = "zh",
) -> None:
    """Print the default layout, to begin one of your own with.

    Give it to a receiver by zh_file or en_file in its [receiver.wording]; fumewatch check tries it
    on a notice of every reason.

    \b
    Examples:
      fumewatch wording layout > zh.j2
      fumewatch wording layout --language en > en.j2
    """
    from fumewatch.core.letter.letter import default

    _check_language(language, ("zh", "en"))
    show.line(default("zh" if language == "zh" else "en").rstrip("\n"))


def _check_language(language: str, known: Sequence[str]) -> None:
    if language not in known:
        words = ", ".join(filter(None, known))
        raise typer.BadParameter(f"{language!r} is not one of {words}", param_hint="--language")


def _chosen(config: "Config", names: Sequence[str]) -> list["ReceiverSettings"]:
    known = {each.name: each for each in config.receiver}
    for name in names:
        if name not in known:
            what = f"no receiver {name!r}{named.near(name, known)}"
            raise typer.BadParameter(what, param_hint="--receiver")
        if known[name].takes == "transitions":
            what = f'{name!r} is a machine\'s (takes = "transitions"): it gets JSON, not words'
            raise typer.BadParameter(what, param_hint="--receiver")
    chosen = [known[name] for name in names] or [
        each for each in config.receiver if each.takes == "groups"
    ]
    if not chosen:
        raise typer.BadParameter("no [[receiver]] takes groups: no people are told anything")
    return chosen


# ── what of ──


def _made_up(config: "Config", rule_id: str) -> "Body | None":
    from fumewatch.core.letter.samples import sample_alert

    if not rule_id:
        return None
    rule = named.rule(config, rule_id, "--sample")
    return sample_alert(
        rule,
        id=rule.id,
        kind=str(getattr(rule, "kind", "")),
        severity=rule.severity,
        channel=str(getattr(rule, "channel", "fume")),
        zone=config.zone,
        base_url=config.web.base_url,
    )


def _real(config: "Config", beginning: str) -> tuple["Body", "Curve | None"]:
    """The alert's body as it stands, and what a mail would plot of it."""
    from fumewatch.core.wording import message
    from fumewatch.store import monitors, plots, told

    rules = {rule.id: rule for rule in config.rule}
    with options.transaction(config) as conn:
        id = named.alert(conn, beginning, "--alert")
        last = told.of(conn, [id])[0]
        places = {place.monitor: place for place in monitors.places(conn, str(config.zone))}
        curve = plots.curve(conn, id, options.clock(), config.freshness)
    body = message(
        last,
        places[last.alert.monitor],
        rule=rules.get(last.alert.rule),
        base_url=config.web.base_url,
        zone=config.zone,
    )
    return body, curve


def _notice(
    config: "Config", settings: "ReceiverSettings", reason: Reason, alert: "Body | None"
) -> "Body":
    from fumewatch.core.letter.samples import CONTACT, sample

    to = CONTACT if settings.contact else None
    return sample(
        reason,
        receiver=settings.name,
        to=to,
        alert=alert,
        zone=config.zone,
        base_url=config.web.base_url,
    )


# ── how it reads ──


def _preview(settings: "ReceiverSettings", notice: "Body", language: str) -> Preview:
    style, most = _style(settings)
    whole = _render(settings, notice, language, style)
    letter = _render(settings, notice, language, style, most)
    return Preview(
        receiver=settings.name,
        kind=settings.kind,
        style=style.value,
        reason=notice["reason"],
        title=letter.title,
        text=letter.text,
        bytes=len(letter.text.encode()),
        whole_bytes=len(whole.text.encode()),
        most=most,
    )


def _style(settings: "ReceiverSettings") -> tuple["Style", int | None]:
    from fumewatch.core.letter import Style

    if getattr(settings, "format", "") == "text":
        return Style.PLAIN, _WECOM_TEXT
    if settings.kind in _MOST_BYTES:
        return Style(settings.kind), _MOST_BYTES[settings.kind]
    return Style.PLAIN, getattr(settings, "most_bytes", 0) or None


def _render(
    settings: "ReceiverSettings",
    notice: "Body",
    language: str,
    style: "Style",
    most: int | None = None,
) -> "Letter":
    from fumewatch.core.letter import render

    spoken: Any = language or (notice["to"] or {}).get("language") or settings.language
    return render(
        notice,
        language=spoken,
        style=style,
        templates=settings.wording.templates,
        most_bytes=most,
    )


def _page(
    settings: "ReceiverSettings",
    notice: "Body",
    curve: "Curve | None",
    language: str,
    *,
    is_real: bool,
) -> str:
    """A mail's HTML, the plot in the page itself."""
    from fumewatch.core.letter import Style
    from fumewatch.core.letter.samples import sample_curve
    from fumewatch.receivers.mail import with_picture

    shown = curve if is_real else sample_curve()
    pictured = notice
    if shown and notice["alerts"]:
        pictured = with_picture(notice, shown, lambda png: f"data:image/png;base64,{_text(png)}")
    return _render(settings, pictured, language, Style.HTML).text


def _text(png: bytes) -> str:
    return base64.b64encode(png).decode()


def _tell(found: Sequence[Preview]) -> None:
    for line in _lines(found):
        show.line(show.inert(line))


def _lines(found: Sequence[Preview]) -> Iterator[str]:
    for number, each in enumerate(found):
        if number:
            yield ""
        yield f"── {each.receiver} ({each.kind}, {each.style}): {each.reason}, {_length(each)}"
        if each.style == "feishu":
            yield f"[card's header] {each.title}"
        yield from each.text.split("\n")


def _length(each: Preview) -> str:
    size = f"{each.bytes:,} bytes" + (f" of {each.most:,}" if each.most else "")
    is_cut = each.whole_bytes > each.bytes
    return f"{size}, cut from {each.whole_bytes:,}" if is_cut else size
