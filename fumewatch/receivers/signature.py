"""Signed requests, as Standard Webhooks (standardwebhooks.com) has them: HMAC-SHA256.

The receiver verifies webhook-signature over "{webhook-id}.{webhook-timestamp}.{body}".
"""

import base64
import binascii
import uuid
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

PREFIX: Final = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret, by the specification."""


def check_secret(text: str) -> None:
    """ValueError, which does not repeat it, where it is none."""
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not text.startswith(PREFIX) or not SHORTEST <= len(secret) <= LONGEST:
        raise ValueError(
            f"is not {PREFIX} and {SHORTEST} to {LONGEST} random bytes in base64;"
            f' make one: echo "{PREFIX}$(openssl rand -base64 32)"'
        )


def headers(secret: str, key: uuid.UUID, now: datetime, body: bytes) -> dict[str, str]:
    """`body`: exactly what goes out, in UTF-8."""
    at = now.astimezone(UTC)
    return {
        "webhook-id": str(key),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(str(key), at, body.decode()),
    }
