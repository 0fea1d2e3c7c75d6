"""From a form about an alert to a stored action, or to what is wrong with it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fumewatch.core.errors import ActionRefused
from fumewatch.core.followup.action import Action, Via
from fumewatch.core.followup.answer import (
    LONGEST_NAME,
    Answer,
    Lack,
    Meant,
    Role,
    Said,
    meant,
)
from fumewatch.core.phrases import one_line
from fumewatch.store import Connection, Database, actions, links, photos
from fumewatch.store.photos import Photo
from fumewatch.web.picture import MEDIA_TYPE, Picture, Unfit, drawn_anew
from fumewatch.web.upload import MOST_PHOTOS, Form

MOST_PHOTOS_OF_ALERT: Final = 60
_SHORTEST_FORM: Final = 16
_LONGEST_FORM: Final = 64

Fault = Lack | Unfit | ActionRefused | Literal["photos too many", "form is not ours"]


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who says something about which alert, and how. `name`: "" where the form asks for it."""

    alert: UUID
    name: str
    role: Role
    via: Via
    addressee: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """One form as it was sent."""

    answer: Answer
    name: str
    form: Form
    said: Said


def filled(answer: Answer, form: Form, speaker: Speaker, zone: ZoneInfo) -> Filled:
    """Times are of the site's zone. A name that we know is not asked for."""
    fields = form.fields
    name = speaker.name or one_line(fields.get("name", ""), LONGEST_NAME)
    said = Said(
        name=name,
        text=fields.get("text", "").replace("\r\n", "\n"),
        until=_local(fields.get("until", ""), zone),
        outcome=fields.get("outcome", ""),
        photos=len(form.files),
    )
    return Filled(answer, name, form, said)


def store(database: Database, speaker: Speaker, sent: Filled, now: datetime) -> Fault | None:
    """Store what was said, once however often the form is sent; what is wrong with it otherwise."""
    checked = _checked(speaker, sent, now)
    if not isinstance(checked, Meant):
        return checked
    pictures: list[Picture] = []
    for file in sent.form.files:
        picture = drawn_anew(file)
        if isinstance(picture, Unfit):
            return picture
        pictures.append(picture)
    with database.transaction() as conn:
        return _store(conn, speaker, sent, checked, pictures, now)


def _checked(speaker: Speaker, sent: Filled, now: datetime) -> Meant | Fault:
    if not _SHORTEST_FORM <= len(sent.form.fields.get("form", "")) <= _LONGEST_FORM:
        return "form is not ours"
    if sent.form.is_heavy:
        return Unfit.TOO_LARGE
    if len(sent.form.files) > MOST_PHOTOS:
        return "photos too many"
    return meant(sent.answer, sent.said, speaker.role, now)


def _store(
    conn: Connection,
    speaker: Speaker,
    sent: Filled,
    what: Meant,
    pictures: Sequence[Picture],
    now: datetime,
) -> Fault | None:
    form = sent.form.fields["form"]
    actions.lock(conn)
    if links.is_answered(conn, speaker.alert, form):
        return None
    if (
        pictures
        and len(photos.of_alert(conn, speaker.alert)) + len(pictures) > MOST_PHOTOS_OF_ALERT
    ):
        return "photos too many"
    action = Action(
        alert=speaker.alert,
        at=now,
        kind=what.kind,
        actor=sent.name,
        via=speaker.via,
        addressee=speaker.addressee,
        note=what.note,
        detail={**what.detail, "form": form},
    )
    try:
        stored = actions.record(conn, action)
    except ActionRefused as refusal:
        return refusal
    if stored.detail.get("form") == form:  # else it had been said before
        photos.add(conn, stored.id, _photos(pictures))
    return None


def _photos(pictures: Sequence[Picture]) -> list[Photo]:
    """Their ids are random, and in their order."""
    ids = sorted(uuid.uuid4() for _ in pictures)
    return [
        Photo(id, MEDIA_TYPE, picture.content, picture.width, picture.height)
        for id, picture in zip(ids, pictures, strict=True)
    ]


def _local(text: str, zone: ZoneInfo) -> datetime | None:
    """What <input type="datetime-local"> sends: 2026-11-24T18:00."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=zone) if at.tzinfo is None else None
