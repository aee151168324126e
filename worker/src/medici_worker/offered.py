"""Files of a submission that may be predictions already, though an ingestion program stands before the scoring.

Codabench hands the files of a submission without `metadata` on to the scoring program and lets the ingestion program
write beside them; CodaLab 1.5 scores them without asking it. Here it runs on top of them, and where it can make nothing
of a submission that holds no program, what was handed in is scored as it is.
"""

from dataclasses import replace
from pathlib import PurePosixPath

from medici_worker.containers.archives import open_zip, tar_of_zip, uncompressed_bytes
from medici_worker.containers.bench import OUTPUTS
from medici_worker.containers.engine import Exit
from medici_worker.programs import METADATA_NAMES
from medici_worker.progress import Ended, Progress
from medici_worker.protocol import Stage

PROGRAM_SUFFIXES = frozenset(
    {
        ".py",
        ".pyc",
        ".pyx",
        ".so",
        ".ipynb",
        ".sh",
        ".r",
        ".m",
        ".jl",
        ".c",
        ".cc",
        ".cpp",
        ".h",
        ".hpp",
        ".java",
        ".jar",
    }
    | {".class", ".js", ".rs", ".go", ".pl", ".lua", ".whl"}
)
LARGEST_SHARE = 4
"""Files that would take more than this part of the place for outputs are a model, and no predictions."""
NOT_INGESTED = b"The ingestion program failed; the submission holds no program, so its files are scored as they are.\n"


def offer(run: Progress) -> bool:
    """Put the submission's data into the place for outputs; returns whether it holds nothing else."""
    archive = run.fetch(run.spec.submission)
    with open_zip(archive) as opened:
        files = [PurePosixPath(entry.filename) for entry in opened.infolist() if not entry.is_dir()]
    too_large = uncompressed_bytes(archive) * LARGEST_SHARE > run.spec.limits.output_bytes
    if too_large or any(str(path) in METADATA_NAMES for path in files):
        return False
    run.bench.holder.put(OUTPUTS, tar_of_zip(archive, only=_is_data, writable=True))
    return all(map(_is_data, files))


def forgiven(run: Progress, ended: Ended) -> Ended:
    """The end of an ingestion program that failed by itself over a submission which could not have made it fail."""
    if ended.exit.code == 0 or ended.over_time or ended.exit.out_of_memory:
        return ended
    run.on_log(Stage.RUNNING)(NOT_INGESTED)
    return replace(ended, exit=Exit(0, out_of_memory=False))


def _is_data(path: PurePosixPath) -> bool:
    return path.suffix.lower() not in PROGRAM_SUFFIXES
