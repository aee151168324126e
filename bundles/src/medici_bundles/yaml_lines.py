"""YAML read safely, with the line of every key and list item."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from medici_bundles.faults import BundleRejected, Fault

Path = tuple[str | int, ...]

MAX_FILE_BYTES = 1024 * 1024
LONGEST_NUMBER = 100
MAX_NODES = 50_000
"""Aliases count each time they are used: this stops documents that grow without bounds through anchors."""


class _Loader(yaml.SafeLoader):
    """Dates stay text: YAML's own reading of them drops what `dates` keeps, and fails on the 31st of February."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - SafeLoader's own declaration
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def whole_number(self, node: yaml.ScalarNode) -> int:
        """Python refuses to write out a number of thousands of digits, and octal ones come to that too."""
        if len(node.value) > LONGEST_NUMBER:
            raise yaml.constructor.ConstructorError(
                problem=f"a number of more than {LONGEST_NUMBER} characters", problem_mark=node.start_mark
            )
        number: int = self.construct_yaml_int(node)
        return number


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.whole_number)


@dataclass(frozen=True)
class YamlDocument:
    file: str
    data: Any
    lines: Mapping[Path, int]
    """Of paths as the file writes them."""
    origins: Mapping[Path, Path] = field(default_factory=dict)
    """Where `data` was translated from another format: path in `data` → path in the file. Empty: they are the same."""

    @property
    def is_translated(self) -> bool:
        return bool(self.origins)

    def origin(self, path: Path) -> Path:
        """The path in the file; of what the file does not spell out, that of the nearest thing around it."""
        if not self.origins:
            return path
        while path and path not in self.origins:
            path = path[:-1]
        return self.origins.get(path, ())

    def name(self, path: Path) -> str:
        """`phases[0].end`, or `phases.1.start_date` where the organizer's key was another one."""
        return dotted(self.origin(path))

    def holds(self, path: Path) -> bool:
        """Whether the organizer wrote this key."""
        return (self.origins.get(path, ("",)) if self.origins else path) in self.lines

    def line(self, path: Path) -> int:
        """The line of `path`, or of the nearest thing around it that stands in the file."""
        path = self.origin(path)
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def fault(self, path: Path, message: str) -> Fault:
        return Fault(self.file, self.line(path), message)


def dotted(path: Path) -> str:
    """`("phases", 0, "end")` → `phases[0].end`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read_yaml(file: str, content: bytes) -> YamlDocument:
    """The document in `content`; raises BundleRejected with the line of what cannot be read."""
    if len(content) > MAX_FILE_BYTES:
        raise BundleRejected([Fault(file, 0, f"is larger than {MAX_FILE_BYTES // 1024} KiB")])
    try:
        return _read(file, content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BundleRejected([Fault(file, 0, "is not UTF-8 text; save it as UTF-8")]) from None
    except yaml.reader.ReaderError as error:
        line = content.decode("utf-8-sig")[: error.position].count("\n") + 1
        character = error.character if isinstance(error.character, int) else ord(error.character)
        raise BundleRejected(
            [Fault(file, line, f"holds the character U+{character:04X}, which YAML forbids")]
        ) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problem = error.problem or error.context or "something"
        if "'\\t'" in problem:
            problem = "a tab, where YAML takes spaces alone"
        raise BundleRejected([Fault(file, line, f"is not valid YAML here: {problem[:200]}")]) from None
    except RecursionError:
        raise BundleRejected([Fault(file, 0, "is nested too deeply")]) from None
    except LookupError:
        raise BundleRejected(
            [Fault(file, 0, "is not valid YAML: a value is not of the kind that its tag names")]
        ) from None
    except (yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
        raise BundleRejected([Fault(file, 0, f"is not valid YAML: {' '.join(str(error).split())[:200]}")]) from None


def _read(file: str, text: str) -> YamlDocument:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise BundleRejected([Fault(file, 0, "is empty")])
        faults = _Survey(file).of(node)
        if faults:
            raise BundleRejected(faults)
        data = loader.construct_document(node)
    finally:
        loader.dispose()
    lines: dict[Path, int] = {}
    _collect_lines(node, (), lines)
    return YamlDocument(file, data, lines)


class _Survey:
    """A walk before anything is built: counts the nodes, and finds keys that are written twice."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.count = 0
        self.faults: list[Fault] = []

    def of(self, node: yaml.Node) -> list[Fault]:
        self.count += 1
        if self.count > MAX_NODES:
            raise BundleRejected([Fault(self.file, 0, f"holds more than {MAX_NODES} values, anchors unfolded")])
        if isinstance(node, yaml.MappingNode):
            self._mapping(node)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self.of(item)
        return self.faults

    def _mapping(self, node: yaml.MappingNode) -> None:
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    message = f"{key.value} is already given on line {seen[key.value]}; keep one of the two"
                    self.faults.append(Fault(self.file, line, message))
                seen.setdefault(key.value, line)
            self.of(value)


def _collect_lines(node: yaml.Node, path: Path, lines: dict[Path, int]) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, str(key.value))
            lines[below] = key.start_mark.line + 1
            _collect_lines(value, below, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _collect_lines(item, (*path, index), lines)
