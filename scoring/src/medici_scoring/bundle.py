"""Where a bundle directory keeps what scoring needs: the least reading of `competition.yaml` that finds it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml


class BundleUnusable(Exception):
    """The bundle cannot be scored with; one sentence saying what is missing and where."""


@dataclass(frozen=True)
class Task:
    """One task of a bundle: a scoring program and the answers, each a folder or a zip file."""

    name: str
    program: Path
    reference: Path


def read_tasks(bundle: Path) -> list[Task]:
    """All tasks of a bundle, in its order. Raises BundleUnusable when there are none that can be named."""
    described = _described(bundle)
    tasks = [_task(bundle, name, entry) for name, entry in _entries(described)]
    if not tasks:
        raise BundleUnusable(f"{bundle / 'competition.yaml'} names no task with a scoring_program and reference_data.")
    return tasks


def find_tasks(tasks: list[Task], name: str) -> list[Task]:
    """All of this name: a validation and a final phase may each have one. Raises BundleUnusable when there is none."""
    found = [task for task in tasks if task.name.casefold() == name.casefold()]
    if found:
        return found
    known = ", ".join(f"`{task.name}`" for task in dict.fromkeys(tasks))
    raise BundleUnusable(f"The bundle has no task `{name}`; it has {known}.")


def _described(bundle: Path) -> Mapping[str, object]:
    path = bundle / "competition.yaml"
    if not path.is_file():
        raise BundleUnusable(f"{bundle} holds no competition.yaml: name the folder of an unpacked bundle.")
    try:
        described = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BundleUnusable(f"{path} is not valid YAML: {error}") from error
    if not isinstance(described, dict):
        raise BundleUnusable(f"{path} must hold a map of keys, such as `title: …`.")
    return described


def _entries(described: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Format v2 lists tasks; format v1.5 has the same two files in each phase."""
    tasks, phases = described.get("tasks"), described.get("phases")
    listed = tasks if isinstance(tasks, list) else list(phases.values()) if isinstance(phases, dict) else []
    for number, entry in enumerate(listed):
        if isinstance(entry, dict) and entry.get("scoring_program") and entry.get("reference_data"):
            yield str(entry.get("name") or entry.get("label") or f"task {number}"), entry


def _task(bundle: Path, name: str, entry: Mapping[str, object]) -> Task:
    return Task(name, _named(bundle, entry["scoring_program"]), _named(bundle, entry["reference_data"]))


def _named(bundle: Path, value: object) -> Path:
    """A file or folder of the bundle; v1.5 also writes `name.zip` where a folder `name` lies."""
    path = bundle / str(value)
    return path.with_suffix("") if path.suffix == ".zip" and not path.exists() else path
