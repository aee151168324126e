"""The networks of the benchmark, with pretrained weights where they can be had; which it was is always told.

Nine of the ten come from timm, AlexNet from torchvision, the light network from this package. timm is imported when
one of its networks is built.
"""

import copy
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from torch import nn

from medici_training.benchmark.configuration import AUTO, PAPERS_SIDE, RANDOM
from medici_training.benchmark.inputs import CHANNELS, Reading
from medici_training.benchmark.names import LIGHT
from medici_training.nets import light_cnn
from medici_training.torchvision_on_cpu import prepare

PRETRAINED = "pretrained"
ALEXNET = "alexnet"
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
HALF = (0.5, 0.5, 0.5)


@dataclass
class Built:
    """A network that takes uint8 images and gives N×classes outputs."""

    reading: Reading
    network: nn.Module
    """Without the reading: its weights go into checkpoints, under timm's names."""
    head: nn.Linear
    """The last layer: what linear probing trains."""
    weights: str
    """`pretrained` or `random`."""
    weights_from: str
    """Where they are from, or why they are random: a phrase for logs and reports."""

    @property
    def whole(self) -> nn.Module:
        return nn.Sequential(self.reading, self.network)

    @property
    def feature_count(self) -> int:
        return int(self.head.in_features)


class Features(nn.Module):
    """What the last layer gets to see (pre-logits), N×features, of a network that keeps that layer."""

    def __init__(self, built: Built) -> None:
        super().__init__()
        self.whole = built.whole
        self._head = [built.head]  # in a list, so that it is not registered twice
        self._seen: list[torch.Tensor] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        handle = self._head[0].register_forward_pre_hook(lambda _, inputs: self._seen.append(inputs[0]))
        try:
            self.whole(images)
        finally:
            handle.remove()
        return self._seen.pop().flatten(1)


def build(name: str, classes: int, *, pad_to: int | None = PAPERS_SIDE, weights: str = AUTO, size: int = 28) -> Built:
    """The architecture with a new last layer for `classes`; random parts are drawn from torch's generator.

    `weights` is a folder that holds `NAME.safetensors`, `.pth`, `.pt` or `.bin`; `auto`; or `random`. What the folder
    lacks is sought at the hub; without an answer from there the network begins at random. Raises ValueError for an
    unknown name, a folder that is not there and a file that does not fit.
    """
    if weights not in {AUTO, RANDOM} and not Path(weights).is_dir():
        raise ValueError(f"There is no folder of weights {weights}: name one, or `auto`, or `random`.")
    if name in LIGHT:
        network: nn.Module = light_cnn(CHANNELS, classes)
        head = _last_linear(network)
        return Built(Reading(HALF, HALF, pad_to=pad_to), network, head, RANDOM, "no pretrained weights exist")
    prepare()
    if name == ALEXNET:
        network, weights_from = _alexnet(classes, weights)
        mean, deviation = IMAGENET_MEAN, IMAGENET_DEVIATION
    else:
        network, weights_from = _from_timm(name, classes, weights, side=pad_to or size)
        mean, deviation = network.pretrained_cfg["mean"], network.pretrained_cfg["std"]
    found = RANDOM if weights_from.startswith(RANDOM) else PRETRAINED
    return Built(Reading(mean, deviation, pad_to=pad_to), network, _last_linear(network), found, weights_from)


def weights_file(folder: Path, name: str) -> Path | None:
    """The architecture's file of weights in a folder, if there is one."""
    return next((folder / f"{name}{end}" for end in SUFFIXES if (folder / f"{name}{end}").is_file()), None)


def _from_timm(name: str, classes: int, weights: str, *, side: int) -> tuple[nn.Module, str]:
    import timm  # noqa: PLC0415  takes seconds

    if not timm.is_model(name.partition(".")[0]):
        raise ValueError(f"There is no architecture {name!r}: use a name of timm's, alexnet or {', '.join(LIGHT)}.")
    options: dict[str, Any] = {"num_classes": classes}
    config = timm.models.get_pretrained_cfg(name)
    if config is not None and config.fixed_input_size:
        options["img_size"] = side  # transformers are built for one size

    def made(**more: Any) -> nn.Module:
        return timm.create_model(name, **options, **more)

    file = _file_of(weights, name)
    if file is not None:
        try:
            return made(pretrained=True, pretrained_cfg_overlay={"file": str(file)}), f"the file {file.name}"
        except Exception as error:  # whatever a damaged or foreign file raises
            raise ValueError(f"{file} does not fit {name}: {_sentence(error)}") from error
    if weights == RANDOM:
        return made(), "random, as asked"
    try:
        _spare_retries()
        return made(pretrained=True), f"the hub ({name})"
    except Exception as error:  # noqa: BLE001  the hub's client raises many kinds when there is no network
        return made(), f"random: the hub gave no weights ({_sentence(error)})"


def _spare_retries() -> None:
    """Without a network the hub's client tries for a minute; told that it is offline, it only looks into its cache."""
    from huggingface_hub import constants  # noqa: PLC0415  comes with timm

    if any(os.environ.get(name) for name in PROXIES):
        return  # names are resolved elsewhere
    try:
        socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, 443)
    except OSError:
        constants.HF_HUB_OFFLINE = True


def _alexnet(classes: int, weights: str) -> tuple[nn.Module, str]:
    import torchvision  # noqa: PLC0415  only for this network

    file = _file_of(weights, ALEXNET)
    network = torchvision.models.alexnet()
    weights_from = "random, as asked"
    if file is not None:
        try:
            network.load_state_dict(_state(file))
        except Exception as error:  # whatever a damaged or foreign file raises
            raise ValueError(f"{file} does not fit {ALEXNET}: {_sentence(error)}") from error
        weights_from = f"the file {file.name}"
    elif weights != RANDOM:
        try:
            network.load_state_dict(_alexnet_of_hub(torchvision))
            weights_from = f"the hub ({ALEXNET})"
        except Exception as error:  # noqa: BLE001  the download raises many kinds when there is no network
            weights_from = f"random: the hub gave no weights ({_sentence(error)})"
    network.classifier[-1] = nn.Linear(network.classifier[-1].in_features, classes)
    return network, weights_from


def _alexnet_of_hub(torchvision: Any) -> dict[str, torch.Tensor]:
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise OSError("HF_HUB_OFFLINE is set")
    found: dict[str, torch.Tensor] = torchvision.models.AlexNet_Weights.DEFAULT.get_state_dict(progress=False)
    return found


def _state(file: Path) -> dict[str, torch.Tensor]:
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file  # noqa: PLC0415  comes with timm

        return dict(load_file(file))
    found: dict[str, torch.Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return found


def _file_of(weights: str, name: str) -> Path | None:
    return None if weights in {AUTO, RANDOM} else weights_file(Path(weights), name)


def _last_linear(network: nn.Module) -> nn.Linear:
    """The classifier: the last linear layer of what timm calls so, or of the network."""
    place = network.get_classifier() if hasattr(network, "get_classifier") else network
    layers = [module for module in place.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise ValueError("This architecture has no linear layer at its end: it cannot be probed.")
    return layers[-1]


def _sentence(error: Exception) -> str:
    """The first sentence of an error, without line breaks: those of hubs go on for pages."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.partition(". ")[0].removesuffix(".")[:200]


def copied(network: nn.Module) -> dict[str, torch.Tensor]:
    """Its weights on the CPU, independent of what happens to it."""
    return copy.deepcopy({name: value.detach().cpu() for name, value in network.state_dict().items()})
