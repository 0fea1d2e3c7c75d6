"""Secrets in a text, replaced: wherever they stand, and in whatever spelling."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

MASK: Final = "***"
SHORTEST: Final = 8
"""Characters. A shorter secret would blot out words that are none."""
_TOKEN: Final = 16
"""From this length on a part of a URL's path is taken for a key, as bots have it there."""


@dataclass(frozen=True, slots=True)
class Mask:
    """`Mask.of(secrets)(text)` is the text without them."""

    pattern: re.Pattern[str] | None = None

    @staticmethod
    def of(secrets: Iterable[str]) -> "Mask":
        found = {form for secret in secrets for part in _parts(secret) for form in _forms(part)}
        forms = sorted((form for form in found if len(form) >= SHORTEST), key=len, reverse=True)
        return Mask(re.compile("|".join(map(re.escape, forms))) if forms else None)

    def __call__(self, text: str) -> str:
        return self.pattern.sub(MASK, text) if self.pattern else text


def _parts(secret: str) -> Iterator[str]:
    """The secret, and what of a URL is secret in itself."""
    yield secret
    yield from secret.splitlines()
    try:
        parts = urlsplit(secret)
    except ValueError:
        return
    if not parts.scheme or not parts.netloc:
        return
    if parts.password:
        yield parts.password
    elif parts.username:
        yield parts.username
    yield from (value for _, value in parse_qsl(parts.query))
    yield from (segment for segment in parts.path.split("/") if len(segment) >= _TOKEN)


def _forms(part: str) -> Iterator[str]:
    """As it is, as a URL has it, as JSON and Python quote it."""
    yield part
    yield unquote(part)
    yield quote(part, safe="")
    yield quote(part)
    yield json.dumps(part)[1:-1]
    yield json.dumps(part, ensure_ascii=False)[1:-1]
    yield repr(part)[1:-1]
