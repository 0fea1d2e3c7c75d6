"""The mail of a notice: plain text and HTML, with the plot of its worst alert inside."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final, Literal

import structlog

from fumewatch.core.letter import Style, Templates, render
from fumewatch.core.letter.curve import Curve
from fumewatch.core.notice import Body
from fumewatch.receivers.picture import draw

log = structlog.get_logger()

SeriesOf = Callable[[uuid.UUID], Curve | None]
"""What is plotted of an alert. It may fail: a mail goes out without its plot then."""

_THREADS: Final = uuid.UUID("66756d65-7761-5463-8000-6d61696c0000")
_NO_GROUP: Final = ("alert", "escalation", "step", "digest")


def compose(
    notice: Body,
    *,
    sender: Address,
    to: list[Address],
    language: Literal["both", "zh", "en"],
    templates: Templates | None = None,
    series: SeriesOf | None = None,
) -> EmailMessage:
    """The same for the same notice, whenever it is sent, but for what the store says by then.

    The language of whom it is addressed to beats `language`.
    """
    if notice["to"]:
        language = notice["to"]["language"]
    key = notice["key"]
    cid = f"plot.{key}@{sender.domain}"
    pictured, png = _pictured(notice, cid, series) if series else (notice, None)
    text = render(notice, language=language, style=Style.PLAIN, templates=templates)
    html = render(pictured, language=language, style=Style.HTML, templates=templates)
    message = EmailMessage(SMTP.clone(cte_type="7bit"))  # whatever relay comes after the first
    message["From"] = sender
    message["To"] = to
    message["Subject"] = text.title
    message["Date"] = datetime.fromisoformat(notice["at"])
    message["Message-ID"] = f"<{key}@{sender.domain}>"
    message["References"] = f"<{thread_of(notice)}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # keeps out-of-office answers away
    message.set_content(text.text + "\n")
    message.add_alternative(html.text, subtype="html")
    if png:
        _attach(message, png, cid)
    return message


def thread_of(notice: Body) -> uuid.UUID:
    """What mail apps show together: an alert's mails, or a group's; else those of one reason."""
    labels = {name: value for name, value in notice["group"].items() if name not in _NO_GROUP}
    alerts = notice["alerts"]
    if not labels and len(alerts) == 1 and not notice["left_out"]:
        return uuid.UUID(alerts[0]["id"])
    what = sorted(labels.items()) or [notice["reason"], *sorted(notice["group"].items())]
    return uuid.uuid5(_THREADS, f"{notice['receiver']}/{what}")


def with_picture(notice: Body, curve: Curve, address: Callable[[bytes], str]) -> Body:
    """The notice with the plot of its worst alert. `address`: where the HTML finds that PNG."""
    worst = notice["alerts"][0]
    zone = datetime.fromisoformat(worst["opened_at"]).tzinfo or UTC
    whose = f"{worst['site']} · " if worst["site"] else ""
    captions = {
        "zh": whose + curve.caption("zh", zone),
        "en": whose + curve.caption("en", zone),
    }
    return {**notice, "picture": {"src": address(draw(curve, zone)), "caption": captions}}


def _pictured(notice: Body, cid: str, series: SeriesOf) -> tuple[Body, bytes | None]:
    drawn: list[bytes] = []

    def keep(png: bytes) -> str:
        drawn.append(png)
        return f"cid:{cid}"

    try:
        curve = series(uuid.UUID(notice["alerts"][0]["id"])) if notice["alerts"] else None
        pictured = with_picture(notice, curve, keep) if curve else notice
    except Exception as error:  # an early warning is worth more than its picture
        log.warning("mail without its plot", key=notice["key"], error=str(error))
        return notice, None
    return pictured, drawn[0] if drawn else None


def _attach(message: EmailMessage, png: bytes, cid: str) -> None:
    html = message.get_body(("html",))
    assert isinstance(html, EmailMessage)
    html.add_related(png, "image", "png", cid=f"<{cid}>", disposition="inline", filename="plot.png")
