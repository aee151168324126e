"""Passwords, tokens and form tokens."""

import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pwdlib import PasswordHash

from medici_platform.errors import Busy

_PASSWORDS = PasswordHash.recommended()
_NO_ONE = _PASSWORDS.hash(secrets.token_hex())

HASHED_AT_ONCE = max(1, (os.cpu_count() or 1) // 2)
WAITING = 8
"""Each hash takes a core and 64 MiB for a moment: a flood of sign-ins must leave threads and cores to the others."""
_places = threading.BoundedSemaphore(HASHED_AT_ONCE + WAITING)
_cores = threading.BoundedSemaphore(HASHED_AT_ONCE)


@contextmanager
def _turn() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise Busy("Too many people are signing in at this moment: try again in a few seconds.")
    try:
        with _cores:
            yield
    finally:
        _places.release()


def hash_password(password: str) -> str:
    """Argon2id with the library's recommended cost. Raises Busy."""
    with _turn():
        return _PASSWORDS.hash(password)


def password_matches(password: str, hashed: str | None) -> bool:
    """Takes the same time for a user who does not exist, so that names cannot be probed. Raises Busy."""
    with _turn():
        matches = _PASSWORDS.verify(password, hashed or _NO_ONE)
    return matches and hashed is not None


def new_token(prefix: str) -> str:
    """256 random bits; the prefix lets a person, or a secret scanner, see what it opens."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def hash_token(token: str) -> str:
    """Tokens are random, so one fast hash is enough; only the hash is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def form_token(secret_key: str, session_token: str) -> str:
    """The CSRF token of a session: whoever cannot read the session's cookie cannot make it."""
    return hmac.new(secret_key.encode(), session_token.encode(), hashlib.sha256).hexdigest()


def same_token(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
