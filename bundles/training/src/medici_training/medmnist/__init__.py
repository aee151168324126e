"""MedMNIST's flags and its npz format, with checks that say in one sentence what is wrong. Needs NumPy alone.

from medici_training.medmnist import flags, npz

flag = flags.get("bloodmnist")
data = npz.read(npz.find(flag, 28), flag, 28)
data.train.images  # uint8, N×28×28×3
"""
