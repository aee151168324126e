"""Everything that can be told of a bundle without running it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medici_bundles.archives import DATA_LIMITS, check_zip
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.faults import BundleRejected, Fault
from medici_bundles.packing import walk
from medici_bundles.reader import Bundle, open_bundle
from medici_bundles.schema import Phase


@dataclass(frozen=True)
class CheckReport:
    faults: tuple[Fault, ...] = ()
    ignored: tuple[str, ...] = ()
    """Keys that nothing reads."""
    notes: tuple[str, ...] = ()
    mapped: tuple[str, ...] = ()
    """Keys of another format that say something else here."""
    format: str = ""
    """`CodaLab 1.5`, `CodaLab 1.8` or `Codabench 2`. Empty when the definition itself has faults."""
    slug: str = ""
    title: str = ""
    summary: tuple[str, ...] = ()
    """One line for each task, phase and leaderboard. Empty when the definition itself has faults."""

    @property
    def is_sound(self) -> bool:
        return not self.faults


def check_bundle(path: Path | str) -> CheckReport:
    """Read all of a bundle, every byte of its zips inflated; never raises for what is wrong with it."""
    try:
        with open_bundle(path) as bundle:
            return CheckReport(
                faults=tuple(_data_faults(bundle)),
                ignored=bundle.report.ignored,
                notes=bundle.report.notes,
                mapped=bundle.report.mapped,
                format=bundle.report.format,
                slug=bundle.definition.slug,
                title=bundle.definition.title,
                summary=tuple(_summary(bundle)),
            )
    except BundleRejected as rejected:
        return CheckReport(faults=rejected.faults)


def _data_faults(bundle: Bundle) -> Iterator[Fault]:
    for ref in bundle.data_refs():
        try:
            _measure(bundle.located(ref))
        except ArchiveRejected as refusal:
            yield bundle.fault(ref, f"which cannot be used: {refusal}")
    pages = [page.file for page in bundle.definition.pages]
    for ref in [*pages, *([bundle.definition.terms] if bundle.definition.terms else [])]:
        try:
            bundle.page_text(ref)
        except BundleRejected as rejected:
            yield from rejected.faults


def _measure(path: Path) -> tuple[int, int]:
    """Number of files and their bytes. Raises ArchiveRejected."""
    sizes = (
        [place.stat().st_size for _, place in walk(path)]
        if path.is_dir()
        else [file.size_bytes for file in check_zip(path, DATA_LIMITS).files]
    )
    return len(sizes), sum(sizes)


def _summary(bundle: Bundle) -> Iterator[str]:
    definition = bundle.definition
    for task in definition.tasks:
        data = {"input": task.input_data, "reference": task.reference_data}
        files = {**data, "scoring": task.scoring_program, "ingestion": task.ingestion_program}
        parts = ", ".join(f"{name} {ref}" for name, ref in files.items() if ref)
        yield f"task {task.index} {task.name!r}: {parts}"
    yield from map(_phase_line, definition.phases)
    for board in definition.leaderboards:
        yield f"leaderboard {board.title!r}: {', '.join(column.key for column in board.columns)}"


def _phase_line(phase: Phase) -> str:
    until = f"until {phase.end:%Y-%m-%d %H:%M %Z}" if phase.end else "without an end"
    data = "hidden data" if phase.hidden else "open data"
    quota = f"{phase.max_submissions} submissions, {phase.max_submissions_per_day} a day"
    tasks = ", ".join(map(str, phase.tasks))
    return (
        f"phase {phase.index} {phase.name!r}: from {phase.start:%Y-%m-%d %H:%M %Z} {until}, tasks {tasks}, {data}, "
        f"accepts {', '.join(phase.accepts)}, {quota}"
    )
