"""What waits for a challenge's organizers."""

from fastapi import APIRouter
from fastapi.responses import Response

from medici_platform.accounts.access import SignedIn
from medici_platform.challenges.queries import get_challenge
from medici_platform.paging import Page, fetch_slice
from medici_platform.participants.shell import open_shell
from medici_platform.presentation.forms import PostedForm
from medici_platform.presentation.visitors import CurrentVisitor, redirect
from medici_platform.runs import alerts
from medici_platform.web import CurrentContext, CurrentSession, Id

router = APIRouter(prefix="/challenges/{slug}/alerts", include_in_schema=False)


@router.get("")
def show_alerts(slug: str, visitor: CurrentVisitor, user: SignedIn, page: Page, session: CurrentSession) -> Response:
    shell = open_shell(session, visitor, slug)
    alerts.require_organizer(shell.challenge, user)
    rows = fetch_slice(session, alerts.open_alerts(shell.challenge), page)
    return visitor.render("alerts.html", shell=shell, rows=rows)


@router.post("/{alert_id}/dismiss")
def dismiss(
    slug: str, alert_id: Id, user: SignedIn, _: PostedForm, context: CurrentContext, session: CurrentSession
) -> Response:
    challenge = get_challenge(session, slug, user)
    alerts.require_organizer(challenge, user)
    alerts.dismiss(session, alert_id, user, now=context.now())
    return redirect(f"/challenges/{challenge.slug}/alerts")
