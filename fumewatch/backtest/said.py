"""Sentences of the report, in English and Chinese."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from fumewatch.backtest.compare import Change, Comparison, Difference, Span
from fumewatch.backtest.run import Outcome
from fumewatch.backtest.summary import Summary
from fumewatch.core.alert import Alert, Reason, State, Transition
from fumewatch.core.duration import show
from fumewatch.core.site import Place
from fumewatch.core.wording import message


@dataclass(frozen=True, slots=True)
class Said:
    en: str
    zh: str


def sentence(
    new: Summary, old: Summary | None, comparison: Comparison | None, span: Span, zone: ZoneInfo
) -> Said:
    """The first line of the report: what the change would have spared, and what it would miss."""
    period = _period(span, zone)
    if old is None or comparison is None:
        return Said(
            f"This configuration would have raised {_n(new.alerts, 'alert')} and sent "
            f"{_n(new.messages, 'message')} {period.en}.",
            f"{period.zh}，按此配置将产生 {new.alerts:,} 起告警、发出 {new.messages:,} 条消息。",
        )
    sent = _sent(new, old)
    missed = _missed(comparison)
    return Said(
        f"With this change you would have {sent.en} {period.en}, and {missed.en}.",
        f"若采用此变更，{period.zh}将{sent.zh}，{missed.zh}。",
    )


def _sent(new: Summary, old: Summary) -> Said:
    if not new.messages and not old.messages:  # nobody is told of anything
        by = new.alerts - old.alerts
        if not by:
            return Said(
                f"raised as many alerts ({new.alerts:,})", f"产生同样 {new.alerts:,} 起告警"
            )
        return Said(
            f"raised {_n(abs(by), 'alert')} {_more(by).en}",
            f"{_more(by).zh}产生 {abs(by):,} 起告警",
        )
    by = new.messages - old.messages
    if not by:
        return Said(
            f"sent as many messages ({new.messages:,})", f"发出同样 {new.messages:,} 条消息"
        )
    return Said(
        f"sent {_n(abs(by), 'message')} {_more(by).en}", f"{_more(by).zh}发 {abs(by):,} 条消息"
    )


def _more(by: int) -> Said:
    return Said("more", "多") if by > 0 else Said("fewer", "少")


def _missed(comparison: Comparison) -> Said:
    warned, missed, open_ = comparison.warned, comparison.missed, comparison.undecided
    waits = Said("", "")
    if open_:
        waits = Said(f" ({open_:,} undecided at the end)", f"（另有 {open_:,} 起至期末未定）")
    if missed:
        return Said(
            f"missed {missed:,} of {_n(warned, 'early warning')}{waits.en}",
            f"漏掉 {warned:,} 起预警中的 {missed:,} 起{waits.zh}",
        )
    if not warned:
        return Said("missed nothing (there was no early warning to miss)", "无漏报（期间本无预警）")
    return Said(f"missed nothing{waits.en}", f"无漏报{waits.zh}")


def _period(span: Span, zone: ZoneInfo) -> Said:
    first, end = span.start.astimezone(zone), span.end.astimezone(zone)
    if first.time() == end.time() == time(0):
        last = (end - timedelta(days=1)).date()
        if last == first.date():
            return Said(f"on {last}", f"{last}")
        return Said(f"from {first.date()} to {last}", f"{first.date()} 至 {last} ")
    shown = f"{first:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}"
    return Said(f"from {shown[0]} to {shown[1]}", f"{shown[0]} 至 {shown[1]} ")


def why(difference: Difference, outcomes: Sequence[Outcome], places: Mapping[int, Place]) -> Said:
    """The headline of the message that goes out, or went out, when the alert fires."""
    alert = difference.either
    outcome = outcomes[0] if difference.new else outcomes[1]
    move = outcome.fired.get(alert.id) or _as_firing(alert)
    rule = next((rule for rule in outcome.rules if rule.id == alert.rule), None)
    body = message(move, places[alert.monitor], rule=rule, base_url="", zone=outcome.config.zone)
    return Said(*(body["text"][language].splitlines()[0] for language in ("en", "zh")))


def described(difference: Difference) -> list[str]:
    """12m earlier, 5m longer; or new, gone."""
    lasts = difference.ends_by - difference.starts_by
    by = {
        Change.EARLIER: -difference.starts_by,
        Change.LATER: difference.starts_by,
        Change.LONGER: lasts,
        Change.SHORTER: -lasts,
    }
    said = []
    for change in difference.changes:
        if change in by:
            said.append(f"{show(by[change])} {change}")
        elif change is Change.SEVERITY and difference.old and difference.new:
            said.append(f"{difference.old.severity} → {difference.new.severity}")
        else:
            said.append(change.value)
    return said


def span_of(alert: Alert, zone: ZoneInfo) -> str:
    """When it fired: 11-23 12:05 to 12:40."""
    began = (alert.fired_at or alert.opened_at).astimezone(zone)
    if alert.resolved_at is None:
        return f"{began:%m-%d %H:%M}, still open"
    ended = alert.resolved_at.astimezone(zone)
    day = "" if began.date() == ended.date() else f"{ended:%m-%d} "
    return f"{began:%m-%d %H:%M} to {day}{ended:%H:%M}"


def _as_firing(alert: Alert) -> Transition:
    at: datetime = alert.fired_at or alert.opened_at
    firing = replace(alert, state=State.FIRING, resolved_at=None)
    return Transition(firing, State.PENDING, at, Reason.HELD)


def _n(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"
