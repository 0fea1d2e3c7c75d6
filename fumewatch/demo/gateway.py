"""Where the demo's notices to people arrive: a gateway as group bots and SMS have one.

As theirs do, it answers every request with HTTP 200, and says in `code` whether it took it.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, Self
from urllib.parse import urlsplit

from fumewatch.core.link import PATH
from fumewatch.core.notice import RANK, Reason
from fumewatch.demo.listener import Answer, Listener

BODY: Final = """\
{"key": {{ key | tojson }}, "reason": {{ reason | tojson }},
 "severity": {{ severity | tojson }}, "text": {{ text | tojson }},
 "alerts": {{ alerts | map(attribute="id") | list | tojson }},
 "links": {{ alerts | map(attribute="link") | list | tojson }}}
"""
"""What it wants to be sent, as the `body` of a [[receiver]] of kind "http"."""
_NOT_JSON: Final = 40001
_REFUSED: Final = 40058


class Refused(Exception):
    """What a notice lacks."""


@dataclass(frozen=True, slots=True)
class Notice:
    """As it came, `at_s` by the clock that was given. severity: of its worst alert, which is the
    first of links, by alert."""

    key: str
    at_s: float
    reason: str
    severity: str
    text: str
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tally:
    """What came so far. alerts: told, each once. escalations: alerts whose next step was told.

    first_s: when the first notice came.
    """

    notices: int = 0
    alerts: int = 0
    escalations: int = 0
    first_s: float | None = None


@dataclass(slots=True)
class _Taken:
    notices: dict[str, Notice] = field(default_factory=dict)
    escalated: set[str] = field(default_factory=set)


class Gateway:
    """Takes POSTs at `url` on loopback. A notice that came twice (same key) counts once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._taken = _Taken()
        self._listener = Listener("gateway", self._answer)

    def __enter__(self) -> Self:
        self._listener.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.__exit__()

    @property
    def url(self) -> str:
        return self._listener.url("/send")

    @property
    def tally(self) -> Tally:
        with self._lock:
            taken = self._taken
            return Tally(
                notices=len(taken.notices),
                alerts=len({alert for notice in taken.notices.values() for alert in notice.links}),
                escalations=len(taken.escalated),
                first_s=next((notice.at_s for notice in taken.notices.values()), None),
            )

    @property
    def links(self) -> list[tuple[str, str]]:
        """(alert, its link), each alert once: the worst of each notice, the worst notices first;
        then the others."""
        with self._lock:
            notices = [notice for notice in self._taken.notices.values() if notice.links]
        worst_first = sorted(notices, key=lambda notice: -RANK.index(notice.severity))
        worst = [next(iter(notice.links.items())) for notice in worst_first]
        found: dict[str, str] = {}
        for alert, link in [*worst, *chain(*(notice.links.items() for notice in worst_first))]:
            found.setdefault(alert, link)
        return list(found.items())

    def _answer(self, body: bytes) -> Answer:
        try:
            notice = read(json.loads(body), self._clock())
        except (ValueError, KeyError, TypeError):
            return 200, {"code": _NOT_JSON, "msg": "not a notice of the demo"}
        except Refused as lack:
            return 200, {"code": _REFUSED, "msg": str(lack)}
        self._take(notice)
        return 200, {"code": 0, "msg": "ok"}

    def _take(self, notice: Notice) -> None:
        with self._lock:
            taken = self._taken
            taken.notices.setdefault(notice.key, notice)
            if notice.reason == Reason.ESCALATION:
                taken.escalated.update(notice.links)


def read(body: Mapping[str, Any], at_s: float) -> Notice:
    """Refused where it has no text, or not each alert's own link in it."""
    links = dict(zip(body["alerts"], body["links"], strict=True))
    notice = Notice(body["key"], at_s, body["reason"], body["severity"], body["text"], links)
    if not notice.text.strip():
        raise Refused("no text")
    for alert, link in links.items():
        if not urlsplit(link).path.startswith(PATH):
            raise Refused(f"alert {alert} has no link")
        if link not in notice.text:
            raise Refused(f"the link of alert {alert} is not in the text")
    return notice
