"""Forms without files: read within a bound, and only from a page of ours."""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from medici_platform.errors import InvalidRequest, NotAllowed, TooLarge
from medici_platform.presentation.visitors import CurrentVisitor, require_own_page

FORM_LIMIT_BYTES = 64 * 1024
MAX_FIELDS = 50


async def posted_form(request: Request, visitor: CurrentVisitor) -> dict[str, str]:
    """Field name → text. Raises NotAllowed unless the form carries this visitor's token."""
    require_own_page(request)
    fields = _parse(await _read(request))
    if not visitor.owns_form(fields.pop("form_token", "")):
        raise NotAllowed("The form is out of date: load the page again and resend it.", code="bad_form_token")
    return fields


PostedForm = Annotated[dict[str, str], Depends(posted_form)]


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT_BYTES:
            raise TooLarge("The form is larger than a form of this platform can be.")
    return bytes(body)


def _parse(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise InvalidRequest("The form could not be read: load the page again and resend it.") from error
    return dict(pairs)
