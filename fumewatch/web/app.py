"""The factory of the web application."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import GZipMiddleware

from fumewatch import __version__
from fumewatch.config import Config
from fumewatch.health import Health
from fumewatch.store import Database
from fumewatch.web import (
    account,
    acting,
    alert_page,
    api,
    assets,
    deliveries,
    links,
    login,
    operate,
    pages,
    photos,
    problems,
    silences,
    silences_page,
    users,
)
from fumewatch.web.context import Context
from fumewatch.web.gate import Gate
from fumewatch.web.live import Counts, Feed
from fumewatch.web.overview import Overview
from fumewatch.web.present import Presenter
from fumewatch.web.render import Renderer
from fumewatch.web.shield import Shield

_ABOUT: Final = "Early warnings and readings of restaurant oil-fume monitors. Times are ISO 8601."


def create_app(
    database: Database, config: Config, health: Health, now: Callable[[], datetime]
) -> FastAPI:
    """Pages, API and health checks.

    Open streams end when `app.state.context.feed.stop()` is called, from any thread; `web.Server`
    does so. `app.state.context.use(config)` shows everything by another configuration. Give it a
    `database` of its own: pages must not take ingest's connections.
    """
    app = FastAPI(
        title="fumewatch",
        version=__version__,
        description=_ABOUT,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.context = _context(database, config, health, now)
    app.include_router(operate.router)
    app.include_router(login.router)
    app.include_router(account.router)
    app.include_router(users.router)
    app.include_router(api.router)
    app.include_router(acting.router)
    app.include_router(deliveries.router)
    app.include_router(pages.router)
    app.include_router(alert_page.router)
    app.include_router(photos.router)
    app.include_router(links.router)
    app.include_router(silences.router)
    app.include_router(silences_page.router)
    problems.install(app)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(Gate, context=app.state.context)
    app.add_middleware(Shield, context=app.state.context)
    return app


def _context(
    database: Database, config: Config, health: Health, now: Callable[[], datetime]
) -> Context:
    present = Presenter(config)
    overview = Overview(database, present, now)

    def count() -> Counts:
        return overview.counts().model_dump(mode="json")

    return Context(
        database=database,
        health=health,
        now=now,
        present=present,
        overview=overview,
        render=Renderer(config.zone, now, health.configured),
        feed=Feed(database, now, count),
        began_with_login=config.login.required,
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Know the static files, poll while we run."""
    feed: Feed = app.state.context.feed
    await run_in_threadpool(assets.assets)
    polling = asyncio.create_task(feed.run(), name="live-feed")
    yield
    feed.stop()
    await polling
