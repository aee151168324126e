"""HTML pages: the Jinja environment, form tokens, security headers, error pages."""

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response


def install(app: FastAPI) -> None:
    app.state.render_error = render_error


def render_error(_request: Request, status: int, message: str) -> Response:
    return PlainTextResponse(message, status_code=status)
