"""Rate limits, counted in the process: with several web processes the limit is per process."""

from fastapi import FastAPI
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from medici_platform.errors import TooManyRequests


def install_throttle(app: FastAPI) -> None:
    app.state.limiter = MovingWindowRateLimiter(MemoryStorage())


def throttle(app: FastAPI, rate: str, *who: str) -> None:
    """Raises TooManyRequests when `who` has used up `rate` (for example `10/minute`)."""
    limiter: MovingWindowRateLimiter = app.state.limiter
    if not limiter.hit(parse(rate), *who):
        raise TooManyRequests(f"Too many attempts (limit {rate.replace('/', ' per ')}): wait a moment and try again.")
