"""A rule, a view and the open alerts into steps: the whole decision of an evaluation."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.alert import Alert, Finding, State, Step, Verdict, advance
from fumewatch.core.rules import MinuteRule
from fumewatch.core.view import View


def judge(
    rule: MinuteRule, view: View, open_alerts: Mapping[int, Alert], now: datetime
) -> list[Step]:
    """The steps of one rule at the view's monitors; only those that changed something.

    `open_alerts`: this rule's, by monitor; monitors outside the view are left alone.
    """
    firing = [m for m, alert in open_alerts.items() if alert.state is State.FIRING]
    judgement = rule.judge(view, _among(view.ids, firing))
    cleared = (judgement.verdict == Verdict.CLEAR) & _among(view.ids, list(open_alerts))
    steps = []
    for row in np.flatnonzero((judgement.verdict == Verdict.BREACH) | cleared).tolist():
        finding = Finding(
            monitor=int(view.ids[row]),
            verdict=Verdict(judgement.verdict[row]),
            value=float(judgement.value[row]),
            limit=float(judgement.limit[row]),
            evidence=_evidence(rule, view, row),
        )
        steps.append(advance(open_alerts.get(finding.monitor), finding, now, rule.facts))
    return [step for step in steps if step.changed]


def _evidence(rule: MinuteRule, view: View, row: int) -> Callable[[], dict[str, Any]]:
    return lambda: rule.evidence(view, row)


def _among(ids: NDArray[np.int32], monitors: list[int]) -> NDArray[np.bool_]:
    return np.isin(ids, np.array(monitors, np.int32))
