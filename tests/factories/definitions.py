"""Challenges of every shape, for tests of what writes and reads them: `definitions()` is a hypothesis strategy."""

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from medici_bundles.bundle_paths import inside
from medici_bundles.schema import INDEX, ChallengeDefinition, FactSheetQuestion

Drawn = dict[str, Any]

AWKWARD = (
    *(
        "no",
        "Yes",
        "~",
        "null",
        "true",
        "1e3",
        "12:30",
        "0o17",
        "007",
        "1_000",
        ".5",
        "-",
        "=",
        "<<",
        "y",
        "2026-01-01",
    ),
    *(
        "# no comment",
        "a: b",
        "a #b",
        "[a]",
        "{a}",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a`",
        "'",
        '"',
        "a'b",
        "?",
    ),
    *(
        "line\nline",
        "line \nline",
        "  indented\n    more\n",
        "a\n\n\nb",
        "a\r\nb",
        "tab\there",
        "\tb",
        "a\n- b\n---\nc",
    ),
    *(
        "a\x85b",
        "a\u2028b\nc",
        "a\u2029",
        "\ufeffa",
        "é\u0301",
        "日本語",
        "🧠 of 🫀",
        "a\x00b",
        "\x1ca",
        "nbsp\xa0",
        "\x7f",
    ),
    *("word " * 60, "x" * 300, "key.with.dots", "a:b", "C:\\path", "- a", "...", "---", "a,b", "a\n# b", "\\n"),
)
"""Texts in which YAML sees something else, or which it would not keep."""

FREE_TEXT = st.one_of(st.sampled_from(AWKWARD), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
TEXT = FREE_TEXT.filter(str.strip)
WORDS = st.text(st.sampled_from("abcXYZ09éß日_-.:*/"), min_size=1, max_size=12)
INDEXES = st.integers(0, 30)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1950, 1, 1), datetime(2150, 1, 1), timezones=OFFSETS | st.just(UTC))  # noqa: DTZ001
SECONDS = st.one_of(st.integers(1, 10**6), st.floats(1e-3, 1e20, allow_nan=False))
PULL = st.sampled_from(["never", "missing", "always"])
KINDS = ("container", "code", "image", "results")
RULES = ("Add", "Add_And_Delete", "Add_And_Delete_Multiple", "Force_Last", "Force_Latest_Multiple", "Force_Best")
IMAGE_MAPS = st.dictionaries(TEXT, TEXT, max_size=3)


def short(longest: int) -> SearchStrategy[str]:
    return TEXT.map(lambda text: text[:longest]).filter(str.strip)


def _is_plain(text: str) -> bool:
    return not any(unicodedata.category(character) == "Cc" for character in " ".join(text.split()))


def lists(items: SearchStrategy[Any], **options: Any) -> SearchStrategy[list[Any]]:
    return st.lists(items, max_size=3, **options)


def _is_inside(path: str) -> bool:
    try:
        return bool(inside(path.strip()))
    except ValueError:
        return False


PATHS = st.one_of(
    st.sampled_from(("data", "data.zip", "pages/überblick.md", "a b/c.zip", "no", "1.0", "#x/y", "'q'/z", "data/part")),
    st.lists(WORDS, min_size=1, max_size=3).map("/".join).filter(_is_inside),
)


def some(**optional: SearchStrategy[Any]) -> SearchStrategy[Drawn]:
    """Any of these keys, or none."""
    return st.fixed_dictionaries({}, optional=optional)


LIMITS = some(
    time_s=SECONDS,
    memory_mb=st.integers(1, 10**6),
    cpus=SECONDS,
    pids=st.integers(1, 10**6),
    output_mb=st.integers(1, 10**6),
    shm_mb=st.integers(1, 10**6),
    tmp_mb=st.integers(1, 10**6),
    gpus=st.integers(0, 64),
)
BUILDS = some(
    time_s=SECONDS,
    memory_mb=st.integers(1, 10**6),
    allowed_bases=lists(FREE_TEXT),
    image_map=IMAGE_MAPS,
    pull=PULL,
    context_mb=st.integers(1, 10**6),
    image_mb=st.integers(1, 10**6),
    index=st.from_regex(INDEX, fullmatch=True).filter(lambda address: len(address) <= 300),
)
PAGES = st.fixed_dictionaries({"title": short(100), "file": PATHS})
TASK_KEYS = some(
    name=short(200).filter(_is_plain),
    description=FREE_TEXT,
    reference_data=PATHS,
    input_data=PATHS,
    ingestion_program=PATHS,
    ingestion_only_during_scoring=st.booleans(),
    canaries=lists(st.text("abc-7:#'\"{", min_size=12, max_size=200)),
)
PHASE_KEYS = some(
    description=FREE_TEXT,
    max_submissions=st.integers(0, 10**6),
    max_submissions_per_day=st.integers(0, 10**6),
    execution_time_limit=SECONDS,
    auto_migrate_to_this_phase=st.booleans(),
    hide_output=st.booleans(),
    hide_prediction_output=st.booleans(),
    hide_score_output=st.booleans(),
    public_data=PATHS,
    starting_kit=PATHS,
    hidden=st.booleans(),
    logs=st.sampled_from(["none", "tail", "full"]),
    limits=LIMITS,
    scoring_limits=LIMITS,
    build=BUILDS,
    outputs=lists(TEXT, min_size=1),
    unwrap_results=st.booleans(),
    detailed_results=st.booleans(),
    allowed_images=lists(TEXT),
    parallel=st.booleans(),
    embargo_until=MOMENTS,
)
COLUMN_KEYS = some(
    sorting=st.sampled_from(["asc", "desc"]), precision=st.integers(0, 15), hidden=st.booleans(), group=short(100)
)
COLUMN_NAMES = st.from_regex(r"[a-zé0-9_][a-zA-Z_0-9 .%+()/@-]{0,99}", fullmatch=True).map(str.strip)
BOARD_KEYS = some(
    hidden=st.booleans(),
    anonymous=st.booleans(),
    submission_rule=st.sampled_from(RULES),
    reference_results=PATHS,
)
CHALLENGE_KEYS = some(
    description=FREE_TEXT,
    image=PATHS,
    terms=PATHS,
    data_notice=PATHS,
    pages=lists(PAGES),
    registration_auto_approve=st.booleans(),
    docker_image=TEXT,
    image_map=IMAGE_MAPS,
    pull=PULL,
    collaborators=lists(FREE_TEXT),
    queue=TEXT,
    enable_detailed_results=st.booleans(),
    show_detailed_results_in_submission_panel=st.booleans(),
    show_detailed_results_in_leaderboard=st.booleans(),
    auto_run_submissions=st.booleans(),
    can_participants_make_submissions_public=st.booleans(),
    make_programs_available=st.booleans(),
    make_input_data_available=st.booleans(),
    competition_type=st.sampled_from(["competition", "benchmark"]),
    reward=TEXT,
    contact_email=TEXT,
    forum_enabled=st.booleans(),
)


@st.composite
def definitions(draw: st.DrawFn) -> ChallengeDefinition:
    """Any challenge that a bundle without faults can hold."""
    indexes = draw(st.lists(INDEXES, min_size=1, max_size=3, unique=True))
    tasks = [{"index": index, "scoring_program": draw(PATHS), **draw(TASK_KEYS)} for index in indexes]
    fields = {
        "title": draw(short(200)),
        "slug": draw(st.from_regex(r"[a-z0-9]{1,10}(-[a-z0-9]{1,10}){0,3}", fullmatch=True)),
        **draw(CHALLENGE_KEYS),
        "fact_sheet": draw(_fact_sheets()),
        "tasks": tasks,
        "solutions": draw(lists(_solutions(indexes))),
        "phases": draw(_phases(tasks)),
        "leaderboards": draw(st.lists(_boards(), min_size=1, max_size=2, unique_by=lambda board: board["key"])),
    }
    if fields.get("make_input_data_available"):
        for phase in fields["phases"]:
            phase["hidden"] = False
    return ChallengeDefinition.model_validate(fields)


def _solutions(tasks: list[int]) -> SearchStrategy[Drawn]:
    keys = {"name": FREE_TEXT, "tasks": lists(st.sampled_from(tasks)), "path": PATHS}
    return st.fixed_dictionaries({"index": INDEXES}, optional=keys)


@st.composite
def _phases(draw: st.DrawFn, tasks: list[Drawn]) -> list[Drawn]:
    """Indexes in the order of time, each end after its start, parents before their children; listed in any order."""
    count = draw(st.integers(1, 3))
    indexes = sorted(draw(st.lists(INDEXES, min_size=count, max_size=count, unique=True)))
    names = draw(st.lists(short(100), min_size=count, max_size=count, unique_by=str.strip))
    starts = sorted(draw(st.lists(MOMENTS, min_size=count, max_size=count)))
    phases = [
        {"index": index, "name": name, "start": start, **draw(_phase_keys(tasks)), **draw(_times(start))}
        for index, name, start in zip(indexes, names, starts, strict=True)
    ]
    for place, phase in enumerate(phases[1:], 1):
        if draw(st.booleans()):
            phase["parent"] = indexes[place - 1]
    if draw(st.booleans()):
        for key in ("end", "freeze_at", "late_until"):
            phases[-1].pop(key, None)
    return draw(st.permutations(phases))


@st.composite
def _phase_keys(draw: st.DrawFn, tasks: list[Drawn]) -> Drawn:
    chosen = draw(st.lists(st.sampled_from(tasks), min_size=1, max_size=3, unique_by=lambda task: task["index"]))
    fields = {"tasks": [task["index"] for task in chosen], **draw(PHASE_KEYS)}
    kinds = KINDS if all("input_data" in task for task in chosen) else ("code", "results")
    if draw(st.booleans()):
        fields["accepts"] = draw(st.lists(st.sampled_from(kinds), min_size=1, unique=True))
    if "image" not in fields.get("accepts", kinds):
        fields.pop("allowed_images", None)
    return fields


@st.composite
def _times(draw: st.DrawFn, start: datetime) -> Drawn:
    days = [timedelta(days=day, seconds=draw(st.integers(0, 86_399))) for day in (1, 3, 5)]
    fields = {"freeze_at": start + days[0], "end": start + days[1], "late_until": start + days[2]}
    left_out = draw(st.sets(st.sampled_from(["freeze_at", "late_until"])))
    return {key: moment for key, moment in fields.items() if key not in left_out}


@st.composite
def _boards(draw: st.DrawFn) -> Drawn:
    count = draw(st.integers(1, 4))
    indexes = draw(st.lists(INDEXES, min_size=count, max_size=count, unique=True))
    keys = draw(st.lists(COLUMN_NAMES, min_size=count, max_size=count, unique=True))
    columns = [
        {"title": draw(short(100)), "key": key, "index": index, **draw(COLUMN_KEYS)}
        for key, index in zip(keys, indexes, strict=True)
    ]
    if count > 1 and draw(st.booleans()):
        columns[-1].update(draw(_computations(indexes[:-1])))
    return {
        "index": draw(INDEXES),
        "title": draw(short(64)),
        "key": draw(st.from_regex(r"[a-zA-Zé_0-9.-]{1,36}", fullmatch=True)),
        "primary_index": draw(st.sampled_from(indexes)),
        "columns": columns,
        **draw(BOARD_KEYS),
    }


@st.composite
def _computations(draw: st.DrawFn, others: list[int]) -> Drawn:
    names = draw(st.lists(st.sampled_from(others), min_size=1, unique=True))
    fields: Drawn = {
        "computation": draw(st.sampled_from(["avg", "sum", "min", "max", "avg_rank", "reciprocal_rank"])),
        "computation_indexes": names,
    }
    if fields["computation"].endswith("_rank") and draw(st.booleans()):
        fields["over_tasks"] = True
    if fields["computation"] not in {"min", "max"} and draw(st.booleans()):
        fields["computation_weights"] = draw(st.lists(SECONDS, min_size=len(names), max_size=len(names)))
    return fields


@st.composite
def _fact_sheets(draw: st.DrawFn) -> dict[str, FactSheetQuestion]:
    sheet = {}
    for key in draw(lists(short(36), unique_by=str.strip)):
        fields = draw(some(title=FREE_TEXT, is_required=st.booleans(), is_on_leaderboard=st.booleans()))
        kind = draw(st.sampled_from(["checkbox", "text", "select"]))
        if kind == "select":
            fields["selection"] = draw(st.lists(short(40), min_size=1, max_size=3, unique_by=str.strip))
        sheet[key] = FactSheetQuestion(key=key, type=kind, **fields)
    return sheet
