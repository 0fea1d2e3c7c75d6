"""Routes, escalations, digests and inhibitions, as `fumewatch routes list` shows them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fumewatch.cli import show
from fumewatch.core import duration
from fumewatch.core.conditions import written
from fumewatch.core.followup.ladder import Escalation
from fumewatch.core.routing import Route

if TYPE_CHECKING:
    from fumewatch.config import Config


def as_json(config: "Config") -> dict[str, Any]:
    """As the configuration has them, defaults filled in."""
    tables = {
        "routes": config.route,
        "escalations": config.escalation,
        "digests": config.digest,
        "inhibitions": config.inhibit,
    }
    return {
        name: [each.model_dump(mode="json", by_alias=True) for each in found]
        for name, found in tables.items()
    }


def tell(config: "Config") -> None:
    if config.route:
        columns = ["route", "alerts", "receivers", "", "grouped by", "wait", "interval", "repeat"]
        people = {each.name for each in config.receiver if not each.is_machine}
        rows = (_route(n, each, people) for n, each in enumerate(config.route, 1))
        show.table("Routes, in order: the first that takes an alert", columns, rows)
    else:
        show.line("No routes: nobody is told of any alert; add a [[route]].")
    for escalation in config.escalation:
        columns = ["step", "after", "receivers", "unless"]
        show.table(_escalation(escalation), columns, _steps(escalation))
    if config.digest:
        columns = ["digest", "alerts", "receivers", "at", "days", "of"]
        rows = ((d.name, written(d), ", ".join(d.receiver), d.at, ", ".join(d.days), d.of)
                for d in config.digest)  # fmt: skip
        show.table("Digests", columns, rows)
    if config.inhibit:
        columns = ["inhibit", "while one fires of", "not told are those of", "with the same"]
        rows = ((n, written(i.source), written(i.target), ", ".join(i.equal))
                for n, i in enumerate(config.inhibit, 1))  # fmt: skip
        show.table("Inhibitions", columns, rows)


def _route(number: int, route: Route, people: set[str]) -> Sequence[object]:
    on = "and on" if route.goes_on else ""
    said = [number, written(route), ", ".join(route.receiver), on]
    if not people.intersection(route.receiver):
        return [*said, "", "", "", ""]  # machines are not grouped
    times = (route.group_wait, route.group_interval, route.repeat_interval)
    return [*said, ", ".join(route.group_by), *(duration.show(t) if t else "–" for t in times)]


def _escalation(escalation: Escalation) -> str:
    return (
        f"Escalation {escalation.name}: {written(escalation)}; until {escalation.until}; "
        f"working hours {escalation.hours}"
    )


def _steps(escalation: Escalation) -> Iterator[Sequence[object]]:
    for step in escalation.step:
        after = f"{step.after} after {step.on}" if step.on else str(step.after)
        yield step.name, after, ", ".join(step.receiver), ", ".join(step.unless)
