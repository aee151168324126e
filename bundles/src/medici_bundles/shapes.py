"""Values that organizers write in more than one shape, brought into one."""

import re
from typing import Any

_UUID = re.compile(r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)


def is_foreign_id(value: object) -> bool:
    """Whether it is what another server calls something: a UUID, or a number."""
    text = str(value).strip()
    return not isinstance(value, bool) and (text.isdigit() or is_uuid(text))


def is_uuid(text: str) -> bool:
    return _UUID.match(text) is not None


def is_true(value: object) -> bool:
    return str(value).strip().lower() in {"true", "yes", "on", "y", "t", "1"}


def names_in(value: object) -> object:
    """`"a, b"` → `["a", "b"]`; a single number is a list of one; lists stay."""
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else value


def choices_in(value: object) -> object:
    """The choices of a select from a list, `"a, b"` or a mapping of choices, without the empty one, as text."""
    if isinstance(value, dict):
        value = [str(key) if shown in (None, "", True) else shown for key, shown in value.items()]
    value = names_in(value)
    return [_choice(choice) for choice in value if choice not in (None, "")] if isinstance(value, list) else value


def _choice(value: object) -> object:
    return str(value) if isinstance(value, bool | int | float) else value


def questions_in(value: object) -> object:
    """A fact sheet as a mapping of questions, each with its key; some servers write a list, or an empty text."""
    if isinstance(value, list):
        value = {
            str(item["key"]) if isinstance(item, dict) and item.get("key") else n: item for n, item in _placed(value)
        }
    if isinstance(value, dict):
        return {str(key): _keyed(str(key), question) for key, question in value.items()}
    return {} if value == "" else value


def _placed(items: list[Any]) -> list[tuple[str, Any]]:
    return [(str(place), item) for place, item in enumerate(items, start=1)]


def _keyed(key: str, question: object) -> object:
    return {**question, "key": question.get("key") or key} if isinstance(question, dict) else question
