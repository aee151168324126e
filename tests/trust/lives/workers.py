"""What workers do, in time and too late, and what nobody's worker should do."""

from typing import Any

from hypothesis import strategies as st

from tests.trust.lives.model import Attempt, Run
from tests.trust.lives.play import CONFLICT, EMPTY, FORBIDDEN, GONE, INVALID, OK, UNKNOWN, Play
from tests.trust.lives.stage import WORKERS
from tests.trust.lives.told import TOLD

STAGES = ("preparing", "running", "scoring")
FAILURES = ("run_failed", "time_limit", "output_missing", "scoring_failed", "system_error")
SCORES = {"scores": {"scores_txt": "f1: 1\nseconds: 1"}}
CALLS: dict[str, dict[str, Any]] = {
    "heartbeat": {},
    "stage": {"stage": "scoring"},
    "logs": {"stage": "running", "position": 0, "text": "late"},
    "report": SCORES,
    "release": {},
}
NONSENSE: tuple[tuple[str, Any], ...] = (
    ("stage", {"stage": "finished"}),
    ("stage", []),
    ("logs", {"stage": "running", "position": -1, "text": "x"}),
    ("logs", {"stage": "running", "position": 2**40, "text": "x"}),
    ("report", {"scores": {"scores_txt": 5}}),
    ("report", {"failure": "bored"}),
    ("report", {"scores": None, "exit_code": 2**40}),
)
TEXTS = st.text("ab\n\0é🫀", max_size=6)


class Workers(Play):
    def claim(self) -> None:
        self._claim(self.choose(self.waiting or self.model.runs), self.choose(WORKERS))

    def claim_anything(self) -> None:
        self._claim(self.choose(self.model.runs), self.choose(WORKERS))

    def heartbeat(self) -> None:
        attempt = self.choose(self.live)
        assert self.call(attempt, "heartbeat").status_code == OK
        attempt.run.lease_until = self.lease

    def enter_stage(self) -> None:
        attempt, to = self.choose(self.live), self.choose((*STAGES, "scoring"))
        answer = self.call(attempt, "stage", {"stage": to})
        if STAGES.index(to) < STAGES.index(attempt.run.state):
            assert answer.status_code == CONFLICT
            return
        assert answer.status_code == OK
        assert (answer.json()["scoring"] is not None) is (to == "scoring")
        attempt.run.state, attempt.run.lease_until = to, self.lease
        attempt.run.has_seen |= to != "preparing"

    def ask_for_the_answers(self) -> None:
        attempt = self.choose(self.model.attempts)
        answer = self.stage.call("GET", f"/api/worker/v1/runs/{attempt.run.id}/files/reference_data", attempt.token)
        may = OK if attempt.run.state == "scoring" else FORBIDDEN
        assert answer.status_code == (may if attempt.is_live else GONE)

    def log(self) -> None:
        """Each piece once, whatever is sent again; a piece that was lost on the way is missing, and nothing else."""
        attempt, stage = self.choose(self.live), self.choose(STAGES)
        back, text = self.choose((0, 0, 1, 3, -4)), self.draw(TEXTS)
        position = max(0, attempt.sent[stage] - back)
        answer = self.call(attempt, "logs", {"stage": stage, "position": position, "text": text})
        assert answer.status_code == EMPTY
        if position >= attempt.sent[stage] and text:
            attempt.logs[stage] = attempt.logs.get(stage, "") + text.replace("\0", "\N{REPLACEMENT CHARACTER}")
            attempt.sent[stage] = position + len(text)

    def keep_outputs(self) -> None:
        attempt = self.choose(self.live)
        assert self.stage.put_outputs(attempt.run.id, attempt.token, b"outputs").status_code == EMPTY
        attempt.run.has_outputs = True

    def report_scores(self) -> None:
        attempt, told = self.choose(self.live), self.draw(TOLD)
        assert self.call(attempt, "report", {"scores": told.files}).status_code == EMPTY
        attempt.outcome = "finished" if told.numbers else "scoring_failed"
        attempt.run.ends(self.model.now, failure=None if told.numbers else "scoring_failed", scores=told.numbers)

    def report_failure(self) -> None:
        """Numbers beside a failure count for nothing."""
        attempt, failure = self.choose(self.live), self.choose(FAILURES)
        assert self.call(attempt, "report", {"failure": failure, **SCORES}).status_code == EMPTY
        attempt.outcome = failure
        attempt.run.ends(self.model.now, failure=failure)

    def release(self) -> None:
        attempt = self.choose(self.live)
        assert self.call(attempt, "release").status_code == EMPTY
        attempt.run.waits_again("released", self.model.now, gives_back=True)

    def call_when_it_is_over(self) -> None:
        """Of an attempt that is over nothing is heard, but for its last word, which may come twice."""
        attempt, what = self.choose(self.over), self.choose((*CALLS, "report", "outputs"))
        if what == "outputs":
            answer = self.stage.put_outputs(attempt.run.id, attempt.token, b"late")
        else:
            answer = self.call(attempt, what, CALLS[what])
        assert answer.status_code == (EMPTY if what == "report" and attempt.may_repeat else GONE)

    def send_nonsense(self) -> None:
        attempt, what = self.choose(self.model.attempts), self.choose(NONSENSE)
        assert self.call(attempt, *what).status_code in ((INVALID,) if attempt.is_live else (INVALID, GONE))

    def call_for_another_run(self) -> None:
        """With the token of one run nothing can be done to another."""
        attempt, run, what = self.choose(self.model.attempts), self.choose(self.model.runs), self.choose(tuple(CALLS))
        if attempt.run is not run:
            assert self.stage.of_run(run.id, attempt.token, what, CALLS[what]).status_code == GONE

    def _claim(self, run: Run, worker: str) -> None:
        body = {"run_id": run.id, "free_gpus": 0}
        answer = self.stage.call("POST", "/api/worker/v1/claims", self.stage.credentials[worker], json=body)
        if worker in self.model.revoked:
            assert answer.status_code == UNKNOWN
        elif run.state != "queued":
            assert (answer.status_code, answer.json()["code"]) == (CONFLICT, "not_queued")
        else:
            assert answer.status_code == OK
            attempt = Attempt(run, len(run.attempts) + 1, worker, answer.json()["token"])
            spec = answer.json()["spec"]
            reads_outputs = run.scoring_only and run.submission.kind != "results"
            assert (spec["attempt"], spec["outputs"] is not None) == (attempt.number, reads_outputs)
            run.claimed(attempt, self.model.now)
            self.model.attempts.append(attempt)
