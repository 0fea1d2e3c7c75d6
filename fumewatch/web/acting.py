"""What programs may do about an alert, with a token of the scope act."""

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, HTTPException
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from fumewatch.core.errors import ActionRefused
from fumewatch.core.followup.action import Action
from fumewatch.core.followup.answer import LONGEST_TEXT, Answer, Meant, Role, Said, meant
from fumewatch.store import actions, links
from fumewatch.web import problems, record, recorded
from fumewatch.web.context import Ctx
from fumewatch.web.who import BY_TOKEN, Actor

router: Final = APIRouter(
    prefix="/api/v1",
    tags=["fumewatch"],
    responses=problems.OF_API | problems.documented(409, 411, 413),
    dependencies=[BY_TOKEN],
)


class Doing(BaseModel):
    """`text`: the note, or a visit's findings. `until`: of correcting. `outcome`: of outcome."""

    model_config = ConfigDict(extra="forbid")

    answer: Literal["acknowledge", "correcting", "corrected", "visited", "outcome", "note"]
    text: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    until: AwareDatetime | None = None
    outcome: Literal["confirmed", "false alarm", "resolved", ""] = ""


@router.post("/alerts/{id}/actions", status_code=201)
def act(context: Ctx, who: Actor, id: UUID, doing: Doing) -> recorded.Action:
    """Record what was done about an alert, in the name of the token or the user. 400: something of
    it is missing; 409: the case does not allow it. Who acknowledges again is answered what they
    did the first time."""
    now, answer = context.now(), Answer(doing.answer)
    said = Said(who.actor, doing.text, doing.until, doing.outcome)
    what = meant(answer, said, Role.SUPERVISOR, now)
    if not isinstance(what, Meant):
        raise HTTPException(400, what.value)
    via: Literal["page", "api"] = "page" if who.is_person else "api"
    action = Action(id, now, what.kind, who.actor, via, note=what.note, detail=dict(what.detail))
    with context.database.transaction() as conn:
        if not links.is_known(conn, id):
            raise HTTPException(404, "no such alert")
        try:
            stored = actions.record(conn, action)
        except ActionRefused as refusal:
            raise HTTPException(409, str(refusal)) from None
    return record.action(context.present, stored, [])
