"""What a watch does when the engine can't do at once what it is asked for."""

from docker.errors import APIError

from medici_worker.containers.build_watch import BuildWatch
from medici_worker.containers.engine import BuildOrder

FILE_BYTES = 20 * 1024**3


class Engine:
    """One step's container runs; its limit can be set at the third try."""

    def __init__(self):
        self.asked = []

    def images(self, **_):
        return []

    def inspect_image(self, _):
        return {"Size": 1, "RootFS": {"Layers": []}}

    def containers(self, **_):
        return [{"Id": "step"}, {"Id": "other"}]

    def inspect_container(self, name):
        return {"HostConfig": {"Ulimits": [{"Name": "fsize", "Hard": FILE_BYTES}] if name == "step" else None}}


def test_a_limit_that_cannot_be_set_yet_is_set_later(monkeypatch):
    engine = Engine()
    order = BuildOrder("medici/run-image:x", 60, 1, 1, mark="w-0", bases=frozenset())
    watch = BuildWatch(engine, order, lambda: None)

    def update(name, values):
        engine.asked.append((name, values))
        if len(engine.asked) < 3:
            raise APIError("runc did not terminate successfully")

    monkeypatch.setattr(watch, "_update", update)
    for _ in range(5):
        watch._limit_processes()
    assert engine.asked == [("step", {"PidsLimit": order.pids})] * 3
