"""The network and the preparation of patches, the same for training and inference."""

from medici_training.volumes.preparation import Array, Numbers, Size, resized, windowed
from medici_training.volumes.resnet import ClassificationNet

CLASSES = ("benign", "malignant")
"""In the order of the network's outputs."""
DEPTH = 10
SIZE: Size = (24, 24, 24)
"""What a patch is resized to, whatever its own size."""
WINDOW_HU = (-1000.0, 400.0)


def build_network() -> ClassificationNet:
    """MedicalNet of depth 10, shortcut B, its segmentation head replaced by one linear layer; gives Bx2 scores."""
    return ClassificationNet(DEPTH, len(CLASSES), "B")


def prepare(patch: Array) -> Numbers:
    """From Hounsfield units to what the network takes."""
    return windowed(resized(patch, SIZE, order=1), *WINDOW_HU)
