from http import HTTPStatus

from fastapi import APIRouter

from medici_platform.accounts.access import Admin, opened_by
from medici_platform.accounts.rules import Scope
from medici_platform.queues import queries, service
from medici_platform.queues.models import Worker
from medici_platform.queues.schemas import WorkerCredential, WorkerEnrolment, WorkerOut
from medici_platform.web import CurrentContext, CurrentSession

router = APIRouter(prefix="/api/v1/workers", tags=["workers"])


@router.get("", response_model=list[WorkerOut])
@opened_by(Scope.READ)
def list_workers(_: Admin, session: CurrentSession) -> list[Worker]:
    return list(queries.workers(session))


@router.post("", status_code=HTTPStatus.CREATED)
def enroll(body: WorkerEnrolment, _: Admin, context: CurrentContext, session: CurrentSession) -> WorkerCredential:
    """The credential is shown once; the worker's machine keeps it."""
    credential = service.enroll_worker(session, name=body.name, queue=body.queue, now=context.now())
    return WorkerCredential(name=body.name, queue=body.queue, credential=credential)


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
def revoke(name: str, _: Admin, context: CurrentContext, session: CurrentSession) -> None:
    service.revoke_worker(session, name, now=context.now())
