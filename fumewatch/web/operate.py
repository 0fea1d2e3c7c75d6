"""For those who run the daemon: liveness, readiness, metrics. None of them asks the database."""

from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from fumewatch import metrics
from fumewatch.web import models
from fumewatch.web.context import Ctx
from fumewatch.web.who import Asking

router: Final = APIRouter(tags=["operation"])


@router.get("/livez")
async def livez() -> dict[str, str]:
    """The process answers; whether it can work is /readyz's."""
    return {"status": "alive"}


@router.get("/readyz", responses={503: {"model": models.Ready}})
async def readyz(context: Ctx, response: Response, who: Asking) -> models.Ready:
    """503 until every part of the daemon is up. Which is down, and why, is told to who shows a
    token, or to everybody where no login is required."""
    parts = context.health.parts()
    is_ready = all(part.is_up for part in parts.values())
    response.status_code = 200 if is_ready else 503
    shown = {name: context.present.part(part) for name, part in parts.items()}
    if not who.permissions:
        shown = {}
    return models.Ready(ready=is_ready, parts=shown)


@router.get("/metrics", response_class=Response)
def show_metrics(context: Ctx) -> Response:
    """Prometheus' text format."""
    for name, part in context.health.parts().items():
        metrics.PART_UP.labels(name).set(part.is_up)
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
