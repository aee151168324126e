"""Ways out over a network."""

import contextlib
import os
import socket
import struct
from pathlib import Path

from .attempts import HOST, attempt, stopped


@attempt("TCP to the machine")
def tcp() -> str:
    with socket.create_connection(("127.0.0.1", HOST.get("tcp", 22)), 2) as connection:
        return f"connected to {connection.getpeername()}"


@attempt("TCP over IPv6")
def tcp6() -> str:
    with socket.create_connection(("::1", HOST.get("tcp6", 22)), 2) as connection:
        return f"connected to {connection.getpeername()}"


@attempt("UDP to the machine")
def udp() -> str:
    return _asked(b"ping")


@attempt("a DNS question")
def dns() -> str:
    question = struct.pack(">6H", 1, 256, 1, 0, 0, 0) + b"\x07example\x03org\x00" + struct.pack(">2H", 16, 1)
    return _asked(question)


def _asked(question: bytes) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(2)
        asking.connect(("127.0.0.1", HOST.get("udp", 53)))
        asking.send(question)
        return f"{len(asking.recv(512))} bytes came back"


@attempt("a name looked up")
def lookup() -> str:
    with contextlib.suppress(socket.gaierror):
        return str(socket.getaddrinfo("example.org", 80))
    raise stopped("no such name")


@attempt("a route out")
def route() -> str:
    routes = Path("/proc/net/route").read_text().splitlines()[1:]
    if not routes:
        raise stopped("no route")
    return routes[0].split()[0]


@attempt("a network interface")
def interface() -> str:
    others = sorted(set(os.listdir("/sys/class/net")) - {"lo"})
    if not others:
        raise stopped("lo alone")
    return others[0]


@attempt("an abstract socket of the machine")
def abstract() -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("\0" + HOST.get("abstract", "/containerd-shim"))
        return "connected"


@attempt("a raw socket")
def raw_socket() -> str:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    return "opened"


@attempt("a packet socket")
def packet_socket() -> str:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3).close()
    return "opened"
