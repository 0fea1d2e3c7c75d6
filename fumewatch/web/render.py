"""Templates and how they show times, numbers and words. Everything is escaped."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from fumewatch import __version__
from fumewatch.core.phrases import one_line
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.visible import plain
from fumewatch.health import Configured, under_way
from fumewatch.store.pages.dead_letters import MOST_COUNTED
from fumewatch.web import assets
from fumewatch.web.agents import device_of
from fumewatch.web.language import COOKIE, LANGUAGES, Code, Language
from fumewatch.web.who import who_of
from fumewatch.web.words import CONNECTION, LASTING, WORDS

_YEAR: Final = 365 * 24 * 3600
LONGEST_DETAIL: Final = 200
_WHOLE_UNITS: Final = frozenset({"", "d", "min", "m"})


class Renderer:
    def __init__(
        self, zone: ZoneInfo, now: Callable[[], datetime], configured: Callable[[], Configured]
    ) -> None:
        self._now = now
        self._configured = configured
        self._zone = zone
        self._environments = {
            code: _environment(language, zone, now) for code, language in LANGUAGES.items()
        }

    def page(
        self, request: Request, language: Language, template: str, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """The page; a language asked for in the address is remembered."""
        values |= {
            "request": request,
            "who": who_of(request),
            "configured": self._configured(),
        }
        response = HTMLResponse(
            self.text(language.code, template, **values),
            status_code=status,
            headers={"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie"},
        )
        if request.query_params.get("lang"):
            response.set_cookie(COOKIE, language.code, max_age=_YEAR, samesite="lax", httponly=True)
        return response

    def text(self, code: Code, template: str, /, **values: Any) -> str:
        now = self._now()
        today = now.astimezone(self._zone).date()
        found = self._environments[code].get_template(template)
        return found.render(now=now, today=today, **values)


def _environment(language: Language, zone: ZoneInfo, now: Callable[[], datetime]) -> Environment:
    environment = Environment(
        loader=PackageLoader("fumewatch.web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # the i18n extension's
        language.gettext, language.ngettext, newstyle=True
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}  # and as we ordered it
    show = Show(language, zone, now)
    environment.filters |= {
        "clock": show.clock,
        "stamp": show.stamp,
        "day": show.day,
        "lasting": show.lasting,
        "term": show.term,
        "device": device_of,
        "number": show.number,
        "counted": show.counted,
        "value": show.value,
        "amount": show.amount,
        "word": show.word,
        "outcome": show.outcome,
        "title_of": show.title_of,
        "channel": show.channel,
        "connection": show.connection,
        "under_way": under_way,
        "details": details,
        "basename": basename,
    }
    environment.globals |= {
        "asset": assets.url,
        "style_guards": assets.plotly_style_guards,
        "language": language,
        "languages": LANGUAGES,
        "version": __version__,
        "zone": str(zone),
        "lasting_texts": show.lasting_texts(),
        "channel_names": {channel.name: show.channel(channel.name) for channel in CHANNELS},
    }
    return environment


def _plain(value: Any) -> Any:
    """Of whatever a page says, what can be read."""
    if not isinstance(value, str) or value.isprintable():
        return value
    if isinstance(value, Markup):
        return Markup(plain(value))  # not one < more than there was  # nosec B704
    return plain(value)


def details(detail: Mapping[str, str]) -> str:
    """What a device wrote, on one line that nothing in it can break or turn round."""
    told = "; ".join(f"{key}={value}" if value else key for key, value in detail.items())
    return one_line(told, LONGEST_DETAIL)


def basename(where: str) -> str:
    """config.toml:12 of /etc/fumewatch/config.toml:12: readers of a page need no more of it."""
    return where.rpartition("/")[2]


class Show:
    """Filters of one language and one zone."""

    def __init__(self, language: Language, zone: ZoneInfo, now: Callable[[], datetime]) -> None:
        self._language = language
        self._zone = zone
        self._now = now

    def clock(self, at: datetime) -> str:
        """17:45 today, 11-22 17:45 otherwise, with the year if it is another one."""
        local, today = at.astimezone(self._zone), self._now().astimezone(self._zone)
        if local.date() == today.date():
            return f"{local:%H:%M}"
        return f"{local:%m-%d %H:%M}" if local.year == today.year else f"{local:%Y-%m-%d %H:%M}"

    def stamp(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M:%S}"

    def day(self, day: date | None) -> str:
        return "–" if day is None else f"{day:%Y-%m-%d}"

    def lasting(self, duration: timedelta) -> str:
        """The two largest units that matter: 45 s, 12 min, 1 h 40 min, 3 d 4 h."""
        seconds = max(0, int(duration.total_seconds()))
        minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
        size = "s" if minutes < 1 else "m" if hours < 1 else "h" if days < 2 else "d"
        size = "w" if days >= 14 else size
        parts = {"s": seconds, "m": minutes % 60, "h": hours, "d": days}
        if size == "d":
            parts["h"] %= 24
        return self._language.gettext(LASTING[size]) % parts

    def term(self, duration: timedelta) -> str:
        """Of a setting, which is mostly a round one: 7 days, 12 hours; else as `lasting`."""
        hours, rest = divmod(duration, timedelta(hours=1))
        if rest or not hours:
            return self.lasting(duration)
        ngettext = self._language.ngettext
        if hours % 24 == 0:
            return ngettext("%(num)d day", "%(num)d days", hours // 24) % {"num": hours // 24}
        return ngettext("%(num)d hour", "%(num)d hours", hours) % {"num": hours}

    def lasting_texts(self) -> dict[str, str]:
        """The same texts for page.js, which keeps durations going."""
        said = {size: self._language.gettext(text) for size, text in LASTING.items()}
        return {size: re.sub(r"%\((.)\)d", r"{\1}", text) for size, text in said.items()}

    def number(self, number: int) -> str:
        return f"{number:,}"

    def counted(self, numbers: int | Sequence[int]) -> str:
        """A count of dead letters, or the sum of several: 10,000+ where nobody counted further."""
        each = [numbers] if isinstance(numbers, int) else numbers
        more = "+" if any(number >= MOST_COUNTED for number in each) else ""
        return f"{self.number(sum(each))}{more}"

    def value(self, value: float | None) -> str:
        """As many decimals as its size deserves; a dash where there is none."""
        if value is None:
            return "–"
        if abs(value) >= 100 or (abs(value) >= 10 and value == int(value)):
            return f"{value:.0f}"
        return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"

    def amount(self, value: float | None, unit: str) -> str:
        """As `value`, but days, minutes, metres and counts without decimals that say nothing."""
        if value is None or unit not in _WHOLE_UNITS:
            return self.value(value)
        return f"{value:.1f}".removesuffix(".0")

    def word(self, word: str, otherwise: str | None = None) -> str:
        """A stable word of the program (a state, a reason, a channel) as the reader says it.

        `otherwise`: what is said of a word that is not known; none: the word itself.
        """
        if word in INDEX:
            return self.channel(word)
        known = WORDS.get(word)
        if known is None and otherwise is not None:
            return otherwise
        return self._language.gettext(known or word)

    def outcome(self, outcome: str) -> str:
        """What was found: "resolved" is then what people did, not what the readings say."""
        return self.word(f"outcome.{outcome}", outcome)

    def title_of(self, title: Any) -> str:
        return str(getattr(title, self._language.code))

    def channel(self, name: str) -> str:
        channel = CHANNELS[INDEX[name]]
        return channel.zh if self._language.code == "zh" else channel.en

    def connection(self, status: str) -> str:
        """What the broker said of a monitor's connection."""
        return self._language.gettext(CONNECTION.get(status, status))
