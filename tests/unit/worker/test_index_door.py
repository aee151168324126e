"""Which requests of a build reach its package index: decisions of the proxy, and of the worker's operator."""

import asyncio
import contextlib
import ipaddress
import socket

import pytest

from medici_worker.containers.build_index import (
    IndexNotAllowed,
    IndexRules,
    Reachable,
    index_arguments,
    lines_after_from,
)
from medici_worker.containers.build_policy import check
from medici_worker.containers.index_door.proxy import Proxy, Refused, Rules, parse
from medici_worker.protocol import BuildPolicy

INDEX = "https://packages.example.org/simple"


def rules(**said) -> Rules:
    tunnels = frozenset({"packages.example.org:443"})
    values = {"tunnels": tunnels, "plain": frozenset({"mirror:8080"}), "networks": (), "limit_bytes": 10_000, **said}
    return Rules(**values)


def asked(head: str) -> None:
    rules().require_listed(parse(head.encode()))


@pytest.mark.parametrize(
    "line",
    [
        "CONNECT packages.example.org:444 HTTP/1.1",
        "CONNECT packages.example.org:80 HTTP/1.1",
        "CONNECT evil.example.org:443 HTTP/1.1",
        "CONNECT packages.example.org.evil.org:443 HTTP/1.1",
        "CONNECT packages.example.org.:443 HTTP/1.1",
        "CONNECT 1.1.1.1:443 HTTP/1.1",
        "CONNECT 16843009:443 HTTP/1.1",
        "CONNECT 0x1.1:443 HTTP/1.1",
        "CONNECT [::1]:443 HTTP/1.1",
        "CONNECT 169.254.169.254:80 HTTP/1.1",
        "CONNECT localhost:3128 HTTP/1.1",
        "CONNECT packages.example.org HTTP/1.1",
        "CONNECT packages.example.org:\u0664\u0664\u0663 HTTP/1.1",
        "CONNECT user@packages.example.org:443 HTTP/1.1",
        "CONNECT mirror:8080 HTTP/1.1",
        "GET http://packages.example.org:443/simple HTTP/1.1",
        "GET http://mirror:8080/\tx HTTP/1.1",
        "GET http://mirror:8080/x\n HTTP/1.1",
        "GET http://mirror:8080/x HTTP/1.1\nPOST http://mirror:8080/ HTTP/1.1",
        "GET http://mirror:8080/ HTTP/1.1\r\nX: a\n\nPOST /admin HTTP/1.1",
        "GET http://mirror:8080/ HTTP/1.1\r\nX: a\rY: b",
        "GET http://mirror:8080/ HTTP/1.1\r\nX: a\0",
        "GET http://mirror:8080/ HTTP/1.1\r\nX: a\r\n Y: b",
        "GET http://mirror:8080/ HTTP/1.1\r\nContent-Length : 5",
        "GET http://mirror:8080/ HTTP/1.1\r\nno colon",
        "GET http://packages.example.org/simple HTTP/1.1",
        "GET http://evil@packages.example.org:443/ HTTP/1.1",
        "GET https://packages.example.org/simple HTTP/1.1",
        "GET /simple HTTP/1.1",
        "GET ftp://packages.example.org:443/ HTTP/1.1",
        "POST http://packages.example.org:443/ HTTP/1.1",
        "GET http://packages.example.org:99999/ HTTP/1.1",
        "GET http://[::1/ HTTP/1.1",
        "nonsense",
    ],
)
def test_all_else_is_refused(line):
    with pytest.raises(Refused):
        asked(f"{line}\r\nHost: packages.example.org\r\n\r\n")


def test_the_index_itself_is_not():
    rules().require_listed(parse(b"CONNECT Packages.Example.org:443 HTTP/1.1\r\n\r\n"))
    plain = parse(
        b"GET http://packages.example.org/simple/x/?a=b HTTP/1.1\r\nHost: evil\r\nProxy-Authorization: x\r\n"
        b"Connection: keep-alive\r\nAccept: */*\r\n\r\n"
    )
    rules(plain=frozenset({"packages.example.org:80"})).require_listed(plain)
    assert plain.head == (
        b"GET /simple/x/?a=b HTTP/1.1\r\nHost: packages.example.org\r\nConnection: close\r\nAccept: */*\r\n\r\n"
    )


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.17.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "100.64.0.1",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
    ],
)
def test_names_that_lead_inwards_are_refused(address):
    with pytest.raises(Refused):
        rules().require_public(address)


def test_a_private_network_that_the_operator_listed_is_reached():
    listed = rules(networks=(ipaddress.ip_network("10.0.0.0/8"),))
    listed.require_public("10.1.2.3")
    listed.require_public("8.8.8.8")
    with pytest.raises(Refused):
        listed.require_public("192.168.1.1")


def through_the_proxy(sent: bytes, held: Rules, *, addresses: tuple[str, ...], answer: bytes = b"hello") -> bytes:
    """What comes back of it, where a far end says `answer` and hangs up."""

    async def told() -> bytes:
        near, end = socket.socketpair()
        far, far_end = socket.socketpair()
        connected = []

        async def lookup(_host: str, _port: int) -> tuple[str, ...]:
            return addresses

        async def connect(address: str, _port: int):
            connected.append(address)
            return await asyncio.open_connection(sock=far)

        async def speak() -> None:
            _, writer = await asyncio.open_connection(sock=far_end)
            with contextlib.suppress(OSError):
                writer.write(answer)
                await writer.drain()
                writer.close()
                await writer.wait_closed()

        reader, writer = await asyncio.open_connection(sock=end)
        own_reader, own_writer = await asyncio.open_connection(sock=near)
        speaking = asyncio.create_task(speak())
        answering = asyncio.create_task(Proxy(held, lookup, connect).answer(reader, writer))
        own_writer.write(sent)
        own_writer.write_eof()
        back = await asyncio.wait_for(own_reader.read(), 5)
        await answering
        own_writer.close()
        await own_writer.wait_closed()
        if not connected:
            far.close()
        await asyncio.wait([speaking], timeout=5)
        assert set(connected) <= set(addresses)
        return back

    return asyncio.run(told())


CONNECT = b"CONNECT packages.example.org:443 HTTP/1.1\r\n\r\n"


def test_a_tunnel_to_the_index():
    held = rules(networks=(ipaddress.ip_network("127.0.0.0/8"),))
    back = through_the_proxy(CONNECT, held, addresses=("127.0.0.1",))
    assert back == b"HTTP/1.1 200 Connection established\r\n\r\nhello"
    assert held.passed_bytes == 5


def test_a_name_that_was_bent_to_an_inner_address():
    back = through_the_proxy(CONNECT, rules(), addresses=("127.0.0.1",))
    assert back.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert back.endswith(b"127.0.0.1 is an address of a private network\n")


def test_more_than_may_pass_is_cut_off():
    held = rules(networks=(ipaddress.ip_network("127.0.0.0/8"),), limit_bytes=100_000)
    back = through_the_proxy(CONNECT, held, addresses=("127.0.0.1",), answer=b"0" * 1_000_000)
    assert len(back) < 200_000
    again = through_the_proxy(b"GET http://packages.example.org:443/ HTTP/1.1\r\n\r\n", held, addresses=("127.0.0.1",))
    assert again.startswith(b"HTTP/1.1 403 Forbidden\r\n")


def test_which_indexes_the_operator_allows():
    allowed = IndexRules(("https://packages.example.org/*", "http://mirror:8080/simple"), ("files.example.org", "x:80"))
    allowed.require(INDEX)
    allowed.require("http://mirror:8080/simple")
    for url in (
        "https://evil.org/simple",
        "http://packages.example.org/simple",
        "https://u:p@packages.example.org/",
        "",
    ):
        with pytest.raises(IndexNotAllowed):
            allowed.require(url)
    with pytest.raises(IndexNotAllowed):
        IndexRules().require(INDEX)
    with pytest.raises(IndexNotAllowed):
        IndexRules(("*",)).require("https://packages.example.org/simple\nX: y")
    assert allowed.reachable(INDEX) == Reachable(("packages.example.org:443", "files.example.org:443"), ("x:80",))
    further = IndexRules(hosts=("files:9000", "tls", "mirror:8080"))
    assert further.reachable("http://mirror:8080/simple") == Reachable(("tls:443",), ("mirror:8080", "files:9000"))


@pytest.mark.parametrize(
    ("pattern", "url", "fits"),
    [
        ("https://*.corp.example/simple", "https://a.corp.example/simple", True),
        ("https://*.corp.example/simple", "https://evil.org/x.corp.example/simple", False),
        ("https://*.corp.example/simple", "https://evil.org?x.corp.example/simple", False),
        ("https://*.corp.example/simple", "http://a.corp.example/simple", False),
        ("https://A.example/*", "https://a.example/x/simple", True),
        ("https://a.example*", "https://a.example/simple", False),
        ("http*://a.example/*", "https://a.example/simple", False),
        ("*", "http://a.example:81/simple", True),
    ],
)
def test_a_pattern_means_host_and_path_apart(pattern, url, fits):
    with contextlib.nullcontext() if fits else pytest.raises(IndexNotAllowed):
        IndexRules((pattern,)).require(url)


def test_each_stage_hears_of_the_index_and_lines_before_stay_where_they_are():
    text = "# about\nFROM medici/python:latest AS a\nRUN pip install x\nFROM a\nCMD x\n"
    after = lines_after_from(INDEX, has_ca=False)
    assert check(text, BuildPolicy(), after_from=after).text == (
        "\nFROM medici/python:latest AS a\nARG PIP_INDEX_URL\nARG PIP_DISABLE_PIP_VERSION_CHECK\nRUN pip install x\n"
        "FROM a\nARG PIP_INDEX_URL\nARG PIP_DISABLE_PIP_VERSION_CHECK\nCMD x\n"
    )
    assert index_arguments("http://mirror:8080/simple", has_ca=False)["PIP_TRUSTED_HOST"] == "mirror:8080"
    assert lines_after_from(INDEX, has_ca=True)[0] == "COPY .medici-index-ca.pem /etc/medici-index-ca.pem"
