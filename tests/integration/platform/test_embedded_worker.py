"""The worker that `medici up` starts and starts again."""

import errno
import threading

from medici_platform.cli import serve


class Ended:
    def wait(self, _timeout=None):
        return 0

    def poll(self):
        return 0


def test_one_that_cannot_be_started_is_started_later(platform, monkeypatch, capsys):
    troubles = [OSError(errno.ENOMEM, "Cannot allocate memory")]
    began = threading.Event()

    def begin(command, **_):
        if troubles:
            raise troubles.pop()
        began.set()
        return Ended()

    monkeypatch.setattr(serve.subprocess, "Popen", begin)
    worker = serve.LocalWorker(platform.context, platform.url)
    worker.start()
    assert began.wait(10)
    worker.stop()
    assert (
        "The worker can't be started ([Errno 12] Cannot allocate memory); starting it again." in capsys.readouterr().err
    )
