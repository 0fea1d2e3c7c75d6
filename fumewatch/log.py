"""Logs: one event a line, fields beside it; JSON for machines, columns for a terminal.

Whatever comes from outside, a line stays one line and moves no cursor; and no secret that `hide`
was told of is in it.
"""

import logging
import sys
from collections.abc import Iterable
from typing import Any, Final, Literal

import structlog

from fumewatch.core.mask import Mask
from fumewatch.core.visible import inert_json

_CHATTY: Final = (
    "alembic",
    "apscheduler",
    "httpcore2",
    "httpx2",
    "urllib3",
    "uvicorn.access",
    "watchfiles",
)
"""Libraries of which warnings are enough; those that speak HTTP also show URLs, with tokens."""


_MANY_LINES: Final = ("exception", "stack")
_hidden: set[str] = set()
_mask = Mask()


def hide(secrets: Iterable[str], *, besides: bool = False) -> None:
    """From now on. `besides`: and those told of before, which may still be secrets elsewhere."""
    global _mask
    if not besides:
        _hidden.clear()
    _hidden.update(secrets)
    _mask = Mask.of(_hidden)


def masked(text: str) -> str:
    """The text without any secret that we were told of."""
    return _mask(text)


def set_up(level: str, form: Literal["json", "console"]) -> None:
    """Send our events and those of the libraries to standard error in one form.

    May be called again: loggers in use remember our processors, but the level is asked of the root.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.JSONRenderer(ensure_ascii=False), _inert_json]
        if form == "json"
        else [_inert, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Formatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
            foreign_pre_chain=shared,
        )
    )
    handler.setLevel(level.upper())  # psycopg and the chatty ones below have levels of their own
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Each attempt of its to connect, some thousand lines an hour: we say once that it is away.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """The last to touch a line, so that it catches what any library put there."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def _inert(
    _logger: object, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """For the console, which shows texts as they are. A traceback's lines are set in from the
    margin, where no line of ours begins."""
    for key, value in event.items():
        if not isinstance(value, str):
            continue  # shown by repr, which escapes
        lines = value.split("\n") if key in _MANY_LINES else [value]
        event[key] = "\n    ".join(map(_escaped, lines))
    return event


def _inert_json(_logger: object, _name: str, line: Any) -> str:
    return inert_json(str(line))


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
