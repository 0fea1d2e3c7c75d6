"""What fumewatch says of itself, in the shape that a receiver of transitions takes.

Machines know nothing but the contract's body: a message of ours has its fields, too, and says in
"rule" and "kind" what it is.
"""

import uuid
from typing import Final

from fumewatch.core.notice import Body

_NAMESPACE: Final = uuid.UUID("66756d65-7761-5463-8000-636f6e747261")


def as_transition(notice: Body) -> Body:
    """The contract's body of a notice without alerts."""
    reason = notice["reason"]
    about = notice.get("about", "")
    return {
        "id": str(uuid.uuid5(_NAMESPACE, f"{reason}/{about}/{notice.get('since', '')}")),
        "rule": reason.replace(" ", "-"),
        "kind": reason,
        "severity": notice["severity"],
        "state": notice["state"],
        "reason": reason,
        "monitor": about,
        "district": "",
        "site": "",
        "street": "",
        "address": "",
        "value": None,
        "limit": None,
        "opened_at": notice.get("since", notice["at"]),
        "at": notice["at"],
        "evidence": {},
        "link": notice["link"],
        "text": dict(notice["title"]),
        "key": notice["key"],
        "transition": 0,
    } | {name: notice[name] for name in ("about", "since") if name in notice}
