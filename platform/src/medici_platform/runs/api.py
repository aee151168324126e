from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, HTMLResponse, Response

from medici_platform.accounts.access import SignedIn, opened_by, opens_all_of, require_own_act
from medici_platform.accounts.models import User
from medici_platform.accounts.rules import Scope
from medici_platform.challenges.html import DETAILED_RESULTS_POLICY, clean_detailed_results
from medici_platform.challenges.queries import get_challenge
from medici_platform.errors import NotAllowed, NotFound
from medici_platform.paging import Listing, Page, fetch_slice, listing
from medici_platform.participants.rules import may_organize
from medici_platform.runs import alerts, decisions, logs, queries, record_views, views
from medici_platform.runs.alerts import AlertOut
from medici_platform.runs.models import Run
from medici_platform.runs.record_format import Copy
from medici_platform.runs.redaction import Secrets, redact
from medici_platform.runs.schemas import LogOut, RecordOut, RunOut, SigningKeysOut
from medici_platform.submissions.queries import get_submission, get_submission_to_act_on, may_see, scores_shown_to
from medici_platform.submissions.schemas import SubmissionOut, present
from medici_platform.web import CurrentContext, CurrentSession, Id, own_headers

router = APIRouter(prefix="/api/v1", tags=["runs"])

JSON = "application/json"

TaskIndex = Annotated[int | None, Query(ge=0, le=2**31 - 1)]
Attempt = Annotated[int | None, Query(ge=0, le=2**31 - 1)]


@router.get("/submissions/{submission_id}/runs")
@opened_by(Scope.READ)
def list_runs(submission_id: Id, user: SignedIn, context: CurrentContext, session: CurrentSession) -> list[RunOut]:
    """One run a task, with its attempts, times and scores."""
    submission = get_submission(session, submission_id, user)
    runs = views.runs_for(session, context, submission, user)
    if opens_all_of(user, is_own=submission.participant.user_id == user.id):
        return runs
    return [run.model_copy(update={"private_detail": None}) for run in runs]  # it can end with a hidden phase's log


@router.get("/submissions/{submission_id}/logs")
@opened_by(Scope.READ)
def show_log(
    submission_id: Id,
    user: SignedIn,
    context: CurrentContext,
    session: CurrentSession,
    after: Annotated[int, Query(ge=0, le=2**32)] = 0,
) -> LogOut:
    submission = get_submission_to_act_on(session, submission_id, user)
    return logs.log_for(session, context, submission, user, after=after)


@router.post("/submissions/{submission_id}/cancel")
@opened_by(Scope.SUBMIT)
def cancel(submission_id: Id, user: SignedIn, context: CurrentContext, session: CurrentSession) -> SubmissionOut:
    submission = get_submission_to_act_on(session, submission_id, user)
    decisions.cancel(session, context, submission)
    return present(submission, scores_shown_to(session, submission.phase.challenge, user))


@router.post("/submissions/{submission_id}/rerun")
def rerun(
    submission_id: Id, user: SignedIn, context: CurrentContext, session: CurrentSession, task: TaskIndex = None
) -> SubmissionOut:
    """For organizers: run it again from the start, all of it or the one task with this index."""
    submission = get_submission(session, submission_id, user)
    decisions.rerun(session, context, submission, user, scoring_only=False, task=task)
    return present(submission, scores_shown_to(session, submission.phase.challenge, user))


@router.post("/submissions/{submission_id}/rescore")
def rescore(
    submission_id: Id, user: SignedIn, context: CurrentContext, session: CurrentSession, task: TaskIndex = None
) -> SubmissionOut:
    """For organizers: score the kept outputs again, of all tasks or of the one with this index."""
    submission = get_submission(session, submission_id, user)
    decisions.rerun(session, context, submission, user, scoring_only=True, task=task)
    return present(submission, scores_shown_to(session, submission.phase.challenge, user))


@router.get("/runs/{run_id}/outputs", response_class=FileResponse)
@opened_by(Scope.READ)
def download_outputs(run_id: Id, user: SignedIn, context: CurrentContext, session: CurrentSession) -> FileResponse:
    """What the container wrote to /mnt/out, as a zip."""
    run = _visible_run(session, run_id, user)
    require_own_act(user, is_own=run.submission.participant.user_id == user.id)
    if not views.may_have_outputs(run.submission, user):
        raise NotAllowed("The outputs of a hidden phase can be downloaded by the challenge's organizers alone.")
    if run.outputs_sha256 is None:
        raise NotFound("This run left no outputs.")
    return FileResponse(
        context.storage.path(run.outputs_sha256),
        filename=f"run-{run.id}-outputs.zip",
        media_type="application/zip",
        headers=own_headers(run.outputs_sha256, run.submission.submitted_at),
    )


@router.get("/runs/{run_id}/cases", response_class=FileResponse)
def download_cases(run_id: Id, user: SignedIn, context: CurrentContext, session: CurrentSession) -> FileResponse:
    """For organizers: what was true and predicted, or the metric, of every single case, as the scoring program wrote
    it (CSV).
    """
    run = _visible_run(session, run_id, user)
    if not may_organize(user, run.submission.phase.challenge):
        raise NotAllowed("Results of single cases are for the challenge's organizers alone.")
    if run.cases_sha256 is None:
        raise NotFound("This run has no results of single cases: its scoring program wrote no cases.csv.")
    return FileResponse(
        context.storage.path(run.cases_sha256), filename=f"run-{run.id}-cases.csv", media_type="text/csv"
    )


@router.get("/runs/{run_id}/records")
@opened_by(Scope.READ)
def list_records(run_id: Id, user: SignedIn, session: CurrentSession) -> list[RecordOut]:
    """Of every attempt that was scored or has failed, the latest first, and how it compares with the one before."""
    run = _visible_run(session, run_id, user)
    shown = scores_shown_to(session, run.submission.phase.challenge, user)
    return record_views.records_for(session, [run], shown).get(run.id, [])


@router.get("/runs/{run_id}/record", response_class=Response, responses={200: {"content": {"application/json": {}}}})
@opened_by(Scope.READ)
def download_record(
    run_id: Id, user: SignedIn, session: CurrentSession, attempt: Attempt = None, copy: Copy | None = None
) -> Response:
    """The signed record of the latest attempt, or of this one, byte for byte. Organizers get their own copy, unless
    they ask for the participant's.
    """
    run = _visible_run(session, run_id, user)
    shown = scores_shown_to(session, run.submission.phase.challenge, user)
    row, document = record_views.document_for(session, run, shown, attempt=attempt, copy=copy)
    name = f"run-{run.id}-attempt-{row.attempt}.json"
    return Response(document, media_type=JSON, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/signing-keys")
def list_signing_keys(session: CurrentSession) -> SigningKeysOut:
    """Public: whoever was given a record can check it (`medici verify`)."""
    return record_views.keys_in_use(session)


@router.get("/runs/{run_id}/detailed-results", response_class=HTMLResponse)
@opened_by(Scope.READ)
def show_detailed_results(run_id: Id, user: SignedIn, context: CurrentContext) -> HTMLResponse:
    """The scoring program's own page: cleaned, without canaries for participants, and sandboxed by its headers."""
    with context.database.read() as session:  # cleaning takes its time, and no connection
        run = _visible_run(session, run_id, user)
        organizes = may_organize(user, run.submission.phase.challenge)
        if not (organizes or views.shows_detailed_results(run.submission)):
            raise NotAllowed("Detailed results of this phase are shown to the challenge's organizers alone.")
        if run.detailed_html is None:
            raise NotFound("This run has no detailed results.")
        written, secrets = run.detailed_html, Secrets(canaries=tuple(run.task.canaries))
    html = clean_detailed_results(written)
    if not organizes:
        html = redact(html, secrets)
    return HTMLResponse(html, headers={"Content-Security-Policy": DETAILED_RESULTS_POLICY})


@router.get("/challenges/{slug}/alerts")
@opened_by(Scope.READ)
def list_alerts(slug: str, user: SignedIn, page: Page, session: CurrentSession) -> Listing[AlertOut]:
    """For organizers: what they have to mend, such as a scoring program that failed. The latest first."""
    challenge = get_challenge(session, slug, user)
    alerts.require_organizer(challenge, user)
    return listing(fetch_slice(session, alerts.open_alerts(challenge), page), alerts.present)


@router.post("/alerts/{alert_id}/dismiss")
def dismiss_alert(alert_id: Id, user: SignedIn, context: CurrentContext, session: CurrentSession) -> AlertOut:
    """For organizers."""
    return alerts.present(alerts.dismiss(session, alert_id, user, now=context.now()))


def _visible_run(session: CurrentSession, run_id: int, user: User) -> Run:
    run = queries.get_run(session, run_id)
    if not may_see(run.submission, user):
        raise NotFound(f"There is no run {run_id}.")
    return run
