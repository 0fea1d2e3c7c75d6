"""What every route needs, put together once by the factory."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Final, cast

from fastapi import Depends, Path, Query, Request

from fumewatch.config import Config
from fumewatch.health import Health
from fumewatch.store import Database
from fumewatch.web.allowance import Allowance
from fumewatch.web.language import COOKIE, Language, choose
from fumewatch.web.live import Feed
from fumewatch.web.overview import Overview
from fumewatch.web.pace import Pace
from fumewatch.web.present import Presenter
from fumewatch.web.render import Renderer
from fumewatch.web.verifying import Verifying

MOST_ANSWERS: Final = 20
WITHIN: Final = timedelta(minutes=10)
DRAWN_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Context:
    """`answers`: how often each link, or each person, may answer; `drawing`: keeps photos from
    taking all CPUs and threads of the pages; `asking`, `logging_in`: how often each address may;
    `verifying`: how many passwords at once. `began_with_login`: it takes a restart to open up."""

    database: Database
    health: Health
    now: Callable[[], datetime]
    present: Presenter
    overview: Overview
    render: Renderer
    feed: Feed
    began_with_login: bool
    asking: Pace = field(default_factory=lambda: Pace(300, per_second=30))
    logging_in: Pace = field(default_factory=lambda: Pace(30, per_second=0.1))
    verifying: Verifying = field(default_factory=Verifying)
    answers: Allowance = field(default_factory=lambda: Allowance(MOST_ANSWERS, WITHIN))
    drawing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DRAWN_AT_ONCE))

    @property
    def config(self) -> Config:
        return self.present.config

    @property
    def asks_for_login(self) -> bool:
        """Where it is not: this process may still listen to others than the configuration says."""
        return self.began_with_login or self.config.login.required

    def use(self, config: Config) -> None:
        """Show everything by another configuration from now on."""
        self.present.use(config)


def context_of(request: Request) -> Context:
    return cast(Context, request.app.state.context)


def language_of(request: Request) -> Language:
    return choose(
        request.query_params.get("lang"),
        request.cookies.get(COOKIE),
        request.headers.get("accept-language"),
        context_of(request).config.language,
    )


Ctx = Annotated[Context, Depends(context_of)]
Lang = Annotated[Language, Depends(language_of)]
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]
Words = Annotated[str | None, Query(max_length=100)]
"""A filter from the address: empty, as forms send it, is none; see `given`."""


def given(text: str | None) -> str | None:
    """What a form field holds, None where it was left empty."""
    return (text or "").replace("\0", "").strip() or None
