"""Compute the benchmark's grid, or any part of it; start it again as often as you like.

    python sweep.py run --config sweep.yaml [--jobs 2 | --broker URL] [--retry-failed]
    python sweep.py worker --broker URL
    python sweep.py table --config sweep.yaml --results my_results.csv

What is done is not computed again. `run` works on this machine, with --jobs in several processes; with --broker it
leaves the work to `worker` processes, here or on other machines that have the same folders, and waits for them. The
broker is `redis://HOST`, or `folder:///PATH` on one machine (that needs MedICI's own environment).
"""

import argparse
import subprocess
import sys
from pathlib import Path

from arguments import ending
from prototyping import run_cell

from medici_training.benchmark.configuration import Config
from medici_training.benchmark.ledger import Ledger, Result, to_rows
from medici_training.benchmark.results import write_rows
from medici_training.benchmark.sweep import Grid, Progress, compute, pending, read_grid, summary
from medici_training.benchmark.tables import derive, summaries


def main() -> int:
    options = _parser().parse_args()
    codes: list[int] = []
    return ending(lambda: codes.append(options.program(options))) or codes[0]


def run(options: argparse.Namespace) -> int:
    """Compute what is pending, tell the end. 1 when something failed or is missing."""
    grid = _grid(options)
    ledger = Ledger(grid.output)
    left = pending(grid.configs, ledger, retry_failed=options.retry_failed)
    if not options.helper:
        print(f"{len(grid.configs)} cells, {len(grid.configs) - len(left)} of them done before.", flush=True)
    if options.broker:
        from farm import hand_out  # noqa: PLC0415  Celery is needed for this alone

        if options.retry_failed:
            for config in left:
                ledger.path(config).unlink(missing_ok=True)
        hand_out(options.broker, left, ledger, keep=grid.keep_checkpoints)
    else:
        helpers = [_helper(options) for _ in range(1, min(options.jobs, len(left)))]
        _work_off(grid, left, ledger, retry_failed=options.retry_failed)
        for helper in helpers:
            helper.wait()
    return 0 if options.helper else _end(grid, ledger)


def work(options: argparse.Namespace) -> int:
    from farm import serve  # noqa: PLC0415  Celery is needed for this alone

    places = ("data_path", "output_path", "device")
    serve(options.broker, {key: getattr(options, key) for key in places if getattr(options, key)})
    return 0


def table(options: argparse.Namespace) -> int:
    """The sweep's results in the columns of the published table, and its averages in print."""
    grid = _grid(options)
    ledger = Ledger(grid.output)
    results = [result for config in grid.configs if (result := ledger.result(config))]
    rows = to_rows(results, source=options.source)
    if not rows:
        raise ValueError(f"{grid.output} holds no results of {options.config} yet: `python sweep.py run` makes them.")
    write_rows(options.results, rows)
    print(summaries(derive(rows))[0])
    print(f"Wrote {len(rows)} rows to {options.results}.")
    return 0


def _grid(options: argparse.Namespace) -> Grid:
    keys = ("data_path", "output_path", "weights", "device")
    return read_grid(options.config, {key: getattr(options, key) for key in keys})


def _work_off(grid: Grid, left: list[Config], ledger: Ledger, *, retry_failed: bool) -> None:
    """One cell after the other; what another process is at is passed over."""
    progress = Progress(grid.configs, ledger)

    def computed(config: Config) -> Result:
        return run_cell(config, say=lambda _: None, keep=grid.keep_checkpoints)

    for config in left:
        before = ledger.result(config)
        result = compute(config, ledger, computed, retry_failed=retry_failed and before is not None)
        if result is not None and result != before:
            progress.tell(config, result)
            sys.stdout.flush()


def _helper(options: argparse.Namespace) -> subprocess.Popen[bytes]:
    """Another process that works off the same grid; it ends by itself."""
    words = [word for word in sys.argv[1:] if word != "--retry-failed"]
    again = ["--retry-failed"] if options.retry_failed else []
    return subprocess.Popen([sys.executable, __file__, *words, *again, "--jobs", "1", "--helper"])


def _end(grid: Grid, ledger: Ledger) -> int:
    done, failed, missing = summary(grid.configs, ledger)
    print(f"{done} of {len(grid.configs)} cells are done, {len(failed)} failed.")
    for config, error in failed:
        print(f"  {config.stem}: {error}")
    if failed:
        print("`--retry-failed` computes these again.")
    if missing:
        print(f"{missing} have no result: another process is at them, or was ended; run this again.")
    return 1 if failed or missing else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Compute the benchmark's grid, cell by cell.")
    commands = parser.add_subparsers(required=True)
    running = commands.add_parser("run", help="compute what has no result yet")
    running.add_argument("--jobs", type=_at_least_one, default=1, help="processes on this machine (default: 1)")
    running.add_argument("--broker", help="leave the work to workers: redis://… or folder:///…")
    running.add_argument("--retry-failed", action="store_true", help="compute failed cells again")
    running.add_argument("--helper", action="store_true", help=argparse.SUPPRESS)
    running.set_defaults(program=run)
    working = commands.add_parser("worker", help="compute cells that `run --broker` hands out")
    working.add_argument("--broker", required=True, help="redis://… or folder:///…")
    for name in ("data_path", "output_path", "device"):
        working.add_argument(f"--{name}", help="where it is on this machine, if not as in the sweep's file")
    working.set_defaults(program=work)
    tabling = commands.add_parser("table", help="write the results as a table that figures.py reads")
    tabling.add_argument("--results", type=Path, default=Path("results.csv"), help="default: %(default)s")
    tabling.add_argument("--source", default="own results", help="what the table's last column says")
    tabling.set_defaults(program=table)
    for command in (running, tabling):
        command.add_argument("--config", type=Path, default=Path("sweep.yaml"), help="default: %(default)s")
        for name in ("data_path", "output_path", "weights", "device"):
            command.add_argument(f"--{name}", help=f"instead of the file's {name}")
    return parser


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
