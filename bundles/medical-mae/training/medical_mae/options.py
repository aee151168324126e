"""The flags that the three published commands share, and the honesty about those that do nothing here.

Names are those of Medical MAE's programs; defaults are those of its published commands (PRETRAIN.md, FINETUNE.md). A
flag whose value would change the result there and cannot here is refused with one sentence; nothing is ignored in
silence.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Refused:
    """A flag that is known, with the one value that it may have here."""

    flag: str
    only: object
    reason: str

    @property
    def name(self) -> str:
        return self.flag.lstrip("-").replace("-", "_")


TORCHRUN = "processes are started by `torchrun --nproc_per_node=N`, which says all of this itself"
REFUSED_BY_ALL = (
    Refused("--accum_iter", 1, "gradients are not gathered over batches: raise --batch_size or start more processes"),
    Refused("--world_size", 1, TORCHRUN),
    Refused("--local_rank", -1, TORCHRUN),
    Refused("--dist_on_itp", False, TORCHRUN),
    Refused("--dist_url", "env://", TORCHRUN),
    Refused("--repeated-aug", False, "every image is seen once per epoch"),
)


def add_shared(parser: argparse.ArgumentParser, *, batch: int, epochs: int, blr: float, warmup: float) -> None:
    parser.add_argument("--batch_size", type=int, default=batch, help="images per process and step")
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--input_size", type=int, help="pixels (default: the network's own, 224 or 64)")
    parser.add_argument("--lr", type=float, help="absolute learning rate; otherwise --blr counts")
    parser.add_argument("--blr", type=float, default=blr, help="learning rate for 256 images: lr = blr * batch / 256")
    parser.add_argument("--warmup_epochs", type=float, default=warmup)
    parser.add_argument("--fixed_lr", action="store_true", help="no cosine after the warm-up")
    parser.add_argument("--data_path", type=Path, help="folder of the images")
    parser.add_argument("--train_list", type=Path)
    parser.add_argument("--output_dir", type=Path, default=Path("output_dir"), help="checkpoints and log.txt")
    parser.add_argument("--log_dir", type=Path, help="TensorBoard is not written; log.txt in --output_dir has it all")
    parser.add_argument("--device", default="cuda", help="cuda: a GPU when there is one, else the CPU; cpu; cuda:1 …")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num_workers", type=int, default=2, help="processes that read images")
    parser.add_argument("--pin_mem", action="store_true", help="always so on a GPU")
    parser.add_argument("--no_pin_mem", action="store_true", help="of no effect on the result: told in the log")
    parser.add_argument("--in_memory", action="store_true", help="ours: keep the decoded images (with --num_workers 0)")
    parser.add_argument("--no_amp", action="store_true", help="ours: full precision on a GPU")
    parser.add_argument("--no_channels_last", action="store_true", help="ours: torch's own memory layout on a GPU")


def add_refused(parser: argparse.ArgumentParser, refused: Sequence[Refused]) -> None:
    for each in refused:
        if isinstance(each.only, bool):
            parser.add_argument(each.flag, action="store_true", help=f"refused: {each.reason}")
        else:
            kind = type(each.only) if each.only is not None else str
            parser.add_argument(each.flag, type=kind, default=each.only, help=f"only {each.only}: {each.reason}")


def refusals(options: argparse.Namespace, refused: Sequence[Refused]) -> Iterator[str]:
    for each in refused:
        value = getattr(options, each.name)
        if value != each.only:
            shown = each.flag if isinstance(each.only, bool) else f"{each.flag} {value}"
            yield f"{shown} cannot be honoured here: {each.reason}."


def remarks(options: argparse.Namespace) -> Iterator[str]:
    """What is accepted and has no effect, said once at the start."""
    if options.log_dir:
        yield "--log_dir: TensorBoard is not written; log.txt in --output_dir holds the same figures."
    if options.no_pin_mem:
        yield "--no_pin_mem: memory is pinned on a GPU and not otherwise, which changes no figure."


def positive(options: argparse.Namespace, *names: str) -> Iterator[str]:
    for name in names:
        value = getattr(options, name)
        if value is not None and value <= 0:
            yield f"--{name} must be more than 0, not {value:g}."


def shares(options: argparse.Namespace, *names: str) -> Iterator[str]:
    for name in names:
        value = getattr(options, name)
        if not 0 <= value < 1:
            yield f"--{name} must be at least 0 and less than 1, not {value:g}."


def log_to(folder: Path | None, *, quiet: bool = False) -> Callable[[str], None]:
    """Prints a line and keeps it in `folder`/log.txt."""

    def say(line: str) -> None:
        if quiet:
            return
        print(line, flush=True)
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "log.txt").open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    return say


def run(main: Callable[[Sequence[str]], None]) -> int:
    """Run a command's `main`; what is wrong with data or flags is one sentence and no traceback."""
    try:
        main(sys.argv[1:])
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
