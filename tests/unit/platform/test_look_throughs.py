"""Uploads wait for their turn, and nobody's wait for all of another's."""

import threading
import time

import anyio

from medici_platform.look_throughs import LookThroughs


class Watched:
    """Looks through nothing, and takes a moment for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now: list[int] = []
        self.most = 0
        self.most_of_one = 0

    def work(self, user: int) -> int:
        with self.lock:
            self.now.append(user)
            self.most = max(self.most, len(self.now))
            self.most_of_one = max(self.most_of_one, *map(self.now.count, self.now))
        time.sleep(0.02)
        with self.lock:
            self.now.remove(user)
        return user


def test_one_of_each_user_and_no_more_than_there_are_processors():
    watched, came = Watched(), []

    async def all_at_once() -> None:
        look_throughs = LookThroughs(2)

        async def one(user: int) -> None:
            came.append(await look_throughs.run(user, watched.work, user))

        async with anyio.create_task_group() as group:
            for user in [1] * 10 + [2, 3, 4]:
                group.start_soon(one, user)

    anyio.run(all_at_once)
    assert sorted(came) == [1] * 10 + [2, 3, 4]
    assert (watched.most, watched.most_of_one) == (2, 1)
    assert came.index(4) < len(came) - 5
