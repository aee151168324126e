"""Whether the files that competition.yaml names are in the bundle, and whether any of them gives the answers away."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilesystemPath
from typing import Any, get_origin

from medici_bundles.archives import DATA_LIMITS, OpenedArchive
from medici_bundles.bundle_paths import DATA, FILE, inside
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.faults import Fault
from medici_bundles.parsing import part_in
from medici_bundles.programs import wrong_with_program
from medici_bundles.schema import ChallengeDefinition, Part
from medici_bundles.secrecy import overlap, secret_refs
from medici_bundles.yaml_lines import Path, YamlDocument

DATA_PROGRAMS = ("synthetic.py", "real.py")
"""Of the folder `data`: each makes the challenge's data, and the notice that says which of the two they are."""


@dataclass(frozen=True)
class Mention:
    """One file value of competition.yaml, read on its own so that faults beside it do not hide it."""

    path: Path
    ref: str
    is_data: bool


def mentions(document: YamlDocument) -> list[Mention]:
    return list(_mentions(ChallengeDefinition, document.data, ()))


def _mentions(model: type[Part], data: Any, path: Path) -> Iterator[Mention]:
    if not isinstance(data, dict):
        return
    for name, field in model.model_fields.items():
        value, below = data.get(name), (*path, name)
        mark = _mark(field)
        if mark is not None and isinstance(value, str | int | float) and not isinstance(value, bool):
            yield from _mention(below, str(value).strip(), is_data=mark is DATA)
        inner = part_in(field.annotation)
        if inner is not None and get_origin(field.annotation) is tuple and isinstance(value, list):
            for index, item in enumerate(value):
                yield from _mentions(inner, item, (*below, index))


def _mark(field: Any) -> object:
    """FILE or DATA, also inside `DataPath | None`."""
    nested = [meta for part in getattr(field.annotation, "__args__", ()) for meta in getattr(part, "__metadata__", ())]
    return next((meta for meta in [*field.metadata, *nested] if meta in (FILE, DATA)), None)


def _mention(path: Path, value: str, *, is_data: bool) -> Iterator[Mention]:
    try:
        yield Mention(path, inside(value), is_data)
    except ValueError:
        return  # the schema names this fault


def locate(root: FilesystemPath, ref: str) -> FilesystemPath | None:
    """The zip or folder that a data value names: a folder may stand where a zip is named, and the other way round."""
    named = root / ref
    other = named.with_suffix("") if ref.endswith(".zip") else named.with_name(named.name + ".zip")
    return next((path for path in (named, other) if path.is_file() or path.is_dir()), None)


def file_faults(
    root: FilesystemPath, definition: ChallengeDefinition, document: YamlDocument, *, is_kit: bool = False
) -> list[Fault]:
    """`is_kit`: data that is not there is no fault: a starting kit leaves out what is kept from participants."""
    messages = [
        (mention, _wrong(root, mention))
        for mention in mentions(document)
        if not (is_kit and mention.is_data and locate(root, mention.ref) is None)
    ]
    faults = [
        document.fault(m.path, f"{document.name(m.path)} names {m.ref}, {wrong}") for m, wrong in messages if wrong
    ]
    return [*faults, *_given_away(definition, document)]


def _wrong(root: FilesystemPath, mention: Mention) -> str:
    path = locate(root, mention.ref) if mention.is_data else root / mention.ref
    if path is None or not path.exists():
        return "which the bundle does not hold" + _how_to_make(root, mention)
    if not path.resolve().is_relative_to(root.resolve()):
        return "a link that leaves the bundle; put the files themselves there"
    if mention.is_data:
        return _wrong_data(path, is_program=mention.path[-1] in {"scoring_program", "ingestion_program"})
    return "" if path.is_file() else "which is a folder; name a file"


def _how_to_make(root: FilesystemPath, mention: Mention) -> str:
    """Of what the bundle's own programs write."""
    data = root / "data"
    programs = [name for name in DATA_PROGRAMS if (data / name).is_file()]
    if mention.path[-1] == "data_notice" and programs:
        return f"; make the data first, which writes it: {' or '.join(f'`python data/{name}`' for name in programs)}"
    if not mention.is_data:
        return ""
    has_generator = data.is_dir() and any(path.suffix in {".py", ".sh"} for path in data.rglob("*"))
    return "; make it first: the bundle's README says how" if has_generator else ""


def _wrong_data(path: FilesystemPath, *, is_program: bool) -> str:
    if path.is_file() and path.suffix.lower() != ".zip":
        return "which is neither a zip nor a folder; put the file into a folder and name that"
    if path.is_dir() and not any(below.is_file() for below in path.rglob("*")):
        return "a folder without any file"
    try:
        if path.is_file():
            with OpenedArchive(path, DATA_LIMITS):
                pass  # its names, places and sizes are sound; its bytes are read when it is packed
        return wrong_with_program(path) if is_program else ""
    except ArchiveRejected as refusal:
        return f"which cannot be used: {refusal}"


def _given_away(definition: ChallengeDefinition, document: YamlDocument) -> Iterator[Fault]:
    """A fault where participants could download what is kept from them."""
    secrets = [secret for secret in secret_refs(definition) if secret.is_declared]
    for mention in mentions(document):
        held = next((secret for secret in secrets if overlap(mention.ref, secret.ref)), None)
        if held and mention.path[-1] in {"public_data", "starting_kit"}:
            given = f"{document.name(mention.path)} names {mention.ref}"
            message = f"{given}, which would hand out the hidden {held.key} {held.ref}; keep them in separate folders"
            yield document.fault(mention.path, message)
