"""Notices for tests: the samples, and any with hostile or endless facts."""

from typing import Any

from fumewatch.core.letter.samples import sample
from fumewatch.core.notice import MOST_ALERTS, Body, Reason
from fumewatch.core.phrases import one_line


def with_name(reason: Reason, name: str) -> Body:
    """Everything that comes from outside is called so."""
    notice = sample(reason)
    to = {"id": 1, "name": name, "email": name, "phone": name, "account": name, "language": "zh"}
    return {
        **notice,
        "to": to,
        "group": dict.fromkeys(notice["group"], name),
        "title": {"zh": name, "en": name} if notice["title"]["zh"] else notice["title"],
        "alerts": [_named(alert, name) for alert in notice["alerts"]],
        "step": {**notice.get("step", {}), "name": name},
    }


def _named(alert: Body, name: str) -> Body:
    """core.wording puts names on a line; the facts beside it are as they came."""
    text = {
        code: said.replace(alert["site"], one_line(name)) + f"\nNote: {one_line(name)}"
        for code, said in alert["text"].items()
    }
    outside = ("site", "street", "address", "monitor", "district", "rule")
    return {**alert, **dict.fromkeys(outside, name), "text": text}


def of_many(reason: Reason, n: int, **overrides: Any) -> Body:
    """n alerts, of which a notice lists MOST_ALERTS."""
    notice = sample(reason)
    one = notice["alerts"][0]
    alerts = [
        {**one, "id": f"7f0c1c8e-2f1b-5a51-8a43-{k:012d}", "site": f"{k} 号饭店", "link": _link(k)}
        for k in range(min(n, MOST_ALERTS))
    ]
    counts = {"firing": n, "resolved": 0}
    return {**notice, "alerts": alerts, "counts": counts, "left_out": n - len(alerts)} | overrides


def _link(k: int) -> str:
    return f"https://fume.example.org/a/{'x' * 60}{k:04d}"
