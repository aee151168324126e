"""Who looks at a page, and what the page looks like for them."""

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from medici_platform.accounts.access import SESSION_COOKIE, MaybeUser
from medici_platform.accounts.models import User
from medici_platform.context import Context
from medici_platform.errors import NotAllowed
from medici_platform.presentation.cookies import cookie_name, delete_cookie, set_cookie
from medici_platform.presentation.templates import TEMPLATES
from medici_platform.security import form_token, new_token, same_token
from medici_platform.web import CurrentContext

FORM_COOKIE = "medici_form"
"""For forms of visitors without a session (sign-in, sign-up): the form carries a token made from this cookie."""

FORM_COOKIE_HOURS = 12


class Visitor:
    def __init__(self, request: Request, context: Context, user: User | None) -> None:
        self.request = request
        self.context = context
        self.user = user
        self._new_form_cookie: str | None = None

    @property
    def form_token(self) -> str:
        """What every form of this visitor must carry."""
        return form_token(self.context.settings.secret_key, self._form_secret())

    def owns_form(self, token: str) -> bool:
        """Whether the form was made for this visitor. Without a cookie, no form was."""
        has_cookie = bool(self.cookie(SESSION_COOKIE if self.user else FORM_COOKIE))
        return has_cookie and same_token(token, self.form_token)

    def render(self, template: str, status: int = HTTPStatus.OK, **values: Any) -> Response:
        html = TEMPLATES.get_template(template).render(
            visitor=self, user=self.user, path=self.request.url.path, now=self.context.now(), **values
        )
        response = HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})
        if self._new_form_cookie:
            self.set_cookie(response, FORM_COOKIE, self._new_form_cookie, hours=FORM_COOKIE_HOURS)
        return response

    def set_cookie(self, response: Response, name: str, value: str, *, hours: float, path: str = "/") -> None:
        set_cookie(response, self.context.settings, name, value, hours=hours, path=path)

    def delete_cookie(self, response: Response, name: str, *, path: str = "/") -> None:
        delete_cookie(response, self.context.settings, name, path=path)

    def cookie(self, name: str, *, path: str = "/") -> str:
        return self.request.cookies.get(cookie_name(self.context.settings, name, path=path), "")

    def _form_secret(self) -> str:
        if self.user:
            return self.cookie(SESSION_COOKIE)
        known = self.cookie(FORM_COOKIE) or self._new_form_cookie
        if not known:
            known = self._new_form_cookie = new_token("form")
        return known


def visit(request: Request, context: CurrentContext, user: MaybeUser) -> Visitor:
    return Visitor(request, context, user)


def require_own_page(request: Request) -> None:
    """A browser says which site sends a form. Those that don't say it are held by the form's token alone."""
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise NotAllowed(
            "This form was sent by another site: open the page here and send it from there.", code="foreign_form"
        )


CurrentVisitor = Annotated[Visitor, Depends(visit)]


def redirect(path: str) -> Response:
    """After a form: the browser loads `path` with GET, and a reload repeats nothing."""
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)


def local_path(path: str | None) -> str:
    r"""Where to go after signing in: a path of this platform, or the list of challenges.

    Browsers read `//host`, `/\host` and `/<tab>/host` as other hosts.
    """
    start = "/challenges"
    if not path or not path.startswith("/") or path.startswith("//") or "\\" in path:
        return start
    if any(ord(character) <= ord(" ") for character in path):
        return start
    parts = urlsplit(path)
    return start if parts.scheme or parts.netloc else path


def sign_in_path(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/sign-in?next={quote(request.url.path + query, safe='')}"
