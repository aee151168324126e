"""The composition root of the web process."""

import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from medici_platform import masking, migrate, observability, pages, web
from medici_platform.accounts.api import router as accounts
from medici_platform.bodies import WholeBodies
from medici_platform.challenges.api import router as challenges
from medici_platform.clock import Clock
from medici_platform.context import Context
from medici_platform.database import Database
from medici_platform.dispatch import CeleryDispatcher, Dispatcher
from medici_platform.leaderboards.api import router as leaderboards
from medici_platform.leaderboards.choices import offer_of
from medici_platform.leaderboards.migration_api import router as migration
from medici_platform.leaderboards.service import place_on_board
from medici_platform.leaderboards.usage import renumber_boards, usage_of
from medici_platform.look_throughs import install_look_throughs
from medici_platform.participants.api import router as participants
from medici_platform.queues.api import router as queues
from medici_platform.runs.alerts import count_alerts
from medici_platform.runs.api import router as runs
from medici_platform.runs.queries import run_by_token
from medici_platform.runs.service import start_runs
from medici_platform.runs.worker_api import router as worker_api
from medici_platform.settings import Settings, told
from medici_platform.storage import Storage, StorageUnusable
from medici_platform.submissions.api import router as submissions
from medici_platform.submissions.export import router as exports
from medici_platform.throttle import install_throttle
from medici_worker.protocol.runs import LARGEST_INTEGER

ROUTERS = (accounts, challenges, participants, queues, submissions, exports, runs, leaderboards, migration, worker_api)


def make_context(settings: Settings, dispatcher: Dispatcher | None = None) -> Context:
    return Context(
        settings=settings,
        database=Database(settings.database),
        storage=Storage(settings.storage, reserve_bytes=settings.storage_reserve_bytes),
        dispatcher=dispatcher or CeleryDispatcher(settings.broker),
        start_runs=start_runs,
        place_on_board=place_on_board,
        renumber=renumber_boards,
        usage_of=usage_of,
        offer_of=offer_of,
        count_alerts=count_alerts,
    )


def create_app(settings: Settings | None = None, *, context: Context | None = None) -> FastAPI:
    context = context or _own_context(settings or _own_settings())
    app = FastAPI(
        title="MedICI",
        summary="A self-hosted challenge platform for medical-imaging AI",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        responses=web.REFUSALS,
        lifespan=_lifespan,
    )
    app.state.context = context
    install_throttle(app, context.settings.broker_url)
    install_look_throughs(app)
    observability.observe(app)
    app.add_middleware(WholeBodies, is_attempt=partial(_is_attempt, context))
    for router in ROUTERS:
        app.include_router(router)
    pages.install(app)
    web.answer_errors(app)
    return app


def _is_attempt(context: Context, run_id: int, token: str) -> bool:
    """While the database is away it may be one: it is answered 503 then, and comes again."""
    if run_id > LARGEST_INTEGER:
        return False
    try:
        with context.database.read() as session:
            return session.scalar(run_by_token(run_id, token)) is not None
    except (OperationalError, InterfaceError, PoolTimeout):
        return True


def _own_settings() -> Settings:
    """Of a web process that a server started. It logs as the others do, or says in one sentence why it can't start."""
    try:
        settings = Settings()
    except ValidationError as error:
        sys.exit(told(error))
    observability.set_up_logging(settings)
    return settings


def _own_context(settings: Settings) -> Context:
    """Of a web process that a server started. It ends in one sentence where the database is of another version."""
    try:
        migrate.require_current(settings.database, settings.migrations_dir)
        return make_context(settings)
    except (migrate.SchemaMismatch, StorageUnusable) as error:
        sys.exit(error.message)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """On the embedded defaults the clock is a thread of this process."""
    context: Context = app.state.context
    masking.mask_libraries()
    clock = Clock(context) if context.settings.embedded else None
    if clock:
        threading.Thread(target=clock.run, name="clock", daemon=True).start()
    yield
    if clock:
        clock.stop()
    context.database.close()
