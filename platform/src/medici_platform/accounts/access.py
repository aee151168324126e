"""Who is asking. Programs carry a token; browsers a cookie, which opens only safe methods of the API."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from medici_platform.accounts import queries, rules
from medici_platform.accounts.models import User
from medici_platform.accounts.rules import Scope
from medici_platform.context import Context
from medici_platform.errors import NotAllowed, NotSignedIn
from medici_platform.presentation.cookies import cookie_name
from medici_platform.security import hash_token, password_matches
from medici_platform.throttle import throttle
from medici_platform.web import SAFE_METHODS, CurrentContext, is_for_programs

SESSION_COOKIE = "medici_session"

_SCOPE = "__medici_scope__"
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., object])


class TokenScope(NotAllowed):
    code = "token_scope"


def opened_by(scope: Scope) -> Callable[[_Endpoint], _Endpoint]:
    """The least that a token must hold to call this endpoint. An endpoint that says nothing takes full ones alone."""

    def declare(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _SCOPE, scope)
        return endpoint

    return declare


def bearer_token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def find_user(request: Request, context: CurrentContext) -> User | None:
    """Looked up in a short reading transaction of its own: an upload must not hold one while it streams.

    Raises NotSignedIn for a token that opens nothing: silence would look like an empty account.
    """
    token = bearer_token(request)
    cookie = session_cookie(request, context)
    if token is None and not _cookie_counts(request, cookie):
        return None
    with context.database.read() as session:
        if token is None:
            return queries.user_by_web_session(session, hash_token(cookie), now=context.now())
        user = queries.user_by_api_token(session, hash_token(token), now=context.now())
    if user is None:
        raise NotSignedIn(
            "The token is unknown, expired or revoked: make a new one on your account page.", code="bad_token"
        )
    _require_scope(request, user.scope)
    return user


def _require_scope(request: Request, held: Scope) -> None:
    needed = getattr(request.scope.get("endpoint"), _SCOPE, Scope.FULL)
    if not rules.opens(held, needed):
        raise TokenScope(
            f"This token has the scope {held.value!r}, which {rules.SCOPE_SENTENCES[held]}: "
            f"use one with the scope {needed.value!r} for this."
        )


def opens_all_of(user: User, *, is_own: bool) -> bool:
    """Whether this token, or session, opens all that its owner may see of a submission."""
    return user.scope == Scope.FULL or is_own


def require_own_act(user: User, *, is_own: bool) -> None:
    """A narrower token opens nothing of an organizer's, whoever owns it: no acts, and nothing that others made."""
    if not opens_all_of(user, is_own=is_own):
        raise TokenScope(
            f"This token has the scope {user.scope.value!r}, for your own submissions alone: use one with 'full'."
        )


def session_cookie(request: Request, context: Context) -> str:
    return request.cookies.get(cookie_name(context.settings, SESSION_COOKIE), "")


def _cookie_counts(request: Request, cookie: str) -> bool:
    """A browser sends its cookie with other sites' forms too: in the API it opens safe methods alone."""
    return bool(cookie) and (request.method in SAFE_METHODS or not is_for_programs(request))


MaybeUser = Annotated[User | None, Depends(find_user)]


def require_user(user: MaybeUser) -> User:
    if user is None:
        raise NotSignedIn("Sign in first (programs: send `Authorization: Bearer <token>`).")
    return user


SignedIn = Annotated[User, Depends(require_user)]


def require_organizer(user: SignedIn) -> User:
    if not user.may_organize:
        raise NotAllowed("Only organizers may create challenges: ask an administrator for that role.")
    return user


Organizer = Annotated[User, Depends(require_organizer)]


def require_admin(user: SignedIn) -> User:
    if not user.is_admin:
        raise NotAllowed("Only administrators may do this.")
    return user


Admin = Annotated[User, Depends(require_admin)]


def check_password(context: Context, request: Request, *, username: str, password: str) -> int:
    """The user's id. Takes no write lock while the password is hashed.

    Raises NotSignedIn with one sentence for an unknown user and a wrong password alike.
    """
    client = request.client.host if request.client else "unknown"
    username = username.strip().lower()[:40]
    throttle(request.app, context.settings.address_attempts, "address", client)
    throttle(request.app, context.settings.sign_in_attempts, "sign-in", client, username)
    with context.database.read() as session:
        user = queries.user_by_name(session, username)
    hashed = user.password_hash if user and user.disabled_at is None else None
    if not password_matches(password, hashed) or user is None:
        raise NotSignedIn("The user name or the password is wrong.", code="wrong_password")
    return user.id


def check_old_password(context: Context, request: Request, user: User, password: str) -> None:
    """Before a new one is set. As often as one may try to sign in, and no more: a stolen session does not tell it."""
    try:
        check_password(context, request, username=user.username, password=password)
    except NotSignedIn as error:
        raise NotAllowed("The old password is wrong.", code="wrong_password") from error
