import re
from enum import StrEnum

USERNAME = re.compile(r"[a-z0-9][a-z0-9_.-]{1,38}[a-z0-9]")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
MIN_PASSWORD = 10
MAX_PASSWORD = 200


def username_fault(username: str) -> str | None:
    if USERNAME.fullmatch(username):
        return None
    return "The user name must be 3 to 40 characters: lower-case letters, digits, and . _ - between them."


def password_fault(password: str, *, username: str) -> str | None:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        return f"The password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters."
    if username in password.lower():
        return "The password must not contain the user name."
    return None


def email_fault(email: str | None) -> str | None:
    if not email or EMAIL.fullmatch(email):
        return None
    return f"{email!r} is not an e-mail address."


class Scope(StrEnum):
    """What an API token opens. Each opens what stands before it, too."""

    READ = "read"  # looking
    SUBMIT = "submit"  # and what a participant does every day
    FULL = "full"  # everything its owner may do


SCOPE_SENTENCES = {
    Scope.READ: "reads, and changes nothing",
    Scope.SUBMIT: "reads, joins challenges, and hands in, cancels and places your own submissions",
    Scope.FULL: "does everything that you may do",
}

LONGEST_TOKEN_DAYS = 3650


def opens(held: Scope, needed: Scope) -> bool:
    order = list(Scope)
    return order.index(held) >= order.index(needed)


class Role(StrEnum):
    PARTICIPANT = "participant"
    ORGANIZER = "organizer"  # may create challenges
    ADMIN = "admin"  # may do everything
