"""Signed documents: whoever has the public key can check them, and no byte changes unnoticed."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from medici_platform.signing import NotGenuine, canonical, checked, identity_of, key_id_of, signer_of

SIGNER = signer_of("a secret of at least 32 characters")
KEYS = {SIGNER.key_id: SIGNER.public_key}
RECORD = {"scores": {"f1": 0.1 + 0.2, "größe": 1}, "attempt": {"run": 7, "worker": None}, "task": "Täsk “1”"}
DOCUMENT = SIGNER.sign(RECORD).encode()
CHANGED = "was changed after it was signed: its signature does not fit its content."


def refusal(document: bytes, keys=None) -> str:
    with pytest.raises(NotGenuine) as refused:
        checked(document, KEYS if keys is None else keys)
    return refused.value.message


def test_the_canonical_form():
    assert (
        canonical({"b": [1, 0.5, None], "a": {"ü": True, "z": "\n"}})
        == '{"a":{"z":"\\n","ü":true},"b":[1,0.5,null]}'.encode()
    )
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"f1": float("nan")})


def test_a_signed_record_reads_back():
    assert checked(DOCUMENT, KEYS) == RECORD
    assert SIGNER.sign(dict(reversed(RECORD.items()))).encode() == DOCUMENT
    assert list(json.loads(DOCUMENT)) == ["format", "format_version", "key_id", "record", "signature"]


def test_without_us_the_bytes_before_the_signature_are_what_is_signed():
    body, _, rest = DOCUMENT.rpartition(b',"signature":"')
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(SIGNER.public_key))
    key.verify(bytes.fromhex(rest.removesuffix(b'"}').decode()), body + b"}")


def test_the_key_follows_from_the_secret_and_from_nothing_else():
    signer_of.cache_clear()
    again = signer_of("a secret of at least 32 characters")
    assert (again.public_key, again.key_id) == (SIGNER.public_key, SIGNER.key_id)
    other = signer_of("another secret of 32 characters!")
    assert other.public_key != SIGNER.public_key
    assert SIGNER.key_id == key_id_of(SIGNER.public_key)
    assert len(SIGNER.key_id) == 16
    assert len(SIGNER.public_key) == 64


@given(st.integers(0, len(DOCUMENT) - 1), st.integers(1, 255))
def test_no_byte_can_change(place, change):
    document = bytearray(DOCUMENT)
    document[place] ^= change
    refusal(bytes(document))


@given(st.integers(0, len(DOCUMENT)), st.binary(min_size=1, max_size=3))
def test_no_byte_can_be_added(place, more):
    refusal(DOCUMENT[:place] + more + DOCUMENT[place:])


@given(st.integers(0, len(DOCUMENT) - 1), st.integers(1, 40))
def test_no_byte_can_be_left_out(place, count):
    refusal(DOCUMENT[:place] + DOCUMENT[place + count :])


@given(st.binary(max_size=200))
def test_garbage_is_no_record(document):
    assert refusal(document) == "is no record of a run."


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*json.loads(DOCUMENT), "x"]), inner, max_size=5)
        ),
        max_leaves=12,
    )
)
def test_whatever_json_it_is_the_refusal_is_a_sentence(value):
    for document in (value, {**json.loads(DOCUMENT), **(value if isinstance(value, dict) else {"key_id": value})}):
        if json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(errors="replace") != DOCUMENT:
            assert refusal(json.dumps(document).encode()).endswith(".")


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (b"", "is no record of a run."),
        (b"\xff\xfe", "is no record of a run."),
        (b"[" * 100_000, "is no record of a run."),
        (b"1" * 5000, "is no record of a run."),
        (b'{"format":"medici-run-record"}', "is no record of a run."),
        (b'{"format":"medici-run-record","record":5}', "is no record of a run."),
        (DOCUMENT.replace(b"medici-run-record", b"something-else-xx"), "is no record of a run."),
        (DOCUMENT + b"\n", CHANGED),
        (json.dumps(json.loads(DOCUMENT), indent=1).encode(), CHANGED),
        (DOCUMENT.replace(b'"run":7', b'"run":8'), CHANGED),
        (DOCUMENT.replace(b'"signature":"', b'"signature":"A'), CHANGED),
        (DOCUMENT.replace(b',"signature"', b',"record":{},"signature"'), CHANGED),
        (DOCUMENT[:-3] + b'"}', CHANGED),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(document, sentence):
    assert refusal(document) == sentence


@pytest.mark.parametrize("version", [b"2", b"true", b'"1"', b"null", b"1.5"])
def test_another_format_version_is_named(version):
    document = DOCUMENT.replace(b'"format_version":1', b'"format_version":' + version)
    assert refusal(document) == (
        f"has the format version {version.decode()}, and this MedICI reads version 1: "
        "check it with the MedICI that wrote it, or a later one."
    )


def test_an_unknown_key_is_named():
    assert refusal(DOCUMENT, {}) == (
        f'is signed with the key "{SIGNER.key_id}", which is not one of the platform\'s keys.'
    )


def test_another_key_under_the_same_name_does_not_fit():
    other = signer_of("another secret of 32 characters!")
    assert refusal(DOCUMENT, {SIGNER.key_id: other.public_key}) == CHANGED
    assert refusal(DOCUMENT, {SIGNER.key_id: "zz"}) == CHANGED
    assert refusal(DOCUMENT, {SIGNER.key_id: "00"}) == CHANGED


def test_an_identity_tells_versions_apart_and_confirms_no_guess():
    known = identity_of("secret", "3 reference_data", "ab" * 32)
    assert known == identity_of("secret", "3 reference_data", "ab" * 32)
    others = {
        identity_of("secret", "3 reference_data", "cd" * 32),
        identity_of("secret", "4 reference_data", "ab" * 32),
        identity_of("secret", "3 input_data", "ab" * 32),
        identity_of("other", "3 reference_data", "ab" * 32),
    }
    assert len(others) == 4
    assert known not in others
    assert "ab" * 32 not in known
    assert known.startswith("hmac-sha256:")
