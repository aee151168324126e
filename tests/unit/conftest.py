import socket
import threading
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def _no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unit tests are values in, values out: one that connects anywhere belongs in another folder.

    Threads that were there before are not the test's: a worksite of the session may still be clearing away.
    """
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}

    def refuse(address: object) -> NoReturn:
        pytest.fail(f"A unit test tried to connect to {address!r}: move it to tests/integration.")

    def guarded_connect(self: socket.socket, address: object) -> None:
        return connect(self, address) if threading.get_ident() in others else refuse(address)  # type: ignore[arg-type]

    def guarded_connect_ex(self: socket.socket, address: object) -> int:
        return connect_ex(self, address) if threading.get_ident() in others else refuse(address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
