"""Logs: one event a line, fields beside it; JSON for machines, columns for a terminal."""

import logging
import sys
from typing import Final, Literal

import structlog

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
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
            foreign_pre_chain=shared,
        )
    )
    handler.setLevel(level.upper())  # psycopg and the chatty ones below have levels of their own
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
