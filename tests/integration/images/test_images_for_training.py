"""medici/monai, medici/monai-compat and medici/timm, in the profile that a submission meets."""

import io
from collections.abc import Iterator

import docker
import pytest

from medici_worker.images import build_images
from tests.integration.images.test_curated_images import run

pytestmark = pytest.mark.slow

NAME = "medici-test-compat"


@pytest.fixture(scope="module")
def images(docker_engine: docker.DockerClient) -> docker.DockerClient:
    build_images(["monai-compat", "timm"], engine=docker_engine)
    return docker_engine


@pytest.mark.parametrize("image", ["medici/monai", "medici/monai-compat", "medici/timm"])
def test_our_training_package_is_there(images: docker.DockerClient, image: str) -> None:
    program = "import medici_training, sys; print(medici_training.__name__, 'torch' in sys.modules)"
    assert run(images, image, "python", "-W", "error", "-c", program) == "medici_training False"


def test_timm_is_imported_as_ever(images: docker.DockerClient) -> None:
    program = (
        "import timm, torch; network = timm.create_model('resnet18', num_classes=3).eval();"
        "print(network(torch.zeros(1, 3, 32, 32)).shape)"
    )
    assert run(images, "medici/timm", "python", "-W", "error", "-c", program) == "torch.Size([1, 3])"


@pytest.mark.parametrize("image", ["medici/monai-compat", "medici/timm"])
def test_hooks_cost_nothing_at_the_start(images: docker.DockerClient, image: str) -> None:
    program = "import sys; print(sorted({'torch', 'monai', 'numpy', 'torchvision'} & sys.modules.keys()))"
    assert run(images, image, "python", "-c", program) == "[]"


PICTURE = """
import numpy, PIL.Image
from monai.transforms import LoadImage
pixels = numpy.arange(6, dtype=numpy.uint8).reshape(2, 3)  # two rows, three columns
PIL.Image.fromarray(pixels).save("/tmp/a.png")
"""


@pytest.mark.parametrize(
    ("image", "reader", "read"),
    [
        ("medici/monai", "", [[0, 3], [1, 4], [2, 5]]),
        ("medici/monai-compat", "", [[0, 1, 2], [3, 4, 5]]),
        ("medici/monai-compat", "reader='PILReader', ", [[0, 1, 2], [3, 4, 5]]),
        ("medici/monai-compat", "reader='PILReader', reverse_indexing=True, ", [[0, 3], [1, 4], [2, 5]]),
    ],
)
def test_pictures_are_read_rows_first_as_before_monai_0_7(
    images: docker.DockerClient, image: str, reader: str, read: list[list[int]]
) -> None:
    program = f"{PICTURE}\nprint(LoadImage({reader}image_only=True)('/tmp/a.png').int().tolist())"
    assert run(images, image, "python", "-c", program) == str(read)


CHANNELS = """
import torch
from monai.transforms import AddChannel, AddChanneld, AddChannelD, AddChannelDict, Compose, ScaleIntensity
from monai.transforms.utility.array import AddChannel as the_same
picture = torch.arange(6.0).reshape(2, 3)
print(Compose([AddChannel(), ScaleIntensity()])(picture).shape, the_same is AddChannel)
print({key: value.shape for key, value in AddChanneld("a")({"a": picture, "b": picture}).items()})
print(AddChannelD is AddChanneld is AddChannelDict)
"""


def test_channels_are_added(images: docker.DockerClient) -> None:
    assert run(images, "medici/monai-compat", "python", "-c", CHANNELS).splitlines() == [
        "torch.Size([1, 2, 3]) True",
        "{'a': torch.Size([1, 2, 3]), 'b': torch.Size([2, 3])}",
        "True",
    ]


DISCRETE = """
import torch
from monai.transforms import AsDiscrete
scores = torch.tensor([[0.2], [0.7], [0.4]])
label = torch.tensor([2])
print(AsDiscrete(argmax=True, to_onehot=True, n_classes=3)(scores).flatten().tolist())
print(AsDiscrete(to_onehot=True, n_classes=3)(label).tolist())
print(AsDiscrete()(label, to_onehot=True, n_classes=4).tolist())
print(AsDiscrete(threshold_values=True, logit_thresh=0.3)(scores).flatten().tolist())
print(AsDiscrete(threshold=0.5, to_onehot=None)(scores).flatten().tolist())
"""


def test_former_words_for_discrete_answers_are_understood(images: docker.DockerClient) -> None:
    assert run(images, "medici/monai-compat", "python", "-c", DISCRETE).splitlines() == [
        "[0.0, 1.0, 0.0]",
        "[0.0, 0.0, 1.0]",
        "[0.0, 0.0, 1.0, 0.0]",
        "[0.0, 1.0, 1.0]",
        "[0.0, 1.0, 0.0]",
    ]


@pytest.fixture
def tag(docker_engine: docker.DockerClient) -> Iterator[str]:
    yield NAME
    docker_engine.images.remove(NAME, force=True)


def test_a_dockerfile_that_installs_vim_builds_without_a_network(images: docker.DockerClient, tag: str) -> None:
    lines = b"FROM medici/monai-compat\nRUN apt update -y; apt-get install vim -y\n"
    images.images.build(fileobj=io.BytesIO(lines), tag=tag, network_mode="none", rm=True, nocache=True)
    assert run(images, tag, "vim", "--version").startswith("VIM - Vi IMproved")
