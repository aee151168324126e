"""One way in for pages and programs: refuse early, stream, look through, then record in one short transaction."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from medici_platform.accounts.models import User
from medici_platform.challenges.queries import find_phase, get_challenge
from medici_platform.context import Context
from medici_platform.errors import InvalidRequest, MediciError, NotAllowed
from medici_platform.look_throughs import look_through
from medici_platform.participants.queries import find_participant
from medici_platform.participants.rules import require_approved
from medici_platform.security import same_token
from medici_platform.submissions import queries, rules, service
from medici_platform.submissions.fact_sheets import Question, complaints
from medici_platform.submissions.packages import packed, recognised, require_taken
from medici_platform.submissions.references import parse_reference
from medici_platform.submissions.schemas import CheckOut, FormOut, SubmissionOut, present
from medici_platform.throttle import throttle
from medici_platform.uploads import ReceivedForm, receive_form


class Intake:
    """Of one request. `form_token`: what a page's form must carry; None: a program calls."""

    def __init__(
        self,
        request: Request,
        context: Context,
        user: User,
        *,
        slug: str,
        phase_name: str | None,
        form_token: str | None = None,
    ) -> None:
        self._request = request
        self._context = context
        self._user = user
        self._slug = slug
        self._phase_name = phase_name
        self._form_token = form_token
        self.answers: dict[str, Any] = {}
        """To the fact sheet, as far as they have been received."""

    async def take_in(self) -> SubmissionOut:
        """Nothing is stored and no quota used unless all of it succeeds."""
        async with self._received(self._refuse_early) as (form, received):
            return await look_through(self._request, self._user.id, self._record, form, received)

    async def check(self) -> CheckOut:
        """What the file is, and what would become of it. Nothing is stored, whatever the answer."""
        async with self._received(self._refuse_strangers) as (form, received):
            return await look_through(self._request, self._user.id, self._look_through, form, received)

    @asynccontextmanager
    async def _received(self, ask: Callable[[], FormOut]) -> AsyncIterator[tuple[FormOut, ReceivedForm]]:
        await run_in_threadpool(
            throttle, self._request.app, self._context.settings.upload_attempts, "upload", str(self._user.id)
        )
        form = await run_in_threadpool(ask)
        questions = [question.field for question in form.questions]
        async with receive_form(
            self._request,
            self._context.storage,
            file_field="file",
            fields=("form_token", "image", "fact_sheet", *questions),
            text_field="image",
            limit_bytes=self._context.settings.max_upload_bytes,
        ) as received:
            if self._form_token is not None:
                _require_form_token(received, self._form_token)
            self.answers = _answers(received, form.questions)
            if received.fields["image"].strip():
                parse_reference(received.fields["image"])
            yield form, received

    def _refuse_early(self) -> FormOut:
        with self._context.database.read() as session:
            challenge = get_challenge(session, self._slug, self._user)
            phase = find_phase(challenge, self._phase_name, now=self._context.now())
            service.require_may_submit(session, challenge, phase, self._user, now=self._context.now())
            return queries.form_of(phase, self._context.settings)

    def _refuse_strangers(self) -> FormOut:
        with self._context.database.read() as session:
            challenge = get_challenge(session, self._slug, self._user)
            require_approved(find_participant(session, challenge, self._user), challenge)
            phase = find_phase(challenge, self._phase_name, now=self._context.now())
            return queries.form_of(phase, self._context.settings)

    def _record(self, form: FormOut, received: ReceivedForm) -> SubmissionOut:
        path, context = received.reception.path, self._context
        found = recognised(path, context.settings, form)
        require_taken(found, form, context.settings)
        with (
            packed(found, path, received.file, filename=received.filename, context=context, form=form) as upload,
            context.database.write() as session,
        ):
            challenge = get_challenge(session, self._slug, self._user)
            phase = find_phase(challenge, str(form.phase_index), now=context.now())
            submission = service.accept(
                session, context, challenge, phase, self._user, upload=upload, answers=self.answers
            )
            return present(submission, queries.scores_shown_to(session, challenge, self._user))

    def _look_through(self, form: FormOut, received: ReceivedForm) -> CheckOut:
        found = recognised(received.reception.path, self._context.settings, form)
        reference = parse_reference(found.reference) if found.reference else None
        with self._context.database.read() as session:
            challenge = get_challenge(session, self._slug, self._user)
            phase = find_phase(challenge, str(form.phase_index), now=self._context.now())
            participant = require_approved(find_participant(session, challenge, self._user), challenge)
            quota = queries.quota_of(session, phase, participant, now=self._context.now())
            try:
                service.require_may_submit(session, challenge, phase, self._user, now=self._context.now())
                require_taken(found, form, self._context.settings)
                refusal = ""
            except MediciError as error:
                refusal = error.message
        return CheckOut(
            kind=found.kind,
            kind_sentence=found.sentence,
            image_reference=str(reference) if reference else None,
            size_bytes=received.file.size_bytes,
            accepted=not refusal,
            message=refusal or rules.cost_sentence(phase, quota),
            quota_left=quota.left,
            still_asked=complaints(form.questions, self.answers),
        )


def _answers(received: ReceivedForm, questions: Sequence[Question]) -> dict[str, Any]:
    """As one JSON object, or a field for each question. A box that is not ticked is not sent: that is its answer."""
    written = received.fields["fact_sheet"].strip()
    if not written:
        return {question.key: received.fields[question.field] for question in questions}
    try:
        answers = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The field 'fact_sheet' is not JSON.", code="fact_sheet") from error
    if not isinstance(answers, dict):
        raise InvalidRequest("The field 'fact_sheet' must be a JSON object: key to answer.", code="fact_sheet")
    return answers


def _require_form_token(form: ReceivedForm, expected: str) -> None:
    if not same_token(form.fields["form_token"], expected):
        raise NotAllowed("The form is out of date: load the page again and resend it.", code="bad_form_token")
