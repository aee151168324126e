"""The way from options to a kept classifier, which fine-tuning and linear probing go alike."""

import argparse
from collections.abc import Callable

from classifying import begin, build, evaluate, keep, kind_of, measure_alone, read_split, read_test, whole_view
from finetuning import Finetuning
from network import VisionTransformer
from options import log_to, remarks
from processes import Process
from rates import absolute_rate
from views import View

from medici_training.devices import computing, seed_everything

ViewOf = Callable[[VisionTransformer], tuple[View, str]]
"""The training view for a network, and a line that says which it is ("": nothing to say)."""


def train_classifier(
    options: argparse.Namespace,
    process: Process,
    *,
    learn: Callable[..., float],
    head_spread: float,
    view_of: ViewOf,
    **of_recipe: float | None,
) -> None:
    """`learn` is `finetune` or `probe`; `of_recipe` are fields of `Finetuning` that one of them alone has."""
    say = log_to(options.output_dir, quiet=not process.is_first)
    seed_everything(options.seed + process.rank)
    where = computing(
        process.device(options.device), amp=not options.no_amp, channels_last=not options.no_channels_last
    )
    kind = kind_of(options)
    network = build(options, pooled=options.global_pool, drop_path=options.drop_path)
    for line in remarks(options):
        say(line)
    if options.eval:
        measure_alone(network, options, kind, where, say)
        return
    for line in begin(network, options, head_spread=head_spread):
        say(line)
    view, told = view_of(network)
    if told:
        say(told)
    training = read_split(options, kind, "train", view)
    validation = read_split(options, kind, "val", whole_view(network))
    test = read_test(network, options, kind)
    recipe = Finetuning(
        epochs=options.epochs,
        batch_size=options.batch_size,
        rate=absolute_rate(options.lr, options.blr, options.batch_size * process.world),
        lowest=options.min_lr,
        warmup=options.warmup_epochs,
        weight_decay=options.weight_decay,
        fixed=options.fixed_lr,
        every=options.eval_interval,
        workers=options.num_workers,
        single_label=kind.single_label,
        **of_recipe,  # type: ignore[arg-type]
    )
    learn(network, training, validation, recipe, computing=where, process=process, say=say)
    if process.is_first:
        say(f"Wrote {keep(network, options, kind)}.")
        if test is not None:
            evaluate(network, test, options, kind, where, say)
