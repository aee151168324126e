"""Small files of a bundle whose content the platform shows: the notice on the data, and published figures."""

from collections.abc import Iterator
from pathlib import Path

from medici_bundles.board_checks import RANKS
from medici_bundles.faults import BundleRejected, Fault
from medici_bundles.reference_results import MAX_BYTES, Board, ReferenceRow, read_reference_results
from medici_bundles.schema import ChallengeDefinition, Leaderboard

LONGEST_NOTICE = 500
_MAX_NOTICE_BYTES = 16 * LONGEST_NOTICE


def content_faults(root: Path, definition: ChallengeDefinition) -> list[Fault]:
    """Of files that are there; `file_checks` names those that are not."""
    return [*_notice_faults(root, definition), *_reference_faults(root, definition)]


def read_notice(root: Path, ref: str) -> str:
    """Plain text on one line. Raises BundleRejected."""
    with (root / ref).open("rb") as file:
        content = file.read(_MAX_NOTICE_BYTES)
    try:
        text = " ".join(content.decode("utf-8-sig").split())
    except UnicodeDecodeError:
        raise BundleRejected([Fault(ref, 0, "is not UTF-8 text; save it as UTF-8")]) from None
    if not text:
        raise BundleRejected([Fault(ref, 0, "is empty; say in a sentence what the data are")])
    if len(text) > LONGEST_NOTICE:
        message = f"has more than {LONGEST_NOTICE} characters, the most that stand on a page; say it in two sentences"
        raise BundleRejected([Fault(ref, 0, message)])
    return text


def read_references(root: Path, definition: ChallengeDefinition, board: Leaderboard) -> tuple[ReferenceRow, ...]:
    """The published figures of a board; none where it names no file. Raises BundleRejected."""
    if board.reference_results is None:
        return ()
    ref = board.reference_results
    with (root / ref).open("rb") as file:
        return read_reference_results(ref, file.read(MAX_BYTES + 1), _board(definition, board))


def _board(definition: ChallengeDefinition, board: Leaderboard) -> Board:
    ranks = [column.key for column in board.columns if column.computation in RANKS]
    return Board(
        columns=[column.key for column in board.columns if column.key not in ranks],
        ranks=ranks,
        tasks=[task.label for task in definition.tasks],
    )


def _notice_faults(root: Path, definition: ChallengeDefinition) -> Iterator[Fault]:
    if definition.data_notice and _is_there(root, definition.data_notice):
        try:
            read_notice(root, definition.data_notice)
        except BundleRejected as rejected:
            yield from rejected.faults


def _reference_faults(root: Path, definition: ChallengeDefinition) -> Iterator[Fault]:
    for board in definition.leaderboards:
        named = all(column.key for column in board.columns or ()) and all(
            task.index is not None for task in definition.tasks
        )
        if board.columns and named and board.reference_results and _is_there(root, board.reference_results):
            try:
                read_references(root, definition, board)
            except BundleRejected as rejected:
                yield from rejected.faults


def _is_there(root: Path, ref: str) -> bool:
    path = root / ref
    return path.is_file() and path.resolve().is_relative_to(root.resolve())
