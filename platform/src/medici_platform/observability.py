"""Structured logs, health, metrics."""

import logging
import time
from collections.abc import Awaitable, Callable

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from medici_platform import masking, migrate
from medici_platform.context import Context
from medici_platform.runs import queries
from medici_platform.runs.models import Run
from medici_platform.settings import Settings
from medici_platform.states import TERMINAL
from medici_platform.web import CurrentContext

log = structlog.get_logger()


def set_up_logging(settings: Settings, level: int = logging.INFO) -> None:
    masking.remember(settings.secrets)
    masking.mask_libraries()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
            masking.mask_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(),
    )


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("medici_requests", "Requests answered", ["method", "status"], registry=self.registry)
        self.seconds = Histogram("medici_request_seconds", "Time to answer", registry=self.registry)
        self.storage = Gauge("medici_storage_free_bytes", "Room on the storage's disk", registry=self.registry)
        self.runs = Gauge("medici_runs", "Runs that have not ended, by state", ["state"], registry=self.registry)
        self.overrun = Gauge(
            "medici_lease_overrun_seconds", "By how much the oldest lease has run out", registry=self.registry
        )
        self.wait = Gauge("medici_queue_wait_seconds", "How long the longest waiting run waits", registry=self.registry)

    def render(self, context: Context) -> bytes:
        with context.database.read() as session:
            counts = session.execute(
                select(Run.state, func.count()).where(Run.state.not_in(TERMINAL)).group_by(Run.state)
            ).all()
            now = context.now()
            self.overrun.set(queries.longest_overrun_s(session, now=now))
            self.wait.set(queries.longest_wait_s(session, now=now))
        self.storage.set(context.storage.free_bytes)
        self.runs.clear()
        for state, count in counts:
            self.runs.labels(state.value).set(count)
        return generate_latest(self.registry)


router = APIRouter(include_in_schema=False)


@router.get("/healthz", response_class=PlainTextResponse)
def healthy() -> str:
    """The process answers."""
    return "ok\n"


@router.get("/readyz")
def ready(context: CurrentContext) -> JSONResponse:
    """The database answers and its schema is there. With a full storage pages and runs go on: it only says so."""
    try:
        with context.database.read() as session:
            session.execute(text("SELECT 1 FROM run LIMIT 1"))
    except SQLAlchemyError as error:
        log.warning("not_ready", error=str(error))
        state = "empty: run `medici admin migrate`" if _is_empty(context) else "unavailable"
        return JSONResponse({"ready": False, "database": state}, status_code=503)
    return JSONResponse({"ready": True, "storage": "nearly full" if context.storage.is_full else "has room"})


def _is_empty(context: Context) -> bool:
    try:
        with context.database.read() as session:
            return not inspect(session.connection()).has_table(migrate.VERSION_TABLE)
    except SQLAlchemyError:
        return False


@router.get("/metrics")
def metrics(request: Request, context: CurrentContext) -> Response:
    collected: Metrics = request.app.state.metrics
    return Response(collected.render(context), media_type=CONTENT_TYPE_LATEST)


def observe(app: FastAPI) -> None:
    app.state.metrics = Metrics()
    app.include_router(router)

    @app.middleware("http")
    async def measure(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        response = await call_next(request)
        app.state.metrics.requests.labels(request.method, str(response.status_code)).inc()
        app.state.metrics.seconds.observe(time.perf_counter() - began)
        return response
