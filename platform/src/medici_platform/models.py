"""Every table, for migrations and for relationships that name each other."""

from medici_platform.accounts import models as accounts
from medici_platform.challenges import models as challenges
from medici_platform.clock import ClockLease
from medici_platform.database import Base
from medici_platform.leaderboards import models as leaderboards
from medici_platform.participants import models as participants
from medici_platform.queues import models as queues
from medici_platform.runs import models as runs
from medici_platform.submissions import models as submissions

__all__ = [
    "ClockLease",
    "accounts",
    "challenges",
    "leaderboards",
    "metadata",
    "participants",
    "queues",
    "runs",
    "submissions",
]

metadata = Base.metadata
