"""How much the builder would make of a Dockerfile's variables. It fills them in by itself, outside of all limits, and
thirty lines of `ENV A=$A$A` make a thousand million times what is written.
"""

import re

from medici_worker.containers.dockerfile import Instruction, named_value, named_values, quoted_words, variables_in

MAX_FILLED_IN_BYTES = 64 * 1024
"""In one Dockerfile."""
_UNKNOWN_BYTES = 512
"""Of a variable that the base image sets."""
_FILLED_IN = frozenset(
    ["FROM", "ARG", "ENV", "LABEL", "ADD", "COPY", "WORKDIR", "USER", "EXPOSE", "VOLUME", "STOPSIGNAL"]
)
"""Where the builder does it; in RUN, CMD and the like a shell does, inside the container."""
_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
"""The builder would take `@` for one, too, and know it as `$@`."""
_REPLACING = re.compile(r"\$\{(?:\w+|[@*#?$!-])/", re.ASCII)
_ODD_NAME = re.compile(r"\$\{?\w*[^\x00-\x7f]", re.ASCII)
"""Builders differ in what is a letter."""


class Variables:
    """Follows the instructions of a Dockerfile, and how long the values can get."""

    def __init__(self) -> None:
        self._bytes: dict[str, int] = {}
        self._filled_in = 0

    def refusal(self, instruction: Instruction) -> str | None:
        """Why the next instruction's variables can't be filled in; None when they can.

        Empty when they can't because they are too long, which has been said.
        """
        if instruction.keyword not in _FILLED_IN:
            return None
        text, values = str(instruction), _values(instruction)
        if sentence := _unclear(text, values):
            return sentence
        was_too_long = self._filled_in > MAX_FILLED_IN_BYTES
        self._filled_in += self._length(text)
        if self._filled_in > MAX_FILLED_IN_BYTES:
            told = f"its variables are longer than {MAX_FILLED_IN_BYTES // 1024} KiB when they are filled in."
            return "" if was_too_long else told
        for name, value in values:  # never less than before: an odd name may be another one for the builder
            self._bytes[name] = max(self._bytes.get(name, 0), len(value.encode()) + self._length(value))
        return None

    def _length(self, text: str) -> int:
        """Of all that is filled in."""
        return sum(self._bytes.get(name, _UNKNOWN_BYTES) for name in variables_in(text))


def _values(instruction: Instruction) -> list[tuple[str, str]]:
    """What an ENV or ARG sets."""
    if instruction.keyword == "ENV":
        return named_values(instruction.value)
    if instruction.keyword == "ARG":
        return [named_value(word) for word in quoted_words(instruction.value) if "=" in word]
    return []


def _unclear(text: str, values: list[tuple[str, str]]) -> str | None:
    """What builders read in ways of their own."""
    if _REPLACING.search(text):
        return "${NAME/…} is not available here; write the value out."
    if _ODD_NAME.search(text):
        return "a variable's name has letters of ASCII, digits and underscores alone; write ${NAME}."
    odd = next((name for name, _ in values if not _NAME.fullmatch(name)), None)
    return (
        None if odd is None else f"{odd[:80]!r} can't be the name of a variable; use letters, digits and underscores."
    )
