from http import HTTPStatus

from fastapi import APIRouter, Request

from medici_platform.accounts import queries, service
from medici_platform.accounts.access import SignedIn, check_password
from medici_platform.accounts.models import ApiToken, User
from medici_platform.accounts.schemas import SignUp, TokenIssued, TokenOut, TokenRequest, UserOut
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
        token = service.issue_token(session, user, name=body.name, now=context.now())
        return TokenIssued(token=token, username=user.username)


@router.get("/tokens", response_model=list[TokenOut])
def list_tokens(user: SignedIn, session: CurrentSession) -> list[ApiToken]:
    return list(queries.active_tokens(session, user))


@router.delete("/tokens/{token_id}", status_code=HTTPStatus.NO_CONTENT)
def revoke_token(token_id: Id, user: SignedIn, context: CurrentContext, session: CurrentSession) -> None:
    service.revoke_token(session, user, token_id, now=context.now())


@router.get("/me", response_model=UserOut)
def who_am_i(user: SignedIn) -> User:
    return user
