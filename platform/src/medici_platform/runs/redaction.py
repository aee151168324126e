"""What is taken out of a text before participants read it: names of the test data, and canaries. Pure.

It stops accidents: a program that prints the files which it reads. It stops nobody who wants to tell: whoever may print
one bit a line needs no name for it (decision 15).
"""

import html
import json
import re
import unicodedata
from array import array
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

from medici_platform.challenges.rules import LOG_TAIL_CHARACTERS, LOG_TAIL_LINES
from medici_platform.presentation.formats import log_text

WITHHELD = "[withheld]"
SENTENCE_CHARACTERS = 500
"""Of a scoring program's own sentence on predictions that it can't read, in a hidden phase."""

_WORD = re.compile(r"[^\W_]+")
_ENDING = re.compile(r"[^\W\d_][^\W_]{0,5}|7z")
"""A file's endings: `.nii.gz`, `.jpeg`; not the `.0017` of `case.0017`."""
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_BASE64_OFFSETS = (0, 2, 3)
"""Characters that bytes before it decide, when a text begins at byte 0, 1 or 2 of a group of three."""
MOST_WORDS = 12
SHORTEST_NAME = 4
DIGITS_OF_A_NUMBER = 5
"""A number of more digits is taken for an identifier."""

Span = tuple[int, int]


class HiddenNames:
    """Names of files and folders as fingerprints: 1,000,000 names take some 10 MB, and a look-up no scan."""

    def __init__(self, paths: Iterable[str]) -> None:
        keys, first = array("q"), set[int]()
        counts, of_first, of_last = set[int](), set[int](), set[int]()
        for name in _names_in(paths):
            words = _WORD.findall(name)
            counts.add(min(len(words), MOST_WORDS))
            of_last.add(len(words[-1]))
            for begin in _pieces(words):
                first.add(hash(words[begin].casefold()))
                of_first.add(len(words[begin]))
                keys.append(hash(_key(_between(name, words, begin))))
        self._keys, self._first = array("q", sorted(keys)), array("q", sorted(first))
        self._counts, self._of_first, self._of_last = (
            sorted(each, reverse=True) for each in (counts, of_first, of_last)
        )

    def __len__(self) -> int:
        return len(self._keys)

    def spans(self, text: str) -> Iterator[Span]:
        """Where one of them stands, in any case, also with white space or line breaks between its words, and with
        letters before and after it: two streams write into one log.
        """
        words = [match.span() for match in _WORD.finditer(text)] if self._keys else []
        for place, (begins, end) in enumerate(words):
            for length in self._of_first:
                begin = end - length
                if begin >= begins and _holds(self._first, text[begin:end]):
                    yield from self._spans_from(
                        text, begin, words[place : place + MOST_WORDS], is_whole=begin == begins
                    )

    def _spans_from(self, text: str, begin: int, words: Sequence[Span], *, is_whole: bool) -> Iterator[Span]:
        """The longest name that begins here. A name of one word is only looked for as a whole word."""
        for count in self._counts:
            if count > len(words) or (count == 1 and not is_whole):
                continue
            last, end = words[count - 1]
            ends = [end] if count == 1 else [end, *(last + length for length in self._of_last if last + length < end)]
            found = next((each for each in ends if _holds(self._keys, text[begin:each])), None)
            if found is not None:
                yield begin, found
                return


@dataclass(frozen=True)
class Secrets:
    """What no participant may read in the log or the messages of a run."""

    names: tuple[HiddenNames, ...] = ()
    canaries: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.names or self.canaries)


@lru_cache(maxsize=16)
def shown_log(text: str, secrets: Secrets, *, is_tail: bool) -> str:
    """All that participants read of a log which holds secrets: whole texts alone, since a secret may be torn in two."""
    clean = redact(log_text(text), secrets)
    return tail_of(clean) if is_tail else clean


def tail_of(text: str) -> str:
    lines = text.splitlines(keepends=True)[-LOG_TAIL_LINES:]
    return "".join(lines)[-LOG_TAIL_CHARACTERS:]


def shown_sentence(text: str, secrets: Secrets, *, is_hidden: bool) -> str:
    """What a scoring program says of predictions that it can't read. In a hidden phase one short line of plain text."""
    text = log_text(text)
    if not is_hidden:
        return redact(text, secrets)
    plain = "".join(each for each in unicodedata.normalize("NFKC", text) if each.isprintable() or each.isspace())
    line = redact(" ".join(plain.split()), secrets)
    return line if len(line) <= SENTENCE_CHARACTERS else line[: SENTENCE_CHARACTERS - 1] + "…"


def redact(text: str, secrets: Secrets) -> str:
    text = _UNSEEN.sub("", text)
    spans = [*_canary_spans(text, secrets.canaries), *(span for names in secrets.names for span in names.spans(text))]
    parts, done = [], 0
    for begin, end in sorted(spans):
        if begin >= done:
            parts += [text[done:begin], WITHHELD]
        done = max(done, end)
    return "".join([*parts, text[done:]])


@dataclass
class CanaryWatch:
    """Looks for canaries in what streams by, with what a chunk's beginning may share with the one before."""

    canaries: Collection[str]
    _before: bytes = field(default=b"", init=False)

    def sees(self, chunk: bytes) -> bool:
        squeezed = self._before + chunk.translate(_LOWER, b" \t\r\n\v\f\0")
        longest = max((len(form) for canary in self.canaries for form in _forms_in_bytes(canary)), default=0)
        self._before = squeezed[-longest:]
        return any(form in squeezed for canary in self.canaries for form in _forms_in_bytes(canary))


_LOWER = bytes(range(256)).lower()


@lru_cache(maxsize=1024)
def forms_of(canary: str) -> frozenset[str]:
    """As programs write it, in lower case and without white space: as it is, escaped, reversed, in hex and base64."""
    encoded = canary.encode()
    escaped = [quote(canary, safe=""), html.escape(canary), json.dumps(canary)[1:-1]]
    written = [canary, canary[::-1], *escaped, encoded.hex()]
    written += [_core_of_base64(encoded, offset) for offset in range(3)]
    written += [each.replace("+", "-").replace("/", "_") for each in written[-3:]]
    return frozenset("".join(each.split()).lower() for each in written)


@lru_cache(maxsize=1024)
def _forms_in_bytes(canary: str) -> tuple[bytes, ...]:
    return tuple(form.encode().translate(_LOWER) for form in forms_of(canary))


def _core_of_base64(encoded: bytes, offset: int) -> str:
    """What no neighbour changes, when the text begins `offset` bytes after the beginning of a group of three."""
    text = b64encode(bytes(offset) + encoded).decode()
    return text[_BASE64_OFFSETS[offset] : (offset + len(encoded)) * 8 // 6]


def _canary_spans(text: str, canaries: Collection[str]) -> Iterator[Span]:
    """Found in the text without its white space: a line break in the middle hides nothing."""
    squeezed = "".join(text.split()).lower()
    found = [form for canary in canaries for form in forms_of(canary) if form in squeezed]
    if not found:
        return
    places = [place for place, each in enumerate(text) if not each.isspace() for _ in each.lower()]
    for form in found:
        begin = squeezed.find(form)
        while begin >= 0:
            yield places[begin], places[begin + len(form) - 1] + 1
            begin = squeezed.find(form, begin + 1)


def _names_in(paths: Iterable[str]) -> Iterator[str]:
    """Of every file, and of every folder once."""
    known: set[str] = set()
    for path in paths:
        folder, _, name = path.rstrip("/").rpartition("/")
        if folder not in known:
            known.add(folder)
            yield from (each for each in folder.split("/") if not is_ordinary(each))
        yield from _told_by(name)


def _told_by(name: str) -> tuple[str, ...]:
    """`case_0017` of `case_0017.nii.gz`: it is found in both. `labels.csv` as a whole: `labels` says nothing."""
    stem, dot, ending = name.rpartition(".")
    while dot and _ENDING.fullmatch(ending):
        stem, dot, ending = stem.rpartition(".")
    stem += dot + ending
    if not is_ordinary(stem):
        return (stem,)
    is_told = len(name) >= SHORTEST_NAME and len(_WORD.findall(name)) > 1
    return (name,) if is_told else ()


def is_ordinary(stem: str) -> bool:
    """A name without an ending that logs hold anyway: a short one, a single word (`labels`), a small number."""
    if len(stem) < SHORTEST_NAME or (stem.isdigit() and len(stem) <= DIGITS_OF_A_NUMBER):
        return True
    word = _WORD.search(stem)
    return word is None or (word[0].isalpha() and not _WORD.search(stem, word.end()))


def _pieces(words: Sequence[str]) -> list[int]:
    """Where they begin: a name of very many words is looked for in overlapping pieces."""
    last = len(words) - MOST_WORDS
    return [0] if last <= 0 else [*range(0, last, MOST_WORDS), last]


def _between(name: str, words: Sequence[str], begin: int) -> str:
    """From one of its words to the last one of the piece, with what stands between them."""
    if len(words) <= MOST_WORDS:
        return name[name.index(words[0]) : name.rindex(words[-1]) + len(words[-1])]
    places = [match.span() for match in _WORD.finditer(name)]
    return name[places[begin][0] : places[begin + MOST_WORDS - 1][1]]


def _key(text: str) -> str:
    return "".join(text.split()).casefold()


def _holds(keys: "array[int]", text: str) -> bool:
    wanted = hash(_key(text))
    place = bisect_left(keys, wanted)
    return place < len(keys) and keys[place] == wanted
