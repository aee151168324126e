"""What a challenge asks about each submission, and whether the answers will do. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medici_platform.errors import InvalidRequest

LONGEST_ANSWER = 1000
_YES = frozenset({"true", "on", "yes", "1"})
_NO = frozenset({"false", "off", "no", "0", ""})


class FactSheetRefused(InvalidRequest):
    code = "fact_sheet"


@dataclass(frozen=True)
class Question:
    key: str
    type: str
    """checkbox, text or select."""
    title: str
    choices: tuple[str, ...] = ()
    is_required: bool = False

    @property
    def field(self) -> str:
        """The name of its form field, spelt as browsers send it."""
        return "fact_" + self.key.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")

    @property
    def named(self) -> str:
        return repr(self.title) if self.title == self.key else f"{self.title!r} ({self.key})"


def questions_of(fact_sheet: Sequence[Mapping[str, Any]]) -> list[Question]:
    return [
        Question(
            key=each["key"],
            type=each["type"],
            title=each.get("title") or each["key"],
            choices=tuple(str(choice) for choice in each.get("choices") or ()),
            is_required=bool(each.get("is_required")),
        )
        for each in fact_sheet
    ]


def answered(questions: Sequence[Question], answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers as they are stored: checkboxes as true or false, everything else as text, nothing where nothing is.

    Raises FactSheetRefused with one sentence that names the first question that is not answered well.
    """
    _require_known(questions, answers)
    given = {question.key: _answer(question, answers.get(question.key)) for question in questions}
    return {key: answer for key, answer in given.items() if answer != ""}


def complaints(questions: Sequence[Question], answers: Mapping[str, Any]) -> list[str]:
    """One sentence for every question that is not answered well; none where `answered` takes them all."""
    found = []
    try:
        _require_known(questions, answers)
    except FactSheetRefused as refused:
        found.append(refused.message)
    for question in questions:
        try:
            _answer(question, answers.get(question.key))
        except FactSheetRefused as refused:
            found.append(refused.message)
    return found


def _require_known(questions: Sequence[Question], answers: Mapping[str, Any]) -> None:
    known = {question.key for question in questions}
    unknown = next((key for key in answers if key not in known), None)
    if unknown is not None:
        asked = ", ".join(repr(question.key) for question in questions)
        raise FactSheetRefused(
            f"The fact sheet has no question {unknown[:80]!r}: "
            + (f"it asks {asked}." if asked else "this challenge asks nothing.")
        )


def _answer(question: Question, answer: Any) -> bool | str:
    return _ticked(question, answer) if question.type == "checkbox" else _text(question, answer)


def _ticked(question: Question, answer: Any) -> bool:
    text = "" if answer is None else str(answer).strip().lower()
    if text not in _YES | _NO:
        raise FactSheetRefused(f"The question {question.named} is answered with true or false.")
    if question.is_required and text in _NO:
        raise FactSheetRefused(f"The question {question.named} must be ticked.")
    return text in _YES


def _text(question: Question, answer: Any) -> str:
    if answer is not None and not isinstance(answer, str | int | float):
        raise FactSheetRefused(f"The question {question.named} is answered with a text.")
    text = "" if answer is None else str(answer).replace("\x00", "").strip()
    if not _is_writable(text):
        raise FactSheetRefused(f"The answer to {question.named} holds half of a character; write it anew.")
    if not text:
        if question.is_required:
            raise FactSheetRefused(f"The question {question.named} needs an answer.")
        return ""
    if len(text) > LONGEST_ANSWER:
        raise FactSheetRefused(f"The answer to {question.named} has more than {LONGEST_ANSWER} characters.")
    if question.type == "select" and text not in question.choices:
        raise FactSheetRefused(f"The question {question.named} is answered with one of: {', '.join(question.choices)}.")
    return text


def _is_writable(text: str) -> bool:
    """JSON can hold half of a pair of surrogates, which no page and no answer can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
