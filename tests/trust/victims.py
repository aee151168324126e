"""Workers that are killed at a chosen point of a run, and taken up again."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.e2e.stack import Process, Stack
from tests.trust.proxy import Dropped, Passage, proxy

STAGES = ("claim", "build", "inference", "scoring", "report", "answer")
"""`report`: sent, and not committed by the platform yet. `answer`: committed, and its worker does not know."""
LONGEST_S = {"build": 0.8, "inference": 0.6, "scoring": 0.6, "report": 0.02}
"""How long after the beginning of a stage the kill comes at the latest; the stage's end brings it forward."""
BEGINS = {"build": "claims", "inference": "stage running", "scoring": "stage scoring"}
ENDS = {"build": "stage running", "inference": "stage scoring", "scoring": "report"}
REPORTS = ("lost", "late", "racing")
"""What becomes of a report whose worker is killed: it never arrives; it arrives when its worker is dead; it is being
stored at that moment."""


@dataclass(frozen=True)
class Kill:
    run: int
    stage: str
    at: float
    """time.monotonic()"""
    report: str = ""
    """In the stage `report`, which of REPORTS."""


@dataclass
class Plan:
    """How many kills of each stage are still to come, shared by all victims."""

    left: Counter[str]
    random: random.Random
    kills: dict[int, Kill] = field(default_factory=dict)
    """By run: each is killed once."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def choose(self, run: int) -> str | None:
        """The stage in which this run's worker shall die; None: not at all, or not again."""
        with self.lock:
            stages = sorted(self.left.elements())
            if run in self.kills or not stages:
                return None
            stage = self.random.choice(stages)
            self.left[stage] -= 1
            return stage

    def swap(self, planned: str, happened: str) -> None:
        """The worker was further than it was meant to be: the planned kill is still to come."""
        with self.lock:
            self.left[planned] += 1
            self.left[happened] -= self.left[happened] > 0

    @property
    def are_done(self) -> bool:
        with self.lock:
            return self.left.total() == 0


class Victim:
    """One worker behind a proxy of its own."""

    def __init__(self, stack: Stack, name: str, plan: Plan) -> None:
        self._stack, self._name, self._plan = stack, name, plan
        self._credential = stack.medici("worker", "enroll", name, user="root", json=True).json["credential"]
        self._run: int | None = None
        self._stage: str | None = None
        self._report = ""
        self._deadline: threading.Timer | None = None
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._process: Process | None = None
        self.deaths = threading.Semaphore(0)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with proxy(self._stack.url, self._watch) as url:
            self._url = url
            self._begin()
            keeper = threading.Thread(target=self._keep, daemon=True)
            keeper.start()
            try:
                yield
            finally:
                self._ending.set()
                self.deaths.release()
                keeper.join()

    def _begin(self) -> None:
        self._process = self._stack.resume_worker(self._name, self._credential, MEDICI_URL=self._url)

    def _keep(self) -> None:
        """After every death another process of the same worker, as a service manager would start it."""
        while True:
            self.deaths.acquire()
            if self._ending.is_set():
                return
            self._begin()

    def _watch(self, passage: Passage) -> None:
        """Called by the proxy's threads, which wait for us: a kill here happens before the request goes on."""
        spec = passage.granted()
        if spec is not None:
            self._run, self._stage = spec["run_id"], self._plan.choose(spec["run_id"])
            if self._stage == "claim":
                self._kill("claim")
        stage = self._stage
        if stage is None or passage.run not in {None, self._run}:
            return
        if passage.what == "report":
            self._at_report(stage, is_stored=passage.answer is not None)
        elif passage.answer is not None and passage.what == BEGINS.get(stage):
            self._kill_after(self._plan.random.uniform(0, LONGEST_S[stage]), stage)
        elif passage.answer is None and passage.what == ENDS.get(stage):
            self._kill(stage)

    def _at_report(self, stage: str, *, is_stored: bool) -> None:
        if stage == "scoring":
            self._kill("scoring")
            raise Dropped
        if stage == "answer" and is_stored:
            self._kill("answer")
        elif stage == "report" and is_stored:  # the race was lost: its kill comes too late to be one of this stage
            self._kill("report", happened="answer")
        elif stage == "report":
            self._kill_at_report()

    def _kill_at_report(self) -> None:
        self._report = self._plan.random.choice(REPORTS)
        if self._report == "racing":
            self._kill_after(self._plan.random.uniform(0, LONGEST_S["report"]), "report")
            return
        self._kill("report")
        if self._report == "lost":
            raise Dropped

    def _kill_after(self, delay_s: float, stage: str) -> None:
        self._deadline = threading.Timer(delay_s, self._kill, (stage,))
        self._deadline.daemon = True
        self._deadline.start()

    def _kill(self, stage: str, *, happened: str = "") -> None:
        with self._lock:
            if self._stage != stage or self._run is None or self._process is None:
                return
            self._stage = None
            if happened:
                self._plan.swap(stage, happened)
            if self._deadline is not None:
                self._deadline.cancel()
            self._process.popen.send_signal(signal.SIGKILL)
            self._process.popen.wait()
            report = self._report if stage == "report" and not happened else ""
            self._plan.kills[self._run] = Kill(self._run, happened or stage, time.monotonic(), report)
        self.deaths.release()
