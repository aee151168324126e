"""Who is asking. Programs carry a token; browsers a cookie, which opens only safe methods of the API."""

from typing import Annotated

from fastapi import Depends, Request

from medici_platform.accounts import queries
from medici_platform.accounts.models import User
from medici_platform.context import Context
from medici_platform.errors import NotAllowed, NotSignedIn
from medici_platform.security import hash_token, password_matches
from medici_platform.throttle import throttle
from medici_platform.web import SAFE_METHODS, CurrentContext, is_for_programs

SESSION_COOKIE = "medici_session"


def bearer_token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def find_user(request: Request, context: CurrentContext) -> User | None:
    """Looked up in a short reading transaction of its own: an upload must not hold one while it streams.

    Raises NotSignedIn for a token that opens nothing: silence would look like an empty account.
    """
    token = bearer_token(request)
    cookie = request.cookies.get(SESSION_COOKIE)
    if token is None and not _cookie_counts(request, cookie):
        return None
    with context.database.read() as session:
        if token is None:
            return queries.user_by_web_session(session, hash_token(cookie or ""), now=context.now())
        user = queries.user_by_api_token(session, hash_token(token), now=context.now())
    if user is None:
        raise NotSignedIn(
            "The token is unknown, expired or revoked: make a new one on your account page.", code="bad_token"
        )
    return user


def _cookie_counts(request: Request, cookie: str | None) -> bool:
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
    throttle(request.app, context.settings.address_attempts, "address", client)
    throttle(request.app, context.settings.sign_in_attempts, "sign-in", client, username.lower()[:40])
    with context.database.read() as session:
        user = queries.user_by_name(session, username.strip())
    hashed = user.password_hash if user and user.disabled_at is None else None
    if not password_matches(password, hashed) or user is None:
        raise NotSignedIn("The user name or the password is wrong.", code="wrong_password")
    return user.id
