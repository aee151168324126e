"""The pages put together: every feature's routes, static files, security headers and the page of a refusal."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.staticfiles import StaticFiles

from medici_platform.accounts.access import find_user
from medici_platform.accounts.models import User
from medici_platform.accounts.pages import router as accounts
from medici_platform.challenges.pages import router as challenges
from medici_platform.context import Context
from medici_platform.errors import MediciError
from medici_platform.leaderboards.pages import router as leaderboards
from medici_platform.participants.pages import router as participants
from medici_platform.presentation.api_reference import router as api_reference
from medici_platform.presentation.headers import SecurityHeaders, protect
from medici_platform.presentation.hosts import OwnHosts
from medici_platform.presentation.templates import STATIC
from medici_platform.presentation.visitors import Visitor, redirect, sign_in_path
from medici_platform.queues.pages import router as queues
from medici_platform.runs.alert_pages import router as alerts
from medici_platform.runs.pages import router as runs
from medici_platform.submissions.own_pages import router as own_submissions
from medici_platform.submissions.pages import router as submissions

ROUTERS = (
    accounts,
    challenges,
    participants,
    queues,
    submissions,
    own_submissions,
    runs,
    alerts,
    leaderboards,
    api_reference,
)


class KeptFiles(StaticFiles):
    """Their addresses change with their content (`asset`)."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=86400"
        return response


def install(app: FastAPI) -> None:
    context: Context = app.state.context
    app.state.render_error = render_error
    app.add_middleware(OwnHosts, settings=context.settings)
    app.add_middleware(SecurityHeaders, over_https=context.settings.secure_cookies)
    app.mount("/static", KeptFiles(directory=STATIC), name="static")
    for router in ROUTERS:
        app.include_router(router)


def render_error(request: Request, status: int, message: str) -> Response:
    """Whoever only has to sign in is asked to; everything else is a page with the sentence."""
    if status == HTTPStatus.UNAUTHORIZED and request.method == "GET":
        return redirect(sign_in_path(request))
    context: Context = request.app.state.context
    response = _error_page(request, context, status, message)
    protect(MutableHeaders(raw=response.raw_headers), over_https=context.settings.secure_cookies)
    return response


def _error_page(request: Request, context: Context, status: int, message: str) -> Response:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return PlainTextResponse(message, status_code=status)
    visitor = Visitor(request, context, _known_user(request, context))
    return visitor.render("error.html", status, code=status, phrase=_PHRASES.get(status, "Refused"), message=message)


def _known_user(request: Request, context: Context) -> User | None:
    try:
        return find_user(request, context)
    except (MediciError, SQLAlchemyError):
        return None


_PHRASES = {
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Not possible now",
    410: "Gone",
    413: "Too large",
    422: "Not understood",
    429: "Too many attempts",
}
