"""Links that open one alert for one addressee, until they expire, without a password.

A token is base64url, without padding, of

    1 byte    1: a contact, 2: a receiver
    4 bytes   when it was signed, seconds since 1970
    3 bytes   how long it opens, minutes
    16 bytes  the alert
    1+ bytes  the contact's number, or the receiver's name in UTF-8
    12 bytes  the beginning of HMAC-SHA256 (RFC 2104) of all the above

so that it is about 50 characters for a contact: short enough for an SMS.
"""

import base64
import binascii
import hmac
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

PATH: Final = "/l/"
_CONTACT: Final = 1
_RECEIVER: Final = 2
_HEAD: Final = 1 + 4 + 3 + 16
_MAC: Final = 12
_MOST_BYTES: Final = 600
_MINUTE: Final = timedelta(minutes=1)
_NUMBER: Final = re.compile(r"contact ([1-9][0-9]{0,9})")
_NAME: Final = re.compile(r"receiver (.+)", re.DOTALL)
_PURPOSE: Final = b"fumewatch link 1\0"


class Refusal(StrEnum):
    """Why a token opens nothing."""

    FORGED = "forged"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says. `addressee`: "contact N", or "receiver NAME"."""

    alert: uuid.UUID
    addressee: str
    signed_at: datetime
    expires_at: datetime

    @property
    def contact(self) -> int | None:
        """The contact's number; None for a receiver."""
        return int(self.addressee.partition(" ")[2]) if _is_contact(self.addressee) else None

    @property
    def receiver(self) -> str | None:
        """The receiver's name; None for a contact."""
        return None if _is_contact(self.addressee) else self.addressee.partition(" ")[2]


def of_receiver(name: str) -> str:
    """The addressee of a receiver with an address of its own."""
    return f"receiver {name}"


def checked(addressee: str) -> str:
    """The addressee as it is; ValueError where it is neither kind."""
    _packed(addressee)
    return addressee


def path(token: str) -> str:
    """Where the pages open it."""
    return f"{PATH}{token}"


def sign(
    secret: str, alert: uuid.UUID, addressee: str, *, signed_at: datetime, expires_at: datetime
) -> str:
    """The token. The same arguments give the same one; a part of a minute of validity is dropped.

    ValueError where the addressee is neither "contact N" nor "receiver NAME", or it expires before
    it was signed.
    """
    minutes = (expires_at - signed_at) // _MINUTE
    if minutes < 0:
        raise ValueError("a link cannot expire before it is signed")
    kind, name = _packed(addressee)
    said = b"".join(
        (
            bytes([kind]),
            int(signed_at.timestamp()).to_bytes(4),
            minutes.to_bytes(3),
            alert.bytes,
            name,
        )
    )
    return _text(said + _mac(secret, said))


def read(secrets: Sequence[str], token: str, now: datetime) -> Link | Refusal:
    """What the token says, where one of `secrets` signed it and it still opens at `now`."""
    link = opened(secrets, token)
    if link is None:
        return Refusal.FORGED
    return Refusal.EXPIRED if link.expires_at <= now else link


def opened(secrets: Sequence[str], token: str) -> Link | None:
    """What the token says, expired or not; None where none of `secrets` signed it."""
    raw = _bytes(token)
    if not _HEAD + 1 + _MAC <= len(raw) <= _MOST_BYTES:
        return None
    said, mac = raw[:-_MAC], raw[-_MAC:]
    if not any(hmac.compare_digest(_mac(secret, said), mac) for secret in secrets):
        return None
    signed_at = datetime.fromtimestamp(int.from_bytes(said[1:5]), UTC)
    return Link(
        alert=uuid.UUID(bytes=said[8:_HEAD]),
        addressee=_unpacked(said[0], said[_HEAD:]),
        signed_at=signed_at,
        expires_at=signed_at + int.from_bytes(said[5:8]) * _MINUTE,
    )


def _mac(secret: str, said: bytes) -> bytes:
    return hmac.digest(secret.encode(), _PURPOSE + said, "sha256")[:_MAC]


def _packed(addressee: str) -> tuple[int, bytes]:
    if number := _NUMBER.fullmatch(addressee):
        value = int(number[1])
        return _CONTACT, value.to_bytes((value.bit_length() + 7) // 8)
    if name := _NAME.fullmatch(addressee):
        return _RECEIVER, name[1].encode()
    raise ValueError(f"{addressee!r} is neither 'contact N' nor 'receiver NAME'")


def _unpacked(kind: int, name: bytes) -> str:
    if kind == _CONTACT:
        return f"contact {int.from_bytes(name)}"
    return of_receiver(name.decode())


def _is_contact(addressee: str) -> bool:
    return addressee.startswith("contact ")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(token: str) -> bytes:
    """Empty where it is not written as we write it: there is one spelling of a token."""
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (UnicodeEncodeError, binascii.Error):
        return b""
    return raw if _text(raw) == token else b""
