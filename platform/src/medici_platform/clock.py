"""What time does: leases expire, lost hints are sent again, phases take entries over when they open.

One program at a time, by a lease in the database.
"""

import secrets
import threading
from datetime import datetime, timedelta

import structlog
from sqlalchemy import String, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from medici_platform.context import Context
from medici_platform.database import Base
from medici_platform.leaderboards.migration import migrate_due_phases
from medici_platform.leaderboards.service import thaw_ended_phases
from medici_platform.runs import queries, service
from medici_platform.runs.mails import AlertMails

log = structlog.get_logger()

LEASES_PER_SWEEP = 3


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

    def tick(self) -> bool:
        """One sweep, if this clock is the one. Returns whether it was."""
        context = self._context
        with context.database.write() as session:
            if not self._take_lease(session):
                return False
            sweep(session, context)
        self._mails.send()
        return True

    def run(self) -> None:
        """Until stopped. A database that is away is waited for."""
        while not self._stop.is_set():
            try:
                self.tick()
            except SQLAlchemyError as error:
                log.warning("sweep_failed", error=str(error))
            self._stop.wait(self._context.settings.sweep_s)

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


def sweep(session: Session, context: Context) -> None:
    """Every run is waiting, held under a live lease, or has ended; a waiting one has been hinted at lately."""
    now = context.now()
    for run in queries.expired_runs(session, now=now):
        log.info("lease_expired", run_id=run.id, attempt=run.attempt)
        service.expire_lease(session, context, run)
    for run in queries.unclaimed_runs(session, hinted_before=now - timedelta(seconds=context.settings.resend_s)):
        service.hint(session, context, run)
    thaw_ended_phases(session, context, now=now)
    migrate_due_phases(session, context, now=now)
