"""Forms with photos, read with a hard limit before anything is kept."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

MOST_PHOTOS: Final = 3
MOST_PHOTO_BYTES: Final = 10_000_000
MOST_BYTES: Final = MOST_PHOTOS * MOST_PHOTO_BYTES + 200_000
_MOST_THROWN_AWAY: Final = 2 * MOST_BYTES
"""Read and dropped, so that the phone gets to see our answer; no more than that."""
_MOST_FILES: Final = 20
"""More than are taken, so that it is we who say that they are too many."""
_MOST_FIELDS: Final = 12
_MOST_FIELD_BYTES: Final = 16_000


class Unreadable(Exception):
    """It is no form of ours."""


class TooLarge(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Form:
    """`files`: those that were chosen, in their order, open while the form is. `is_heavy`: one of
    them is larger than a photo may be."""

    fields: Mapping[str, str]
    files: tuple[BinaryIO, ...]
    is_heavy: bool


@asynccontextmanager
async def form(request: Request) -> AsyncIterator[Form]:
    """What the request sends. Raise TooLarge or Unreadable."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Unreadable
    parser = MultiPartParser(
        request.headers,
        _counted(request),
        max_files=_MOST_FILES,
        max_fields=_MOST_FIELDS,
        max_part_size=_MOST_FIELD_BYTES,
    )
    try:
        data = await parser.parse()
    except (MultiPartException, KeyError) as error:  # KeyError: no boundary, no name of a part
        raise Unreadable from error
    try:
        yield _read(data)
    finally:
        await data.close()


def _read(data: FormData) -> Form:
    fields = {name: value for name, value in data.items() if isinstance(value, str)}
    files = [
        value for _, value in data.multi_items() if isinstance(value, UploadFile) and value.size
    ]
    is_heavy = any((file.size or 0) > MOST_PHOTO_BYTES for file in files)
    return Form(fields, tuple(file.file for file in files), is_heavy)


async def _counted(request: Request) -> AsyncGenerator[bytes, None]:
    """No more than MOST_BYTES of the body, whatever its headers promise."""
    seen = 0
    try:
        async for chunk in request.stream():
            seen += len(chunk)
            if seen <= MOST_BYTES:
                yield chunk
            elif seen > MOST_BYTES + _MOST_THROWN_AWAY:
                break
    except ClientDisconnect as error:
        raise MultiPartException("the phone is gone") from error
    if seen > MOST_BYTES:
        raise TooLarge
