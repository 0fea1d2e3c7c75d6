"""Links of messages as they are opened: whose it is, or why it opens nothing."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Path

from fumewatch.core import link
from fumewatch.core.followup.answer import Role
from fumewatch.core.link import Link, Refusal
from fumewatch.store import Connection, links
from fumewatch.web.answering import Speaker
from fumewatch.web.context import Context, Ctx


class Closed(StrEnum):
    """Why a link opens nothing, or takes no answer."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    NOT_YOURS = "not yours"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too large"
    TOO_OFTEN = "too often"
    AWAY = "away"


STATUS: Final = {
    Closed.UNKNOWN: 404,
    Closed.EXPIRED: 410,
    Closed.REVOKED: 403,
    Closed.NOT_YOURS: 403,
    Closed.UNREADABLE: 400,
    Closed.TOO_LARGE: 413,
    Closed.TOO_OFTEN: 429,
    Closed.AWAY: 503,
}


class LinkClosed(Exception):
    """`token`: of the page to go back to; "" where there is none."""

    def __init__(self, why: Closed, token: str = "") -> None:
        self.why = why
        self.token = token
        super().__init__(why.value)


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that opens. `name`: of its contact; "" for a receiver, behind which may be many."""

    token: str
    link: Link
    name: str
    role: Role

    @property
    def alert(self) -> UUID:
        return self.link.alert

    @property
    def key(self) -> tuple[UUID, str]:
        return self.link.alert, self.link.addressee

    @property
    def speaker(self) -> Speaker:
        return Speaker(self.alert, self.name, self.role, "link", self.link.addressee)

    @property
    def address(self) -> str:
        return link.path(self.token)


def opened(context: Ctx, token: Annotated[str, Path(max_length=1000)]) -> Opened:
    """Raise LinkClosed. A token that we did not sign is not looked up anywhere."""
    found = link.read(context.config.links.secrets, token, context.now())
    if found is Refusal.FORGED:
        raise LinkClosed(Closed.UNKNOWN)
    if found is Refusal.EXPIRED:
        raise LinkClosed(Closed.EXPIRED)
    with context.database.transaction() as conn:
        if not links.is_known(conn, found.alert):
            raise LinkClosed(Closed.UNKNOWN)
        holder = None if links.is_revoked(conn, found) else _holder(context, conn, found)
    if holder is None:
        raise LinkClosed(Closed.REVOKED)
    return Opened(token, found, *holder)


Open = Annotated[Opened, Depends(opened)]


def _holder(context: Context, conn: Connection, found: Link) -> tuple[str, Role] | None:
    """Name and role; None where the contact or the receiver is there no more."""
    if found.contact is None:
        known = any(settings.name == found.receiver for settings in context.config.receiver)
        return ("", Role.SUPERVISOR) if known else None
    person = links.person(conn, found.contact)
    if person is None:
        return None
    return person.name, Role.SUPERVISOR if person.role == "street" else Role.RESPONSIBLE
