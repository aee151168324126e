"""What a challenge is: the keys of Codabench's version 2 and MedICI's own, typed and frozen.

Every field is a key of competition.yaml. Paths are relative to the bundle's root, with forward slashes.
"""

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from medici_bundles.bundle_paths import DataPath, FilePath
from medici_bundles.dates import parse_moment
from medici_bundles.shapes import choices_in, is_foreign_id, is_true, questions_in

Moment = Annotated[datetime, BeforeValidator(parse_moment)]
"""Aware time."""


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if any(unicodedata.category(character) == "Cc" for character in line):
        raise ValueError("holds a control character; write it as plain text")
    return line


Line = Annotated[str, AfterValidator(_one_line)]
"""Text without line breaks or control characters: it travels in environments, tables and terminals."""


def _mark(text: str) -> str:
    if not re.fullmatch("[!-~]{12,200}", text):
        raise ValueError(
            "must be 12 to 200 printable ASCII characters without spaces, which no program prints by chance"
        )
    return text


Mark = Annotated[str, AfterValidator(_mark)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
SubmissionKind = Literal["container", "code", "image", "results"]
Pull = Literal["never", "missing", "always"]
INDEX = r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~/+-]*)?$"
"""No user name, password, query or fragment: participants read the address in the log of their build."""

MAX_TASKS, MAX_COLUMNS, MAX_PARTS = 200, 200, 100
"""Of one challenge, of one board, and of phases, boards, pages and questions: each run and page goes through all."""


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
    name: Line = Field(default="", max_length=200)
    description: str = ""
    scoring_program: DataPath
    reference_data: DataPath | None = None
    """The answers: they reach the scoring container alone."""
    input_data: DataPath | None = None
    """Mounted at /mnt/in."""
    ingestion_program: DataPath | None = None
    ingestion_only_during_scoring: bool = False
    canaries: tuple[Mark, ...] = Field(default=(), max_length=20)
    """Marks that you have planted in the test data, 12 to 200 characters each: no participant reads one, and you are
    told when one turns up in what a submission printed or wrote. They stay out of the starting kit."""

    @property
    def label(self) -> str:
        """What people read, and programs find in MEDICI_TASK."""
        return self.name or f"Task {self.index + 1}"


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
    """Pattern of a public name → image on the worker's machine. Wins over the challenge's own map."""
    pull: Pull | None = None
    """When images are fetched from their registry. None: as the challenge says."""
    context_mb: Annotated[int, Field(gt=0)] | None = None
    """What the files of a submission may take, unpacked."""
    image_mb: Annotated[int, Field(gt=0)] | None = None
    """What a build may add to its base images; the size of an image that was made elsewhere."""
    index: Annotated[str, Field(pattern=INDEX, max_length=300)] | None = None
    """Address of the one package index that builds may ask, where the workers' operators allow it. None: no network."""


class Phase(Part):
    index: Count
    name: str = Field(min_length=1, max_length=100)
    description: str = ""
    start: Moment
    end: Moment | None = None
    """None: open end, allowed for the last phase."""
    tasks: tuple[int, ...] = Field(min_length=1, max_length=MAX_TASKS)
    """Indexes of tasks."""
    max_submissions: Count = 100
    """In the whole phase, for one participant; 0: the phase takes none."""
    max_submissions_per_day: Count = 5
    """Days are UTC days."""
    execution_time_limit: Positive = 600
    """Seconds; `limits.time_s` wins over it."""
    auto_migrate_to_this_phase: bool = False
    """When this phase opens, what stands on the board of the phase before is entered into it, at no cost of quota."""
    hide_output: bool = False
    """Participants see neither logs, outputs nor detailed results."""
    hide_prediction_output: bool = False
    """Participants cannot download what their container wrote."""
    hide_score_output: bool = False
    """Participants do not see the scoring program's report."""
    public_data: DataPath | None = None
    starting_kit: DataPath | None = None

    accepts: tuple[SubmissionKind, ...] = Field(default=("container", "code", "image", "results"), min_length=1)
    hidden: bool = True
    """The phase's input data is a hidden test set."""
    logs: Literal["none", "tail", "full"] = "none"
    """What participants see of their container's log: `tail` is its last 50 lines, once the submission has ended.
    In a hidden phase names of the test data are taken out of both. Default: none in a hidden phase, full in an open
    one."""
    limits: LimitSettings = LimitSettings()
    """`time_s` is always set."""
    scoring_limits: LimitSettings = LimitSettings()
    build: BuildSettings = BuildSettings()
    outputs: tuple[Annotated[str, Field(min_length=1)], ...] = Field(default=("*",), min_length=1)
    """Which files of /mnt/out are handed to the scoring program."""
    unwrap_results: bool = False
    """A result zip's single wrapping folder is taken off. Default: in bundles that use any of MedICI's own keys;
    elsewhere the scoring program finds the zip as it is, as on Codabench."""
    detailed_results: bool = True
    """Participants see the scoring program's report here, where `enable_detailed_results` says so. Default: not in the
    hidden phases of bundles that use any of MedICI's own keys; elsewhere, as on Codabench, they do."""
    allowed_images: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Patterns of image names that may be submitted by reference, with their digest. None: no references."""
    parent: Count | None = None
    """Index of the phase in which a participant must have succeeded before."""
    parallel: bool = False
    """A submission that has succeeded here is entered into the phases that name this one as their parent."""
    embargo_until: Moment | None = None
    """Until then organizers alone see the phase's leaderboards."""
    freeze_at: Moment | None = None
    """Submissions after this moment do not move the leaderboards until the phase has ended."""
    late_until: Moment | None = None
    """After the end submissions are taken until then, scored, marked as late, and never ranked."""

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
    computation: Literal["avg", "sum", "min", "max", "avg_rank", "reciprocal_rank"] | None = None
    """How the column is computed from others. `avg_rank` and `reciprocal_rank` are MedICI's own names for what CodaLab
    1.5 calls Avg and MRR: the mean of the entry's dense ranks (1, 1, 2) in these columns, and of their reciprocals."""
    computation_indexes: tuple[int, ...] = ()
    computation_weights: tuple[Positive, ...] = ()
    """One for each of computation_indexes; empty: all weigh the same."""
    precision: Annotated[int, Field(ge=0, le=15)] = 2
    hidden: bool = False
    over_tasks: bool = False
    """Of `avg_rank` and `reciprocal_rank`: the ranks are those in each task of the phase, and their mean is taken."""
    group: str = Field(default="", max_length=100)
    """Columns of the same group share a heading."""


class Leaderboard(Part):
    index: Count = 0
    title: str = Field(min_length=1, max_length=200)
    key: str = Field(pattern=r"^[\w.-]{1,80}$")
    hidden: bool = False
    submission_rule: Literal[
        "Add", "Add_And_Delete", "Add_And_Delete_Multiple", "Force_Last", "Force_Latest_Multiple", "Force_Best"
    ] = "Add"
    primary_index: Count = 0
    """Index of the column that ranks."""
    anonymous: bool = False
    """Participants' names are shown to the organizers, and everybody's own to themselves, alone."""
    reference_results: FilePath | None = None
    """CSV file with published figures, which stand beside the entries and are never ranked."""
    columns: tuple[Column, ...] = Field(min_length=1, max_length=MAX_COLUMNS)

    @classmethod
    def filled_in(cls, data: dict[str, Any]) -> dict[str, Any]:
        return _numbered(data, "columns")


Indexed = TypeVar("Indexed", Task, Phase, Leaderboard, Column)


class FactSheetQuestion(Part):
    key: str = Field(min_length=1)
    type: Literal["checkbox", "text", "select"]
    title: str = ""
    selection: Annotated[tuple[str, ...], BeforeValidator(choices_in)] = ()
    """The choices of a select, in their order."""
    is_required: bool = False
    is_on_leaderboard: bool = False


class ChallengeDefinition(Part):
    title: str = Field(min_length=1, max_length=200)
    slug: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)
    """The challenge's name in addresses; made from the title when it is not given."""
    description: str = ""
    image: FilePath | None = None
    terms: FilePath | None = None
    data_notice: FilePath | None = None
    """Text file that says in at most 500 characters what the data are, real or made by a program: shown everywhere."""
    pages: tuple[Page, ...] = Field(default=(), max_length=MAX_PARTS)
    registration_auto_approve: bool = False
    docker_image: str | None = None
    """Image of programs without a Dockerfile: scoring, ingestion, participants' code. None: the platform's own."""
    image_map: dict[str, str] = Field(default_factory=dict)
    """Pattern of a public image name → image on the worker's machine. Wins over the platform's own map."""
    pull: Pull | None = None
    """When images are fetched from their registry. None: as the platform's setting says."""
    collaborators: tuple[str, ...] = ()
    """User names of further organizers."""
    queue: str | None = None
    """Name of the queue whose workers run this challenge. Ignored where no queue has that name."""
    enable_detailed_results: bool = False
    show_detailed_results_in_submission_panel: bool = True
    show_detailed_results_in_leaderboard: bool = True
    auto_run_submissions: bool = True
    can_participants_make_submissions_public: bool = True
    make_programs_available: bool = False
    make_input_data_available: bool = False
    """Phases that don't say `hidden` have open input data."""
    competition_type: Literal["competition", "benchmark"] = "competition"
    reward: str | None = None
    contact_email: str | None = None
    forum_enabled: bool = True
    fact_sheet: dict[str, FactSheetQuestion] = Field(default_factory=dict, max_length=MAX_PARTS)
    """What is asked of every submission."""
    tasks: tuple[Task, ...] = Field(min_length=1, max_length=MAX_TASKS)
    solutions: tuple[Solution, ...] = ()
    phases: tuple[Phase, ...] = Field(min_length=1, max_length=MAX_PARTS)
    leaderboards: tuple[Leaderboard, ...] = Field(min_length=1, max_length=MAX_PARTS)

    @classmethod
    def filled_in(cls, data: dict[str, Any]) -> dict[str, Any]:
        data = _with_open_data(_with_own_defaults(data))
        if is_foreign_id(data.get("queue")):
            data = {key: value for key, value in data.items() if key != "queue"}
        if "fact_sheet" in data:
            data = {**data, "fact_sheet": questions_in(data["fact_sheet"])}
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
        """A phase that does not say what it accepts takes no images where they would find nothing to read."""
        tasks = [task for task in self.tasks if task.index in phase.tasks]
        if "accepts" in phase.model_fields_set or any(task.input_data or task.ingestion_program for task in tasks):
            return phase
        return phase.model_copy(update={"accepts": ("code", "results")})

    def ordered(self) -> "ChallengeDefinition":
        """The same with tasks, phases, leaderboards and columns in the order of their indexes."""
        boards = (
            board.model_copy(update={"columns": _by_index(board.columns)}) for board in _by_index(self.leaderboards)
        )
        update = {"tasks": _by_index(self.tasks), "phases": _by_index(self.phases), "leaderboards": tuple(boards)}
        return self.model_copy(update=update)

    def task(self, index: int) -> Task:
        return next(task for task in self.tasks if task.index == index)


OWN_KEYS = frozenset({"slug", "image_map", "pull", "collaborators", "data_notice"})
OWN_PHASE_KEYS = frozenset(
    {"accepts", "hidden", "logs", "limits", "scoring_limits", "build", "outputs", "unwrap_results", "allowed_images"}
    | {"detailed_results", "parent", "parallel", "embargo_until", "freeze_at", "late_until"}
)
OWN_TASK_KEYS = frozenset({"canaries"})
"""MedICI's own keys of the challenge, of a phase and of a task; the others are Codabench's."""


def _with_own_defaults(data: dict[str, Any]) -> dict[str, Any]:
    """A bundle that uses MedICI's own keys was written for MedICI.

    There a wrapping folder is nothing, and what is hidden is not told by a report either.
    """
    phases = data.get("phases")
    if not isinstance(phases, list):
        return data
    is_own = bool(
        OWN_KEYS & data.keys() or OWN_PHASE_KEYS & _keys_in(phases) or OWN_TASK_KEYS & _keys_in(data.get("tasks"))
    )
    is_open = is_true(data.get("make_input_data_available"))
    settled = [
        {"unwrap_results": is_own, "detailed_results": not (is_own and _is_hidden(phase, is_open=is_open)), **phase}
        if isinstance(phase, dict)
        else phase
        for phase in phases
    ]
    return {**data, "phases": settled}


def _keys_in(entries: Any) -> set[str]:
    return {str(key) for entry in entries if isinstance(entry, dict) for key in entry} if entries else set()


def _is_hidden(phase: dict[Any, Any], *, is_open: bool) -> bool:
    said = phase.get("hidden")
    return not is_open if said is None else is_true(said)


def _with_open_data(data: dict[str, Any]) -> dict[str, Any]:
    phases = data.get("phases")
    if not isinstance(phases, list) or not is_true(data.get("make_input_data_available")):
        return data
    opened = [
        {**phase, "hidden": False} if isinstance(phase, dict) and phase.get("hidden") is None else phase
        for phase in phases
    ]
    return {**data, "phases": opened}


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
