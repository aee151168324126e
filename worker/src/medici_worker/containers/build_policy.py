"""What a Dockerfile may ask for: a pure decision on the parsed file, with a sentence and a line number per refusal."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property

from medici_worker.containers.dockerfile import (
    Dockerfile,
    Instruction,
    argument_of,
    base_of,
    expand,
    named_values,
    parse,
    rendered,
)
from medici_worker.containers.dockerfile_variables import Variables
from medici_worker.protocol import BuildPolicy

RUN_IMAGE = "medici/run-image"
"""Repository of the images that are built here. Never a base: it holds other participants' submissions."""

_REMOTE = re.compile(r"^[\"'\[\s]*(?:[a-z][a-z0-9+.-]*://|git@|github\.com/)", re.IGNORECASE)
_UNCLEAR = re.compile(r"[$\\\"']")
_NAME = re.compile(r"[A-Za-z0-9][\w./:@-]*", re.ASCII)
_ID = re.compile(r"[0-9a-f]{1,64}|sha(?:256|384|512):.*", re.IGNORECASE)
_STAGE = re.compile(r"[a-z][a-z0-9_.-]*")
_FLAG = re.compile(r"--[a-z][a-z-]*(?:=[!#-&(-\[\]-~]*)?")
"""Printable ASCII without quotes and backslashes: with those, it depends on the reader where a flag ends."""
_HEREDOC = re.compile(r"<<-?\s*[\"']?[A-Za-z_]")
_REFUSED_FLAGS = {
    "RUN": ("mount", "network", "security"),
    "COPY": ("link", "chmod", "parents", "exclude"),
    "ADD": ("from", "link", "chmod", "checksum", "keep-git-dir", "exclude"),
}
_FROM_WORDS = (1, 3)
OWN_LABELS = "medici."
MAX_BASES = 12
"""Of one Dockerfile. A report names all images of a run: those of the submission, of its programs, and their own."""
MAX_BYTES = 64 * 1024
"""Of a Dockerfile, before anything reads it."""
MAX_INSTRUCTIONS = 500
"""Each is an image of its own while the builder works; an image can have about 125 layers."""
MAX_ADDED, MAX_ADDED_CHARACTERS = 100, 1_000
"""Paths of all ADD in a Dockerfile: each is compared with every file of the zip."""
MAX_LINE_BYTES = 60_000
"""The builder reads lines of up to 64 KiB."""
VOLUME_FREE = frozenset(
    ["/mnt/in", "/mnt/out", "/tmp", "/app/program", "/app/input/ref", "/app/input/res", "/app/output"]  # noqa: S108 - inside the container
)
"""Where containers have a place of their own anyway: VOLUME there changes nothing."""
VOLUME_ADVICE = "containers may write to /mnt/out and /tmp alone"
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
class Added:
    """What an ADD names in the archive."""

    line: int
    sources: tuple[str, ...]


@dataclass(frozen=True)
class CheckedDockerfile:
    text: str
    """What is sent to the builder: written anew from the instructions that were checked, base images mapped."""
    bases: tuple[Base, ...]
    refused: tuple[Refused, ...]
    instructions: tuple[Instruction, ...] = ()
    """All of the Dockerfile, as they are sent. VOLUME is not: see `_sent`."""
    after_from: tuple[str, ...] = ()
    added: tuple[Added, ...] = ()

    @property
    def stages(self) -> int:
        return sum(instruction.keyword == "FROM" for instruction in self.instructions)

    def sent_with(self, line: str) -> str:
        """The text with one more line of ours at the beginning of each stage."""
        return rendered(filter(_is_sent, self.instructions), after_from=(line, *self.after_from))

    def own_step(self, number: int) -> int:
        """Which of the Dockerfile's own instructions the builder means: it counts the lines of ours, too."""
        return max(self._sent[:number], default=0) or 1

    def is_ours(self, number: int) -> bool:
        """Whether the builder's step is none of the Dockerfile's own. The last one gives the image its labels."""
        return number > len(self._sent) or not self._sent[number - 1]

    @property
    def steps_sent(self) -> int:
        """As the builder counts them."""
        return len(self._sent) + 1

    @cached_property
    def _sent(self) -> list[int]:
        """Of each line that `sent_with` makes: which of the Dockerfile's own instructions it is, from 1; 0: of ours."""
        ours = [0] * (1 + len(self.after_from))
        own = [(number, each) for number, each in enumerate(self.instructions, start=1) if _is_sent(each)]
        return [line for number, each in own for line in (number, *(ours if each.keyword == "FROM" else ()))]


def check(text: str, policy: BuildPolicy, *, after_from: Sequence[str] = ()) -> CheckedDockerfile:
    """Every refusal at once, so that one more upload is enough. `after_from`: lines of ours that begin each stage."""
    if len(text.encode()) > MAX_BYTES:
        sentence = f"the file is larger than {MAX_BYTES // 1024} KiB; put what is long into a script of yours."
        return CheckedDockerfile("", (), (Refused(1, sentence),))
    return _Check(parse(text), policy, after_from).outcome()


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


def full_name(name: str) -> str:
    """One spelling of each name: without what Docker adds by itself, with the tag that it means."""
    short = short_name(name)
    return short if _is_tagged(short) else f"{short}:latest"


def pin_of(name: str, pins: Mapping[str, str]) -> str | None:
    """What the phase was pinned to for this name (after mapping)."""
    wanted = full_name(name)
    return next((pin for pinned, pin in pins.items() if full_name(pinned) == wanted), None)


def pinned_name(name: str, pins: Mapping[str, str]) -> str:
    """The name by which an engine finds the pinned image: by a registry's digest, wherever the tag has moved."""
    pin = pin_of(name, pins) or ""
    digest = pin.rpartition("@")[2]
    if "@" not in pin or "@" in name or not digest.startswith("sha256:"):
        return name
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}@{digest}"


def is_image_id(name: str) -> bool:
    """Whether an engine could take this for the id of an image, or for the beginning of one."""
    return _ID.fullmatch(short_name(name)) is not None


def short_name(name: str) -> str:
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        name = name.removeprefix(prefix)
    return name


def _forms(name: str) -> tuple[str, ...]:
    return (name,) if _is_tagged(name) else (name, f"{name}:latest")


def _is_tagged(name: str) -> bool:
    return ":" in name.rpartition("/")[2] or "@" in name


class _Check:
    """Walks the instructions once; collects bases, refusals, and the instructions as they will be sent."""

    def __init__(self, dockerfile: Dockerfile, policy: BuildPolicy, after_from: Sequence[str] = ()) -> None:
        self._after_from = after_from
        self._dockerfile = dockerfile
        self._policy = policy
        self._arguments: dict[str, str] = {}
        self._stages: list[str | None] = []
        self._bases: list[Base] = []
        self._refused: list[Refused] = []
        self._added: list[Added] = []
        self._variables = Variables()

    def outcome(self) -> CheckedDockerfile:
        odd = tuple(self._odd_characters())
        if odd:  # what else is wrong depends on how these are read
            return CheckedDockerfile("", (), odd)
        if len(self._dockerfile.instructions) > MAX_INSTRUCTIONS:
            line = self._dockerfile.instructions[MAX_INSTRUCTIONS].line
            sentence = f"it has more than {MAX_INSTRUCTIONS} instructions; put commands into a script of yours."
            return CheckedDockerfile("", (), (Refused(line, sentence),))
        self._refused.extend(self._directives())
        sent = [self._visited(instruction) for instruction in self._dockerfile.instructions]
        if len({full_name(base.image) for base in self._bases}) > MAX_BASES:
            self._refuse(self._bases[-1].line, f"it names more than {MAX_BASES} base images.")
        if not self._stages:
            self._refuse(1, "it has no FROM line, so there is no base image to build on.")
        text = rendered(filter(_is_sent, sent), after_from=self._after_from)
        return CheckedDockerfile(
            text,
            tuple(self._bases),
            tuple(self._refused),
            tuple(sent),
            tuple(self._after_from),
            tuple(self._added),
        )

    def _visited(self, instruction: Instruction) -> Instruction:
        """The instruction as it is sent."""
        self._form(instruction)
        if sentence := self._variables.refusal(instruction):
            self._refuse(instruction.line, sentence)
        if sentence is not None and (instruction.keyword == "FROM" or not self._stages):
            self._stages += [None] if instruction.keyword == "FROM" else []
            return instruction  # these are filled in here
        if instruction.keyword == "FROM":
            return self._from(instruction)
        if instruction.keyword == "ARG" and not self._stages:
            self._argument(instruction)
        return self._other(instruction)

    def _form(self, instruction: Instruction) -> None:
        """What would make one line mean something else to another reader."""
        keyword, line = instruction.keyword, instruction.line
        if keyword == "ONBUILD":
            self._refuse(line, "ONBUILD has no use here, because nobody builds on this image; remove it.")
        elif keyword not in _KNOWN:
            self._refuse(line, f"{keyword[:40]!r} is not an instruction.")
        if instruction.value.endswith("\\"):
            self._refuse(line, "it ends with a backslash, and nothing follows; remove the backslash.")
        if len(str(instruction).encode()) > MAX_LINE_BYTES:
            self._refuse(line, f"the {keyword[:40]} instruction is too long; put it into a script of yours.")
        for flag in instruction.flags:
            if _FLAG.fullmatch(flag) is None:
                self._refuse(line, f"the option {flag[:40]!r} can't be used; write it as --name=value, without quotes.")

    def _from(self, instruction: Instruction) -> Instruction:
        name, stage = base_of(instruction, self._arguments)
        if len(instruction.words) not in _FROM_WORDS or (stage is None) is (len(instruction.words) > 1):
            self._refuse(instruction.line, "FROM takes an image, or `image AS name`.")
        if stage is not None and _STAGE.fullmatch(stage) is None:
            self._refuse(instruction.line, f"{stage[:40]!r} can't be the name of a stage.")
        image = name.lower() if name.lower() in self._stages else self._base(instruction, name)
        self._stages.append(stage)
        return replace(instruction, flags=(), value=f"{image} AS {stage}" if stage else image)

    def _argument(self, instruction: Instruction) -> None:
        if len(instruction.words) != 1:
            self._refuse(instruction.line, "ARG before FROM takes one name; write one ARG line for each.")
        name, default = argument_of(instruction)
        self._arguments[name] = expand(default, self._arguments)

    def _other(self, instruction: Instruction) -> Instruction:
        keyword = instruction.keyword
        for flag in _REFUSED_FLAGS.get(keyword, ()):
            if instruction.flag(flag) is not None:
                self._refuse(instruction.line, f"{keyword} --{flag} is not available here; write it without.")
        if keyword in {"RUN", "COPY", "ADD"} and _HEREDOC.search(instruction.value):
            self._refuse(
                instruction.line, f"{keyword} with a here-document (<<) is not available; use a file of yours."
            )
        if keyword == "ADD":
            return self._add(instruction)
        if keyword == "LABEL":
            self._label(instruction)
        if keyword == "VOLUME":
            self._volume(instruction)
        if keyword == "COPY" and (source := instruction.flag("from")) is not None:
            return self._copy_from(instruction, source)
        return instruction

    def _add(self, instruction: Instruction) -> Instruction:
        """Sent as COPY. The builder fetches what a URL names even without network, and unpacks archives by itself,
        outside of all limits: whatever could become a URL is refused here, and archives are once the zip is there.
        """
        words = re.split(r"[\s,]+", instruction.value.strip("[]"))
        if any(_REMOTE.match(word) for word in words):
            self._refuse(instruction.line, "ADD of a URL or git repository is not allowed; put the file into your zip.")
        elif any(_UNCLEAR.search(word.strip('"')) for word in words):
            sentence = "ADD with a variable, quotes or a backslash is not allowed, it could be a URL; use COPY."
            self._refuse(instruction.line, sentence)
        self._added.append(Added(instruction.line, _listed(instruction)[:-1]))
        sources = [source for added in self._added for source in added.sources]
        if len(sources) > MAX_ADDED or any(len(source) > MAX_ADDED_CHARACTERS for source in sources):
            self._refuse(instruction.line, "ADD names too many or too long paths; use COPY.")
        return replace(instruction, keyword="COPY")

    def _label(self, instruction: Instruction) -> None:
        """Containers inherit the labels of images, and by ours the worker knows its own."""
        for key in keys_of_labels(instruction.value):
            if "$" in key:
                self._refuse(instruction.line, "a LABEL's name can't hold a variable; write it out.")
            elif key.lower().startswith(OWN_LABELS):
                self._refuse(instruction.line, f"the label {key[:80]!r} is one of MedICI's own; give it another name.")

    def _volume(self, instruction: Instruction) -> None:
        others = [path for path in _listed(instruction) if path not in VOLUME_FREE]
        if others:
            self._refuse(instruction.line, f"VOLUME {others[0][:80]} is not allowed: {VOLUME_ADVICE}; remove the line.")

    def _copy_from(self, instruction: Instruction, source: str) -> Instruction:
        image = source.lower()
        if not self._is_stage(image):
            image = self._base(instruction, source)
        flags = (f"--from={image}" if flag.partition("=")[0] == "--from" else flag for flag in instruction.flags)
        return replace(instruction, flags=tuple(flags))

    def _is_stage(self, name: str) -> bool:
        return name in self._stages or name in map(str, range(len(self._stages)))

    def _base(self, instruction: Instruction, name: str) -> str:
        image = mapped(name, self._policy.image_map)
        if not _NAME.fullmatch(name) or not _NAME.fullmatch(image) or not allowed(name, self._policy.allowed_bases):
            choices = ", ".join(self._policy.allowed_bases)
            self._refuse(instruction.line, f"the base image {name[:200]!r} is not allowed; allowed are {choices}.")
        elif is_image_id(name) or is_image_id(image):
            self._refuse(instruction.line, f"the base image {name[:200]!r} is an image's id; a base has a name.")
        self._bases.append(Base(instruction.line, name, image))
        return pinned_name(image, self._policy.pins)

    def _directives(self) -> Iterator[Refused]:
        for one in self._dockerfile.directives:
            if one.name == "syntax":
                sentence = "a '# syntax=' line would fetch another builder, which is not allowed; remove it."
                yield Refused(one.line, sentence)
            elif one.name == "check" or (one.name == "escape" and one.value != "\\"):
                yield Refused(one.line, f"a '# {one.name}=' line is not available here; remove it.")

    def _odd_characters(self) -> Iterator[Refused]:
        for line, character in self._dockerfile.odd_characters:
            sentence = f"it holds the invisible character {character}; write plain spaces, tabs and line ends."
            yield Refused(line, sentence)

    def _refuse(self, line: int, sentence: str) -> None:
        self._refused.append(Refused(line, sentence))


def _listed(instruction: Instruction) -> tuple[str, ...]:
    """The paths of a VOLUME: a JSON list, or words."""
    try:
        found = json.loads(instruction.value)
    except (ValueError, RecursionError):
        return instruction.words
    return tuple(str(one) for one in found) if isinstance(found, list) else instruction.words


def _is_sent(instruction: Instruction) -> bool:
    """VOLUME may name only what changes nothing in a container. In a build it would: what a step writes there lies on
    the engine's disk, and is no part of the image whose size is watched.
    """
    return instruction.keyword != "VOLUME"


def keys_of_labels(value: str) -> list[str]:
    """Without quotes and backslashes."""
    return [key for key, _ in named_values(value)]
