"""What the endpoints of every feature share: context, sessions, and how a refusal is answered."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Annotated, Any

import structlog
from fastapi import Depends, FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from medici_platform.context import Context
from medici_platform.errors import InvalidRequest, MediciError

log = structlog.get_logger()

_REFUSAL = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    }
}
"""Also of endpoints that answer with pages or files. Some codes bring further keys."""

REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"content": _REFUSAL, "description": "Refused: `code` for programs, `message` for people."},
    "5XX": {"content": _REFUSAL, "description": "The platform failed, or is busy."},
}
RETRY_AFTER_S = 5
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


Id = Annotated[int, Path(ge=1, le=2**31 - 1)]
"""A row's number: larger ones fit no integer column."""


def get_context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


CurrentContext = Annotated[Context, Depends(get_context)]


def get_session(request: Request, context: CurrentContext) -> Iterator[Session]:
    """One request, one transaction. Committed before the answer leaves: a failing commit is a 500, not a 200."""
    if request.method in SAFE_METHODS:
        with context.database.read() as session:
            yield session
    else:
        with context.database.write() as session:
            yield session


CurrentSession = Annotated[Session, Depends(get_session, scope="function")]


def refusal(error: MediciError) -> JSONResponse:
    return JSONResponse({"code": error.code, "message": error.message, **error.details}, status_code=error.status)


def own_headers(sha256: str, since: datetime) -> dict[str, str]:
    """Of a stored file that is served as somebody's own: by its time on the disk, which is that of whoever stored the
    same bytes first, one could try out what others have handed in.
    """
    return {"ETag": f'"{sha256}"', "Last-Modified": format_datetime(since, usegmt=True)}


def is_for_programs(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def answer_errors(app: FastAPI) -> None:
    """Programs get `{code, message}`; people get a page (see pages.py). Nobody gets a stack trace."""

    @app.exception_handler(MediciError)
    def known(request: Request, error: MediciError) -> Response:
        return refusal(error) if is_for_programs(request) else _page(request, error.status, error.message)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        message = _told(error.errors()[0])
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if not is_for_programs(request):
            return _page(request, status, message)
        return JSONResponse({"code": "invalid_request", "message": message}, status_code=status)

    @app.exception_handler(HTTPException)
    def other(request: Request, error: HTTPException) -> Response:
        message = _OTHER.get(error.status_code, str(error.detail))
        if not is_for_programs(request):
            return _page(request, error.status_code, message)
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
        return JSONResponse({"code": code, "message": message}, status_code=error.status_code, headers=error.headers)

    @app.exception_handler(DataError)
    @app.exception_handler(UnicodeEncodeError)
    def unstorable(request: Request, _error: Exception) -> Response:
        message = "The request holds characters or numbers that cannot be stored: leave them out."
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return refusal(InvalidRequest(message)) if is_for_programs(request) else _page(request, status, message)

    _answer_outages(app)

    @app.exception_handler(Exception)
    def unknown(request: Request, _error: Exception) -> Response:
        message = "The platform failed to answer this request; its operators find the reason in the log."
        if not is_for_programs(request):
            return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR, message)
        return JSONResponse({"code": "system_error", "message": message}, status_code=500)


def _told(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "json_invalid":
        return "The request's body cannot be read as JSON."
    where = ".".join(str(part) for part in fault["loc"] if part not in ("body", "query", "path"))
    if not where and fault["type"] in ("model_attributes_type", "dict_type"):
        return "The request's body is no JSON object: send one, with the header Content-Type: application/json."
    return f"{where or 'The request'}: {fault['msg'].removeprefix('Value error, ')}."


def _answer_outages(app: FastAPI) -> None:
    @app.exception_handler(OperationalError)
    @app.exception_handler(InterfaceError)
    @app.exception_handler(NoConnectionFree)
    def away(request: Request, error: Exception) -> Response:
        """Programs try again by themselves: our workers do so for as long as it takes."""
        log.warning("database_away", path=request.url.path, error=str(error))
        message = "The database does not answer at the moment. Nothing is lost: please try again in a minute."
        status = HTTPStatus.SERVICE_UNAVAILABLE
        if not is_for_programs(request):
            return _page(request, status, message)
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return JSONResponse({"code": "unavailable", "message": message}, status_code=status, headers=headers)


_OTHER = {
    404: "There is no such page here: check the address.",
    405: "This address does not take that method.",
}


def _page(request: Request, status: int, message: str) -> Response:
    render = request.app.state.render_error
    response: Response = render(request, status, message)
    return response
