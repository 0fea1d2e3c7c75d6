"""What the forms of answers.html need to be shown, on a link's page as on an alert's own."""

import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from fumewatch.core.errors import ActionRefused
from fumewatch.core.followup.answer import (
    LONGEST_CORRECTION,
    LONGEST_NAME,
    LONGEST_TEXT,
    Answer,
)
from fumewatch.web import upload
from fumewatch.web.answering import Fault, Filled
from fumewatch.web.language import Language

_USUAL_CORRECTION: Final = timedelta(hours=24)


def known(done: str) -> str:
    """The answer that was given, as the address says after it; "" for what is none."""
    return done if done in list(Answer) else ""


def values(
    now: datetime, language: Language, done: str, fault: Fault | None, sent: Filled | None
) -> dict[str, Any]:
    """`now`: in the site's zone. `fault`: of what was `sent`, which is then shown again."""
    return {
        "form": secrets.token_urlsafe(18),
        "done": done,
        "fault": _told(fault, language),
        "sent": sent,
        "until": _until(sent, now),
        "latest": f"{now + LONGEST_CORRECTION:%Y-%m-%dT%H:%M}",
        "most_photos": upload.MOST_PHOTOS,
        "most_bytes": upload.MOST_PHOTO_BYTES,
        "longest_text": LONGEST_TEXT,
        "longest_name": LONGEST_NAME,
    }


def _told(fault: Fault | None, language: Language) -> str:
    """A word of web.words, or what a refusal says itself."""
    if isinstance(fault, ActionRefused):
        return fault.zh if language.code == "zh" else str(fault)
    return fault or ""


def _until(sent: Filled | None, now: datetime) -> str:
    given = sent.form.fields.get("until", "") if sent else ""
    return given or f"{(now + _USUAL_CORRECTION).replace(minute=0):%Y-%m-%dT%H:%M}"
