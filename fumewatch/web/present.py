"""From the store's rows to what is shown: units, titles, limits, the site's zone, the state."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args

from fumewatch.config import Config
from fumewatch.core.alert import Transition
from fumewatch.core.fleet import OpenAlert, Seen, Standing, standing
from fumewatch.core.limit import LimitProfile
from fumewatch.core.particulars import group_name
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules import Rule, Threshold, Trend
from fumewatch.core.site import Place
from fumewatch.core.wording import sentence
from fumewatch.health import Part
from fumewatch.store.pages.alerts import AlertRow, NotificationRow, TransitionRow
from fumewatch.store.pages.dead_letters import Letter
from fumewatch.store.pages.fleet import MonitorRow, SiteListRow, SiteRow
from fumewatch.web import models, recorded
from fumewatch.web.language import Code

_KIND_TITLES: Final = {
    "threshold": models.Title(zh="监测值超标预警", en="Value above the limit"),
    "linkage": models.Title(zh="风机运行时净化器未开启", en="Purifier off while the fan runs"),
    "absence": models.Title(zh="监测仪离线", en="Monitor offline"),
    "trend": models.Title(zh="浓度预计将达限值", en="Value expected to reach the limit"),
    "flatline": models.Title(zh="数据长时间不变", en="Value stuck"),
    "jump": models.Title(zh="浓度突变", en="Sudden rise"),
    "outage": models.Title(zh="监测仪大面积离线", en="Many monitors offline at once"),
    "recurrence": models.Title(zh="反复告警", en="The same alerts again and again"),
    "complaint": models.Title(zh="预警附近有居民投诉", en="Complaint near an alert"),
    "mismatch": models.Title(zh="设备统计值与平台计算不符", en="Device's own means differ"),
    "deterioration": models.Title(zh="净化效果下降", en="Values rising day by day"),
    "baseline": models.Title(zh="电流偏低", en="Current low against its baseline"),
    "cleaning": models.Title(zh="净化器待清洗", en="Purifier due for cleaning"),
    "linkage_rate": models.Title(
        zh="净化器联动率偏低", en="Purifier on for too little of the time"
    ),
    "validity": models.Title(zh="监测数据有效率偏低", en="Too little valid data"),
}
_UNITS: Final = {
    "linkage": "min",
    "absence": "min",
    "flatline": "min",
    "complaint": "m",
    "outage": "",
    "recurrence": "",
    "mismatch": "",
    "deterioration": "d",
    "cleaning": "d",
}
"""Of kinds whose numbers are not a channel's."""
_KIND_CHECKS: Final = {
    get_args(of.model_fields["kind"].annotation)[0]: of.CHECKS for of in get_args(get_args(Rule)[0])
}
_SHARES: Final = frozenset({"baseline", "linkage_rate", "validity"})
"""Kinds whose numbers are shares, told in per cent."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a rule's numbers are: of which channel, in which unit, and times what to be in it."""

    channel: str | None
    unit: str
    scale: float = 1


class Presenter:
    """Knows the configuration; alerts of rules that it no longer has are shown by their kind."""

    def __init__(self, config: Config) -> None:
        self.use(config)

    def use(self, config: Config) -> None:
        """Go by another configuration, from any thread; the zone stays until a restart."""
        self.config = config
        self.zone = config.zone
        self.rules: Mapping[str, Rule] = {rule.id: rule for rule in config.rule}
        self._limits: Mapping[str, LimitProfile] = {limit.name: limit for limit in config.limit}
        self._base_url = config.web.base_url
        self._hours = str(config.business_hours)

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)

    def _local(self, at: datetime | None) -> datetime | None:
        return None if at is None else self.local(at)

    def title(self, rule: str, kind: str) -> models.Title:
        known = self.rules.get(rule)
        if known is not None:
            return models.Title(zh=known.title("zh"), en=known.title("en"))
        return _KIND_TITLES.get(kind) or models.Title(zh=rule, en=rule)

    def checks(self, rule: str, kind: str, language: Code) -> Sequence[str]:
        """What to look at on site; of a rule that is no longer configured, what its kind says."""
        known = self.rules.get(rule)
        if known is not None:
            return known.checks(language)
        return tuple(check.of(language) for check in _KIND_CHECKS.get(kind, ()))

    def said(self, move: Transition, place: Place, language: Code) -> str:
        """What the headline of a message says."""
        rule = self.rules.get(move.alert.rule)
        return sentence(move, place, rule=rule, zone=self.zone, language=language)

    def measure(self, rule: str, kind: str, evidence: Mapping[str, Any]) -> Measure:
        if kind in _UNITS:
            return Measure(None, _UNITS[kind])
        if kind in _SHARES:
            return Measure(None, "%", 100)
        known = self.rules.get(rule)
        channel = getattr(known, "channel", None) or evidence.get("channel")
        if channel not in INDEX:
            return Measure(None, "")
        if isinstance(known, Threshold) and known.statistic == "share":
            return Measure(channel, "%", 100)
        return Measure(channel, CHANNELS[INDEX[channel]].unit)

    def alert(self, row: AlertRow) -> models.Alert:
        measure = self.measure(row.rule, row.kind, row.evidence)
        return models.Alert(
            id=row.id,
            rule=row.rule,
            title=self.title(row.rule, row.kind),
            kind=row.kind,
            severity=row.severity,
            state=row.state,
            monitor_id=row.monitor_id,
            monitor=row.monitor,
            district=row.district,
            site_id=row.site_id,
            site=row.site,
            street=row.street,
            address=row.address,
            outlet=row.outlet or "",
            group=group_name(row.evidence) if row.kind == "outage" else "",
            channel=measure.channel,
            value=_number(row.value * measure.scale),
            limit=_number(row.limit * measure.scale),
            is_legal_limit=self._is_legal_limit(row.rule),
            unit=measure.unit,
            opened_at=self.local(row.opened_at),
            breached_at=self.local(row.breached_at),
            fired_at=self._local(row.fired_at),
            resolved_at=self._local(row.resolved_at),
            link=f"{self._base_url}/alerts/{row.id}",
            rank=row.rank,
        )

    def transition(self, row: TransitionRow, measure: Measure) -> models.Transition:
        return models.Transition(
            id=row.id,
            before=row.before,
            after=row.after,
            at=self.local(row.at),
            reason=row.reason,
            value=_number(row.value * measure.scale),
        )

    def notification(self, row: NotificationRow) -> recorded.Notification:
        return recorded.Notification(
            transition=row.transition_id,
            receiver=row.receiver,
            addressee=row.addressee,
            person=row.person,
            reason=row.reason,
            state=row.state,
            created_at=self.local(row.created_at),
            due_at=self.local(row.due_at),
            attempts=row.attempts,
            answer=row.answer,
            settled_at=self._local(row.settled_at),
        )

    def limits(self, profile: str | None) -> dict[str, float]:
        """By channel, in mg/m³; empty where the profile is not configured."""
        limit = self._limits.get(profile or "")
        if limit is None:
            return {}
        found = {channel.name: limit.of(channel.name) for channel in CHANNELS}
        return {name: value for name, value in found.items() if value is not None}

    def monitor(self, row: MonitorRow, now: datetime) -> models.Monitor:
        stands = self.standing(row, now)
        return models.Monitor(
            id=row.id,
            code=row.code,
            district=row.district,
            state=stands.state,
            why=stands.why,
            site_id=row.site_id,
            site=row.site,
            street=row.street,
            address=row.address,
            outlet=row.outlet or row.outlet_code or "",
            outlet_id=row.outlet_id,
            vendor=row.vendor,
            model=row.model,
            limit_profile=row.limit_profile or "",
            limits=self.limits(row.limit_profile),
            cleaned_at=row.cleaned_at,
            status=row.status,
            status_at=self._local(row.status_at),
            heard_at=self._local(row.heard_at),
            registered_at=self.local(row.registered_at),
            measured_at=self._local(row.measured_at),
            quality=row.quality,
            open_alerts=len(row.alert_kinds),
            latest=_values(row),
        )

    def standing(self, row: MonitorRow, now: datetime) -> Standing:
        alerts = tuple(
            OpenAlert(kind, self._is_exceedance(rule, kind))
            for rule, kind in zip(row.alert_rules, row.alert_kinds, strict=True)
        )
        seen = Seen(
            is_assigned=row.site_id is not None,
            measured_at=row.measured_at,
            quality=row.quality,
            unjudged=row.unjudged,
            status=row.status,
            status_at=row.status_at,
            heard_at=row.heard_at,
            alerts=alerts,
        )
        return standing(seen, now)

    def _is_legal_limit(self, rule: str) -> bool:
        """Whether the rule compares with the profile's limit itself: not twice it, not 60 %."""
        match self.rules.get(rule):
            case Threshold(above=level) | Trend(reaches=level) if level:
                return level.of_limit and level.number == 1  # a share's level is never of a limit
            case _:
                return False

    def _is_exceedance(self, rule: str, kind: str) -> bool:
        """A threshold at the limit or above; "0.9 * limit" is near it, a plain number is none."""
        known = self.rules.get(rule)
        if not isinstance(known, Threshold):
            return known is None and kind == "threshold"
        level = known.share_above or known.above
        return level is not None and level.of_limit and level.number >= 1

    def site(self, row: SiteRow, monitors: list[models.Monitor]) -> models.Site:
        return models.Site(
            id=row.id,
            code=row.code,
            name=row.name,
            district=row.district,
            street=row.street,
            address=row.address,
            contact=row.contact,
            size_class=row.size_class,
            business_hours=row.business_hours or self._hours,
            tags=row.tags,
            monitors=monitors,
        )

    def site_in_list(self, row: SiteListRow) -> models.SiteInList:
        return models.SiteInList(
            id=row.id,
            code=row.code,
            name=row.name,
            street=row.street,
            address=row.address,
            monitors=row.monitors,
            open_alerts=row.open_alerts,
        )

    def part(self, part: Part) -> models.HealthPart:
        return models.HealthPart(is_up=part.is_up, detail=part.detail, since=self.local(part.since))

    def dead_letter(self, row: Letter) -> models.DeadLetter:
        return models.DeadLetter(
            id=row.id,
            received_at=self.local(row.received_at),
            topic=row.topic,
            payload=row.payload.decode("utf-8", "backslashreplace"),
            kind=row.kind,
            detail=row.detail,
            profile=row.profile,
            state=row.state.value,
            is_cut=row.is_cut,
            requested_at=self._local(row.requested_at),
            tried_at=self._local(row.tried_at),
            replayed_at=self._local(row.replayed_at),
        )


def _number(value: float) -> float | None:
    """NaN, "there is no number", is null in JSON."""
    return round(value, 4) if math.isfinite(value) else None


def _values(row: MonitorRow) -> list[models.Value]:
    return [
        models.Value(
            channel=channel.name,
            value=value / channel.scale,
            unit=channel.unit,
            is_judged=not row.unjudged >> i & 1,
        )
        for i, (channel, value) in enumerate(zip(CHANNELS, row.latest, strict=True))
        if value is not None
    ]
