from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from medici_platform.accounts import queries, rules
from medici_platform.accounts.models import ApiToken, User, WebSession
from medici_platform.accounts.rules import Role, Scope
from medici_platform.errors import Conflict, InvalidRequest, NotFound
from medici_platform.security import hash_password, hash_token, new_token


def create_user(
    session: Session,
    *,
    username: str,
    password: str | None,
    email: str | None = None,
    role: Role = Role.PARTICIPANT,
    now: datetime,
) -> User:
    """Without a password the user can only use API tokens."""
    username = username.strip().lower()
    fault = rules.username_fault(username) or rules.email_fault(email)
    if password is not None:
        fault = fault or rules.password_fault(password, username=username)
    if fault:
        raise InvalidRequest(fault)
    # Before the first query: while a password is hashed, no transaction is open.
    password_hash = hash_password(password) if password is not None else None
    if queries.user_by_name(session, username):
        raise Conflict(f"The user name {username!r} is taken: choose another.", code="username_taken")
    if email and queries.user_by_email(session, email):
        raise Conflict("An account with this e-mail address exists: sign in instead.", code="email_taken")
    user = User(
        username=username,
        email=email or None,
        password_hash=password_hash,
        role=role,
        created_at=now,
    )
    session.add(user)
    try:
        session.flush()
    except IntegrityError as error:  # two sign-ups at the same moment
        raise Conflict(f"The user name {username!r} is taken: choose another.", code="username_taken") from error
    return user


def change_password(session: Session, user: User, *, password: str, keep: str = "") -> None:
    """Ends all of the user's web sessions but the one whose token is `keep`. API tokens stay."""
    fault = rules.password_fault(password, username=user.username)
    if fault:
        raise InvalidRequest(fault)
    password_hash = hash_password(password)  # before the first query, as above
    session.execute(update(User).where(User.id == user.id).values(password_hash=password_hash))
    session.execute(delete(WebSession).where(WebSession.user_id == user.id, WebSession.token_hash != hash_token(keep)))


def issue_token(
    session: Session,
    user: User,
    *,
    name: str,
    now: datetime,
    valid_for: timedelta | None = None,
    scope: Scope = Scope.FULL,
) -> str:
    """The token itself is shown once and never stored."""
    token = new_token("medici")
    expires_at = now + valid_for if valid_for else None
    session.add(
        ApiToken(
            user_id=user.id,
            name=name[:80],
            scope=scope,
            token_hash=hash_token(token),
            created_at=now,
            expires_at=expires_at,
        )
    )
    session.flush()
    return token


def revoke_token(session: Session, user: User, token_id: int, *, now: datetime) -> None:
    token = session.get(ApiToken, token_id)
    if token is None or token.user_id != user.id:
        raise NotFound("You have no such token.")
    token.revoked_at = token.revoked_at or now


def open_web_session(session: Session, user: User, *, now: datetime, hours: float) -> str:
    session.execute(delete(WebSession).where(WebSession.user_id == user.id, WebSession.expires_at < now))
    token = new_token("session")
    session.add(
        WebSession(
            user_id=user.id, token_hash=hash_token(token), created_at=now, expires_at=now + timedelta(hours=hours)
        )
    )
    return token


def close_web_session(session: Session, token: str) -> None:
    session.execute(delete(WebSession).where(WebSession.token_hash == hash_token(token)))
