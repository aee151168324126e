"""A corpus of hostile archives, sent as submissions over the API; then to a careless program, which they harm."""

import gzip
import json
import lzma
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from medici_bundles.image_archives import repack_image
from medici_platform.accounts.rules import Role
from medici_worker.containers.archives import tar_end, tar_file
from medici_worker.containers.docker_engine import DockerEngine
from tests.factories.platform import BUNDLE_FILES, import_bundle, join, running_platform, submit
from tests.factories.worker import IMAGE
from tests.trust import controls
from tests.unit.bundles.saved_images import LAYERS, config, file, layer, legacy, oci, saved_image, special, tar
from tests.unit.bundles.test_hostile_archives import CORPUS
from tests.unit.bundles.test_unclear_tars import UNCLEAR
from tests.unit.bundles.zips import Raw, deflated, raw_zip

pytestmark = pytest.mark.slow

NAIVE = Path(__file__).with_name("naive.py")
MIB = 1024**2
GIB = 1024**3
ITS_LIMITS = {"too many entries", "a size over the limit", "a declared size over the limit", "an unknown kind"}
"""Of the fast tests' corpus: what is hostile by their small limits alone."""
NO_ATTACKS = {"no bytes", "a text", "a gzip", "a tar", "a 7z", "a RAR", "an empty zip", "a zip that was cut off"}
ZEROS = bytes(120 * MIB)
BOMB = deflated(ZEROS)

ZIPS: dict[str, bytes] = {
    name: content
    for name, (content, _) in CORPUS.items()
    if name not in ITS_LIMITS | NO_ATTACKS and not name.startswith("a bomb")
} | {
    "a bomb": raw_zip([Raw(b"zeros.bin", ZEROS, method=8, payload=BOMB)]),
    "a bomb that declares one byte": raw_zip([Raw(b"zeros.bin", ZEROS, method=8, payload=BOMB, size=1)]),
    "a bomb as noise": raw_zip([Raw(b"a.csv"), Raw(b"__MACOSX/._a.csv", ZEROS, method=8, payload=BOMB)]),
    "many small bombs": raw_zip(
        Raw(b"%d" % n, ZEROS[:MIB], method=8, payload=deflated(ZEROS[:MIB])) for n in range(150)
    ),
    "20,001 entries": raw_zip(Raw(b"%d" % n, b"") for n in range(20_001)),
    "24 GiB by their headers": raw_zip(Raw(b"%d" % n, b"x", method=8, size=4 * GIB - 1) for n in range(6)),
}


def image(*others: tuple[tarfile.TarInfo, bytes], **said) -> bytes:
    files = legacy(**said)
    return tar([*(file(name, content) for name, content in files.items()), *others])


def of_layers(*layers: bytes) -> bytes:
    return tar([file(name, content) for name, content in legacy(list(layers), config(list(layers))).items()])


SPARSE = tarfile.TarInfo("big")
SPARSE.pax_headers = {"GNU.sparse.size": "1099511627776", "GNU.sparse.realsize": "1099511627776"}
LARGE = tarfile.TarInfo("big")
LARGE.size = 8 * GIB
ZERO_LAYER = tar([file("zeros", ZEROS)])
TARS: dict[str, bytes] = {
    "a link out": image(special("x", tarfile.SYMTYPE, "../../etc/passwd")),
    "a link to the root": image(special("x", tarfile.SYMTYPE, "/etc/passwd")),
    "a link to itself": image(special("x", tarfile.SYMTYPE, "x")),
    "a manifest that is a link": tar([special("manifest.json", tarfile.SYMTYPE, "/etc/passwd")]),
    "a link, then a file through it": image(special("d", tarfile.SYMTYPE, ".."), file("d/evil", b"1")),
    "a hard link": image(special("x", tarfile.LNKTYPE, "manifest.json")),
    "a hard link out": image(special("x", tarfile.LNKTYPE, "../../etc/passwd")),
    "a pipe": image(special("x", tarfile.FIFOTYPE)),
    "a character device": image(special("x", tarfile.CHRTYPE)),
    "a block device": image(special("x", tarfile.BLKTYPE)),
    "a parent": image(file("../../evil", b"1")),
    "an absolute path": image(file("/evil", b"1")),
    "a line break in a name": image(file("a\nb", b"")),
    "a name that is not UTF-8": image(file("caf\udce9", b"")),
    "a member twice": image(file("manifest.json", b"[]")),
    "a member twice, by another name": image(file("./manifest.json", b"[]")),
    "a sparse file of a terabyte": image((SPARSE, b"")),
    "a sparse file in a layer": of_layers(tar([(SPARSE, b"")])),
    "another layer than its digest says": tar(
        [file(name, content) for name, content in (legacy() | {f"{0:064x}/layer.tar": layer({"evil": b"1"})}).items()]
    ),
    "a configuration from outside": image(Config="../../etc/passwd"),
    "layers from outside": image(Layers=["/etc/passwd"] * 2),
    "an index that leads out": tar([file("index.json", b'{"manifests": [{"digest": "../../x"}]}')]),
    "two images": tar(
        [
            file(name, json.dumps(json.loads(content) * 2).encode() if name == "manifest.json" else content)
            for name, content in legacy().items()
        ]
    ),
    "a configuration of 5 MiB": tar([file(*one) for one in legacy(LAYERS, b" " * 5 * MIB).items()]),
    "a manifest that nests": tar([file("manifest.json", b"[" * 100_000)]),
    "a header of 70,000 bytes": tar([(tarfile.TarInfo("x" * 70_000), b"")]),
    "a member larger than the archive": LARGE.tobuf() + bytes(1024),
    "128 layers": of_layers(*(layer({f"{n}": b"1"}) for n in range(128))),
    "a gzip bomb": gzip.compress(ZERO_LAYER, mtime=0),
    "an xz bomb": lzma.compress(ZERO_LAYER, preset=0),
    "a gzip bomb as a layer": tar(
        [file(name, content) for name, content in oci([ZERO_LAYER], config([ZERO_LAYER]), compressed=True).items()]
    ),
    "a gzip that is cut off": gzip.compress(image(), mtime=0)[:-30],
    "a gzip in a gzip": gzip.compress(gzip.compress(image(), mtime=0), mtime=0),
    **{f"read in two ways: {name}": of_layers(hidden + bytes(1024)) for name, hidden in UNCLEAR.items()},
}


ALL = {f"zip: {name}": content for name, content in ZIPS.items()} | {
    f"image: {name}": content for name, content in TARS.items()
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> Iterator[dict[str, tuple[int, str]]]:
    """What whoever sends each of them reads; nothing of them may stay."""
    folder = tmp_path_factory.mktemp("data")
    with running_platform(folder, upload_attempts="100000/minute", max_archive_entries=20_000) as platform:
        organizer = platform.user("olga", Role.ORGANIZER)
        import_bundle(platform, organizer, BUNDLE_FILES).raise_for_status()
        alice = platform.user("alice")
        join(platform, alice)
        before = stored(folder)
        found = {}
        for name, content in ALL.items():
            answer = submit(platform, alice, content)
            found[name] = answer.status_code, answer.json().get("message", "")
        assert stored(folder) == before, "nothing of them stays"
        assert submit(platform, alice).status_code == 201, "what is no attack is taken"
        yield found


def stored(folder: Path) -> list[str]:
    """Files of the storage and drafts of it; the database is no file of an upload."""
    return sorted(str(path) for path in folder.rglob("*") if path.is_file() and "sqlite" not in path.name)


@pytest.fixture(scope="module")
def harmed() -> dict[str, list[str]]:
    """What they do to a careless program, in a container that nothing else is in."""
    engine = DockerEngine()
    api = engine.api
    names = {f"{number:03}": name for number, name in enumerate(ALL)}
    host = api.create_host_config(
        **{**controls.OUTER, "mem_limit": "1500m", "memswap_limit": "1500m"}, network_mode="none"
    )
    made = api.create_container(IMAGE, ["python", "/naive.py", "/archives"], user="0:0", host_config=host)["Id"]
    try:
        files = [tar_file("naive.py", NAIVE.read_bytes())]
        files += [tar_file(f"archives/{number}", ALL[name]) for number, name in names.items()]
        api.put_archive(made, "/", b"".join(chunk for one in files for chunk in one) + tar_end())
        api.start(made)
        api.wait(made, timeout=120)
        said = json.loads(api.logs(made, stderr=False).decode())
    finally:
        api.remove_container(made, force=True, v=True)
        engine.close()
    return {names[number]: found for number, found in said.items()}


REFUSED_BY_ALL = "refused: "


@pytest.mark.parametrize("name", ALL)
def test_an_archive_is_refused_with_one_sentence_and_leaves_nothing(answers, harmed, trust, name):
    status, sentence = answers[name]
    harm = [one for one in harmed[name] if not one.startswith(REFUSED_BY_ALL)]
    trust.note_attack("archive", name, stopped=400 <= status < 500, succeeds_without=True if harm else None)
    assert status == 422, sentence
    assert sentence.endswith("."), sentence


def test_most_of_them_harm_a_careless_program(harmed):
    """So that the corpus can't rot into files that nobody would be hurt by."""
    shown = [name for name, found in harmed.items() if any(not one.startswith(REFUSED_BY_ALL) for one in found)]
    assert len(ZIPS) >= 25
    assert len(TARS) >= 25
    zips = {f"zip: {name}" for name in ("a parent", "a symbolic link", "a bomb", "a name twice", "a pipe")}
    images = {f"image: {name}" for name in ("a link out", "a pipe", "a parent", "a hard link", "a gzip bomb")}
    assert zips | images <= set(shown)
    assert len(shown) >= 35, shown


def test_a_saved_image_can_not_take_a_name_where_a_careless_load_lets_it(trust, tmp_path):
    """`docker load` gives an image the names that its archive brings along: a curated one would be replaced."""
    name = f"medici/test-victim:{uuid.uuid4().hex[:8]}"
    path = saved_image(tmp_path, legacy(RepoTags=[name]))
    engine = DockerEngine()
    try:
        engine.api.load_image(path.read_bytes())
        replaced = engine.image(name) is not None
        engine.remove_image(name)
        repack_image(path, tmp_path / "anew.tar")
        image_id = engine.load([(tmp_path / "anew.tar").read_bytes()])
        taken = engine.image(name) is not None
        engine.remove_image(image_id)
    finally:
        engine.close()
    trust.note_attack("archive", "a curated image's name", stopped=not taken, succeeds_without=replaced)
    assert replaced
    assert not taken
