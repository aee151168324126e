from datetime import timedelta
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from medici_platform.accounts import queries, service
from medici_platform.accounts.access import SESSION_COOKIE, SignedIn, check_old_password, check_password
from medici_platform.accounts.models import User
from medici_platform.accounts.rules import SCOPE_SENTENCES, Scope
from medici_platform.errors import InvalidRequest, MediciError, NotAllowed
from medici_platform.presentation.forms import PostedForm
from medici_platform.presentation.visitors import FORM_COOKIE, CurrentVisitor, Visitor, local_path, redirect
from medici_platform.throttle import throttle
from medici_platform.web import CurrentContext, CurrentSession, Id

router = APIRouter(include_in_schema=False)

TOKEN_COOKIE = "medici_new_token"  # noqa: S105 - a cookie's name
"""Carries a new API token over the redirect to the page that shows it, once."""

TOKEN_COOKIE_HOURS = 1 / 60
ACCOUNT = "/account"


@router.get("/sign-in")
def sign_in_form(visitor: CurrentVisitor, next: str | None = None) -> Response:  # noqa: A002 - the name in the address
    if visitor.user:
        return redirect(local_path(next))
    return visitor.render("sign_in.html", next=local_path(next), username="", error=None)


@router.post("/sign-in")
def sign_in(visitor: CurrentVisitor, form: PostedForm, request: Request, context: CurrentContext) -> Response:
    username, after = form.get("username", ""), local_path(form.get("next"))
    try:
        user_id = check_password(context, request, username=username, password=form.get("password", "")[:200])
    except MediciError as error:
        return visitor.render("sign_in.html", error.status, next=after, username=username[:40], error=error.message)
    return _open_session(visitor, user_id, after)


@router.get("/sign-up")
def sign_up_form(visitor: CurrentVisitor, next: str | None = None) -> Response:  # noqa: A002 - the name in the address
    if visitor.user:
        return redirect(local_path(next))
    _require_sign_up(visitor)
    return visitor.render("sign_up.html", next=local_path(next), username="", email="", error=None)


@router.post("/sign-up")
def sign_up(visitor: CurrentVisitor, form: PostedForm, request: Request) -> Response:
    _require_sign_up(visitor)
    username, email, after = form.get("username", ""), form.get("email", ""), local_path(form.get("next"))
    try:
        user_id = _create_user(visitor, request, username=username, email=email, password=form.get("password", ""))
    except MediciError as error:
        return visitor.render(
            "sign_up.html", error.status, next=after, username=username[:40], email=email[:254], error=error.message
        )
    return _open_session(visitor, user_id, after)


@router.post("/sign-out")
def sign_out(visitor: CurrentVisitor, _: PostedForm, session: CurrentSession) -> Response:
    service.close_web_session(session, visitor.cookie(SESSION_COOKIE))
    response = redirect("/challenges")
    visitor.delete_cookie(response, SESSION_COOKIE)
    return response


@router.get(ACCOUNT)
def show_account(
    visitor: CurrentVisitor, user: SignedIn, session: CurrentSession, *, changed: bool = False
) -> Response:
    new_token = visitor.cookie(TOKEN_COOKIE, path=ACCOUNT)
    response = _render_account(visitor, session, user, new_token=new_token, is_password_new=changed)
    if new_token:
        visitor.delete_cookie(response, TOKEN_COOKIE, path=ACCOUNT)
    return response


@router.post(f"{ACCOUNT}/tokens")
def create_token(
    visitor: CurrentVisitor, user: SignedIn, form: PostedForm, context: CurrentContext, session: CurrentSession
) -> Response:
    name = form.get("name", "").strip()[:80]
    if not name:
        refusal = InvalidRequest("Give the token a name, so that you know later what it is for.")
        return _render_account(visitor, session, user, token_error=refusal)
    days, scope = form.get("days", ""), form.get("scope", "")
    token = service.issue_token(
        session,
        user,
        name=name,
        now=context.now(),
        valid_for=timedelta(days=int(days)) if days in ("30", "90", "365") else None,
        scope=Scope(scope) if scope in list(Scope) else Scope.READ,
    )
    response = redirect(ACCOUNT)
    visitor.set_cookie(response, TOKEN_COOKIE, token, hours=TOKEN_COOKIE_HOURS, path=ACCOUNT)
    return response


@router.post(ACCOUNT + "/tokens/{token_id}/revoke")
def revoke_token(
    token_id: Id, user: SignedIn, _: PostedForm, context: CurrentContext, session: CurrentSession
) -> Response:
    service.revoke_token(session, user, token_id, now=context.now())
    return redirect(ACCOUNT)


@router.post(f"{ACCOUNT}/password")
def change_password(
    visitor: CurrentVisitor, user: SignedIn, form: PostedForm, request: Request, context: CurrentContext
) -> Response:
    """Ends all sessions of this user; this browser gets a new one."""
    try:
        check_old_password(context, request, user, form.get("old", "")[:200])
        with context.database.write() as session:
            service.change_password(session, user, password=form.get("new", ""))
    except MediciError as error:
        with context.database.read() as session:
            return _render_account(visitor, session, user, password_error=error)
    return _open_session(visitor, user.id, f"{ACCOUNT}?changed=1")


def _render_account(
    visitor: Visitor,
    session: Session,
    user: User,
    *,
    new_token: str = "",
    is_password_new: bool = False,
    token_error: MediciError | None = None,
    password_error: MediciError | None = None,
) -> Response:
    error = token_error or password_error
    return visitor.render(
        "account.html",
        error.status if error else HTTPStatus.OK,
        tokens=queries.active_tokens(session, user),
        scopes=SCOPE_SENTENCES,
        new_token=new_token,
        is_password_new=is_password_new,
        token_error=token_error.message if token_error else None,
        password_error=password_error.message if password_error else None,
    )


def _require_sign_up(visitor: Visitor) -> None:
    if not visitor.context.settings.allow_sign_up:
        raise NotAllowed("This platform does not offer sign-up: ask its administrators for an account.")


def _create_user(visitor: Visitor, request: Request, *, username: str, email: str, password: str) -> int:
    context = visitor.context
    throttle(request.app, context.settings.sign_in_attempts, "sign-up", request.client.host if request.client else "")
    if len(email) > 254:  # noqa: PLR2004 - the longest address there is
        raise InvalidRequest("The e-mail address is longer than 254 characters.")
    with context.database.write() as session:
        user = service.create_user(
            session, username=username, password=password, email=email.strip() or None, now=context.now()
        )
        return user.id


def _open_session(visitor: Visitor, user_id: int, after: str) -> Response:
    context = visitor.context
    hours = context.settings.session_hours
    with context.database.write() as session:
        service.close_web_session(session, visitor.cookie(SESSION_COOKIE))  # whoever gave this browser that one
        token = service.open_web_session(session, session.get_one(User, user_id), now=context.now(), hours=hours)
    response = redirect(after)
    visitor.set_cookie(response, SESSION_COOKIE, token, hours=hours)
    visitor.delete_cookie(response, FORM_COOKIE)
    return response
