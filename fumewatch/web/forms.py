"""Small forms: a few fields of text, read with a hard limit."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

MOST_BYTES: Final = 16_000
_MOST_FIELDS: Final = 20
_KIND: Final = "application/x-www-form-urlencoded"


async def fields(request: Request) -> Mapping[str, str]:
    """What a form of ours sends; of a field that came twice the last. HTTPException 400, 413."""
    if not request.headers.get("content-type", "").startswith(_KIND):
        raise HTTPException(400, "this is no form of ours")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                raise HTTPException(413, "that is too large")
    except ClientDisconnect:
        raise HTTPException(400, "the client is gone") from None
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:  # no UTF-8, or too many fields
        raise HTTPException(400, "this is no form of ours") from None
