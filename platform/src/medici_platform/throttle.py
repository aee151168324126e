"""Rate limits. Web processes that share a Redis share counts; without it, or while it is away, each counts alone."""

import time

import structlog
from fastapi import FastAPI
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from medici_platform.errors import TooManyRequests

log = structlog.get_logger()

ANSWERS_WITHIN_S = 0.5
AWAY_S = 10.0
"""How long a Redis that did not answer is left alone: nobody waits for it with every request."""


class Limiter:
    def __init__(self, broker_url: str) -> None:
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._shared = _shared_limiter(broker_url)
        self._away_until = 0.0

    def hit(self, rate: RateLimitItem, *who: str) -> bool:
        """Whether `who` may once more. Every try counts in this process too, so that nothing is forgotten meanwhile."""
        is_within = self._own.hit(rate, *who)
        if self._shared is None or time.monotonic() < self._away_until:
            return is_within
        try:
            return self._shared.hit(rate, *who) and is_within
        except StorageError as error:
            self._away_until = time.monotonic() + AWAY_S
            log.warning("limits_not_shared", error=str(error))
            return is_within


def _shared_limiter(broker_url: str) -> MovingWindowRateLimiter | None:
    if not broker_url.startswith(("redis://", "rediss://")):
        return None
    storage = RedisStorage(
        broker_url,
        key_prefix="medici-limits",
        wrap_exceptions=True,
        socket_timeout=ANSWERS_WITHIN_S,
        socket_connect_timeout=ANSWERS_WITHIN_S,
    )
    return MovingWindowRateLimiter(storage)


def install_throttle(app: FastAPI, broker_url: str) -> None:
    app.state.limiter = Limiter(broker_url)


def throttle(app: FastAPI, rate: str, *who: str) -> None:
    """Raises TooManyRequests when `who` has used up `rate` (for example `10/minute`)."""
    limiter: Limiter = app.state.limiter
    if not limiter.hit(parse(rate), *who):
        raise TooManyRequests(f"Too many attempts (limit {rate.replace('/', ' per ')}): wait a moment and try again.")
