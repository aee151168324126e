import pytest

from medici_bundles.faults import BundleRejected
from medici_bundles.yaml_lines import MAX_FILE_BYTES, read_yaml

BILLION_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_every_key_and_item_has_its_line() -> None:
    document = read_yaml("c.yaml", b"version: 2\ntasks:\n  - name: a\n    key: b\n  - {name: c}\n")

    assert document.data == {"version": 2, "tasks": [{"name": "a", "key": "b"}, {"name": "c"}]}
    assert [document.line(path) for path in [("tasks",), ("tasks", 0, "key"), ("tasks", 1), ("tasks", 1, "x")]] == [
        2,
        4,
        5,
        5,
    ]


def test_dates_stay_as_they_are_written() -> None:
    assert read_yaml("c.yaml", b"start: 2026-01-01 10:00:00 +2\nend: 2026-02-31\n").data == {
        "start": "2026-01-01 10:00:00 +2",
        "end": "2026-02-31",
    }


def test_anchors_and_merges_are_followed() -> None:
    document = read_yaml("c.yaml", b"base: &b {cpus: 2}\none:\n  <<: *b\n  pids: 9\n")

    assert document.data["one"] == {"cpus": 2, "pids": 9}


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (b"", ["c.yaml: is empty"]),
        (b"# nothing\n", ["c.yaml: is empty"]),
        (b"\xff\xfe", ["c.yaml: is not UTF-8 text; save it as UTF-8"]),
        (b"a: 1\nb: [1, 2\nc: 3\n", ["c.yaml:3: is not valid YAML here: expected ',' or ']', but got ':'"]),
        (b"a: 1\n\tb: 2\n", ["c.yaml:2: is not valid YAML here: a tab, where YAML takes spaces alone"]),
        (
            b"a: 1\nb: 2\na: 3\nb: 4\n",
            [
                "c.yaml:3: a is already given on line 1; keep one of the two",
                "c.yaml:4: b is already given on line 2; keep one of the two",
            ],
        ),
        (b"x: {a: 1, a: 2}\n", ["c.yaml:1: a is already given on line 1; keep one of the two"]),
        (
            b"a: !!python/object/apply:os.system [id]\n",
            [
                (
                    "c.yaml:1: is not valid YAML here: could not determine a constructor for the tag "
                    "'tag:yaml.org,2002:python/object/apply:os.system'"
                )
            ],
        ),
        (b"? [a]\n: 1\n", ["c.yaml:1: is not valid YAML here: found unhashable key"]),
        (b"a: *b\n", ["c.yaml:1: is not valid YAML here: found undefined alias 'b'"]),
        (b"[" * 5_000, ["c.yaml: is nested too deeply"]),
        (b"a: &a [*a]\n", ["c.yaml: is nested too deeply"]),
        (BILLION_LAUGHS.encode(), ["c.yaml: holds more than 50000 values, anchors unfolded"]),
        (b"a" * (MAX_FILE_BYTES + 1), ["c.yaml: is larger than 1024 KiB"]),
        (b"--- 1\n--- 2\n", ["c.yaml:2: is not valid YAML here: but found another document"]),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(content: bytes, faults: list[str]) -> None:
    with pytest.raises(BundleRejected) as rejection:
        read_yaml("c.yaml", content)

    assert list(map(str, rejection.value.faults)) == faults


def test_numbers_too_long_to_read_are_a_fault() -> None:
    with pytest.raises(BundleRejected, match=r"^c\.yaml:1: .* a number of more than 100 characters$"):
        read_yaml("c.yaml", b"a: " + b"1" * 5_000)
