from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import Response

from medici_platform.accounts.access import Admin
from medici_platform.presentation.visitors import CurrentVisitor
from medici_platform.queues import queries
from medici_platform.web import CurrentContext, CurrentSession

router = APIRouter(include_in_schema=False)

CONNECTED_FOR = timedelta(minutes=3)
"""A worker says hello every minute."""


@router.get("/admin/workers")
def list_workers(visitor: CurrentVisitor, _: Admin, context: CurrentContext, session: CurrentSession) -> Response:
    return visitor.render(
        "workers.html", workers=queries.workers(session), connected_since=context.now() - CONNECTED_FOR
    )
