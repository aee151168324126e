"""Keys of a bundle that nothing reads, each with its line and the reason or the key that was perhaps meant."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_origin

from pydantic.fields import FieldInfo

from medici_bundles.parsing import part_in
from medici_bundles.schema import ChallengeDefinition, Part, Solution, Task
from medici_bundles.shapes import is_foreign_id, is_true
from medici_bundles.yaml_lines import Path, YamlDocument, dotted

Reasons = Mapping[type[Part], Mapping[str, Callable[[Any], str]]]
"""Model → key → why its value is ignored; an empty text: it is not."""

V2_REASONS: Reasons = {
    ChallengeDefinition: {
        "forum_enabled": lambda value: "MedICI has no forum" if is_true(value) else "",
        "queue": lambda value: "another server's id" if is_foreign_id(value) else "",
    },
    Task: {"key": lambda _: "another server's id"},
    Solution: {"key": lambda _: "a submission on another server"},
}


def always(reason: str) -> Callable[[Any], str]:
    return lambda _: reason


def ignored_keys(
    document: YamlDocument, model: type[Part] = ChallengeDefinition, reasons: Reasons = V2_REASONS
) -> tuple[str, ...]:
    """`ignored: colour (line 4)`, one line for each key."""
    found = _Search(reasons).in_part(model, document.data, ())
    return tuple(f"ignored: {dotted(path)} (line {document.line(path)}){why}" for path, why in found)


class _Search:
    def __init__(self, reasons: Reasons) -> None:
        self._reasons = reasons

    def in_part(self, model: type[Part], data: Any, path: Path) -> Iterator[tuple[Path, str]]:
        if not isinstance(data, dict):
            return
        for key, value in data.items():
            below = (*path, str(key))
            field = model.model_fields.get(str(key))
            reason = self._reason(model, str(key), value)
            if reason:
                yield below, f": {reason}"
            elif field is not None:
                yield from self._below(field, value, below)
            elif below != ("version",):
                close = difflib.get_close_matches(str(key), model.model_fields, n=1)
                yield below, f"; did you mean {close[0]}?" if close else ""

    def _reason(self, model: type[Part], key: str, value: Any) -> str:
        of_key = self._reasons.get(model, {}).get(key)
        return of_key(value) if of_key and value is not None else ""

    def _below(self, field: FieldInfo, value: Any, path: Path) -> Iterator[tuple[Path, str]]:
        inner = part_in(field.annotation)
        if inner is None:
            return
        origin = get_origin(field.annotation)
        if origin in {tuple, dict} and isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.in_part(inner, item, (*path, index))
        elif origin is dict and isinstance(value, dict):
            for key, item in value.items():
                yield from self.in_part(inner, item, (*path, str(key)))
        elif origin not in {tuple, dict}:
            yield from self.in_part(inner, value, path)
