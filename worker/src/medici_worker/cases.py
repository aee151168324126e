"""Results of single cases: a table that a scoring program may write beside its scores, for organizers alone.

Nothing about it makes a run fail: what cannot be kept is said to the organizers.
"""

import hashlib

from medici_worker.host import HostUnreachable
from medici_worker.progress import Progress
from medici_worker.protocol import CASES_LIMIT_BYTES

CASES_FILE = "cases.csv"


def keep_cases(run: Progress, table: bytes | None) -> None:
    """Upload it. Raises `LeaseLost` alone."""
    if not table:
        return
    if len(table) > CASES_LIMIT_BYTES:
        limit = f"{CASES_LIMIT_BYTES // 1024**2} MiB"
        run.remarks.append(f"The scoring program's {CASES_FILE} was not kept: it is larger than {limit}.")
        return
    path = run.folder / CASES_FILE
    path.write_bytes(table)
    try:
        run.host.save_cases(path, hashlib.sha256(table).hexdigest())
    except HostUnreachable as error:
        run.remarks.append(f"The scoring program's {CASES_FILE} could not be kept: {error}")
