"""A Dockerfile, parsed far enough to say what it asks for, and to change the names of its base images."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"^#\s*(?P<name>[A-Za-z][\w-]*)\s*=\s*(?P<value>.+?)\s*$")
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::(?P<operator>[-+])(?P<word>[^}]*))?\}|(?P<bare>\w+))")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its first line (from 1), keyword in capitals, the `--flags`, and what follows them."""

    line: int
    last_line: int
    keyword: str
    flags: tuple[str, ...]
    value: str

    def flag(self, name: str) -> str | None:
        """The value of `--name=value`; "" for a bare `--name`; None when it is not there."""
        for flag in self.flags:
            key, _, value = flag.removeprefix("--").partition("=")
            if key == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Dockerfile:
    text: str
    directives: Mapping[str, int]
    """Parser directives (`syntax`, `escape`, `check`) and their lines."""
    instructions: tuple[Instruction, ...]


def parse(text: str) -> Dockerfile:
    """Never fails: what the engine would not understand becomes an instruction with an odd keyword."""
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").replace("\r\n", "\n")
    directives, escape = _directives(text)
    return Dockerfile(text, directives, tuple(_instructions(text, escape)))


def base_of(instruction: Instruction, arguments: Mapping[str, str]) -> tuple[str, str | None]:
    """Of a FROM: the image with its variables filled in, and the stage's name."""
    words = instruction.value.split()
    stage = words[2].lower() if len(words) > 2 and words[1].upper() == "AS" else None  # noqa: PLR2004 - image AS name
    return expand(words[0], arguments) if words else "", stage


def argument_of(instruction: Instruction) -> tuple[str, str]:
    """Of an ARG: its name and its default ("" without one)."""
    name, _, default = instruction.value.partition("=")
    return name.strip(), default.strip().strip("\"'")


def expand(text: str, arguments: Mapping[str, str]) -> str:
    """`$NAME`, `${NAME}`, `${NAME:-word}` and `${NAME:+word}`, as the builder does it for FROM."""

    def value(match: re.Match[str]) -> str:
        found = arguments.get(match["braced"] or match["bare"], "")
        if match["operator"] == "-":
            return found or match["word"]
        if match["operator"] == "+":
            return match["word"] if found else ""
        return found

    return _VARIABLE.sub(value, text.strip("\"'"))


def with_lines(dockerfile: Dockerfile, replaced: Mapping[Instruction, str]) -> str:
    """The text with some instructions written anew; the number of lines stays, so that errors name the right one."""
    lines = dockerfile.text.split("\n")
    for instruction, new in replaced.items():
        first, last = instruction.line - 1, instruction.last_line
        lines[first:last] = [new] + [""] * (last - first - 1)
    return "\n".join(lines)


def _directives(text: str) -> tuple[dict[str, int], str]:
    """Directives stand before everything else, comments included."""
    found: dict[str, int] = {}
    escape = "\\"
    for number, line in enumerate(text.split("\n"), start=1):
        match = _DIRECTIVE.match(line.strip())
        if match is None or match["name"].lower() in found:
            break
        found[match["name"].lower()] = number
        if match["name"].lower() == "escape":
            escape = match["value"]
    return found, escape


def _instructions(text: str, escape: str) -> Iterator[Instruction]:
    parts: list[str] = []
    first = 0
    number = 0
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped.startswith("#") or (parts and not stripped):
            continue  # comments and empty lines may stand inside a continued instruction
        if not stripped:
            continue
        first = first or number
        if stripped.endswith(escape):
            parts.append(line.rstrip().removesuffix(escape))
            continue
        yield _instruction([*parts, line], first, number)
        parts, first = [], 0
    if parts:
        yield _instruction(parts, first, number)


def _instruction(parts: list[str], first: int, last: int) -> Instruction:
    keyword, rest = _first_word("".join(parts))
    flags = []
    while rest.startswith("--"):
        flag, rest = _first_word(rest)
        flags.append(flag)
    return Instruction(first, last, keyword.upper(), tuple(flags), rest)


def _first_word(text: str) -> tuple[str, str]:
    words = text.split(maxsplit=1)
    return (words[0] if words else "", words[1].strip() if len(words) > 1 else "")
