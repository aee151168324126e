"""Errors are facts. Each has a code for programs, a sentence for people, and the HTTP status that carries it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class MediciError(Exception):
    """Base of every refusal. The sentence says what is wrong, where, and what to do."""

    status = HTTPStatus.BAD_REQUEST
    code = "bad_request"

    def __init__(self, message: str, *, code: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        """`details`: further keys of the answer to programs."""
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})
        if code:
            self.code = code


class InvalidRequest(MediciError):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid_request"


class NotSignedIn(MediciError):
    status = HTTPStatus.UNAUTHORIZED
    code = "not_signed_in"


class NotAllowed(MediciError):
    status = HTTPStatus.FORBIDDEN
    code = "not_allowed"


class NotFound(MediciError):
    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class Conflict(MediciError):
    status = HTTPStatus.CONFLICT
    code = "conflict"


class Gone(MediciError):
    status = HTTPStatus.GONE
    code = "gone"


class TooLarge(MediciError):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "too_large"


class StorageFull(MediciError):
    """New work is refused before the disk is full, so that nothing that has been taken is lost."""

    status = HTTPStatus.INSUFFICIENT_STORAGE
    code = "storage_full"


class TooSlow(MediciError):
    status = HTTPStatus.REQUEST_TIMEOUT
    code = "too_slow"


class Busy(MediciError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "busy"


class TooManyRequests(MediciError):
    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_requests"
