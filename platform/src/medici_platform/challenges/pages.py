from fastapi import APIRouter
from fastapi.responses import Response

from medici_platform.challenges.queries import visible_challenges
from medici_platform.challenges.rules import current_phase, phase_status
from medici_platform.paging import Page, fetch_slice
from medici_platform.presentation.visitors import CurrentVisitor, redirect
from medici_platform.web import CurrentContext, CurrentSession

router = APIRouter(include_in_schema=False)


@router.get("/")
def start() -> Response:
    return redirect("/challenges")


@router.get("/challenges")
def list_challenges(visitor: CurrentVisitor, page: Page, context: CurrentContext, session: CurrentSession) -> Response:
    rows = fetch_slice(session, visible_challenges(visitor.user), page)
    now = context.now()
    cards = []
    for challenge in rows.rows:
        phase = current_phase(challenge.phases, now)
        cards.append((challenge, phase, phase_status(phase, now)))
    return visitor.render("challenges.html", cards=cards, rows=rows)
