"""What time does: leases expire, lost hints are sent again, phases take entries over when they open.

One program at a time, by a lease in the database.
"""

import secrets
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import String, select
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from medici_platform.context import Context
from medici_platform.database import Base
from medici_platform.leaderboards.migration import due_phases, migrate_phase
from medici_platform.leaderboards.service import phases_to_thaw, thaw_phase
from medici_platform.runs import queries, service
from medici_platform.runs.mails import AlertMails

log = structlog.get_logger()

LEASES_PER_SWEEP = 3
HEARTBEATS_TO_HEAR = 3


class ClockLease(Base):
    __tablename__ = "clock_lease"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    holder: Mapped[str] = mapped_column(String(40))
    held_until: Mapped[datetime]


class Clock:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._holder = secrets.token_hex(8)
        self._stop = threading.Event()
        self._mails = AlertMails(context)
        self._patient_until = context.now()

    def tick(self) -> bool:
        """One sweep, if this clock is the one. Returns whether it was."""
        context = self._context
        with context.database.write() as session:
            if not self._take_lease(session):
                return False
        sweep(context, patient=context.now() < self._patient_until)
        self._mails.send()
        return True

    def run(self) -> None:
        """Until stopped. A database that is away is waited for, and nothing that breaks a sweep ends the clock."""
        self._be_patient()
        log.info("clock_begins", holder=self._holder)
        while not self._stop.is_set():
            try:
                self.tick()
            except SQLAlchemyError as error:
                log.warning("sweep_failed", error=str(error))
                self._be_patient()
            except Exception:
                log.exception("sweep_failed")
            self._stop.wait(self._context.settings.sweep_s)

    def _be_patient(self) -> None:
        """After a start, and after the database was away: workers that live could not say so, and shall do it first."""
        settings = self._context.settings
        self._patient_until = self._context.now() + timedelta(seconds=HEARTBEATS_TO_HEAR * settings.heartbeat_s)

    def stop(self) -> None:
        self._stop.set()

    def _take_lease(self, session: Session) -> bool:
        now = self._context.now()
        until = now + timedelta(seconds=LEASES_PER_SWEEP * self._context.settings.sweep_s)
        lease = session.scalar(select(ClockLease).where(ClockLease.name == "clock").with_for_update())
        if lease is None:
            session.add(ClockLease(name="clock", holder=self._holder, held_until=until))
            try:
                session.flush()
            except IntegrityError:  # another clock began at the same moment
                session.rollback()
                return False
            return True
        if lease.holder != self._holder and lease.held_until > now:
            return False
        lease.holder = self._holder
        lease.held_until = until
        return True


def clock_works(session: Session, *, now: datetime) -> bool:
    """Whether some clock holds the lease."""
    lease = session.get(ClockLease, "clock")
    return lease is not None and lease.held_until > now


def sweep(context: Context, *, patient: bool = False) -> None:
    """Every run is waiting, held under a live lease, or has ended; a waiting one has been hinted at lately.

    Each step is a transaction of its own, and so is each expired run and each phase: one that can't be mended keeps
    nothing else from being so. `patient`: no lease expires yet.
    """
    if not patient:
        _expire_leases(context)
    _alone(context, "hints", lambda session: _send_hints_again(session, context))
    _each_phase(context, "thaw", phases_to_thaw, thaw_phase)
    _each_phase(context, "migration", due_phases, migrate_phase)


def _each_phase(
    context: Context,
    step: str,
    due: Callable[..., Sequence[int]],
    work: Callable[..., None],
) -> None:
    now = context.now()
    with context.database.read() as session:
        phases = due(session, now=now)
    for phase_id in phases:
        _alone(context, step, partial(work, context=context, phase_id=phase_id, now=now), phase_id=phase_id)


def _expire_leases(context: Context) -> None:
    with context.database.read() as session:
        expired = queries.expired_runs(session, now=context.now())
    for run_id in expired:
        _alone(context, "lease", partial(_expire, context=context, run_id=run_id), run_id=run_id)


def _expire(session: Session, context: Context, run_id: int) -> None:
    """Unless its worker was quicker: the run is looked at again, locked."""
    run = queries.expired_run(session, run_id, now=context.now())
    if run is not None:
        log.info("lease_expired", run_id=run.id, attempt=run.attempt)
        service.expire_lease(session, context, run)


def _send_hints_again(session: Session, context: Context) -> None:
    hinted_before = context.now() - timedelta(seconds=context.settings.resend_s)
    for run in queries.unclaimed_runs(session, hinted_before=hinted_before):
        service.hint(session, context, run)


def _alone(context: Context, step: str, work: Callable[[Session], object], **about: object) -> None:
    try:
        with context.database.write() as session:
            work(session)
    except OperationalError:
        raise  # the database is away: so it is for all that follows
    except Exception:
        log.exception("sweep_step_failed", step=step, **about)
