"""What workers call. A worker claims with its credential; everything after that with the token of its attempt."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from medici_platform.accounts.access import bearer_token
from medici_platform.context import Context
from medici_platform.errors import InvalidRequest, NotAllowed, NotFound, NotSignedIn
from medici_platform.queues.models import Worker
from medici_platform.queues.queries import worker_by_credential
from medici_platform.queues.service import note_hello
from medici_platform.runs import alerts, leaks, queries, reports, service, specs
from medici_platform.runs.models import Run
from medici_platform.security import hash_token, new_token
from medici_platform.states import State
from medici_platform.storage import StoredFile
from medici_platform.web import CurrentContext, CurrentSession, Id
from medici_worker.protocol import (
    CASES_LIMIT_BYTES,
    PROTOCOL_VERSION,
    Claim,
    ClaimRequest,
    FileRole,
    Limits,
    LogChunk,
    Report,
    Stage,
    StageAnswer,
    StageRequest,
    WorkerHello,
    WorkerWelcome,
)

router = APIRouter(prefix="/api/worker/v1", include_in_schema=False)


def _bearer(request: Request) -> str:
    token = bearer_token(request)
    if token is None:
        raise NotSignedIn("Workers send their credential, or their attempt's token, as `Authorization: Bearer …`.")
    return token


Bearer = Annotated[str, Depends(_bearer)]


def _worker(bearer: Bearer, session: CurrentSession) -> Worker:
    worker = worker_by_credential(session, hash_token(bearer))
    if worker is None:
        raise NotSignedIn(
            "This worker's credential is unknown or revoked: enrol it with `medici worker enroll`.",
            code="bad_credential",
        )
    return worker


CurrentWorker = Annotated[Worker, Depends(_worker)]


def _held_run(run_id: Id, bearer: Bearer, session: CurrentSession) -> Run:
    return queries.held_run(session, run_id, bearer, lock=True)


HeldRun = Annotated[Run, Depends(_held_run)]


@router.post("/hello")
def hello(body: WorkerHello, worker: CurrentWorker, context: CurrentContext, session: CurrentSession) -> WorkerWelcome:
    _require_protocol(body.protocol)
    if note_hello(worker, body, now=context.now()):
        service.hint_waiting(session, context, worker.queue)
    overlooked = queries.overlooked_runs(session, worker, queued_before=service.long_ago(context))
    return WorkerWelcome(worker_id=worker.id, name=worker.name, queue=worker.queue.name, overlooked=tuple(overlooked))


@router.post("/claims")
def claim(body: ClaimRequest, worker: CurrentWorker, context: CurrentContext, session: CurrentSession) -> Claim:
    _require_protocol(body.protocol)
    token = new_token("attempt")
    run = service.claim(session, context, worker, body.run_id, free_gpus=body.free_gpus, token_hash=hash_token(token))
    settings = context.settings
    return Claim(
        spec=specs.run_spec(run, settings), token=token, lease_s=settings.lease_s, heartbeat_s=settings.heartbeat_s
    )


@router.post("/runs/{run_id}/heartbeat")
def heartbeat(run: HeldRun, context: CurrentContext) -> StageAnswer:
    return StageAnswer(lease_until=service.renew_lease(context, run))


@router.post("/runs/{run_id}/stage")
def enter_stage(body: StageRequest, run: HeldRun, context: CurrentContext, session: CurrentSession) -> StageAnswer:
    reports.enter_stage(session, context, run, body.stage)
    grant = specs.scoring_grant(run.task) if body.stage == Stage.SCORING else None
    return StageAnswer(lease_until=run.lease_until or context.now(), scoring=grant)


@router.post("/runs/{run_id}/logs", status_code=HTTPStatus.NO_CONTENT)
def store_log(body: LogChunk, run: HeldRun, context: CurrentContext, session: CurrentSession) -> None:
    leaks.watch_log(session, context, run, body)
    reports.store_log(session, context, run, body)


@router.get("/runs/{run_id}/files/{role}", response_class=FileResponse)
def download(role: FileRole, run: HeldRun, context: CurrentContext) -> FileResponse:
    """The reference data is handed out in the scoring stage alone, when the participant's container has ended."""
    if role == FileRole.REFERENCE_DATA and run.state != State.SCORING:
        raise NotAllowed("The reference data is handed out in the scoring stage alone.", code="not_yet")
    sha256 = specs.sha256_of(run, role)
    if sha256 is None:
        raise NotFound(f"This run has no {role.value}.")
    return FileResponse(context.storage.path(sha256), media_type=specs.media_type_of(run, role))


@router.put("/runs/{run_id}/outputs", status_code=HTTPStatus.NO_CONTENT)
async def store_outputs(run_id: Id, request: Request, bearer: Bearer, context: CurrentContext) -> None:
    """The run's outputs, kept as they are: nothing of them is unpacked here, but a canary is looked for."""
    limit_bytes = await run_in_threadpool(_outputs_limit, context, run_id, bearer)
    stored = await _received(request, context, "outputs", limit_bytes=limit_bytes)
    await run_in_threadpool(_keep_outputs, context, run_id, bearer, stored)


@router.put("/runs/{run_id}/cases", status_code=HTTPStatus.NO_CONTENT)
async def store_cases(run_id: Id, request: Request, bearer: Bearer, context: CurrentContext) -> None:
    """The scoring program's table of single cases, kept unread."""
    await run_in_threadpool(_require_held, context, run_id, bearer)
    stored = await _received(request, context, "table of cases", limit_bytes=CASES_LIMIT_BYTES)
    await run_in_threadpool(_keep_cases, context, run_id, bearer, stored)


@router.post("/runs/{run_id}/report", status_code=HTTPStatus.NO_CONTENT)
def report(run_id: Id, body: Report, bearer: Bearer, context: CurrentContext) -> None:
    fit, canary_in = leaks.made_fit(context, run_id, bearer, body)
    with context.database.write() as session:
        run = reports.store_report(session, context, run_id, bearer, fit)
        if canary_in:
            alerts.tell_canary(session, run, canary_in, now=context.now())


@router.post("/runs/{run_id}/release", status_code=HTTPStatus.NO_CONTENT)
def release(run: HeldRun, context: CurrentContext, session: CurrentSession) -> None:
    service.release(session, context, run)


def _require_protocol(version: int) -> None:
    if version != PROTOCOL_VERSION:
        raise InvalidRequest(
            f"This worker speaks protocol {version} and the platform {PROTOCOL_VERSION}: install the same version.",
            code="protocol",
        )


async def _received(request: Request, context: Context, what: str, *, limit_bytes: int) -> StoredFile:
    """The body as a file in the storage, whole or not at all."""
    with context.storage.receive(limit_bytes=limit_bytes, is_new=False) as reception:
        async for chunk in request.stream():
            await run_in_threadpool(reception.write, chunk)
        stored = await run_in_threadpool(reception.complete)
        if stored.sha256 != request.headers.get("x-content-sha256"):
            raise InvalidRequest(f"The {what} arrived damaged: its sha256 is not the one that was announced.")
        context.storage.keep(reception.path, stored.sha256)
    return stored


def _require_held(context: Context, run_id: int, token: str) -> None:
    with context.database.read() as session:
        queries.held_run(session, run_id, token)


def _outputs_limit(context: Context, run_id: int, token: str) -> int:
    with context.database.read() as session:
        run = queries.held_run(session, run_id, token)
        return Limits.model_validate(run.submission.phase.limits).archive_bytes


def _keep_outputs(context: Context, run_id: int, token: str, stored: StoredFile) -> None:
    canary_in = leaks.where_in_outputs(context, run_id, stored.sha256)
    with context.database.write() as session:
        run = queries.held_run(session, run_id, token, lock=True)
        run.outputs_sha256 = stored.sha256
        run.outputs_bytes = stored.size_bytes
        if canary_in:
            alerts.tell_canary(session, run, canary_in, now=context.now())


def _keep_cases(context: Context, run_id: int, token: str, stored: StoredFile) -> None:
    with context.database.write() as session:
        run = queries.held_run(session, run_id, token, lock=True)
        run.cases_sha256 = stored.sha256
        run.cases_bytes = stored.size_bytes
