"""Which format a definition is written in, and how it is read."""

from dataclasses import dataclass
from typing import Any

from medici_bundles.codalab15 import translate
from medici_bundles.cross_checks import cross_faults
from medici_bundles.faults import BundleRejected, Fault
from medici_bundles.ignored import ignored_keys
from medici_bundles.parsing import parse
from medici_bundles.schema import ChallengeDefinition
from medici_bundles.yaml_lines import YamlDocument

V2_SECTIONS = frozenset({"tasks", "leaderboards", "pages"})
V15_SECTIONS = frozenset({"html", "leaderboard"})
V15_VERSIONS = frozenset({"1", "1.0", "1.5", "1.8"})


@dataclass(frozen=True)
class Reading:
    """`definition` is whole when `faults` is empty."""

    document: YamlDocument
    """In version 2's keys, translated if need be: it knows how the file calls them."""
    definition: ChallengeDefinition
    faults: tuple[Fault, ...]
    format: str
    ignored: tuple[str, ...]
    mapped: tuple[str, ...] = ()


def read_definition(document: YamlDocument) -> Reading:
    """Raises BundleRejected when it is no challenge in a known format; all other faults are in the answer."""
    if _version(document) == "2":
        parsed = parse(document)
        faults = (*parsed.faults, *cross_faults(parsed.definition, document))
        return Reading(document, parsed.definition, faults, "Codabench 2", ignored_keys(document))
    translation = translate(document)
    definition = translation.parsed.definition
    faults = (*translation.parsed.faults, *cross_faults(definition, translation.document))
    return Reading(
        document=translation.document,
        definition=definition,
        faults=faults,
        format=translation.format,
        ignored=translation.ignored,
        mapped=translation.mapped,
    )


def _version(document: YamlDocument) -> str:
    data = document.data
    if not isinstance(data, dict):
        raise BundleRejected([document.fault((), "must hold `key: value` lines, beginning with `version: 2`")])
    version = str(data["version"] if data.get("version") is not None else "").strip()
    if version in {"2", "2.0"} or (not version and V2_SECTIONS & data.keys()):
        return "2"
    if version in V15_VERSIONS or (not version and _looks_like_15(data)):
        return "1.5"
    message = "is no challenge: it holds none of `tasks`, `phases`, `leaderboards`; begin with `version: 2`"
    if version:
        message = f"version {version} is unknown; MedICI reads version 2 of Codabench and 1.5 of CodaLab"
    raise BundleRejected([document.fault(("version",), message)])


def _looks_like_15(data: dict[Any, Any]) -> bool:
    return bool(V15_SECTIONS & data.keys()) or isinstance(data.get("phases"), dict)
