"""What participants and organizers do."""

from tests.trust.lives.model import BOARDS, ENDS, FIRST, QUOTA, QUOTA_PER_DAY, SECOND, Submission
from tests.trust.lives.play import CONFLICT, CREATED, FORBIDDEN, MISSING, OK, Play
from tests.trust.lives.stage import PEOPLE


class People(Play):
    def submit(self) -> None:
        user, phase = self.choose(PEOPLE), self.choose((FIRST, FIRST, SECOND))
        kind = self.choose(("container", "results"))
        refusal = self.model.refusal(user, phase)
        answer = self.stage.submit(user, phase, kind)
        if refusal:
            assert answer.json().get("code") == refusal
        else:
            assert answer.status_code == CREATED
            self.enter(Submission(answer.json()["id"], user, phase, kind, self.model.now))

    def cancel(self) -> None:
        submission, user = self._any(), self.choose(("olga", "olga", *PEOPLE))
        answer = self.of_submission(submission, user, "cancel")
        if user not in ("olga", submission.user):
            assert answer.status_code == MISSING
            return
        assert answer.status_code == (CONFLICT if submission.has_ended else OK)
        for run in submission.runs:
            if run.is_held:
                run.last.outcome = "cancelled"
            if run.state not in ENDS:
                run.ends(self.model.now, failure="cancelled")

    def run_again(self) -> None:
        """All of a submission, or one of its tasks; or only the scoring of kept outputs."""
        submission, user = self._any(), self.choose(("olga", "olga", "olga", "alice"))
        again, task = self.choose(("rerun", "rescore")), self.choose((None, None, 0, 1))
        answer = self.of_submission(submission, user, again if task is None else f"{again}?task={task}")
        if user != "olga":
            assert answer.status_code == (FORBIDDEN if submission.user == user else MISSING)
            return
        runs = [run for run in submission.runs if task in (None, run.task)]
        is_rescore = again == "rescore"
        lacks_outputs = is_rescore and submission.kind != "results" and not all(run.has_outputs for run in runs)
        if not runs:
            assert answer.status_code == MISSING
        elif lacks_outputs or not all(run.state in ENDS for run in runs):
            assert answer.status_code == CONFLICT
        else:
            assert answer.status_code == OK
            for run in runs:
                run.starts_again(scoring_only=is_rescore)
            submission.settle(self.model.now)

    def look(self) -> None:
        """What the API shows: a board, what is left of a quota, and one's own runs."""
        user, phase, key = self.choose(PEOPLE), self.choose((FIRST, SECOND)), self.choose(tuple(BOARDS))
        token, where = self.stage.tokens[user], f"/api/v1/challenges/tiny/{{}}?phase={phase}"
        board = self.stage.call("GET", where.format("leaderboard") + f"&board={key}", token).json()
        shown = [(entry["rank"], entry["participant"], entry["scores"]) for entry in board["entries"]]
        standing = [(rank, self.model.submissions[number]) for rank, number in self.model.board(phase, key)]
        assert shown == [(rank, each.user, _of_columns(each.scores)) for rank, each in standing]
        quota = self.stage.call("GET", where.format("quota"), token).json()
        total, today = self.model.used(user, phase)
        assert (quota["used_total"], quota["used_today"]) == (total, today)
        assert quota["left"] == max(0, min(QUOTA - total, QUOTA_PER_DAY - today))
        for each in self.model.submissions.values():
            if (each.user, each.phase) == (user, phase):
                runs = self.of_submission(each, user, "runs", method="GET").json()
                assert [run["scores"] for run in runs] == [run.scores for run in each.runs]

    def _any(self) -> Submission:
        return self.choose([*self.model.submissions.values()])


def _of_columns(scores: dict[str, float]) -> dict[str, float]:
    """What boards show: the numbers of columns."""
    return {key: value for key, value in scores.items() if key in ("f1", "seconds")}
