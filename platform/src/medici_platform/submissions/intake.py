"""One way in for pages and programs: refuse early, stream, inspect, then record in one short transaction."""

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from medici_platform.accounts.models import User
from medici_platform.challenges.queries import find_phase, get_challenge
from medici_platform.context import Context
from medici_platform.errors import NotAllowed
from medici_platform.security import same_token
from medici_platform.submissions import service
from medici_platform.submissions.models import Submission
from medici_platform.submissions.queries import scores_shown_to
from medici_platform.submissions.schemas import SubmissionOut, present
from medici_platform.throttle import throttle
from medici_platform.uploads import ReceivedForm, heard_out, receive_form


async def take_in(
    request: Request, context: Context, user: User, *, slug: str, phase_name: str | None, form_token: str | None = None
) -> SubmissionOut:
    """Nothing is stored and no quota used unless all of it succeeds. `form_token`: what a page's form must carry."""
    async with heard_out(request):
        throttle(request.app, context.settings.upload_attempts, "upload", str(user.id))
        await run_in_threadpool(_refuse_early, context, user, slug, phase_name)
        async with receive_form(
            request,
            context.storage,
            file_field="file",
            fields=("form_token",),
            limit_bytes=context.settings.max_upload_bytes,
        ) as form:
            if form_token is not None:
                _require_form_token(form, form_token)
            return await run_in_threadpool(_record, context, user, slug, phase_name, form)


def _refuse_early(context: Context, user: User, slug: str, phase_name: str | None) -> None:
    with context.database.read() as session:
        challenge = get_challenge(session, slug, user)
        phase = find_phase(challenge, phase_name, now=context.now())
        service.require_may_submit(session, challenge, phase, user, now=context.now())


def _record(context: Context, user: User, slug: str, phase_name: str | None, form: ReceivedForm) -> SubmissionOut:
    with (
        service.taken_apart(form.reception.path, form.file, form.filename, context) as upload,
        context.database.write() as session,
    ):
        challenge = get_challenge(session, slug, user)
        phase = find_phase(challenge, phase_name, now=context.now())
        submission: Submission = service.accept(session, context, challenge, phase, user, upload)
        return present(submission, scores_shown_to(session, challenge, user))


def _require_form_token(form: ReceivedForm, expected: str) -> None:
    if not same_token(form.fields["form_token"], expected):
        raise NotAllowed("The form is out of date: load the page again and resend it.", code="bad_form_token")
