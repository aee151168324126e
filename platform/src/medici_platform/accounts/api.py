from datetime import timedelta
from http import HTTPStatus

from fastapi import APIRouter, Request

from medici_platform.accounts import queries, service
from medici_platform.accounts.access import SignedIn, check_old_password, check_password, opened_by
from medici_platform.accounts.models import ApiToken, User
from medici_platform.accounts.rules import Scope
from medici_platform.accounts.schemas import PasswordChange, SignUp, TokenIssued, TokenOut, TokenRequest, UserOut
from medici_platform.errors import NotAllowed
from medici_platform.throttle import throttle
from medici_platform.web import CurrentContext, CurrentSession, Id

router = APIRouter(prefix="/api/v1", tags=["accounts"])


@router.post("/users", status_code=HTTPStatus.CREATED, response_model=UserOut)
def sign_up(body: SignUp, request: Request, context: CurrentContext, session: CurrentSession) -> User:
    """Create an account of your own."""
    if not context.settings.allow_sign_up:
        raise NotAllowed("This platform does not offer sign-up: ask its administrators for an account.")
    throttle(request.app, context.settings.sign_in_attempts, "sign-up", request.client.host if request.client else "")
    return service.create_user(
        session, username=body.username, password=body.password, email=body.email, now=context.now()
    )


@router.post("/tokens", status_code=HTTPStatus.CREATED)
def create_token(body: TokenRequest, request: Request, context: CurrentContext) -> TokenIssued:
    """Exchange user name and password for an API token, shown once."""
    user_id = check_password(context, request, username=body.username, password=body.password)
    with context.database.write() as session:
        user = session.get_one(User, user_id)
        now = context.now()
        valid_for = timedelta(days=body.days) if body.days else None
        token = service.issue_token(session, user, name=body.name, now=now, valid_for=valid_for, scope=body.scope)
        expires_at = now + valid_for if valid_for else None
        return TokenIssued(token=token, username=user.username, scope=body.scope, expires_at=expires_at)


@router.get("/tokens", response_model=list[TokenOut])
@opened_by(Scope.READ)
def list_tokens(user: SignedIn, session: CurrentSession) -> list[ApiToken]:
    return list(queries.active_tokens(session, user))


@router.delete("/tokens/{token_id}", status_code=HTTPStatus.NO_CONTENT)
def revoke_token(token_id: Id, user: SignedIn, context: CurrentContext, session: CurrentSession) -> None:
    service.revoke_token(session, user, token_id, now=context.now())


@router.post("/me/password", status_code=HTTPStatus.NO_CONTENT)
def change_password(body: PasswordChange, user: SignedIn, request: Request, context: CurrentContext) -> None:
    """Set a new password. All browsers are signed out; API tokens stay."""
    check_old_password(context, request, user, body.old)
    with context.database.write() as session:
        service.change_password(session, user, password=body.new)


@router.get("/me", response_model=UserOut)
@opened_by(Scope.READ)
def who_am_i(user: SignedIn) -> User:
    return user
