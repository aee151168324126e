"""The participants' starting kit: all of a bundle that helps them, and nothing that is kept from them.

Only known parts of a bundle get in. Among these, whatever lies in a secret place stays out, and so does every file with
the very bytes of a secret one, wherever it lies: generators and trial runs leave copies behind.
"""

import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from medici_bundles.archives import DATA_LIMITS, OpenedArchive
from medici_bundles.entry_names import ArchiveRejected, is_noise
from medici_bundles.packing import Member, is_excluded, read_chunks, write_zip
from medici_bundles.reader import DEFINITION_NAMES, Bundle, open_bundle
from medici_bundles.reader import LEFT_OUT as NEVER_PACKED
from medici_bundles.schema import ChallengeDefinition
from medici_bundles.secrecy import Secret, overlap, secret_refs
from medici_bundles.writing import write_definition

FOLDERS = ("pages", "training", "submission", "inference", "examples")
"""Folders that get in whole, by their names."""
PAPERS = ("README*", "LICENSE*", "LICENCE*", "CITATION*", *DEFINITION_NAMES)
LEFT_OUT = (*NEVER_PACKED, "model_output", "trails", "output_dir")
"""Also what training programs leave beside them: the challenges here name these folders so."""
_GENERATOR_SUFFIXES = frozenset({".py", ".sh", ".md", ".toml", ".cfg"})
_GENERATOR_NAMES = frozenset({"Dockerfile", "Makefile", "requirements.txt", "sets.json"})


@dataclass(frozen=True)
class Kit:
    files: dict[str, Path]
    """Name in the kit → file."""
    left_out: tuple[str, ...]
    """Files that hold the bytes of secret ones or a canary, and zips that cannot be read."""


def build_kit(bundle_path: Path | str, destination_zip: Path) -> list[str]:
    """Write the kit as a deterministic zip; answers the names in it. Raises BundleRejected."""
    with open_bundle(bundle_path) as bundle:
        kit = choose_files(bundle)
        members = [_member(bundle, name, path) for name, path in kit.files.items()]
        write_zip(members, destination_zip)
        return sorted(kit.files)


def choose_files(bundle: Bundle) -> Kit:
    published = _published(bundle.definition)
    secrets = [secret for secret in secret_refs(bundle.definition) if not _is_public(bundle, secret, published)]
    known = [secret.ref for secret in secret_refs(bundle.definition) if secret not in secrets]
    every_secret = _Fingerprints(bundle, secrets)
    # Public data may hold hidden images or open answers by the organizer's own choice, but never the hidden answers.
    answers = _Fingerprints(bundle, [secret for secret in secrets if secret.is_hidden and secret.key != "input_data"])
    parts = [bundle.definition_name, *published, *known, *_helpful(bundle.definition)]
    marks = [mark.encode() for task in bundle.definition.tasks for mark in task.canaries]
    files: dict[str, Path] = {}
    left_out: list[str] = []
    for name, path in _walk(bundle.folder):
        if not _belongs(name, parts) or any(overlap(name, secret.ref) for secret in secrets):
            continue
        forbidden = answers if _is_below(name, published) else every_secret
        if forbidden.fit(path) or (name != bundle.definition_name and _holds_mark(path, marks)):
            left_out.append(name)
        else:
            files[name] = path
    return Kit(files, tuple(left_out))


def _member(bundle: Bundle, name: str, path: Path) -> Member:
    """The definition says nothing of canaries in the kit; without any it is the organizer's own file."""
    definition = bundle.definition
    if name != bundle.definition_name or not any(task.canaries for task in definition.tasks):
        return Member.of(name, path)
    tasks = tuple(task.model_copy(update={"canaries": ()}) for task in definition.tasks)
    text = write_definition(definition.model_copy(update={"tasks": tasks})).encode()
    return Member(name, len(text), lambda: iter([text]))


def _holds_mark(path: Path, marks: list[bytes]) -> bool:
    if not marks:
        return False
    before = b""
    for chunk in read_chunks(path):
        seen = before + chunk
        if any(mark in seen for mark in marks):
            return True
        before = seen[-max(map(len, marks)) :]
    return False


def _is_public(bundle: Bundle, secret: Secret, published: list[str]) -> bool:
    """The answers of an open phase tell nothing new when public data hold every file of them, byte for byte.

    With them, participants can score that phase at home.
    """
    if secret.is_hidden:
        return False
    places = [bundle.folder / ref for ref in published]
    public = {(f.stat().st_size, _checksum(f)) for place in places for f in place.rglob("*") if f.is_file()}
    answers = [file for form in _forms(bundle.folder / secret.ref) for file in (form, *form.rglob("*"))]
    files = [file for file in answers if file.is_file()]
    return bool(files) and all((file.stat().st_size, _checksum(file)) in public for file in files)


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Regular files; links are left alone, they could lead into a secret place."""
    for place, _, names in os.walk(folder, followlinks=False):
        for path in (Path(place, name) for name in sorted(names)):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not path.is_symlink() and not is_noise(name) and not is_excluded(name, LEFT_OUT):
                yield name, path


def _published(definition: ChallengeDefinition) -> list[str]:
    named = [ref for phase in definition.phases for ref in (phase.public_data, phase.starting_kit) if ref]
    return list(dict.fromkeys(named))


def _helpful(definition: ChallengeDefinition) -> list[str]:
    pages = [page.file for page in definition.pages]
    singles = [ref for ref in (definition.terms, definition.image, definition.data_notice) if ref]
    singles += [board.reference_results for board in definition.leaderboards if board.reference_results]
    inputs = [task.input_data for task in definition.tasks if task.input_data]  # the hidden ones are secrets
    withheld = "make_programs_available" in definition.model_fields_set and not definition.make_programs_available
    programs = [] if withheld else [task.scoring_program for task in definition.tasks]
    if definition.make_programs_available:
        programs += [task.ingestion_program for task in definition.tasks if task.ingestion_program]
    return [*pages, *singles, *inputs, *programs]


def _belongs(name: str, parts: list[str]) -> bool:
    path = PurePosixPath(name)
    top = path.parts[0]
    if len(path.parts) == 1:
        return any(fnmatch(name, pattern) for pattern in PAPERS) or _is_below(name, parts)
    if top == "data" and not _is_below(name, parts):
        return path.suffix in _GENERATOR_SUFFIXES or path.name in _GENERATOR_NAMES
    return top in FOLDERS or _is_below(name, parts)


def _is_below(name: str, refs: list[str]) -> bool:
    return any(overlap(name, ref) for ref in refs)


class _Fingerprints:
    """Sizes and checksums of secret files, those inside secret zips too."""

    def __init__(self, bundle: Bundle, secrets: list[Secret]) -> None:
        self._known: set[tuple[int, int]] = set()
        for secret in secrets:
            for path in _forms(bundle.folder / secret.ref):
                self._add(path)
        self._known = {known for known in self._known if known[0]}  # all empty files are alike
        self._sizes = {size_bytes for size_bytes, _ in self._known}

    def fit(self, path: Path) -> bool:
        """Whether the file is a copy of a secret one, or a zip that holds such a copy."""
        size_bytes = path.stat().st_size
        if size_bytes in self._sizes and (size_bytes, _checksum(path)) in self._known:
            return True
        return path.suffix.lower() == ".zip" and self._holds_copy(path)

    def _holds_copy(self, path: Path) -> bool:
        try:
            return any(known in self._known for known in _inside(path))
        except ArchiveRejected:
            return True  # what cannot be looked into is not handed out

    def _add(self, path: Path) -> None:
        files = [below for below in path.rglob("*") if below.is_file()] if path.is_dir() else [path]
        for file in files:
            self._known.add((file.stat().st_size, _checksum(file)))
            if file.suffix.lower() == ".zip":
                with suppress(ArchiveRejected):
                    self._known.update(_inside(file))


def _forms(named: Path) -> list[Path]:
    """The folder and the zip of that name: only one of them is used, both are secret."""
    bare = named.with_name(named.name.removesuffix(".zip"))
    return [path for path in (bare, bare.with_name(f"{bare.name}.zip")) if path.exists()]


def _inside(path: Path) -> list[tuple[int, int]]:
    with OpenedArchive(path, DATA_LIMITS) as archive:
        return [(entry.info.file_size, entry.info.CRC) for entry in archive.entries]


def _checksum(path: Path) -> int:
    checksum = 0
    for chunk in read_chunks(path):
        checksum = zlib.crc32(chunk, checksum)
    return checksum
