from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from medici_platform.accounts.models import ApiToken, User, WebSession


def user_by_name(session: Session, username: str) -> User | None:
    return session.scalar(select(User).where(User.username == username.lower()))


def user_by_email(session: Session, email: str) -> User | None:
    return session.scalar(select(User).where(User.email == email))


def user_by_api_token(session: Session, token_hash: str, *, now: datetime) -> User | None:
    """With the token's scope."""
    token = session.scalar(
        select(ApiToken).where(
            ApiToken.token_hash == token_hash,
            ApiToken.revoked_at.is_(None),
            or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
        )
    )
    if token is None or token.user.disabled_at is not None:
        return None
    token.user.scope = token.scope
    return token.user


def user_by_web_session(session: Session, token_hash: str, *, now: datetime) -> User | None:
    row = session.scalar(select(WebSession).where(WebSession.token_hash == token_hash, WebSession.expires_at > now))
    return row.user if row and row.user.disabled_at is None else None


def active_tokens(session: Session, user: User) -> Sequence[ApiToken]:
    return session.scalars(
        select(ApiToken).where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None)).order_by(ApiToken.id)
    ).all()
