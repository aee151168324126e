"""Bundles of CodaLab 1.5 and 1.8, read as if they were written in version 2's keys.

The result is a document in version 2's keys that knows where each of them comes from, so that all later checks speak of
the keys and lines that the organizer wrote.
"""

from dataclasses import dataclass

from medici_bundles.codalab15_boards import write_boards
from medici_bundles.codalab15_phases import write_phases
from medici_bundles.codalab15_rewrite import NewPart, Rewrite
from medici_bundles.codalab15_schema import Challenge15, Phase15
from medici_bundles.faults import Fault
from medici_bundles.ignored import Reasons, always, ignored_keys
from medici_bundles.parsing import Parsed, fault_of, validated
from medici_bundles.schema import ChallengeDefinition
from medici_bundles.shapes import is_true
from medici_bundles.yaml_lines import Path, YamlDocument

REASONS: Reasons = {
    Challenge15: {
        "show_datasets_from_yaml": always("data that participants may have is in the starting kit and public data"),
        "allow_teams": lambda value: "every participant stands alone here" if is_true(value) else "",
        "enable_forum": lambda value: "MedICI has no forum" if is_true(value) else "",
    },
    Phase15: {
        "color": always("MedICI's pages have one look"),
        "datasets": always("links to data on other servers; put them on a page"),
        "is_scoring_only": lambda value: "what a submission is, is recognised by its content" if is_true(value) else "",
        "leaderboard_management_mode": lambda value: (
            ""
            if str(value).strip().lower() in {"default", "hide_results"}
            else "the modes are default and hide_results"
        ),
    },
}
_TITLES = {"overview": "Overview", "evaluation": "Evaluation", "data": "Data"}
_METADATA = {
    "method_name": "Method name",
    "method_description": "Method description",
    "organization_or_affiliation": "Organization or affiliation",
    "team_name": "Team name",
    "project_url": "Project address",
    "publication_url": "Publication address",
    "bibtex": "BibTeX entry",
}
"""What 1.5 asks of each submission, as questions of a fact sheet."""


@dataclass(frozen=True)
class Translation:
    document: YamlDocument
    parsed: Parsed
    ignored: tuple[str, ...]
    mapped: tuple[str, ...]
    format: str


def translate(document: YamlDocument) -> Translation:
    old, wrongs = validated(Challenge15, document.data)
    rewrite = Rewrite(document)
    top = rewrite.part((), ())
    top.put("version", 2)
    _write_challenge(rewrite, top, old)
    is_parallel = write_phases(rewrite, top, old)
    write_boards(rewrite, top, old)
    translated = YamlDocument(document.file, top.data, document.lines, rewrite.origins)
    first = [fault_of(document, wrong) for wrong in wrongs]
    wrong_paths = [tuple(wrong["loc"]) for wrong in wrongs]
    own = {
        path: found
        for path, found in rewrite.faults.items()
        if not any(_is_below(path, wrong) for wrong in wrong_paths)
    }
    definition, added = _read(translated, [*wrong_paths, *own])
    faults = [*first, *(fault for of_path in own.values() for fault in of_path), *added]
    version = "1.8" if is_parallel or str(document.data.get("version")).strip() == "1.8" else "1.5"
    return Translation(
        document=translated,
        parsed=Parsed(definition, tuple(faults)),
        ignored=ignored_keys(document, Challenge15, REASONS),
        mapped=tuple(rewrite.mapped),
        format=f"CodaLab {version}",
    )


def _read(translated: YamlDocument, known: list[Path]) -> tuple[ChallengeDefinition, list[Fault]]:
    """The definition, and the faults that version 2's own rules add to those that are known."""
    definition, wrongs = validated(ChallengeDefinition, translated.data)
    added = []
    for wrong in wrongs:
        origin = translated.origin(wrong["loc"])
        is_absent = wrong["type"] in {"missing", "too_short"}
        if any(_is_below(origin, path) or (is_absent and _is_below(path, origin)) for path in known):
            continue
        added.append(fault_of(translated, wrong))
    return definition, added


def _is_below(path: Path, other: Path) -> bool:
    return path[: len(other)] == other


def _write_challenge(rewrite: Rewrite, top: NewPart, old: Challenge15) -> None:
    for key in ("title", "slug", "description", "image", "enable_detailed_results", "reward"):
        top.put(key, getattr(old, key))
    top.put("docker_image", old.competition_docker_image, "competition_docker_image")
    top.put("registration_auto_approve", not old.has_registration, "has_registration")
    top.put("can_participants_make_submissions_public", bool(old.allow_public_submissions), "allow_public_submissions")
    top.put("forum_enabled", bool(old.enable_forum), "enable_forum")
    top.put("collaborators", list(old.admin_names or ()) or None, "admin_names")
    if old.admin_names:
        rewrite.tell(("admin_names",), "collaborators: those who have an account of that name here organize with you")
    top.put("make_programs_available", False, ())
    _write_pages(rewrite, top, old)
    if old.enable_per_submission_metadata:
        path = ("enable_per_submission_metadata",)
        questions = {key: {"key": key, "type": "text", "title": title} for key, title in _METADATA.items()}
        top.put("fact_sheet", questions, path)
        rewrite.tell(path, f"fact_sheet: submissions are asked for {', '.join(_METADATA)}")


def _write_pages(rewrite: Rewrite, top: NewPart, old: Challenge15) -> None:
    top.put("pages", [], ("html",))
    top.put("terms", (old.html or {}).get("terms"), ("html", "terms"))
    for key, file in (old.html or {}).items():
        if key == "terms":
            continue
        part = rewrite.part(("pages", len(top.data["pages"])), ("html", key))
        part.put("title", _TITLES.get(key) or _readable(key), ("html", key))
        part.put("file", file, ("html", key))
        top.data["pages"].append(part.data)


def _readable(key: str) -> str:
    """`get_starting-kit` → `Get starting kit`."""
    words = " ".join(key.replace("_", " ").replace("-", " ").split())
    return words[:1].upper() + words[1:]
