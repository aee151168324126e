"""The bundle reader on whatever an organizer, or somebody else, may write: a definition, or faults with their lines."""

import tempfile
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from medici_bundles import BundleRejected, ChallengeDefinition, check_bundle, open_bundle
from medici_bundles.formats import read_definition
from medici_bundles.writing import write_definition
from medici_bundles.yaml_lines import read_yaml
from tests.trust.fuzzing import profile
from tests.unit.bundles import challenges, codabench2, codalab15

pytestmark = pytest.mark.slow

TEXTS = {
    "Codabench 2": codabench2.EVERY_KEY,
    "CodaLab 1.5": codalab15.EVERY_KEY,
    "MedICI": challenges.DEFINITION,
}
TREES = [yaml.safe_load(text) for text in TEXTS.values()]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from((10**400, -1, 0, 2**31, 2**63, 10**18)),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        (
            "../../etc/passwd",
            "/etc/passwd",
            "a/../..",
            "nul\x00byte",
            "\ufeffx",
            "x" * 5000,
            "2026-02-31",
            "1e400",
            "{{x}}",
            "CON",
            "-",
            "data.zip",
            "é́",
            "\u202e",
            "2026-01-01T00:00:00+99:00",
            "!!python/object:os.system",
        )
    ),
    st.dates(),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.one_of(st.text(max_size=5), st.integers(), st.none(), st.booleans()), st.integers(), max_size=3),
)
PIECES = (
    *(
        "\t",
        "\0",
        "\ufeff",
        "\r\n",
        "\x85",
        "---\n",
        "...\n",
        "%YAML 9.9\n",
        "? [a, b]\n: c\n",
        "<<: *a\n",
        "&a [*a]",
        "*a",
    ),
    *(
        "!!python/object/apply:os.system [ls]",
        "!!binary aGk=",
        "!!set {a, b}",
        "!!omap [a: b]",
        "!!timestamp 2026-13-45",
    ),
    *(
        "!!int x",
        "!!float .nan",
        "!!bool maybe",
        "0b2",
        "1:60:99",
        "'",
        '"',
        "|\n",
        ">\n",
        "{",
        "}",
        "[",
        "]",
        ":",
        "- ",
        "#",
    ),
    *("? ", "!", "&", "@", "`", "\\x", '"\\uD800"', '"\\U0010FFFF"', "key: key: key", "phases: {}\n", "version: 3\n"),
)


def paths_in(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of everything in a tree but itself."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [found for key, below in items for found in ((*path, key), *paths_in(below, (*path, key)))]


def inside(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


@st.composite
def bent(draw: st.DrawFn) -> str:
    """A sound definition in which keys were dropped, doubled, renamed, or hold something else."""
    tree = deepcopy(draw(st.sampled_from(TREES)))
    for _ in range(draw(st.integers(1, 4))):
        *above, key = draw(st.sampled_from(paths_in(tree)))
        parent = inside(tree, tuple(above))
        match draw(st.sampled_from(("drop", "replace", "replace", "move", "rename", "repeat"))):
            case "drop":
                del parent[key]
            case "replace":
                parent[key] = draw(ODD)
            case "move":
                parent[key] = deepcopy(inside(tree, tuple(draw(st.sampled_from(paths_in(tree))))))
            case "rename" if isinstance(parent, dict):
                parent[draw(st.one_of(st.text(max_size=8), st.integers(), st.none()))] = parent.pop(key)
            case "repeat" if isinstance(parent, list):
                parent += [parent[key]] * draw(st.integers(1, 3))
        if not paths_in(tree):
            break
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


@st.composite
def cut(draw: st.DrawFn) -> bytes:
    """The text itself, with pieces put in and taken out, wherever that is."""
    text = draw(st.sampled_from(tuple(TEXTS.values())))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from((0, 0, 1, 5, 60))))
        text = text[:start] + draw(st.one_of(st.sampled_from(PIECES), st.text(max_size=4))) + text[end:]
    content = text.encode("utf-8", "surrogatepass")
    return content[:-1] if draw(st.integers(0, 9)) == 0 else content


def read_or_refused(content: bytes) -> str:
    """`read`, or `refused` with sentences that say where."""
    lines = content.count(b"\n") + content.count(b"\r") + content.count("\x85".encode()) + 2
    try:
        reading = read_definition(read_yaml("competition.yaml", content))
    except BundleRejected as refused:
        faults = refused.faults
    else:
        faults = reading.faults
    assert all(fault.file == "competition.yaml" and 0 <= fault.line <= lines and fault.message for fault in faults)
    assert all(fault.message.isprintable() and len(fault.message) < 1000 for fault in faults), faults
    if faults:
        return "refused"
    assert_returns(reading.definition)
    return "read"


def assert_returns(definition: ChallengeDefinition) -> None:
    """What was taken is written and read as the same challenge."""
    definition = definition.ordered()
    text = write_definition(definition)
    again = read_definition(read_yaml("competition.yaml", text.encode()))
    assert again.faults == ()
    assert again.definition.ordered().model_dump() == definition.model_dump()
    assert write_definition(again.definition) == text


@pytest.mark.parametrize(("how", "documents"), [("keys bent", bent().map(str.encode)), ("text cut", cut())])
def test_a_definition_is_read_or_refused(how, documents, trust):
    examples = 3000 if trust.is_full else 150
    ends: Counter[str] = Counter()

    @profile(examples)
    @given(documents)
    def each(content: bytes) -> None:
        ends[read_or_refused(content)] += 1

    each()
    trust.note(
        f"hypothesis on the bundle reader, {how}: {ends.total()} definitions",
        f"{ends['read']} read and written back the same, {ends['refused']} refused in sentences, nothing else",
    )
    assert min(ends["read"], ends["refused"]) > examples / 50


def bombs() -> dict[str, str]:
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    merges = "a0: &a0 {k: 1}\n" + "".join(
        f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}\n" for n in range(1, 40)
    )
    return {
        "laughs": laughs,
        "merges": merges,
        "itself": "a: &a [*a]\n",
        "merged itself": "a: &a {<<: *a}\n",
        "lists": "a: " + "[" * 20_000,
        "maps": "a: " + "{a: " * 20_000,
        "indents": "".join(f"{' ' * n}a:\n" for n in range(1_300)),
        "keys": "".join(f"k{n}: 1\n" for n in range(60_000)),
        "digits": f"version: {'9' * 900_000}\n",
        "a key": f"{'x' * 900_000}: 1\n",
        "octal": "version: 0" + "7" * 5_000 + "\n",
        "sexagesimal": "version: 1" + ":59" * 100_000 + "\n",
        "anchors": "".join(f"k{n}: &a{n} x\n" for n in range(30_000)),
        "comments": "#" * 1_000_000,
        "quotes": 'a: "' + "\\n" * 400_000 + '"\n',
    }


@pytest.mark.parametrize("name", bombs())
def test_a_bomb_is_refused_in_no_time(name):
    content = bombs()[name].encode()
    with pytest.raises(BundleRejected) as refused:
        read_definition(read_yaml("competition.yaml", content))
    assert all(len(fault.message) < 1000 and fault.message.isprintable() for fault in refused.value.faults)


NAMES = st.sampled_from(
    (
        "competition.yaml",
        "competition.yml",
        "other.yaml",
        "logo.png",
        "pages",
        "pages/terms.md",
        "pages/overview.md",
        "scoring_program",
        "scoring_program/metadata",
        "scoring_program/metadata.yaml",
        "reference_data",
        "input_data.zip",
        "reference_data/test/solution.csv",
        "wrapped/competition.yaml",
        "__MACOSX/._competition.yaml",
        ".DS_Store",
        "a/b/c",
    )
)
KINDS = st.sampled_from(("file", "file", "file", "folder", "link", "broken", "binary", "gone"))


@st.composite
def trees(draw: st.DrawFn) -> dict[str, tuple[str, bytes]]:
    """Path → kind and content: what may lie beside or instead of a sound bundle's files."""
    return draw(st.dictionaries(NAMES, st.tuples(KINDS, st.binary(max_size=40)), min_size=1, max_size=4))


def lay(root: Path, changes: dict[str, tuple[str, bytes]]) -> None:
    for path, (kind, content) in changes.items():
        place = root / path
        if place.parent.is_file() or place.parent.is_symlink() or place.is_dir():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        if kind == "folder":
            place.mkdir()
        elif kind in ("link", "broken"):
            place.symlink_to("/etc/passwd" if kind == "link" else "nowhere")
        elif kind != "gone":
            place.write_bytes(content if kind == "binary" else content.hex().encode())


def test_a_folder_is_opened_or_refused(trust):
    examples = 1500 if trust.is_full else 60
    ends: Counter[str] = Counter()

    @profile(examples)
    @given(trees(), st.one_of(st.none(), bent()))
    def each(changes: dict[str, tuple[str, bytes]], definition: str | None) -> None:
        with tempfile.TemporaryDirectory() as name:
            root = Path(name, "bundle")
            challenges.write_bundle(root)
            if definition is not None:
                (root / "competition.yaml").write_text(definition)
            lay(root, changes)
            ends[opened_or_refused(root)] += 1

    each()
    trust.note(
        f"hypothesis on the bundle reader, files bent: {ends.total()} folders",
        f"{ends['read']} read, {ends['refused']} refused in sentences, nothing else",
    )
    assert min(ends["read"], ends["refused"]) > examples / 50


def opened_or_refused(root: Path) -> str:
    """Opened, packed and checked; nothing of another place of this machine is ever read."""
    check_bundle(root)
    try:
        with open_bundle(root) as bundle:
            for ref in bundle.data_refs():
                packed = bundle.pack(ref, root.with_name("packed.zip"))
                assert packed.size_bytes > 0
            texts = [bundle.terms_text, *(bundle.page_text(page) for page in bundle.definition.pages)]
            assert not any("root:" in text for text in texts)
            assert bundle.image_bytes is None or b"root:" not in bundle.image_bytes
    except BundleRejected as refused:
        return "refused" if all(fault.message for fault in refused.faults) else "without a word"
    return "read"
