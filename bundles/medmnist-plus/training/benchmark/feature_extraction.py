"""What the networks see before their last layer: a file of features for every dataset, size and architecture.

    python feature_extraction.py --data_path DIR --output_path DIR [--batch_size 256] [--device cuda:0]

Takes every npz file of the benchmark's datasets in data_path, and all ten architectures unless some are named. Writes
`{dataset}_{size}_{architecture}.npz` with `{train,val,test}_features`, N×features, `{train,val,test}_labels`, and
`weights`, which says what the network began with.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from arguments import ending
from prototyping import prepare

from medici_training.benchmark.configuration import AUTO, PAPERS_SIDE, Config, make_config
from medici_training.benchmark.names import DATASETS, KNN, PUBLISHED, SEEDS, SIZES
from medici_training.benchmark.procedures import features
from medici_training.medmnist import flags, npz


def extract(config: Config) -> tuple[Path, str]:
    """Write one file; returns its path and what is in it."""
    run = prepare(config)
    arrays: dict[str, np.ndarray] = {}
    for name, split in run.data.splits.items():
        arrays[f"{name}_features"] = features(config, run.built, split.images, run.on)
        arrays[f"{name}_labels"] = split.labels
    path = config.output_path / f"{config.dataset}_{config.img_size}_{config.architecture}.npz"
    config.output_path.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays, weights=np.array(run.built.weights))
    count = sum(map(len, run.data.splits.values()))
    return path, f"{count} images, {run.built.feature_count} features, {run.built.weights} weights"


def found_sets(folder: Path) -> list[tuple[str, int]]:
    """Dataset and size of every file of the benchmark's that lies in the folder. Raises ValueError for none."""
    named = [(name, size) for name in DATASETS for size in SIZES]
    there = [(name, size) for name, size in named if (folder / npz.file_name(flags.get(name), size)).is_file()]
    if not there:
        raise ValueError(f"{folder} holds none of the benchmark's files, such as bloodmnist.npz or bloodmnist_64.npz.")
    return there


def main() -> None:
    parser = argparse.ArgumentParser(description="Extract the features of all networks from all datasets.")
    parser.add_argument("--data_path", type=Path, required=True, help="folder of the npz files")
    parser.add_argument("--output_path", type=Path, required=True, help="folder for the features")
    parser.add_argument("--batch_size", type=int, default=256, help="default: 256")
    parser.add_argument("--device", default=AUTO, help="cpu, cuda:0, or auto (the default)")
    parser.add_argument("--architecture", nargs="+", default=list(PUBLISHED), help="default: all ten")
    parser.add_argument("--weights", default=AUTO, help="a folder, auto (the default) or random")
    parser.add_argument("--pad_to", type=int, default=PAPERS_SIDE, help="default: 224; 0 leaves the images' own size")
    parser.add_argument("--seed", type=int, default=SEEDS[0], help="of random weights")
    options = parser.parse_args()
    shared = {key: getattr(options, key) for key in ("data_path", "output_path", "device", "weights", "seed")}
    shared |= {"batch_size_eval": options.batch_size, "pad_to": options.pad_to or None, "training_procedure": KNN}
    for dataset, size in found_sets(options.data_path):
        for architecture in options.architecture:
            cell = {"dataset": dataset, "img_size": size, "architecture": architecture}
            path, text = extract(make_config({**shared, **cell}, where="The command line"))
            print(f"{path}: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(ending(main))
