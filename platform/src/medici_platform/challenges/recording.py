"""From a stored bundle to the rows of a challenge, new or known: what the bundle says anew replaces what was there.

Phases and tasks are known by their indexes, leaderboards and columns by their keys, pages by their names.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from medici_bundles import schema
from medici_bundles.reference_results import ReferenceRow
from medici_platform.challenges.models import (
    Challenge,
    ChallengeFile,
    ChallengePage,
    Leaderboard,
    LeaderboardColumn,
    Phase,
    ReferenceResult,
    Task,
)
from medici_platform.challenges.storing import StoredBundle, shown_picture_type
from medici_platform.database import Base
from medici_platform.storage import StoredFile

MEBIBYTE = 1024**2

Row = TypeVar("Row", bound=Base)


def record(challenge: Challenge, stored: StoredBundle) -> None:
    """Everything of the definition but who may do what, where it runs, and whether it is shown."""
    definition = stored.definition
    _assign(challenge, _challenge_values(stored))
    _merge(challenge.files, ChallengeFile, "path", [_file_values(stored, path) for path in stored.files])
    _merge(challenge.pages, ChallengePage, "slug", [vars(page) for page in stored.pages])
    _merge(challenge.tasks, Task, "index", [_task_values(task, stored) for task in definition.tasks])
    _merge(challenge.phases, Phase, "index", [_phase_values(phase, stored) for phase in definition.phases])
    tasks = {task.index: task for task in challenge.tasks}
    for phase, said in zip(challenge.phases, definition.phases, strict=True):
        phase.tasks = [tasks[index] for index in dict.fromkeys(said.tasks)]
    _merge(challenge.leaderboards, Leaderboard, "key", [_board_values(board) for board in definition.leaderboards])
    for row, board in zip(challenge.leaderboards, definition.leaderboards, strict=True):
        _merge(row.columns, LeaderboardColumn, "key", [_column_values(column) for column in board.columns])
        _merge(row.references, ReferenceResult, "position", _reference_values(stored.references[board.key]))


def _merge(rows: list[Row], make: Callable[[], Row], key: str, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Afterwards `rows` are the wanted ones, in that order; known rows keep their identity."""
    known = {getattr(row, key): row for row in rows}
    merged = []
    for values in wanted:
        row = known.get(values[key]) or make()
        _assign(row, values)
        merged.append(row)
    rows[:] = merged


def _assign(row: Base, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)


def _challenge_values(stored: StoredBundle) -> dict[str, Any]:
    definition = stored.definition
    logo_type = shown_picture_type(definition, definition.image)
    logo = stored.data(definition.image) if logo_type else None
    return {
        "title": definition.title,
        "description": definition.description,
        "terms": stored.terms,
        "data_notice": stored.data_notice,
        "logo_sha256": logo.sha256 if logo else None,
        "logo_type": logo_type,
        "kit_sha256": stored.kit.sha256,
        "docker_image": definition.docker_image,
        "image_map": dict(definition.image_map),
        "pull": definition.pull,
        "auto_approve": definition.registration_auto_approve,
        "auto_run": definition.auto_run_submissions,
        "public_submissions": definition.can_participants_make_submissions_public,
        "show_detailed_results": definition.enable_detailed_results,
        "detailed_results_in_panel": definition.show_detailed_results_in_submission_panel,
        "detailed_results_on_board": definition.show_detailed_results_in_leaderboard,
        "competition_type": definition.competition_type,
        "reward": definition.reward or "",
        "contact_email": definition.contact_email or "",
        "fact_sheet": [_question(question) for question in definition.fact_sheet.values()],
        "definition": definition.model_dump(mode="json", exclude_unset=True),
    }


def _question(question: schema.FactSheetQuestion) -> dict[str, Any]:
    return {
        "key": question.key,
        "type": question.type,
        "title": question.title or question.key,
        "choices": choices(question.selection) if question.type == "select" else [],
        "is_required": question.is_required,
        "is_on_leaderboard": question.is_on_leaderboard,
    }


def choices(selection: Any) -> list[str]:
    """What a question offers, in any of the shapes that bundles write: a list, text with commas, a mapping."""
    if isinstance(selection, Mapping):
        selection = list(selection.values())
    if isinstance(selection, str):
        selection = selection.split(",")
    texts = [str(each).strip() for each in selection or ()]
    return list(dict.fromkeys(text for text in texts if text))


def _file_values(stored: StoredBundle, path: str) -> dict[str, Any]:
    file = stored.files[path]
    return {
        "path": path,
        "sha256": file.stored.sha256,
        "size_bytes": file.stored.size_bytes,
        "is_data": file.is_data,
        "media_type": file.media_type,
    }


def _task_values(task: schema.Task, stored: StoredBundle) -> dict[str, Any]:
    return {
        "index": task.index,
        "name": task.label,
        "description": task.description,
        **_stored("input_data", stored.data(task.input_data)),
        **_stored("reference_data", stored.data(task.reference_data) or stored.no_files),
        **_stored("scoring_program", stored.data(task.scoring_program)),
        **_stored("ingestion_program", stored.data(task.ingestion_program)),
        "ingestion_only_during_scoring": task.ingestion_only_during_scoring,
        "canaries": list(task.canaries),
    }


def _stored(name: str, file: StoredFile | None) -> dict[str, Any]:
    return {f"{name}_sha256": file.sha256 if file else None, f"{name}_bytes": file.size_bytes if file else 0}


def _phase_values(phase: schema.Phase, stored: StoredBundle) -> dict[str, Any]:
    return {
        "index": phase.index,
        "name": phase.name,
        "description": phase.description,
        "starts_at": phase.start,
        "ends_at": phase.end,
        "max_submissions": phase.max_submissions,
        "max_submissions_per_day": phase.max_submissions_per_day,
        "accepts": list(phase.accepts),
        "hidden": phase.hidden,
        "participant_logs": phase.logs,
        "gpus": phase.limits.gpus or 0,
        "limits": limits_json(phase.limits),
        "scoring_limits": limits_json(phase.scoring_limits),
        "build": build_json(phase.build),
        "outputs": list(phase.outputs),
        "unwrap_results": phase.unwrap_results,
        "detailed_results": phase.detailed_results,
        "allowed_images": list(phase.allowed_images),
        **_stored("public_data", stored.public_data(phase.public_data)),
        **_stored("starting_kit", stored.public_data(phase.starting_kit)),
        "hide_output": phase.hide_output,
        "hide_prediction_output": phase.hide_prediction_output,
        "hide_score_output": phase.hide_score_output,
        "parent_index": phase.parent,
        "parallel": phase.parallel,
        "auto_migrate": phase.auto_migrate_to_this_phase,
        "embargo_until": phase.embargo_until,
        "freeze_at": phase.freeze_at,
        "late_until": phase.late_until,
    }


def limits_json(limits: schema.LimitSettings) -> dict[str, Any]:
    """In the units of the worker's protocol; what is not given is left to its defaults."""
    given = {
        "time_s": limits.time_s,
        "memory_bytes": _bytes(limits.memory_mb),
        "cpus": limits.cpus,
        "pids": limits.pids,
        "output_bytes": _bytes(limits.output_mb),
        "shm_bytes": _bytes(limits.shm_mb),
        "tmp_bytes": _bytes(limits.tmp_mb),
    }
    return {name: value for name, value in given.items() if value is not None}


def build_json(build: schema.BuildSettings) -> dict[str, Any]:
    given: dict[str, Any] = {
        "time_s": build.time_s,
        "memory_bytes": _bytes(build.memory_mb),
        "allowed_bases": list(build.allowed_bases) if build.allowed_bases is not None else None,
        "image_map": dict(build.image_map) or None,
        "pull": build.pull,
        "context_bytes": _bytes(build.context_mb),
        "image_bytes": _bytes(build.image_mb),
        "index": build.index,
    }
    return {name: value for name, value in given.items() if value is not None}


def _bytes(mebibytes: int | None) -> int | None:
    return None if mebibytes is None else mebibytes * MEBIBYTE


def _board_values(board: schema.Leaderboard) -> dict[str, Any]:
    return {
        "index": board.index,
        "key": board.key,
        "title": board.title,
        "submission_rule": board.submission_rule,
        "primary_index": board.primary_index,
        "anonymous": board.anonymous,
        "hidden": board.hidden,
    }


def _column_values(column: schema.Column) -> dict[str, Any]:
    return {
        "index": column.index,
        "key": column.key,
        "title": column.title,
        "group": column.group,
        "computation": column.computation,
        "computation_indexes": list(column.computation_indexes),
        "computation_weights": list(column.computation_weights),
        "over_tasks": column.over_tasks,
        "descending": column.sorting == "desc",
        "precision": column.precision,
        "hidden": column.hidden,
    }


def _reference_values(rows: Sequence[ReferenceRow]) -> list[dict[str, Any]]:
    return [{"position": position, **vars(row), "scores": dict(row.scores)} for position, row in enumerate(rows)]
