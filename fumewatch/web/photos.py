"""/photos/…: what people sent as proof."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from fumewatch.store import photos
from fumewatch.store.photos import Photo
from fumewatch.web.context import Ctx

router: Final = APIRouter(include_in_schema=False)


@router.get("/photos/{id}")
def photo(context: Ctx, id: UUID) -> Response:
    with context.database.transaction() as conn:
        found = photos.find(conn, id)
    return photo_answer(found)


def photo_answer(found: Photo | None) -> Response:
    """The picture, or HTTPException 404. A photo never changes, but is nobody else's to keep."""
    if found is None:
        raise HTTPException(404, "no such photo")
    return Response(
        found.content,
        media_type=found.media_type,
        headers={
            "Cache-Control": "private, max-age=86400, immutable",
            "Content-Disposition": "inline",
        },
    )
