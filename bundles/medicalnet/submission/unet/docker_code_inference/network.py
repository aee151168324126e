"""The network and the preparation of volumes, the same for training and inference."""

from monai.networks.nets import UNet

from medici_training.volumes.preparation import Array, Numbers, Size, resized, windowed

CLASSES = ("background", "left lung", "right lung")
"""In the order of the network's maps; a class's place is its label."""
SIZE: Size = (32, 48, 48)
"""What a volume is resized to, whatever its own size; multiples of 8."""
WINDOW_HU = (-1000.0, 400.0)


def build_network() -> UNet:
    """A small U-Net, 8 to 64 channels: 3 maps of the input's size."""
    return UNet(spatial_dims=3, in_channels=1, out_channels=len(CLASSES), channels=(8, 16, 32, 64), strides=(2, 2, 2))


def prepare(volume: Array) -> Numbers:
    """From Hounsfield units to what the network takes."""
    return windowed(resized(volume, SIZE, order=1), *WINDOW_HU)
