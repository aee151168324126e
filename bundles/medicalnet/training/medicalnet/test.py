"""Test a trained checkpoint on a list, by MedicalNet's own command, and print the mean Dice of every class.

    python test.py --gpu_id 0 --resume_path trails/models/resnet_50_epoch_110_batch_0.pth.tar --img_list data/val.txt

Soft-max maps are zoomed (order 1) to the volume's full size and the largest taken. The noise that replaces zeros is
seeded, so the same call gives the same figures. With `--output DIR` label maps are written, which the lung challenge
takes as results.
"""

import sys
from dataclasses import replace

import numpy as np
from cases import testing_cases
from options import Settings, read_settings
from processes import device

from medici_scoring.segmentation import dice
from medici_training.volumes.checkpoints import CheckpointUnfit, load_trained, read_settings_of
from medici_training.volumes.lists import ListUnusable
from medici_training.volumes.nifti import VolumeUnusable, case_of, read_volume, write_volume
from medici_training.volumes.preparation import label_map
from medici_training.volumes.segmentation import soft_maps


def test(settings: Settings) -> dict[int, float]:
    """The mean Dice over the cases with a label, by class; both empty is 1."""
    where = device(settings.gpu_id, no_cuda=settings.no_cuda, amp=settings.amp)
    network = settings.network()
    load_trained(network, settings.resume_path)
    network = where.placed(network)
    found: dict[int, list[float]] = {each: [] for each in range(1, settings.n_seg_classes)}
    for case, image, prepared in testing_cases(settings):
        depth, height, width = image.shape
        labels = label_map(soft_maps(network, prepared, where), (depth, height, width))
        if settings.output:
            affine = read_volume(settings.data_root / case.image).affine
            write_volume(settings.output / f"{case_of(case.image)}.nii.gz", labels, affine)
        if case.label:
            truth = read_volume(settings.data_root / case.label).values
            if truth.shape != labels.shape:
                raise ListUnusable(f"{settings.img_list}: {case.image} and {case.label} have different shapes.")
            for each, values in found.items():
                values.append(dice(truth == each, labels == each))
    return {each: float(np.mean(values)) for each, values in found.items() if values}


def as_trained(settings: Settings) -> Settings:
    """Depth, shortcut, classes and size are the checkpoint's own where it knows them."""
    if not settings.resume_path:
        raise CheckpointUnfit("Name the checkpoint to test with --resume_path.")
    known = read_settings_of(settings.resume_path)
    if not known:
        return settings
    return replace(settings, **{**known, "size": tuple(known["size"])})


def main() -> None:
    settings = read_settings(phase="test")
    try:
        figures = test(as_trained(settings))
    except (CheckpointUnfit, ListUnusable, VolumeUnusable, ValueError, OSError) as error:
        sys.exit(str(error))
    for each, value in figures.items():
        print(f"mean dice for class-{each} is {value}")


if __name__ == "__main__":
    main()
