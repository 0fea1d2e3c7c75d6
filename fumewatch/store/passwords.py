"""Passwords and secrets as they are kept: argon2id where people choose, SHA-256 where we draw.

One verification takes 64 MiB and some 100 ms of a processor: whoever calls says how many at once.
"""

import hashlib
import secrets
from functools import cache
from typing import Final

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

_BITS: Final = 256


def hashed(password: str) -> str:
    return _argon2().hash(password)


def verified(password: str, kept: str | None) -> tuple[bool, str | None]:
    """Whether it is the password; and a hash by today's parameters where the kept one is weaker.

    Takes as long where nothing is kept: who waits does not learn whether there is an account.
    """
    try:
        is_right, newer = _argon2().verify_and_update(password, kept or _of_nobody())
    except UnknownHashError:
        return False, None
    return is_right and kept is not None, newer if kept is not None else None


def drawn() -> str:
    """A secret of 256 random bits, fit for an address and a cookie."""
    return secrets.token_urlsafe(_BITS // 8)


def digest(secret: str) -> bytes:
    """As a secret of ours is kept: nobody guesses 256 bits, so a fast hash does."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


@cache
def _argon2() -> PasswordHash:
    return PasswordHash.recommended()


@cache
def _of_nobody() -> str:
    return hashed(drawn())
