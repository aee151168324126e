"""`medici verify` without a platform: what it says of files, and that it always says it in a sentence."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from medici_platform.cli.app import main
from medici_platform.cli.records import verify
from medici_platform.signing import signer_of
from tests.unit.platform.test_comparing import record

SIGNER = signer_of("another secret of 32 characters!")
GENUINE = SIGNER.sign(record().model_dump(mode="json")).encode()


@dataclass
class Said:
    code: int
    output: str
    errors: str


@pytest.fixture
def verified(tmp_path, capfd, monkeypatch):
    """`verified(content, *options)`: as `medici verify FILE OPTIONS` in a shell."""

    def call(content: bytes, *options: object) -> Said:
        file = tmp_path / "r.json"
        file.write_bytes(content)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["medici", "verify", "r.json", *map(str, options)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return call


KEY = ("--key", SIGNER.public_key)


def test_a_genuine_record_is_told_in_one_line(verified):
    said = verified(GENUINE, *KEY)
    assert (said.code, said.errors) == (0, "")
    assert said.output == (
        "r.json is genuine: submission 1 to tiny (version 1), phase Final, task Main, run 1, attempt 1, which ended "
        "2026-11-28 17:00 UTC: finished, f1 0.912, seconds 2.0. By https://medici.example.\n"
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            GENUINE.replace(b'"f1":0.912', b'"f1":0.913'),
            "r.json was changed after it was signed: its signature does not",
        ),
        (b"PK\x03\x04", "r.json is no record of a run."),
        (b"", "r.json is no record of a run."),
        (b"x" * (4 * 1024**2 + 1), "r.json is too large to be a record."),
        (SIGNER.sign({"scores": 5}).encode(), "r.json is signed, but it is no record that this MedICI can read."),
    ],
    ids=["changed", "a zip", "empty", "large", "another thing"],
)
def test_what_is_wrong_is_one_sentence_and_status_one(verified, content, sentence):
    said = verified(content, *KEY)
    assert (said.code, said.output) == (1, "")
    assert said.errors.startswith(f"Error: {sentence}")
    assert said.errors.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--key", "xyz"), "Error: 'xyz' is no public key: it is written as 64 digits and letters a to f.\n"),
        (("--keys", "none.txt"), "Error: none.txt cannot be read: No such file or directory.\n"),
        (("--keys", "r.json"), "is no public key: it is written as 64 digits and letters a to f.\n"),
        (("--key", "0" * 64), "which is not one of the platform's keys.\n"),
        ((*KEY, "--submission", "none.zip"), "Error: none.zip cannot be read: No such file or directory.\n"),
        ((*KEY, "--submission", "r.json"), "is another than the one in the record.\n"),
    ],
)
def test_what_is_wrong_with_the_options(verified, options, sentence):
    said = verified(GENUINE, *options)
    assert said.code == 1
    assert said.errors.endswith(sentence)
    assert "Traceback" not in said.errors


def test_keys_one_a_line_and_as_the_platform_lists_them(verified, tmp_path):
    for text in (f"{'0' * 64}\n{SIGNER.public_key}\n", f'{{"keys": [{{"public_key": "{SIGNER.public_key}"}}]}}'):
        (tmp_path / "keys").write_text(text)
        assert verified(GENUINE, "--keys", "keys").code == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.binary(max_size=60), st.integers(0, len(GENUINE)))
def test_whatever_a_file_holds_there_is_no_traceback(tmp_path, noise, place):
    content = GENUINE[:place] + noise + GENUINE[place + len(noise) + 1 :]
    assume(content != GENUINE)
    file = Path(tmp_path) / "r.json"
    file.write_bytes(content)
    with pytest.raises(typer.Exit) as ended:
        verify([file], key=[SIGNER.public_key])
    assert ended.value.exit_code == 1


@pytest.mark.parametrize("keys", ["", '{"keys": []}'])
def test_a_file_without_keys_is_what_is_wrong(verified, tmp_path, keys):
    (tmp_path / "keys.json").write_text(keys)
    said = verified(GENUINE, "--keys", "keys.json")
    assert (said.code, said.output) == (1, "")
    assert "keys.json holds no public key: fetch it from the platform's /api/v1/signing-keys." in said.errors
