"""Signed documents: one line of JSON that anybody can check with the platform's public key, years later, offline.

    {"format":"medici-run-record","format_version":1,"key_id":"…","record":{…},"signature":"…"}

Keys are sorted and nothing is between them, so the signature stands at the end. What is signed are the bytes before it,
closed with `}`: to check a document nobody has to write JSON anew, and no byte of it can change unnoticed.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from medici_platform.errors import MediciError

FORMAT = "medici-run-record"
FORMAT_VERSION = 1
KEY_BYTES = 32
KEY_ID_LENGTH = 16
PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")
_SIGNED = re.compile(rb'(\{.*),"signature":"([0-9a-f]{128})"\}', re.DOTALL)


class NotGenuine(MediciError):
    """What is wrong with a document that says that it is a record, in one sentence about `it`."""

    code = "not_genuine"


@dataclass(frozen=True)
class Signer:
    """Made from the platform's secret: all web processes have the same one, and nothing more has to be kept."""

    private_key: Ed25519PrivateKey
    public_key: str
    """32 bytes in hex."""

    @property
    def key_id(self) -> str:
        return key_id_of(self.public_key)

    def sign(self, record: Mapping[str, Any]) -> str:
        """The document. The same record gives the same document."""
        head = {"format": FORMAT, "format_version": FORMAT_VERSION, "key_id": self.key_id, "record": record}
        signed = canonical(head)
        signature = self.private_key.sign(signed).hex()
        return f'{signed[:-1].decode()},"signature":"{signature}"}}'


@lru_cache(maxsize=1)
def signer_of(secret_key: str) -> Signer:
    private = Ed25519PrivateKey.from_private_bytes(_derived(secret_key, "run records, ed25519"))
    return Signer(private, private.public_key().public_bytes_raw().hex())


def key_id_of(public_key: str) -> str:
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:KEY_ID_LENGTH]


def identity_of(secret_key: str, name: str, sha256: str) -> str:
    """Tells versions of a secret file apart without confirming anybody's guess of what is in it.

    `name` is whose file it is, and what for: the same bytes elsewhere have another identity.
    """
    key = _derived(secret_key, "identities of secret files, hmac-sha256")
    return "hmac-sha256:" + hmac.new(key, f"{name} {sha256}".encode(), hashlib.sha256).hexdigest()


def canonical(value: Mapping[str, Any]) -> bytes:
    """Sorted keys, no spaces, UTF-8, numbers in the shortest form that reads back as the same."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def checked(document: bytes, keys: Mapping[str, str]) -> dict[str, Any]:
    """The record in a document that one of these keys (id → public key in hex) has signed. Raises NotGenuine."""
    head = _head(document)
    version, key_id = head.get("format_version"), head.get("key_id")
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise NotGenuine(
            f"has the format version {_shown(version)}, and this MedICI reads version {FORMAT_VERSION}: "
            "check it with the MedICI that wrote it, or a later one."
        )
    public_key = keys.get(key_id) if isinstance(key_id, str) else None
    if public_key is None:
        raise NotGenuine(f"is signed with the key {_shown(key_id)}, which is not one of the platform's keys.")
    parts = _SIGNED.fullmatch(document)
    if parts is None or not _fits(public_key, parts[1] + b"}", parts[2].decode()):
        raise NotGenuine("was changed after it was signed: its signature does not fit its content.")
    record: dict[str, Any] = head["record"]
    return record


def _head(document: bytes) -> dict[str, Any]:
    try:
        head = json.loads(document.decode())
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, dict) or head.get("format") != FORMAT or not isinstance(head.get("record"), dict):
        raise NotGenuine("is no record of a run.")
    return head


def _fits(public_key: str, signed: bytes, signature: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _shown(value: Any) -> str:
    """Of a document that anybody may have written."""
    return json.dumps(value)[:40]


def _derived(secret_key: str, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"medici: {purpose}".encode()).derive(secret_key.encode())
