"""People, workers and time, in any order."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.trust.lives.people import People
from tests.trust.lives.stage import WORKERS, Stage
from tests.trust.lives.workers import Workers


class Everybody(People, Workers):
    def revoke(self) -> None:
        worker, enroll = self.choose(WORKERS), self.draw(st.booleans())
        self.stage.revoke(worker)
        if enroll:
            self.stage.enroll(worker)
        self.model.revoke(worker, enroll=enroll)

    def wait(self) -> None:
        self.advance(self.choose((5, 30, 61, 61, 86_400)))

    def sweep(self) -> None:
        clock = self.choose(("one", "two"))
        assert self.stage.clocks[clock].tick() is self.model.sweeps(clock)

    def sweep_twice_at_once(self) -> None:
        with ThreadPoolExecutor(2) as pool:
            swept = dict(
                zip(self.stage.clocks, pool.map(lambda clock: clock.tick(), self.stage.clocks.values()), strict=True)
            )
        first, second = sorted(swept, key=swept.__getitem__, reverse=True)
        assert (self.model.sweeps(first), self.model.sweeps(second)) == (swept[first], swept[second])

    def lose_a_worker(self) -> None:
        """Nobody hears of it, until its leases have expired and a clock looks."""
        self.advance(61)
        self.sweep()


OF_PEOPLE = {"submit": 3, "cancel": 1, "run_again": 3, "look": 1}
OF_WORKERS = {
    "heartbeat": 1,
    "enter_stage": 4,
    "ask_for_the_answers": 1,
    "log": 3,
    "keep_outputs": 2,
    "report_scores": 5,
    "report_failure": 2,
    "release": 1,
}
"""Of those that hold a run."""
OF_OTHERS = {"claim_anything": 1, "call_when_it_is_over": 4, "send_nonsense": 1, "call_for_another_run": 1}
OF_TIME = {"revoke": 1, "wait": 1, "sweep": 1, "sweep_twice_at_once": 1, "lose_a_worker": 2}


def _weighted(steps: Mapping[str, int]) -> st.SearchStrategy[str]:
    return st.sampled_from([step for step, weight in steps.items() for _ in range(weight)])


class Lives(RuleBasedStateMachine):
    """`stage` is set by the test: one platform for all plays. Where a step is not possible, one that leads to it."""

    stage: ClassVar[Stage]
    steps: ClassVar[int] = 0
    play: Everybody

    @initialize(data=st.data())
    def begin(self, data: Any) -> None:
        self.play = Everybody(self.stage, data.draw)
        for _ in range(2):
            self._do(data, "submit", possible=True)
            self.play.check()
        self._do(data, "claim", possible=bool(self.play.model.runs))

    @rule(data=st.data(), step=_weighted(OF_PEOPLE))
    def somebody(self, data: Any, step: str) -> None:
        self._do(data, step, possible=bool(self.play.model.submissions))

    @rule(data=st.data())
    def a_worker_claims(self, data: Any) -> None:
        self._do(data, "claim", possible=bool(self.play.model.runs))

    @rule(data=st.data(), step=_weighted(OF_WORKERS))
    def a_worker(self, data: Any, step: str) -> None:
        self._do(data, step, possible=bool(self.play.live))

    @rule(data=st.data(), step=_weighted(OF_WORKERS))
    def another_worker(self, data: Any, step: str) -> None:
        self._do(data, step, possible=bool(self.play.live))

    @rule(data=st.data(), step=_weighted(OF_OTHERS))
    def something_out_of_turn(self, data: Any, step: str) -> None:
        self._do(data, step, possible=bool(self.play.over))

    @rule(data=st.data(), step=_weighted(OF_TIME))
    def time(self, data: Any, step: str) -> None:
        self._do(data, step, possible=True)

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        self.play.check()
        type(self).steps += 1

    def _do(self, data: Any, step: str, *, possible: bool) -> None:
        self.play.draw = data.draw
        if not possible:
            step = "claim" if self.play.waiting else "submit"
        getattr(self.play, step)()
        self.play.done[step] += 1
