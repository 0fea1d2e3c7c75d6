"""Who asks, as the gate has found out, and what they may do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, cast

from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import HTTPBearer

from fumewatch.core.access import Permission


@dataclass(frozen=True, slots=True)
class Who:
    """`actor`: as what they do is recorded; "" for who has not said who they are.

    `account`, `session`: the id of the one, the hash of the other; of people only.
    """

    kind: Literal["stranger", "person", "program"] = "stranger"
    name: str = ""
    actor: str = ""
    permissions: frozenset[Permission] = frozenset()
    account: int = 0
    session: bytes = field(default=b"", repr=False)

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    @property
    def is_person(self) -> bool:
        return self.kind == "person"

    @property
    def may_act(self) -> bool:
        """On a page: as somebody whose name can be recorded."""
        return self.is_person and self.may(Permission.ACT)

    @property
    def may_administer(self) -> bool:
        return self.is_person and self.may(Permission.ADMINISTER)


STRANGER: Final = Who()
ANYBODY: Final = Who(permissions=frozenset({Permission.READ, Permission.METRICS}))
"""Where no login is required."""


def who_of(request: Request) -> Who:
    return cast(Who, getattr(request.state, "who", STRANGER))


def still_of(request: Request) -> Callable[[], bool]:
    """Whether what opened the door would still do so. Asks the store."""
    return cast(Callable[[], bool], getattr(request.state, "still", lambda: True))


def _person(permission: Permission) -> Callable[[Request], Who]:
    def person(request: Request) -> Who:
        """Raise HTTPException 403: not theirs to do."""
        who = who_of(request)
        if not (who.is_person and who.may(permission)):
            raise HTTPException(403, f"this takes a user who may {permission}")
        return who

    return person


def _anybody(permission: Permission) -> Callable[[Request], Who]:
    def anybody(request: Request) -> Who:
        """Person or program; raise HTTPException 403."""
        who = who_of(request)
        if not (who.actor and who.may(permission)):
            raise HTTPException(403, f"this takes a user or a token that may {permission}")
        return who

    return anybody


BY_TOKEN: Final = Security(HTTPBearer(auto_error=False, description="fumewatch token add"))
"""Only for the OpenAPI document: the gate has asked already."""

Asking = Annotated[Who, Depends(who_of)]
Still = Annotated[Callable[[], bool], Depends(still_of)]
Person = Annotated[Who, Depends(_person(Permission.READ))]
Inspector = Annotated[Who, Depends(_person(Permission.ACT))]
Admin = Annotated[Who, Depends(_person(Permission.ADMINISTER))]
Actor = Annotated[Who, Depends(_anybody(Permission.ACT))]
