import socket
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def _no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unit tests are values in, values out: one that connects anywhere belongs in another folder."""

    def refuse(_socket: socket.socket, address: object) -> NoReturn:
        pytest.fail(f"A unit test tried to connect to {address!r}: move it to tests/integration.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
