"""A build that may ask one package index: for real, with an index in a container of its own, and all ways around it."""

import base64
import io
import json
import socket
import time
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import docker
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from medici_worker.containers.build_index import IndexRules
from medici_worker.containers.engine import Volume
from medici_worker.janitor import remove_strays
from medici_worker.protocol import BuildPolicy, FailureKind, Stage
from medici_worker.run import execute
from medici_worker.settings import default_lock_folder
from medici_worker.worksite import Worksite, open_worksite
from tests.factories.worker import IMAGE, python_program
from tests.integration.worker.conftest import MIB, SMALL, clear

pytestmark = pytest.mark.slow

NAME = "medici_tiny_package"


SERVE_TLS = """
import http.server, os, pathlib, ssl
pathlib.Path("/tmp/c.pem").write_text(os.environ["PEM"])
server = http.server.ThreadingHTTPServer(("", 8443), http.server.SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tmp/c.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def certificate(host: str) -> tuple[bytes, bytes]:
    """Of an authority of nobody's, for this host; and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), secret


def wheel() -> bytes:
    """As small as one can be."""
    packed = io.BytesIO()
    info = f"{NAME}-1.0.dist-info"
    files = {
        f"{NAME}.py": "ANSWER = 42\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


@dataclass
class Index:
    url: str
    host: str
    network: str
    subnet: str
    gateway: str
    address: str
    certificate: bytes


@pytest.fixture(scope="module")
def index(docker_engine: docker.DockerClient) -> Iterator[Index]:
    """On a network of its own, whose names its own resolver knows."""
    network = docker_engine.networks.create(f"medici-test-{uuid.uuid4().hex[:8]}", driver="bridge")
    network.reload()
    config = network.attrs["IPAM"]["Config"][0]
    file = f"{NAME}-1.0-py3-none-any.whl"
    folder = NAME.replace("_", "-")
    code = (
        "import base64, os, pathlib; "
        f"root = pathlib.Path('/tmp/w/simple/{folder}'); root.mkdir(parents=True); "
        f"(root / '{file}').write_bytes(base64.b64decode(os.environ['WHEEL'])); "
        f"(root / 'index.html').write_text('<a href=\"{file}\">{file}</a>')"
    )
    servers = 'python -m http.server 9000 & python -c "$TLS" & python -m http.server 8000'
    serve = f'python -c "$CODE" && cd /tmp/w && ({servers})'
    host = f"medici-test-index-{uuid.uuid4().hex[:8]}"
    own, key = certificate(host)
    try:
        container = docker_engine.containers.run(
            IMAGE,
            ["sh", "-c", serve],
            environment={
                "WHEEL": base64.b64encode(wheel()).decode(),
                "CODE": code,
                "TLS": SERVE_TLS,
                "PEM": (own + key).decode(),
            },
            name=host,
            network=network.name,
            detach=True,
        )
        try:
            container.reload()
            address = container.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"]
            _await(address)
            url = f"http://{host}:8000/simple"
            yield Index(url, host, network.name, config["Subnet"], config["Gateway"], address, own)
        finally:
            container.remove(force=True)
    finally:
        network.remove()


def _await(address: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection((address, 8000), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


@pytest.fixture(scope="module")
def open_site(engine, index, tmp_path_factory) -> Iterator[Worksite]:
    worker = f"medici-test-{uuid.uuid4().hex[:8]}"
    state = tmp_path_factory.mktemp("state")
    rules = IndexRules((index.url,), private_networks=(index.subnet,), network=index.network)
    opened = open_worksite(engine, state, worker=worker, lock_folder=default_lock_folder(), indexes=rules)
    yield opened
    opened.close()
    clear(engine, state, worker)
    assert engine.containers({"medici.worker": worker}) == []
    assert engine.volumes(labels={"medici.worker": worker}) == []


@pytest.fixture
def build(open_site, make):
    def built(dockerfile: str, index: str | None, site: Worksite = open_site, files: dict | None = None):
        host = make.host(python_program())
        policy = BuildPolicy(memory_bytes=512 * MIB, index=index)
        text = f"{dockerfile}\n# {uuid.uuid4()}\n"
        spec = make.container(text, files, limits=SMALL, scoring_limits=SMALL, build=policy)
        return execute(spec, host, site), host

    return built


INSTALLS = (
    f"FROM {IMAGE}\nRUN pip install --no-deps {NAME}\nRUN env | sort > /env.txt\n"
    f'CMD ["sh", "-c", "python -c \\"import {NAME} as x; print(x.ANSWER)\\" > /mnt/out/a; env > /mnt/out/env"]\n'
)


def test_pip_installs_from_the_index(build, index, engine):
    report, host = build(INSTALLS, index.url)
    assert report.failure is None, (report, host.logs)
    assert host.outputs["a"] == b"42\n"
    assert b"PIP_INDEX_URL" not in host.outputs["env"]
    assert b"PROXY" not in host.outputs["env"].upper()
    assert report.build_index == index.url
    config = engine.api.inspect_image(report.image_digest)["Config"]
    assert not [one for one in config["Env"] if "3128" in one or index.host in one]


def test_without_an_index_in_its_phase_a_build_has_no_network(build):
    report, _ = build(INSTALLS, None)
    assert report.failure is FailureKind.BUILD_FAILED
    assert report.build_index is None


def test_the_janitor_leaves_an_open_door_alone_and_removes_a_forgotten_one(open_site, index, engine):
    """It comes every minute, and a build may take longer."""
    labels = {"medici.worker": open_site.worker}
    with open_site.door.open(index.url, 60, bytearray().extend) as network:
        before = {one.name for one in engine.containers(labels)}
        assert f"{network.name.removeprefix('container:')}" in before
        remove_strays(open_site, lambda: [("1", "1")])
        assert {one.name for one in engine.containers(labels)} == before
    forgotten = Volume(f"medici-door-{uuid.uuid4().hex[:12]}", labels, MIB)
    engine.create_volume(forgotten)
    remove_strays(open_site, list)
    assert engine.volumes(name_contains=forgotten.name) == []


def test_an_index_that_the_operator_does_not_list(build, site, index):
    for url, where in ((index.url, site), (f"http://{index.host}:9000/simple", None)):
        report, host = build(INSTALLS, url, *([where] if where else []))
        assert report.failure is FailureKind.SYSTEM_ERROR
        assert "MEDICI_WORKER_BUILD_INDEXES" in report.private_detail
        assert url in report.private_detail
        assert "Step" not in host.logs.get(Stage.PREPARING, "")


PROBE = """
import http.client, json, socket, sys
HOST, ADDRESS, GATEWAY = sys.argv[1:]
def reaches(host, port):
    try:
        socket.create_connection((host, port), timeout=3).close()
        return True
    except OSError:
        return False
def asks(line, headers=""):
    with socket.create_connection(("127.0.0.1", 3128), timeout=20) as proxy:
        proxy.sendall((line + " HTTP/1.1\\r\\n" + headers + "\\r\\n").encode())
        proxy.settimeout(20)
        return proxy.recv(65536).split(b"\\r\\n")[0].decode()
def udp_dns():
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(3)
        s.sendto(b"\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\7example\\3org\\0\\0\\1\\0\\1", ("1.1.1.1", 53))
        return bool(s.recv(512))
    except OSError:
        return False
def resolves(name):
    try:
        return bool(socket.getaddrinfo(name, 80))
    except OSError:
        return False
found = {
    "the index by the door": asks(f"GET http://{HOST}:8000/simple/"),
    "a tunnel to the index": asks(f"CONNECT {HOST}:8000"),
    "the bridge's gateway": reaches(GATEWAY, 2375) or reaches(GATEWAY, 22) or reaches(GATEWAY, 80),
    "the index without the door": reaches(ADDRESS, 8000),
    "a public address": reaches("1.1.1.1", 443),
    "DNS over UDP": udp_dns(),
    "a name": resolves(HOST) or resolves("example.org"),
    "the engine's resolver": reaches("127.0.0.11", 53),
    "the metadata address": reaches("169.254.169.254", 80),
    "the index's other port, through the door": asks(f"CONNECT {HOST}:9000"),
    "the index's other port, by GET": asks(f"GET http://{HOST}:9000/"),
    "the index's address, through the door": asks(f"CONNECT {ADDRESS}:8000"),
    "another host, through the door": asks("CONNECT example.org:443"),
    "the gateway, through the door": asks(f"CONNECT {GATEWAY}:80"),
    "the metadata address, through the door": asks("GET http://169.254.169.254/latest/"),
    "localhost, through the door": asks("CONNECT localhost:8000"),
    "a number, through the door": asks("CONNECT 2130706433:8000"),
    "the index under another's name": asks("GET http://example.org/", f"Host: {HOST}:8000\\r\\n"),
    "a request in another's header": asks(f"GET http://{HOST}:8000/simple/", "X: a\\n\\nPOST /simple/ HTTP/1.1\\r\\n"),
    "a POST": asks(f"POST http://{HOST}:8000/simple/"),
}
print("FOUND " + json.dumps(found))
"""


def test_an_index_with_an_authority_of_its_own(build, index, engine, tmp_path):
    url = f"https://{index.host}:8443/simple"
    (tmp_path / "ca.pem").write_bytes(index.certificate)
    worker = f"medici-test-{uuid.uuid4().hex[:8]}"
    reports = []
    for ca in (None, tmp_path / "ca.pem"):
        rules = IndexRules((url,), private_networks=(index.subnet,), network=index.network, ca=ca)
        locks = default_lock_folder()
        site = open_worksite(engine, tmp_path / "state", worker=worker, lock_folder=locks, indexes=rules, prewarm=False)
        reports.append(build(INSTALLS.replace("install ", "install --retries 0 "), url, site))
        site.close()
    clear(engine, tmp_path / "state", worker)
    (refused, log), (accepted, host) = reports
    assert refused.failure is FailureKind.BUILD_FAILED
    assert "certificate verify failed" in log.logs[Stage.PREPARING].lower()
    assert accepted.failure is None, host.logs
    assert host.outputs["a"] == b"42\n"
    assert b"/etc/medici-index-ca.pem" not in host.outputs["env"]


def test_a_step_reaches_the_index_and_nothing_else(build, index):
    words = f"{index.host} {index.address} {index.gateway}"
    report, host = build(
        f"FROM {IMAGE}\nCOPY p.py /\nRUN python /p.py {words}; false\n", index.url, files={"p.py": PROBE}
    )
    assert report.failure is FailureKind.BUILD_FAILED
    log = host.logs[Stage.PREPARING]
    found = json.loads(log.partition("FOUND ")[2].partition("\n")[0])
    through = {what: answer for what, answer in found.items() if isinstance(answer, str)}
    assert through.pop("the index by the door") == "HTTP/1.0 200 OK"
    assert set(through.values()) == {"HTTP/1.1 403 Forbidden"}, through
    assert {what for what, reached in found.items() if reached is True} == set()
    assert len(found) == 20
    assert "[index] refused: example.org:443 is not the index that this build may ask\n" in log


def test_a_failed_or_finished_build_leaves_nothing_of_the_door(open_site, engine):
    names = [one.name for one in engine.containers({"medici.worker": open_site.worker})]
    assert not [name for name in names if "door" in name]
    assert engine.volumes(name_contains="medici-door-") == []
