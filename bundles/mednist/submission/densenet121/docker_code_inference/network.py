"""The network and the reading of images, the same for training and inference."""

from monai.networks.nets import DenseNet121
from monai.transforms import LoadImage, ScaleIntensity

CLASSES = ("AbdomenCT", "BreastMRI", "CXR", "ChestCT", "Hand", "HeadCT")
"""In the order of the network's outputs."""


def build_network() -> DenseNet121:
    """DenseNet121 for Bx1x64x64 grey images; gives Bx6 scores."""
    return DenseNet121(spatial_dims=2, in_channels=1, out_channels=len(CLASSES))


def read_transforms() -> list[object]:
    """From a file's path to a 1x64x64 image with values from 0 to 1."""
    return [LoadImage(image_only=True, ensure_channel_first=True), ScaleIntensity()]
