"""The keys of CodaLab 1.5 and of 1.8's parallel phases, typed as version 2's are."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from medici_bundles.bundle_paths import DataPath, FilePath
from medici_bundles.schema import Count, Moment, Part, Positive
from medici_bundles.shapes import names_in

DEFAULT_TIME_S = 300
OPERATIONS = {"avg": "Avg", "max": "Max", "mrr": "MRR"}


def _with_text_keys(value: Any) -> Any:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else value


def _decimals(value: Any) -> Any:
    """`"2"`, `2`, `.2f` and `%.2f` all mean two decimals."""
    found = re.match(r"^\s*%?\.?(\d+)f?\s*$", str(value))
    if found is None or isinstance(value, float | bool):
        raise ValueError(f"must be a number of decimals such as 4, not {str(value)[:60]!r}")
    return int(found[1])


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _operation(value: Any) -> Any:
    return OPERATIONS.get(value.strip().lower(), value) if isinstance(value, str) else value


TextKeys = BeforeValidator(_with_text_keys)


class Computed15(Part):
    operation: Annotated[Literal["Avg", "Max", "MRR"], BeforeValidator(_operation)]
    fields: Annotated[tuple[str, ...], BeforeValidator(names_in), Field(min_length=1)]
    """Keys of the columns to compute from."""
    weights: Annotated[tuple[Positive, ...], BeforeValidator(names_in)] = ()


class Column15(Part):
    leaderboard: Any = None
    """The leaderboard's own mapping, by its YAML anchor."""
    label: str = Field(default="", max_length=100)
    rank: int | None = None
    sort: Annotated[Literal["desc", "asc"], BeforeValidator(_lower)] | None = None
    """None: descending, but for an average rank."""
    numeric_format: Annotated[int, BeforeValidator(_decimals), Field(ge=0, le=15)] = 2
    column_group: Any = None
    computed: Computed15 | None = None


class Ranked15(Part):
    """A leaderboard, or a group of columns."""

    label: str = Field(default="", max_length=100)
    rank: int | None = None


class Leaderboard15(Part):
    leaderboards: Annotated[dict[str, Ranked15], TextKeys, Field(min_length=1)]
    column_groups: Annotated[dict[str, Ranked15], TextKeys] = Field(default_factory=dict)
    columns: Annotated[dict[str, Column15], TextKeys, Field(min_length=1)]


class Phase15(Part):
    phasenumber: Count | None = None
    """None: the phase's own key."""
    label: str = Field(default="", max_length=100)
    description: str = ""
    start_date: Moment | None = None
    color: Any = None
    max_submissions: Count | None = None
    max_submissions_per_day: Count | None = None
    execution_time_limit: Positive = DEFAULT_TIME_S
    is_scoring_only: bool = True
    auto_migration: bool = False
    leaderboard_management_mode: str = "default"
    force_best_submission_to_leaderboard: bool = False
    input_data: DataPath | None = None
    reference_data: DataPath | None = None
    scoring_program: DataPath | None = None
    ingestion_program: DataPath | None = None
    ingestion_program_only_during_scoring: bool = False
    public_data: DataPath | None = None
    starting_kit: DataPath | None = None
    datasets: Any = None
    is_parallel_parent: bool = False
    parent_phasenumber: Count | None = None


class Challenge15(Part):
    title: str = Field(min_length=1, max_length=200)
    slug: str | None = None
    """MedICI's own, for titles without Latin letters."""
    description: str = ""
    image: FilePath | None = None
    has_registration: bool = False
    start_date: Moment | None = None
    end_date: Moment | None = None
    competition_docker_image: str | None = None
    enable_detailed_results: bool = False
    force_submission_to_leaderboard: bool = False
    disallow_leaderboard_modifying: bool = False
    show_datasets_from_yaml: Any = None
    reward: str | None = None
    allow_teams: bool = False
    enable_per_submission_metadata: bool = False
    allow_public_submissions: bool = False
    enable_forum: bool = False
    anonymous_leaderboard: bool = False
    admin_names: Annotated[tuple[str, ...], BeforeValidator(names_in)] = ()
    html: Annotated[dict[str, FilePath], TextKeys] = Field(default_factory=dict)
    phases: Annotated[dict[str, Phase15], TextKeys, Field(min_length=1)]
    leaderboard: Leaderboard15
