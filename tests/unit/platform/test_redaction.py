"""What is taken out of a log before a participant reads it."""

import base64
import html
import json
from urllib.parse import quote

import pytest

from medici_platform.presentation.formats import log_text
from medici_platform.runs.redaction import (
    WITHHELD,
    CanaryWatch,
    HiddenNames,
    Secrets,
    redact,
    shown_log,
    shown_sentence,
)

CANARY = "Canary<7F3A>&9c51d2"
NAMES = HiddenNames(
    [
        "cases/case_0017.nii.gz",
        "cases/case_0018.nii.gz",
        "Zürich 01/Müller, Anna (links).dcm",
        "1.txt",
        "000451.png",
        "12.png",
        "labels.csv",
        ".data",
        "1.2.840.113619.2.55.3.604688119.971.1.2.3.4.5.6.7.8.dcm",
    ]
)
SECRETS = Secrets((NAMES,), (CANARY,))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("reading /mnt/in/cases/case_0017.nii.gz", f"reading /mnt/in/cases/{WITHHELD}.nii.gz"),
        ("CASE_0017: 0.5", f"{WITHHELD}: 0.5"),
        ("case_0017_pred.nii.gz, case_0019", f"{WITHHELD}_pred.nii.gz, case_0019"),
        ("case_\n0018", WITHHELD),
        ("case\x1b[31m_0017\x1b[0m", WITHHELD),
        ("case\u200b_0017", WITHHELD),
        ("müller, ANNA\n(links) was read", f"{WITHHELD}) was read"),
        ("Zürich 01 is a folder", f"{WITHHELD} is a folder"),
        ("1.txt at epoch 1, 12 of 12", f"{WITHHELD} at epoch 1, 12 of 12"),
        ("000451 and 12.png", f"{WITHHELD} and {WITHHELD}"),
        ("labels from labels.csv, some data", f"labels from {WITHHELD}, some data"),
        ("1.2.840.113619.2.55.3.604688119.971.1.2.3.4.5.6.7.8", WITHHELD),
        ("cases: 2 images", "cases: 2 images"),
        ("readcase_0017done", f"read{WITHHELD}done"),
        ("0.000451, 1000451", f"0.{WITHHELD}, 1000451"),
        (CANARY.upper(), WITHHELD),
        (f"a{CANARY[:7]}\n {CANARY[7:]}b", f"a{WITHHELD}b"),
        (CANARY[::-1], WITHHELD),
        (quote(CANARY), WITHHELD),
        (html.escape(CANARY), WITHHELD),
        (json.dumps([CANARY, 1]), f'["{WITHHELD}", 1]'),
        (CANARY.encode().hex(), WITHHELD),
    ],
)
def test_names_and_canaries_are_withheld(said: str, read: str) -> None:
    assert redact(log_text(said), SECRETS) == read


@pytest.mark.parametrize("before", ["", "x", "xx"])
def test_a_canary_in_base64_at_any_place(before: str) -> None:
    said = base64.b64encode(f"{before}{CANARY} more".encode()).decode()
    read = redact(said, SECRETS)
    assert WITHHELD in read
    assert CANARY.encode()[2:-2] not in base64.b64decode(read.replace(WITHHELD, "") + "==")


def test_what_it_cannot_stop() -> None:
    """The documents say so: whoever wants to tell a name does it in another spelling."""
    assert redact("c a s e _ 0 0 1 7, eno: 7100_esac, Y2FzZV8wMDE3", SECRETS).count(WITHHELD) == 0


def test_the_tail_is_cut_after_the_names_are_out() -> None:
    log = "".join(f"line {number}: case_0017\n" for number in range(1000))
    tail = shown_log(log, SECRETS, is_tail=True)
    assert tail.splitlines() == [f"line {number}: {WITHHELD}" for number in range(950, 1000)]
    assert len(shown_log("x" * 100_000, SECRETS, is_tail=True)) == 4_000
    assert shown_log(log, SECRETS, is_tail=False).count(WITHHELD) == 1000


def test_a_sentence_of_the_scoring_program_in_a_hidden_phase_is_one_short_line() -> None:
    said = f"Line 3:\x1b[31m case_0017\n\u202e holds {CANARY}\x00" + " no number" * 100
    read = shown_sentence(said, SECRETS, is_hidden=True)
    assert read.startswith(f"Line 3: {WITHHELD} holds {WITHHELD} no number no number")
    assert (len(read), read[-1], read.isprintable()) == (500, "…", True)
    assert shown_sentence("Line 1\nLine 2", SECRETS, is_hidden=False) == "Line 1\nLine 2"


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_a_watch_sees_a_canary_over_the_ends_of_chunks(size: int) -> None:
    watch = CanaryWatch([CANARY])
    said = f"nothing {'x' * 50}{CANARY[:9]}\n\n{CANARY[9:]} more".encode()
    seen = [watch.sees(said[begin : begin + size]) for begin in range(0, len(said), size)]
    assert any(seen)
    assert not CanaryWatch([CANARY]).sees(said.replace(b"9c51d2", b"9c51d3"))
