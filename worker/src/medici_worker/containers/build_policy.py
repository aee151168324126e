"""What a Dockerfile may ask for: a pure decision on the parsed file, with a sentence and a line number per refusal."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from medici_worker.containers.dockerfile import Dockerfile, Instruction, argument_of, base_of, parse, with_lines
from medici_worker.protocol import BuildPolicy

RUN_IMAGE = "medici/run-image"
"""Repository of the images that are built here. Never a base: it holds other participants' submissions."""

_REMOTE = re.compile(r"^[\"'\[\s]*(?:[a-z][a-z0-9+.-]*://|git@|github\.com/)", re.IGNORECASE)
_UNCLEAR = re.compile(r"[$\\\"']")
_NAME = re.compile(r"[A-Za-z0-9][\w./:@-]*")
_HEREDOC = re.compile(r"<<-?\s*[\"']?[A-Za-z_]")
_REFUSED_FLAGS = {
    "RUN": ("mount", "network", "security"),
    "COPY": ("link", "chmod", "parents", "exclude"),
    "ADD": ("link", "chmod", "checksum", "keep-git-dir", "exclude"),
}
_KNOWN = frozenset(
    [
        "FROM",
        "ARG",
        "RUN",
        "CMD",
        "LABEL",
        "MAINTAINER",
        "EXPOSE",
        "ENV",
        "ADD",
        "COPY",
        "ENTRYPOINT",
        "VOLUME",
        "USER",
        "WORKDIR",
        "ONBUILD",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "SHELL",
    ]
)


@dataclass(frozen=True, slots=True)
class Refused:
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"Line {self.line} of the Dockerfile: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Base:
    """A base image: as the Dockerfile names it (variables filled in), and as the engine is asked for it."""

    line: int
    written: str
    image: str


@dataclass(frozen=True, slots=True)
class CheckedDockerfile:
    text: str
    """What is sent to the builder: base images mapped."""
    bases: tuple[Base, ...]
    refused: tuple[Refused, ...]


def check(text: str, policy: BuildPolicy) -> CheckedDockerfile:
    """Every refusal at once, so that one more upload is enough."""
    return _Check(parse(text), policy).outcome()


def allowed(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether an image may be a base. `python` stands for `python:latest`; `docker.io/library/` is never needed."""
    short = short_name(name)
    if short.partition(":")[0].partition("@")[0] == RUN_IMAGE or short == "scratch":
        return False
    return any(fnmatchcase(form, pattern) for form in _forms(short) for pattern in patterns)


def mapped(name: str, image_map: Mapping[str, str]) -> str:
    """The engine's name for a public one: the first pattern that matches, else the name itself."""
    for pattern, image in image_map.items():
        if any(fnmatchcase(form, pattern) for form in _forms(short_name(name))):
            return image
    return name


def short_name(name: str) -> str:
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        name = name.removeprefix(prefix)
    return name


def _forms(name: str) -> tuple[str, ...]:
    tagged = ":" in name.rpartition("/")[2] or "@" in name
    return (name,) if tagged else (name, f"{name}:latest")


class _Check:
    """Walks the instructions once; collects bases, refusals and rewritten lines."""

    def __init__(self, dockerfile: Dockerfile, policy: BuildPolicy) -> None:
        self._dockerfile = dockerfile
        self._policy = policy
        self._arguments: dict[str, str] = {}
        self._stages: list[str | None] = []
        self._bases: list[Base] = []
        self._refused: list[Refused] = []
        self._rewritten: dict[Instruction, str] = {}

    def outcome(self) -> CheckedDockerfile:
        self._refused.extend(self._directives())
        for instruction in self._dockerfile.instructions:
            self._visit(instruction)
        if not self._stages:
            self._refuse(1, "it has no FROM line, so there is no base image to build on.")
        text = with_lines(self._dockerfile, self._rewritten)
        return CheckedDockerfile(text, tuple(self._bases), tuple(self._refused))

    def _visit(self, instruction: Instruction) -> None:
        if instruction.keyword == "FROM":
            self._from(instruction)
        elif instruction.keyword == "ARG" and not self._stages:
            name, default = argument_of(instruction)
            self._arguments[name] = default
        elif instruction.keyword == "ONBUILD":
            self._onbuild(instruction)
        else:
            self._other(instruction)

    def _from(self, instruction: Instruction) -> None:
        name, stage = base_of(instruction, self._arguments)
        if name.lower() not in self._stages:
            image = self._base(instruction, name)
            suffix = f" AS {stage}" if stage else ""
            self._rewritten[instruction] = f"FROM {image}{suffix}"
        self._stages.append(stage)

    def _other(self, instruction: Instruction) -> None:
        keyword = instruction.keyword
        if keyword not in _KNOWN:
            self._refuse(instruction.line, f"{keyword[:40]!r} is not an instruction.")
        for flag in _REFUSED_FLAGS.get(keyword, ()):
            if instruction.flag(flag) is not None:
                self._refuse(instruction.line, f"{keyword} --{flag} is not available here; write it without.")
        if keyword in {"RUN", "COPY", "ADD"} and _HEREDOC.search(instruction.value):
            self._refuse(
                instruction.line, f"{keyword} with a here-document (<<) is not available; use a file of yours."
            )
        if keyword == "ADD":
            self._add(instruction)
        if keyword == "COPY" and (source := instruction.flag("from")) is not None:
            self._copy_from(instruction, source)

    def _add(self, instruction: Instruction) -> None:
        """The builder fetches what a URL names even without network: whatever could become one is refused."""
        words = re.split(r"[\s,]+", instruction.value.strip("[]"))
        if any(_REMOTE.match(word) for word in words):
            self._refuse(instruction.line, "ADD of a URL or git repository is not allowed; put the file into your zip.")
        elif any(_UNCLEAR.search(word.strip('"')) for word in words):
            sentence = "ADD with a variable, quotes or a backslash is not allowed, it could be a URL; use COPY."
            self._refuse(instruction.line, sentence)

    def _copy_from(self, instruction: Instruction, source: str) -> None:
        is_stage = source.lower() in self._stages or (source.isdigit() and int(source) < len(self._stages))
        if is_stage:
            return
        image = self._base(instruction, source)
        flags = [f"--from={image}" if flag.startswith("--from=") else flag for flag in instruction.flags]
        self._rewritten[instruction] = " ".join(["COPY", *flags, instruction.value])

    def _onbuild(self, instruction: Instruction) -> None:
        """What it delays is judged as if it stood there."""
        for delayed in parse(instruction.value).instructions:
            if delayed.keyword in {"FROM", "ONBUILD"} or delayed.flag("from") is not None:
                self._refuse(instruction.line, "ONBUILD may not bring in another image.")
            else:
                self._other(Instruction(instruction.line, instruction.line, *_without_lines(delayed)))

    def _base(self, instruction: Instruction, name: str) -> str:
        if not _NAME.fullmatch(name) or not allowed(name, self._policy.allowed_bases):
            choices = ", ".join(self._policy.allowed_bases)
            self._refuse(instruction.line, f"the base image {name!r} is not allowed; allowed are {choices}.")
        image = mapped(name, self._policy.image_map)
        self._bases.append(Base(instruction.line, name, image))
        return image

    def _directives(self) -> Iterator[Refused]:
        line = self._dockerfile.directives.get("syntax")
        if line is not None:
            yield Refused(line, "a '# syntax=' line would fetch another builder, which is not allowed; remove it.")

    def _refuse(self, line: int, sentence: str) -> None:
        self._refused.append(Refused(line, sentence))


def _without_lines(instruction: Instruction) -> tuple[str, tuple[str, ...], str]:
    return instruction.keyword, instruction.flags, instruction.value
