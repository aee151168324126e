"""CodaLab 1.5's leaderboard section as leaderboards with columns of their own."""

import html
from collections.abc import Iterable
from typing import Any, NamedTuple

from medici_bundles.codalab15_rewrite import NewPart, Rewrite
from medici_bundles.codalab15_schema import Challenge15, Column15, Computed15, Leaderboard15, Ranked15
from medici_bundles.yaml_lines import Path

SECTION: Path = ("leaderboard",)
_COMPUTATIONS = {"Avg": "avg_rank", "Max": "max", "MRR": "reciprocal_rank"}


class Rule(NamedTuple):
    name: str
    origin: Path | None


class Siblings(NamedTuple):
    """What a computed column may be computed from."""

    indexes: dict[str, int]
    computed: set[str]
    lost: set[str]
    """Columns of no leaderboard: that fault is named already."""


def write_boards(rewrite: Rewrite, top: NewPart, old: Challenge15) -> None:
    rewrite.origins["leaderboards",] = SECTION
    section = old.leaderboard
    if section is None or not section.leaderboards:
        return
    rule = _rule(rewrite, old)
    keys = [key for key, _ in _by_rank(section.leaderboards)]
    columns = _columns_of(rewrite, section, keys)
    lost = _lost(section, columns)
    boards = [
        _board(rewrite, place, section, columns[key], key=key, rule=rule, lost=lost)
        for place, key in enumerate(key for key in keys if columns[key])
    ]
    top.data["leaderboards"] = boards
    if old.anonymous_leaderboard:
        for board in boards:
            board["anonymous"] = True


def _rule(rewrite: Rewrite, old: Challenge15) -> Rule:
    """1.5 has one rule for all leaderboards: the phases that ask for the best decide."""
    best = next((key for key, phase in (old.phases or {}).items() if phase.force_best_submission_to_leaderboard), None)
    if best is not None:
        rule = Rule("Force_Best", ("phases", best, "force_best_submission_to_leaderboard"))
    elif old.force_submission_to_leaderboard:
        rule = Rule("Force_Last", ("force_submission_to_leaderboard",))
    elif old.disallow_leaderboard_modifying:
        rule = Rule("Force_Best", ("disallow_leaderboard_modifying",))
    else:
        return Rule("Add_And_Delete", None)
    if rule.origin:
        rewrite.tell(rule.origin, f"submission_rule {rule.name} for all leaderboards")
    return rule


def _by_rank(entries: dict[str, Any]) -> list[tuple[str, Any]]:
    """In the order of their ranks; those without one keep their places behind the others."""
    return sorted(entries.items(), key=lambda entry: (entry[1].rank is None, entry[1].rank or 0))


def _columns_of(rewrite: Rewrite, section: Leaderboard15, keys: list[str]) -> dict[str, list[tuple[str, Column15]]]:
    """Leaderboard → its columns in their order."""
    columns: dict[str, list[tuple[str, Column15]]] = {key: [] for key in keys}
    for name, column in _by_rank(section.columns or {}):
        board = _meant(rewrite, "leaderboards", column.leaderboard, section.leaderboards)
        if board is None and column.leaderboard is None and len(keys) == 1:
            board = keys[0]
        if board is None:
            text = "names none of the leaderboards; write `leaderboard: *ANCHOR` with the anchor of one of them"
            rewrite.fault((*SECTION, "columns", name, "leaderboard"), text)
        else:
            columns[board].append((name, column))
    if section.columns and not _lost(section, columns):
        for board in (key for key in keys if not columns[key]):
            text = "has no column; name it in one with `leaderboard: *ANCHOR`, or leave it out"
            rewrite.fault((*SECTION, "leaderboards", board), text)
    return columns


def _lost(section: Leaderboard15, columns: dict[str, list[tuple[str, Column15]]]) -> set[str]:
    """Columns of no leaderboard, which are named already."""
    return set(section.columns or {}) - {name for of_board in columns.values() for name, _ in of_board}


def _meant(rewrite: Rewrite, section: str, value: Any, known: Iterable[str]) -> str | None:
    """The key of the mapping that an anchor stands for: the same mapping, an equal one, or its key or label."""
    raw = rewrite.document.data["leaderboard"].get(section)
    if value is None or not isinstance(raw, dict):
        return None
    same = [str(key) for key, entry in raw.items() if entry is value]
    equal = [str(key) for key, entry in raw.items() if entry == value]
    named = [str(key) for key, entry in raw.items() if str(value) in _names(key, entry)]
    return next((key for key in (*same, *equal, *named) if key in known), None)


def _names(key: Any, entry: Any) -> set[str]:
    return {str(key), str(entry.get("label"))} if isinstance(entry, dict) else {str(key)}


def _board(
    rewrite: Rewrite,
    place: int,
    section: Leaderboard15,
    columns: list[tuple[str, Column15]],
    *,
    key: str,
    rule: Rule,
    lost: set[str],
) -> dict[str, Any]:
    origin = (*SECTION, "leaderboards", key)
    part = rewrite.part(("leaderboards", place), origin)
    part.put("index", place, "rank")
    part.put("key", key, origin)
    part.put("title", _text(section.leaderboards[key].label or key), "label")
    part.put("submission_rule", rule.name, rule.origin or origin)
    part.put("columns", [], origin)
    siblings = Siblings(
        indexes={name: index for index, (name, _) in enumerate(columns)},
        computed={name for name, column in columns if column.computed},
        lost=lost,
    )
    for index, (name, column) in enumerate(columns):
        new = rewrite.part((*part.new, "columns", index), (*SECTION, "columns", name))
        _write_column(rewrite, new, name, column, section.column_groups or {})
        new.put("index", index, "rank")
        if column.computed:
            _write_computation(rewrite, new, column, siblings)
        part.data["columns"].append(new.data)
    return part.data


def _write_column(rewrite: Rewrite, part: NewPart, name: str, column: Column15, groups: dict[str, Ranked15]) -> None:
    part.put("title", _text(column.label or name), "label")
    part.put("key", name, part.old)
    part.put("sorting", column.sort, "sort")
    part.put("precision", column.numeric_format, "numeric_format")
    if column.column_group is None:
        return
    group = _meant(rewrite, "column_groups", column.column_group, groups)
    if group is None:
        rewrite.fault((*part.old, "column_group"), "names none of the column_groups")
    else:
        part.put("group", _text(groups[group].label or group), "column_group")


def _write_computation(rewrite: Rewrite, part: NewPart, column: Column15, siblings: Siblings) -> None:
    rule: Computed15 | None = column.computed
    if rule is None or rule.operation is None or rule.fields is None or siblings.lost & set(rule.fields):
        return
    path = (*part.old, "computed")
    name = str(part.old[-1])
    wrongs = [(field, _wrong_source(name, field, siblings)) for field in rule.fields]
    for field, wrong in wrongs:
        if wrong:
            rewrite.fault((*path, "fields"), f"names {field}, {wrong}")
    if any(wrong for _, wrong in wrongs):
        return
    part.put("computation", _COMPUTATIONS[rule.operation], (*path, "operation"))
    part.put("computation_indexes", [siblings.indexes[field] for field in rule.fields], (*path, "fields"))
    part.put("computation_weights", list(rule.weights or ()) or None, (*path, "weights"))
    if rule.operation == "Avg":
        part.put("sorting", column.sort or "asc", "sort")
        rewrite.tell(path, _average(column.sort))
    elif rule.operation == "MRR":
        rewrite.tell(path, f"MRR is the mean of the reciprocal ranks, ranked {_direction(column.sort or 'desc')}")


def _average(sort: str | None) -> str:
    meaning = f"Avg is the mean of the ranks, not of the scores, ranked {_direction(sort or 'asc')}"
    if sort == "desc":
        return f"{meaning} as `sort` says: the worst comes first"
    return meaning if sort else f"{meaning}: 1.5 would have put the worst first"


def _direction(sort: str) -> str:
    return {"asc": "ascending", "desc": "descending"}[sort]


def _wrong_source(name: str, field: str, siblings: Siblings) -> str:
    if field == name:
        return "which is the column itself"
    if field in siblings.computed:
        return "which is computed itself; name the columns that it is computed from"
    others = ", ".join(key for key in siblings.indexes if key != name)
    return "" if field in siblings.indexes else f"but the other columns of its leaderboard are {others}"


def _text(label: str) -> str:
    """1.5 put labels into its pages as they are, so they are written as HTML: `&lt; Rank &gt;`."""
    return html.unescape(label)
