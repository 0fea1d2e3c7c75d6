"""A notification's body as the contract shows it, to be overridden where a test cares."""

import uuid
from datetime import UTC, datetime
from typing import Any

from fumewatch.core.notice import Contact, Reason, notice

KEY = uuid.UUID("0b6e3c1e-9d51-4a59-9a5e-000000000001")


def a_body(**overrides: Any) -> dict[str, Any]:
    return {
        "id": "7f0c1c8e-2f1b-5a51-8a43-000000000007",
        "rule": "exceedance",
        "kind": "threshold",
        "severity": "warning",
        "state": "firing",
        "reason": "breached",
        "monitor": "MN0001",
        "district": "xuhui",
        "site": "老王面馆",
        "street": "天平路街道",
        "address": "衡山路 1 号",
        "value": 1.23,
        "limit": 1.0,
        "opened_at": "2026-11-23T04:05:00+00:00",
        "at": "2026-11-23T04:15:00+00:00",
        "evidence": {"channel": "fume"},
        "link": "http://127.0.0.1:8080/alerts/7f0c1c8e-2f1b-5a51-8a43-000000000007",
        "transition": 1,
        "text": {
            "zh": "【预警】老王面馆：油烟浓度 1.23 mg/m³\n地点：衡山路 1 号\n"
            "详情：http://127.0.0.1:8080/alerts/7f0c1c8e-2f1b-5a51-8a43-000000000007",
            "en": "[Early warning] 老王面馆: fume 1.23 mg/m³\nWhere: 衡山路 1 号\n"
            "Details: http://127.0.0.1:8080/alerts/7f0c1c8e-2f1b-5a51-8a43-000000000007",
        },
        **overrides,
    }


def a_contact(**overrides: Any) -> Contact:
    fields = {"id": 1, "name": "王", "phone": "13800000000", "email": "wang@example.org"}
    return Contact(**{**fields, **overrides})


def a_notice(*alerts: dict[str, Any], **overrides: Any) -> dict[str, Any]:
    """Of one alert where none is given."""
    fields: dict[str, Any] = {
        "key": KEY,
        "reason": Reason.GROUP,
        "at": datetime(2026, 11, 23, 4, 15, tzinfo=UTC),
        "receiver": "sms",
        **overrides,
    }
    return notice([{"change": "firing", **a} for a in alerts or (a_body(),)], **fields)
