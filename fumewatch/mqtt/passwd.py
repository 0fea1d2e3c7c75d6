"""mosquitto's password file: a user and a hash a line, as mosquitto_passwd(1) writes them."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

ITERATIONS: Final = 101
"""mosquitto's own number. Few, and enough for passwords that are as random as ours; each connect of
each monitor costs as many in the broker's one thread."""
LENGTH: Final = 20
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without 0 O 1 l I: an installer types them from paper. 20 of them are 115 bits."""
_SALT_BYTES: Final = 12
_KIND: Final = "7"
"""PBKDF2 with SHA-512: $7$iterations$salt$hash, the last two in base64."""


@dataclass(frozen=True, slots=True)
class PasswordFile:
    """Its lines in order; comments, and lines of a kind that we do not write, stay as they are."""

    lines: tuple[str, ...] = ()

    @staticmethod
    def parse(text: str) -> "PasswordFile":
        """ValueError names a line that has no user: that is another file, or a password alone."""
        lines = tuple(text.splitlines())
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#") and ":" not in line:
                raise ValueError(f"line {number} is no user:hash of mosquitto's password file")
        return PasswordFile(lines)

    @property
    def users(self) -> frozenset[str]:
        return frozenset(filter(None, map(_user, self.lines)))

    def with_hashes(self, hashes: Mapping[str, str]) -> "PasswordFile":
        """Each user's hash in the place of the old one, new users at the end."""
        left = dict(hashes)
        kept = []
        for line in self.lines:
            user = _user(line)
            kept.append(f"{user}:{left.pop(user)}" if user in left else line)
        return PasswordFile((*kept, *(f"{user}:{hashed}" for user, hashed in left.items())))

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


def user_of(district: str, code: str) -> str:
    """The user name that deploy/mosquitto/acl lets speak for this monitor alone.

    ValueError where the file, or the access list, would take it for something else.
    """
    user = f"{district}/{code}"
    if strange := next((c for c in user if c in "+#:" or not c.isprintable()), ""):
        raise ValueError(f"{user!r} has {strange!r}, which cannot stand in a user name")
    names = (district, code)
    if not all(names) or user.count("/") != 1 or any(name != name.strip() for name in names):
        raise ValueError(f"{user!r} is not a district and a code")
    return user


def make_passwords(users: Iterable[str]) -> dict[str, str]:
    return {user: "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH)) for user in users}


def hash_password(password: str, salt: bytes | None = None) -> str:
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    parts = (base64.b64encode(part).decode() for part in (salt, _pbkdf2(password, salt)))
    return "$".join(("", _KIND, str(ITERATIONS), *parts))


def is_password(password: str, hashed: str) -> bool:
    """Whether `hashed` is of this password; only of hashes that we wrote."""
    _, _, _, salt, digest = hashed.split("$")
    found = _pbkdf2(password, base64.b64decode(salt))
    return hmac.compare_digest(found, base64.b64decode(digest))


def _pbkdf2(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)


def _user(line: str) -> str:
    user, colon, _ = line.partition(":")
    return user if colon and not line.startswith("#") else ""
