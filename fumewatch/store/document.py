"""JSON documents as columns: evidence, bodies, health."""

from typing import Any

import msgspec
import numpy as np
from psycopg.types.json import Json, Jsonb


def jsonb(document: dict[str, Any]) -> Jsonb:
    """NaN becomes null, which jsonb can hold; times become ISO 8601."""
    return Jsonb(document, dumps=_dumps)


def json(rows: list[dict[str, Any]]) -> Json:
    """Many rows as one parameter, for json_to_recordset."""
    return Json(rows, dumps=_dumps)


def text(value: str) -> str:
    """What PostgreSQL takes as text, of what came from outside: it has no zero bytes."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _dumps(document: Any) -> bytes:
    # PostgreSQL takes any string but one with a zero character, escaped or not.
    return msgspec.json.encode(document, enc_hook=_plain).replace(b"\\u0000", b"\\ufffd")


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
