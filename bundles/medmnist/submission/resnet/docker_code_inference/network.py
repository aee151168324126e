"""The ResNets of MedMNIST's papers, by MONAI, with what they see of the images; shared by training and inference.

For 28 pixels: a stem of 3×3 with stride 1 and no max-pool, as for CIFAR. With `resize`, images are enlarged to 224
pixels by the nearest one, and the stem is ImageNet's: 7×7, stride 2, max-pool. Volumes: the first kind, with one of the
convolutions of `convolutions.py`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from convolutions import to_3d
from monai.networks.nets import resnet18, resnet50
from torch import nn
from torch.nn.functional import interpolate

from medici_training.medmnist import flags, npz
from medici_training.medmnist.flags import Flag, Task

MODELS = {"resnet18": resnet18, "resnet50": resnet50}
RESIZED_PX = 224
MODEL_FILE = "best_model.pth"


@dataclass(frozen=True)
class Plan:
    """All that decides a network's shape; kept beside its weights."""

    flag: str
    size: int = 28
    model_flag: str = "resnet18"
    as_rgb: bool = False
    resize: bool = False
    conv: str = "Conv3d"
    """Of volumes."""
    shape_transform: bool = False
    """Of volumes: brightness by chance in training and halved at evaluation, so that only the shape counts."""

    @property
    def known(self) -> Flag:
        return flags.get(self.flag)

    @property
    def prefix(self) -> str:
        return npz.file_name(self.known, self.size).removesuffix(".npz")


class Pixels(nn.Module):
    """Bytes as they lie in the npz file to N×C×S×S or N×C×S×S×S: from -1 to 1, of volumes from 0 to 1."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan, self.flag = plan, plan.known

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pixels = images.float() / 255
        pixels = pixels.movedim(-1, 1) if self.flag.channels > 1 else pixels.unsqueeze(1)
        if self.flag.is_3d:
            pixels = self._shapes(pixels) if self.plan.shape_transform else pixels
        else:
            pixels = (pixels - 0.5) / 0.5
        if self.plan.as_rgb and self.flag.channels == 1:
            pixels = pixels.expand(-1, 3, *pixels.shape[2:])
        return interpolate(pixels, RESIZED_PX, mode="nearest") if self.plan.resize else pixels

    def _shapes(self, volumes: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return volumes * 0.5
        return volumes * torch.rand(len(volumes), 1, 1, 1, 1, device=volumes.device)


class Classifier(nn.Module):
    def __init__(self, plan: Plan, *, inflated: bool = True) -> None:
        super().__init__()
        self.plan = plan
        self.pixels = Pixels(plan)
        self.net = build_network(plan, inflated=inflated)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(self.pixels(images))


def build_network(plan: Plan, *, inflated: bool = True) -> nn.Module:
    """From N×C×S×S(×S) to N×classes. Raises ValueError for a plan that cannot be."""
    flag = plan.known
    flag.check_size(plan.size)
    if plan.model_flag not in MODELS:
        raise ValueError(f"There is no model {plan.model_flag!r}: choose one of {', '.join(MODELS)}.")
    if plan.resize and flag.is_3d:
        raise ValueError(f"{flag.name} holds volumes: they are not resized.")
    stem = {"conv1_t_size": 7, "conv1_t_stride": 2} if plan.resize else {"conv1_t_size": 3, "conv1_t_stride": 1}
    network = MODELS[plan.model_flag](
        spatial_dims=2,
        n_input_channels=3 if plan.as_rgb else flag.channels,
        num_classes=flag.classes,
        no_max_pool=not plan.resize,
        shortcut_type="B",
        bias_downsample=False,
        **stem,
    )
    return to_3d(network, plan.conv, inflated=inflated) if flag.is_3d else network


def activation(flag: Flag) -> Callable[[torch.Tensor], torch.Tensor]:
    """From outputs to scores: each label by itself, or one class of several."""
    return torch.sigmoid if flag.task is Task.MULTI_LABEL else lambda output: output.softmax(dim=1)


def save(model: Classifier, path: Path) -> None:
    """`net` holds the weights, as MedMNIST's own programs keep them; `plan` what to build for them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: value.cpu() for name, value in model.net.state_dict().items()}
    torch.save({"net": weights, "plan": asdict(model.plan)}, path)


def load(path: Path) -> Classifier:
    """Raises FileNotFoundError or ValueError with one sentence."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no model {path}: train on that set first.")
    kept = torch.load(path, weights_only=True, map_location="cpu")
    if not isinstance(kept, dict) or not {"net", "plan"} <= kept.keys():
        raise ValueError(f"{path} is no model of training/resnet: it must hold `net` and `plan`.")
    model = Classifier(Plan(**kept["plan"]))
    try:
        model.net.load_state_dict(kept["net"])
    except RuntimeError as error:
        raise ValueError(
            f"{path} holds the weights of another network: {str(error).splitlines()[-1].strip()}"
        ) from None
    return model
