"""What a challenge is: the keys of Codabench's version 2 and MedICI's own, typed and frozen.

Every field is a key of competition.yaml. Paths are relative to the bundle's root, with forward slashes.
"""

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from medici_bundles.bundle_paths import DataPath, FilePath
from medici_bundles.dates import parse_moment

Moment = Annotated[datetime, BeforeValidator(parse_moment)]
"""Aware time."""


def _known_kind(value: object) -> object:
    if value in {"code", "image"}:
        raise ValueError(f"names {value!r}, which this version does not accept yet; use container or results")
    return value


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
SubmissionKind = Annotated[Literal["container", "results"], BeforeValidator(_known_kind)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True, str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _prepare(cls, data: Any) -> Any:
        return cls.prepared(data) if isinstance(data, dict) else data

    @classmethod
    def prepared(cls, data: dict[Any, Any]) -> dict[str, Any]:
        """The mapping without empty keys (`description:` is the same as no such line), and filled in."""
        return cls.filled_in({str(key): value for key, value in data.items() if value is not None})

    @classmethod
    def filled_in(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Defaults that follow from other keys."""
        return data


class Page(Part):
    title: str = Field(min_length=1, max_length=100)
    file: FilePath


class Task(Part):
    index: Count
    name: str = Field(default="", max_length=200)
    description: str = ""
    scoring_program: DataPath
    reference_data: DataPath | None = None
    """The answers: they reach the scoring container alone."""
    input_data: DataPath | None = None
    """Mounted at /mnt/in."""
    ingestion_program: DataPath | None = None
    ingestion_only_during_scoring: bool = False


class Solution(Part):
    """An organizer's own submission, kept beside the tasks that it solves."""

    index: Count
    name: str = ""
    tasks: tuple[int, ...] = ()
    path: DataPath | None = None


class LimitSettings(Part):
    """What one container may use. A limit that is not given is the platform's own."""

    time_s: Positive | None = None
    memory_mb: Annotated[int, Field(gt=0)] | None = None
    cpus: Positive | None = None
    pids: Annotated[int, Field(gt=0)] | None = None
    output_mb: Annotated[int, Field(gt=0)] | None = None
    shm_mb: Annotated[int, Field(gt=0)] | None = None
    tmp_mb: Annotated[int, Field(gt=0)] | None = None
    gpus: Annotated[int, Field(ge=0, le=64)] | None = None


class BuildSettings(Part):
    """What a participant's Dockerfile may do."""

    time_s: Positive | None = None
    memory_mb: Annotated[int, Field(gt=0)] | None = None
    allowed_bases: tuple[str, ...] | None = None
    """Patterns of image names that FROM may use. None: the platform's own list."""
    image_map: dict[str, str] = Field(default_factory=dict)
    """Pattern of a public name → image on the worker's machine."""


class Phase(Part):
    index: Count
    name: str = Field(min_length=1, max_length=100)
    description: str = ""
    start: Moment
    end: Moment | None = None
    """None: open end, allowed for the last phase."""
    tasks: tuple[int, ...] = Field(min_length=1)
    """Indexes of tasks."""
    max_submissions: Count = 100
    """In the whole phase, for one participant; 0: the phase takes none."""
    max_submissions_per_day: Count = 5
    """Days are UTC days."""
    execution_time_limit: Positive = 600
    """Seconds; `limits.time_s` wins over it."""
    auto_migrate_to_this_phase: bool = False
    hide_output: bool = False
    hide_prediction_output: bool = False
    hide_score_output: bool = False
    public_data: DataPath | None = None
    starting_kit: DataPath | None = None

    accepts: tuple[SubmissionKind, ...] = Field(default=("container", "results"), min_length=1)
    hidden: bool = True
    """The phase's input data is a hidden test set."""
    logs: Literal["none", "full"] = "none"
    """What participants see of their container's log. Default: none in a hidden phase, full in an open one."""
    limits: LimitSettings = LimitSettings()
    """`time_s` is always set."""
    scoring_limits: LimitSettings = LimitSettings()
    build: BuildSettings = BuildSettings()
    outputs: tuple[Annotated[str, Field(min_length=1)], ...] = Field(default=("*",), min_length=1)
    """Which files of /mnt/out are handed to the scoring program."""

    @classmethod
    def filled_in(cls, data: dict[str, Any]) -> dict[str, Any]:
        limits = data.get("limits") or {}
        if isinstance(limits, dict) and limits.get("time_s") is None:
            limits = {**limits, "time_s": data.get("execution_time_limit") or 600}
        return {"logs": "full" if data.get("hidden") is False else "none", **data, "limits": limits}


class Column(Part):
    title: str = Field(min_length=1, max_length=100)
    key: str = Field(pattern=r"^\w[\w .%+()/@-]{0,99}$")
    """The name of the score in scores.txt and scores.json."""
    index: Count
    sorting: Literal["desc", "asc"] = "desc"
    computation: Literal["avg", "sum", "min", "max"] | None = None
    computation_indexes: tuple[int, ...] = ()
    precision: Annotated[int, Field(ge=0, le=15)] = 2
    hidden: bool = False


class Leaderboard(Part):
    index: Count = 0
    title: str = Field(min_length=1, max_length=64)
    key: str = Field(pattern=r"^[\w.-]{1,36}$")
    hidden: bool = False
    submission_rule: Literal[
        "Add", "Add_And_Delete", "Add_And_Delete_Multiple", "Force_Last", "Force_Latest_Multiple", "Force_Best"
    ] = "Add"
    primary_index: Count = 0
    """Index of the column that ranks."""
    columns: tuple[Column, ...] = Field(min_length=1)

    @classmethod
    def filled_in(cls, data: dict[str, Any]) -> dict[str, Any]:
        return _numbered(data, "columns")


Indexed = TypeVar("Indexed", Task, Phase, Leaderboard, Column)


class FactSheetQuestion(Part):
    key: str = Field(min_length=1)
    type: Literal["checkbox", "text", "select"]
    title: str = ""
    selection: Any = None
    """The choices of a select, in any of the shapes that Codabench writes."""
    is_required: bool = False
    is_on_leaderboard: bool = False


class ChallengeDefinition(Part):
    title: str = Field(min_length=1, max_length=200)
    slug: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)
    """The challenge's name in addresses; made from the title when it is not given."""
    description: str = ""
    image: FilePath | None = None
    terms: FilePath | None = None
    pages: tuple[Page, ...] = ()
    registration_auto_approve: bool = False
    docker_image: str | None = None
    """Image of scoring programs without a Dockerfile. None: the platform's own."""
    queue: str | None = None
    enable_detailed_results: bool = False
    show_detailed_results_in_submission_panel: bool = True
    show_detailed_results_in_leaderboard: bool = True
    auto_run_submissions: bool = True
    can_participants_make_submissions_public: bool = True
    make_programs_available: bool = False
    make_input_data_available: bool = False
    competition_type: Literal["competition", "benchmark"] = "competition"
    reward: str | None = None
    contact_email: str | None = None
    forum_enabled: bool = True
    fact_sheet: dict[str, FactSheetQuestion] = Field(default_factory=dict)
    tasks: tuple[Task, ...] = Field(min_length=1)
    solutions: tuple[Solution, ...] = ()
    phases: tuple[Phase, ...] = Field(min_length=1)
    leaderboards: tuple[Leaderboard, ...] = Field(min_length=1)

    @classmethod
    def filled_in(cls, data: dict[str, Any]) -> dict[str, Any]:
        if "slug" not in data and "title" in data:
            data = {**data, "slug": slug_of(str(data["title"]))}
        for section in ("tasks", "solutions", "phases", "leaderboards"):
            data = _numbered(data, section)
        return data

    @model_validator(mode="after")
    def _settle_phases(self) -> "ChallengeDefinition":
        object.__setattr__(self, "phases", tuple(map(self._with_kinds, self.phases)))
        return self

    def _with_kinds(self, phase: Phase) -> Phase:
        """A phase that does not say what it accepts takes no containers where there is nothing to mount for them."""
        has_input = any(task.input_data for task in self.tasks if task.index in phase.tasks)
        if "accepts" in phase.model_fields_set or has_input:
            return phase
        return phase.model_copy(update={"accepts": ("results",)})

    def ordered(self) -> "ChallengeDefinition":
        """The same with tasks, phases, leaderboards and columns in the order of their indexes."""
        boards = (
            board.model_copy(update={"columns": _by_index(board.columns)}) for board in _by_index(self.leaderboards)
        )
        update = {"tasks": _by_index(self.tasks), "phases": _by_index(self.phases), "leaderboards": tuple(boards)}
        return self.model_copy(update=update)

    def task(self, index: int) -> Task:
        return next(task for task in self.tasks if task.index == index)


def _by_index(entries: tuple[Indexed, ...]) -> tuple[Indexed, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.index))


def slug_of(title: str) -> str:
    """`Chest X-ray (2026)` → `chest-x-ray-2026`; empty when the title has no Latin letter or digit."""
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:60].strip("-")


def _numbered(data: dict[str, Any], section: str) -> dict[str, Any]:
    """Entries without an index are numbered by their place in the list."""
    if not isinstance(data.get(section), list):
        return data
    entries = [
        {**entry, "index": place} if isinstance(entry, dict) and entry.get("index") is None else entry
        for place, entry in enumerate(data[section])
    ]
    return {**data, section: entries}
