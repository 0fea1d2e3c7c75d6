"""Mentions: whom a bot calls by name in the group it writes to."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from fumewatch.core.alert import Severity
from fumewatch.core.notice import Body, Reason
from fumewatch.core.routing import listed

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_EVERYBODY: Final = frozenset({"all", "@all"})
_MOBILE: Final = re.compile(r"\d{5,15}")
_CHINA: Final = re.compile(r"^(?:\+|00)86")

Listed = BeforeValidator(listed)


def as_name(text: str) -> str:
    """An account a bot can mention; "" for what is none, could be markup, or means everybody."""
    text = text.strip()
    return text if _NAME.fullmatch(text) and text.lower() not in _EVERYBODY else ""


def as_mobile(text: str) -> str:
    """A phone number as the platforms know it: digits, without China's prefix; "" for none."""
    digits = _CHINA.sub("", re.sub(r"[\s()-]", "", text)).removeprefix("+")
    return digits if digits.isascii() and _MOBILE.fullmatch(digits) else ""


class Mention(BaseModel):
    """`mention` of a [[receiver]]: accounts of the platform, phone numbers, or everybody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: Annotated[tuple[str, ...], Listed] = ()
    mobiles: Annotated[tuple[str, ...], Listed] = ()
    all: bool = False

    @field_validator("names")
    @classmethod
    def _are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if as_name(name) != name:
                raise ValueError(f"{name!r} is not an account; for everybody write all = true")
        return names

    @field_validator("mobiles")
    @classmethod
    def _are_mobiles(cls, mobiles: tuple[str, ...]) -> tuple[str, ...]:
        for mobile in mobiles:
            if not as_mobile(mobile):
                raise ValueError(f"{mobile!r} is not a phone number like 13800001111")
        return tuple(map(as_mobile, mobiles))


class MentionWhen(BaseModel):
    """`mention_when` of a [[receiver]]: which notices call those of `mention`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    severity: Annotated[tuple[Severity, ...], Listed] = Field((Severity.CRITICAL,), min_length=1)

    def take(self, notice: Body) -> bool:
        """Nobody is called for what is over, nor for a digest, which can wait until it is read."""
        return (
            notice["severity"] in self.severity
            and notice["state"] == "firing"
            and notice["reason"] != Reason.DIGEST
        )


@dataclass(frozen=True, slots=True)
class Called:
    """Who is called by one message, each once."""

    names: tuple[str, ...] = ()
    mobiles: tuple[str, ...] = ()
    all: bool = False

    def __bool__(self) -> bool:
        return bool(self.names or self.mobiles or self.all)


NOBODY: Final = Called()


def called(notice: Body, mention: Mention, when: MentionWhen) -> Called:
    """Those of the configuration where it is bad enough, and always the contact it is meant for.

    Of a contact the account, or the phone number where there is no account.
    """
    those = mention if when.take(notice) else Mention()
    name, mobile = _contact(notice["to"] or {})
    return Called(
        tuple(dict.fromkeys([*those.names, *filter(None, [name])])),
        tuple(dict.fromkeys([*those.mobiles, *filter(None, [mobile])])),
        those.all,
    )


def _contact(to: dict[str, Any]) -> tuple[str, str]:
    name = as_name(to.get("account") or "")
    return name, "" if name else as_mobile(to.get("phone") or "")
