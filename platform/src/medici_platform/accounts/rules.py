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


class Role(StrEnum):
    PARTICIPANT = "participant"
    ORGANIZER = "organizer"  # may create challenges
    ADMIN = "admin"  # may do everything
