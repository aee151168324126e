"""The network and the preparation of volumes, the same for training and inference."""

from medici_training.volumes.preparation import Array, Numbers, Size, resized, windowed
from medici_training.volumes.resnet import SegmentationNet

CLASSES = ("background", "left lung", "right lung")
"""In the order of the network's maps; a class's place is its label."""
DEPTH = 10
SIZE: Size = (32, 48, 48)
"""What a volume is resized to, whatever its own size; multiples of 8."""
WINDOW_HU = (-1000.0, 400.0)


def build_network() -> SegmentationNet:
    """MedicalNet of depth 10, shortcut B: 14.5 million parameters; 3 maps of a quarter of the input's size."""
    return SegmentationNet(DEPTH, len(CLASSES), "B")


def prepare(volume: Array) -> Numbers:
    """From Hounsfield units to what the network takes."""
    return windowed(resized(volume, SIZE, order=1), *WINDOW_HU)
