"""Uploads are looked through beside all other requests: an archive can take minutes of a processor, and the threads
that answer workers and pages shall not wait for it.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from anyio import CapacityLimiter, Lock, to_thread
from fastapi import FastAPI, Request

P = ParamSpec("P")
T = TypeVar("T")


class LookThroughs:
    """As many at a time as there are processors, and one of each user's: the others wait for their turn."""

    def __init__(self, at_a_time: int) -> None:
        self._threads = CapacityLimiter(at_a_time)
        self._turns: WeakValueDictionary[int, Lock] = WeakValueDictionary()

    async def run(self, user_id: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        turn = self._turns.setdefault(user_id, Lock())
        async with turn:
            return await to_thread.run_sync(partial(work, *args, **kwargs), limiter=self._threads)


def install_look_throughs(app: FastAPI) -> None:
    app.state.look_throughs = LookThroughs(max(os.cpu_count() or 1, 2))


async def look_through(request: Request, user_id: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """In a thread, when it is this user's turn."""
    look_throughs: LookThroughs = request.app.state.look_throughs
    return await look_throughs.run(user_id, work, *args, **kwargs)
