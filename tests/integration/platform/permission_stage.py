"""The platform on which the permission matrix is tried: one challenge for all, one draft, and everybody's credentials.

Nothing that is asked of it stays: what a request has written is rolled back, so each starts from the same.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy.orm import Session

from medici_platform.accounts.access import SESSION_COOKIE
from medici_platform.accounts.queries import user_by_name
from medici_platform.accounts.rules import Role, Scope
from medici_platform.accounts.service import issue_token, open_web_session
from medici_platform.database import Database
from medici_platform.security import form_token
from tests.factories.platform import (
    BUNDLE_FILES,
    COMPETITION,
    PNG,
    RESULTS_ZIP,
    FakeWorker,
    RunningPlatform,
    import_bundle,
    join,
    submit,
)

PEOPLE = {
    "stranger": Role.PARTICIPANT,
    "alice": Role.PARTICIPANT,
    "bob": Role.PARTICIPANT,
    "olga": Role.ORGANIZER,
    "otto": Role.ORGANIZER,
    "cora": Role.PARTICIPANT,
    "ada": Role.ADMIN,
}
RICH = (
    COMPETITION.replace(
        "phases:\n  - index: 0\n",
        "solutions: [{index: 0, path: solution, tasks: [0]}]\n"
        "phases:\n  - index: 0\n    public_data: public_data\n    starting_kit: kit\n",
    )
    .replace("submission_rule: Force_Best", "submission_rule: Add_And_Delete")
    .replace(
        "max_submissions: 10\n    max_submissions_per_day: 5\n",
        "max_submissions: 10000\n    max_submissions_per_day: 10000\n",
    )
)
FILES = {
    **BUNDLE_FILES,
    "competition.yaml": RICH,
    "overview.md": "![The scanner](pictures/scanner.png)",
    "pictures/scanner.png": PNG,
    "public_data/case.txt": "zero",
    "kit/run.py": "pass",
    "solution/answer.txt": "1",
}


@dataclass
class Objects:
    """Numbers of what belongs to one challenge: paths are filled with them."""

    slug: str
    scored: int
    """A submission that has ended."""
    waiting: int
    """One that has not."""
    run: int
    held: int
    """A run that a worker holds."""
    attempt: str
    """The token with which it holds it."""
    entry: int = 1


@dataclass
class PermissionStage:
    platform: RunningPlatform
    forgets: bool = True
    tokens: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    tiny: Objects = field(init=False)
    draft: Objects = field(init=False)
    alices_token: int = field(init=False)
    _clients: dict[tuple[str, bool], httpx.Client] = field(default_factory=dict)

    def __post_init__(self) -> None:
        worker = FakeWorker(self.platform, self._make_people())
        import_bundle(self.platform, self.tokens["olga"], FILES).raise_for_status()
        draft = {**FILES, "competition.yaml": RICH.replace("slug: tiny", "slug: draft")}
        import_bundle(self.platform, self.tokens["otto"], draft, publish=False).raise_for_status()
        with self.platform.client(self.tokens["olga"]) as olga:
            olga.put("/api/v1/challenges/tiny/collaborators/cora").raise_for_status()
        join(self.platform, self.tokens["bob"])
        self.tiny = self._take_part(worker, "alice", "tiny")
        self.draft = self._take_part(worker, "otto", "draft")
        self.tokens["attempt"] = self.tiny.attempt
        if self.forgets:
            _forget(self.platform.context.database)

    def _make_people(self) -> str:
        """Returns the worker's credential."""
        for name, role in PEOPLE.items():
            self.tokens[name] = self.platform.user(name, role)
        with self.platform.context.database.write() as session:
            for name in PEOPLE:
                self.cookies[name] = open_web_session(session, self._user(session, name), now=self._now(), hours=1)
            for role, owner, scope in (("read", "ada", Scope.READ), ("submit", "alice", Scope.SUBMIT)):
                user = self._user(session, owner)
                self.tokens[role] = issue_token(session, user, name=role, now=self._now(), scope=scope)
            olga = self._user(session, "olga")
            self.tokens["submit-olga"] = issue_token(session, olga, name="s", now=self._now(), scope=Scope.SUBMIT)
        self.alices_token = list(PEOPLE).index("alice") + 1
        self.tokens["worker"] = self.platform.worker()
        return self.tokens["worker"]

    def _take_part(self, worker: FakeWorker, name: str, slug: str) -> Objects:
        join(self.platform, self.tokens[name], slug)
        numbers = []
        for _ in range(3):
            answer = submit(self.platform, self.tokens[name], slug=slug)
            answer.raise_for_status()
            numbers.append((answer.json()["id"], self.platform.hints.hints[-1].run_id))
        (scored, run), (_, held), (waiting, _) = numbers
        self._score(worker, run)
        claim = worker.claim(held)
        claim.raise_for_status()
        with self.platform.client(self.tokens[name]) as client:
            client.post(f"/api/v1/submissions/{scored}/leaderboard").raise_for_status()
        entry = 1 if slug == "tiny" else 2
        return Objects(slug, scored, waiting, run, held, claim.json()["token"], entry)

    def _score(self, worker: FakeWorker, run: int) -> None:
        """With all that a run can leave: outputs, single cases, a report."""
        token = worker.claim(run).json()["token"]
        for stage in ("preparing", "running", "scoring"):
            worker.call(run, token, "stage", {"stage": stage}).raise_for_status()
        worker.put_cases(run, token, b"case,truth\n1,1\n").raise_for_status()
        headers = {"X-Content-SHA256": hashlib.sha256(RESULTS_ZIP).hexdigest()}
        with self.platform.client(token) as client:
            outputs = client.put(f"/api/worker/v1/runs/{run}/outputs", content=RESULTS_ZIP, headers=headers)
        outputs.raise_for_status()
        scores = {"scores_txt": "f1: 0.5", "detailed_html": "<p>Well done</p>"}
        worker.call(run, token, "report", {"scores": scores}).raise_for_status()

    def _user(self, session: Session, name: str) -> Any:
        return user_by_name(session, name)

    def _now(self) -> Any:
        return self.platform.clock.now()

    # ---- asking ----

    def ask(self, role: str, method: str, path: str, *, is_page: bool = False, **content: Any) -> int:
        """The status of the answer. People use cookies on pages, everything else its token."""
        uses_cookie = is_page and role in self.cookies
        if is_page and method == "POST":
            content["data"] = {"form_token": self._form_token(role), **content.get("data", {})}
        return self._client(role, uses_cookie=uses_cookie).request(method, path, **content).status_code

    def _client(self, role: str, *, uses_cookie: bool) -> httpx.Client:
        if (role, uses_cookie) not in self._clients:
            token = self.tokens.get(role)
            headers = {"Authorization": f"Bearer {token}"} if token and not uses_cookie else {}
            if uses_cookie:
                headers["Cookie"] = f"{SESSION_COOKIE}={self.cookies[role]}"
            elif role == "nobody":
                headers["Cookie"] = "medici_form=form_nobody"
            self._clients[role, uses_cookie] = httpx.Client(base_url=self.platform.url, headers=headers, timeout=30)
        return self._clients[role, uses_cookie]

    def _form_token(self, role: str) -> str:
        return form_token(self.platform.context.settings.secret_key, self.cookies.get(role, "form_nobody"))

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


def _forget(database: Database) -> None:
    @contextmanager
    def write() -> Iterator[Session]:
        with database._writing() as session:
            session.begin()
            yield session
            session.flush()
            session.expunge_all()
            session.rollback()

    database.write = write  # type: ignore[method-assign]
