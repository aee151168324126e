"""Stand-ins for MedMNIST's sets: drawings by a program in exactly the real format, for those who have no real data.

They suggest a modality and its classes, show no patient, and their figures say nothing of the real data. NumPy alone.

    from medici_training.medmnist import flags, npz
    from medici_training.standins import make_splits

    flag = flags.get("bloodmnist")
    npz.write(path, make_splits(flag, 28, {"train": 800, "val": 100, "test": 400}, seed=2020))
"""

from medici_training.standins.samples import SEED, make, make_splits

__all__ = ["SEED", "make", "make_splits"]
