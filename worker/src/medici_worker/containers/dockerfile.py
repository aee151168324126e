"""A Dockerfile, parsed as the classic builder does it, and written anew from what was understood.

Two parsers never agree on every text, so the builder is not sent the text that was checked, but what the check made of
it: `rendered` gives one instruction per line, without comments, continuations or directives.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

BLANKS = " \t"
_SPACE = re.compile(r"[ \t]+")
_CONTINUED = re.compile(r"\\[ \t]*\Z")
_DIRECTIVE = re.compile(r"#\s*(?P<name>[A-Za-z][\w-]*)\s*=\s*(?P<value>\S.*)", re.ASCII)
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::(?P<operator>[-+])(?P<word>[^}]*))?\}|(?P<bare>\w+))", re.ASCII)

_NAMED = re.compile(r"\$\{?([0-9]+|\w*)", re.ASCII)
_QUOTED_WORD = re.compile(r"""(?:\\.?|'[^']*'?|"(?:\\.|[^"\\])*"?|[^\s'"\\])+""")
"""Quotes and backslashes as the builder reads them: a blank inside does not end the word."""
_QUOTING = re.compile(r"[\\'\"]")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its first line (from 1), keyword in capitals, the `--flags`, and what follows them."""

    line: int
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

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word for word in _SPACE.split(self.value) if word)

    def __str__(self) -> str:
        return " ".join(part for part in (self.keyword, *self.flags, self.value) if part)


@dataclass(frozen=True, slots=True)
class Directive:
    """`# name=value` above the first instruction; the name in small letters."""

    line: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Dockerfile:
    directives: tuple[Directive, ...]
    instructions: tuple[Instruction, ...]
    odd_characters: tuple[tuple[int, str], ...]
    """Lines, and what stands there that programs do not agree on: control characters, white space beyond ASCII."""


def parse(text: str) -> Dockerfile:
    """Never fails: what the engine would not understand becomes an instruction with an odd keyword."""
    lines = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").replace("\r\n", "\n").split("\n")
    return Dockerfile(tuple(_directives(lines)), tuple(_instructions(lines)), tuple(_odd_characters(lines)))


def rendered(instructions: Iterable[Instruction], *, after_from: Sequence[str] = ()) -> str:
    """Each instruction on one line: its own, so that the builder's errors name the right one, or the next free one.

    `after_from`: lines of ours that begin each stage.
    """
    lines: list[str] = []
    for instruction in instructions:
        lines += [""] * (instruction.line - 1 - len(lines))
        lines.append(str(instruction))
        if instruction.keyword == "FROM":
            lines += after_from
    return "\n".join(lines) + "\n"


def base_of(instruction: Instruction, arguments: Mapping[str, str]) -> tuple[str, str | None]:
    """Of a FROM: the image with its variables filled in, and the stage's name in small letters."""
    words = instruction.words
    stage = words[2].lower() if len(words) > 2 and words[1].upper() == "AS" else None  # noqa: PLR2004 - image AS name
    return expand(words[0], arguments) if words else "", stage


def argument_of(instruction: Instruction) -> tuple[str, str]:
    """Of an ARG: its name and its default ("" without one)."""
    name, _, default = instruction.value.partition("=")
    return name, default.strip("\"'")


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


def variables_in(text: str) -> list[str]:
    """The name of every variable that the builder could fill in, as often as it stands there; "" for `$` alone."""
    return _NAMED.findall(text)


def named_values(value: str) -> list[tuple[str, str]]:
    """Of `a=b "c d"=e`, and of the old `key value`, as ENV and LABEL take them."""
    words = quoted_words(value)
    if words and "=" not in words[0]:
        name, *rest = value.split(maxsplit=1)
        return [(named_value(name)[0], "".join(rest))]
    return [named_value(word) for word in words]


def named_value(word: str) -> tuple[str, str]:
    """The name without quotes and backslashes, the value as it is written."""
    name, _, value = word.partition("=")
    return _QUOTING.sub("", name), value


def quoted_words(value: str) -> list[str]:
    return _QUOTED_WORD.findall(value)


def _directives(lines: list[str]) -> Iterator[Directive]:
    """All that could be one: builders differ in which names they know, and in where they stop looking."""
    for number, line in enumerate(lines, start=1):
        comment = line.strip()
        if comment and not comment.startswith("#"):
            return
        match = _DIRECTIVE.fullmatch(comment)
        if match is not None:
            yield Directive(number, match["name"].lower(), match["value"])


def _instructions(lines: list[str]) -> Iterator[Instruction]:
    parts: list[str] = []
    first = 0
    for number, line in enumerate(lines, start=1):
        bare = line.strip(BLANKS)
        if not bare or bare.startswith("#"):
            continue  # comments and empty lines may stand inside a continued instruction
        first = first or number
        continued = _CONTINUED.search(line)
        parts.append(line[: continued.start()] if continued else line)
        if continued is None:
            yield _instruction(parts, first)
            parts, first = [], 0
    if parts:
        yield _instruction(parts, first)


def _instruction(parts: list[str], first: int) -> Instruction:
    keyword, rest = _first_word("".join(parts))
    flags = []
    while rest.startswith("--"):
        flag, rest = _first_word(rest)
        flags.append(flag)
    return Instruction(first, keyword.upper(), tuple(flags), rest)


def _first_word(text: str) -> tuple[str, str]:
    first, _, rest = _SPACE.sub(" ", text.strip(BLANKS), count=1).partition(" ")
    return first, rest.strip(BLANKS)


def _odd_characters(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        odd = next((one for one in line if _is_odd(one)), None)
        if odd is not None:
            yield number, f"U+{ord(odd):04X}"


def _is_odd(character: str) -> bool:
    if character in BLANKS:
        return False
    return unicodedata.category(character) == "Cc" or (character.isspace() and character != " ")
