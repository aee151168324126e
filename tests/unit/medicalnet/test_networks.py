"""MedicalNet's networks: sizes, the published counts, and checkpoints by the published names."""

import pytest

from tests.trainers import need_trainers

pytestmark = pytest.mark.slow

PUBLISHED_M = {10: 14.36, 18: 32.99, 34: 63.31, 50: 46.21, 101: 85.31, 152: 117.51, 200: 126.74}


@pytest.fixture(scope="module", autouse=True)
def torch():
    need_trainers()
    import torch

    torch.set_num_threads(1)
    return torch


@pytest.mark.parametrize("depth", PUBLISHED_M)
def test_parameter_counts_are_the_published_ones(torch, depth):
    from medici_training.volumes.resnet import SegmentationNet, count_published

    with torch.device("meta"):
        assert round(count_published(SegmentationNet(depth, 2)) / 1e6, 2) == PUBLISHED_M[depth]


@pytest.mark.parametrize("depth", PUBLISHED_M)
def test_monais_networks_have_as_many_within_half_a_percent(torch, depth):
    import monai.networks.nets

    from medici_training.volumes.resnet import PUBLISHED_SHORTCUTS

    build = getattr(monai.networks.nets, f"resnet{depth}")
    shortcut = PUBLISHED_SHORTCUTS.get(depth, "B")
    with torch.device("meta"):
        made = build(
            pretrained=False, spatial_dims=3, n_input_channels=1, feed_forward=False, shortcut_type=shortcut,
            bias_downsample=shortcut == "B",
        )  # fmt: skip
    count = sum(parameter.numel() for parameter in made.parameters()) / 1e6
    assert abs(count / PUBLISHED_M[depth] - 1) < 0.005


@pytest.mark.parametrize(("depth", "shortcut"), [(10, "A"), (10, "B"), (18, "A"), (50, "A"), (50, "B")])
def test_features_at_an_eighth_and_maps_at_a_quarter(torch, depth, shortcut):
    from medici_training.volumes.resnet import ClassificationNet, SegmentationNet

    volumes = torch.rand(1, 1, 16, 24, 32)
    network = SegmentationNet(depth, 3, shortcut).eval()
    with torch.inference_mode():
        assert network.features(volumes).shape == (1, network.features_width, 2, 3, 4)
        assert network(volumes).shape == (1, 3, 4, 6, 8)
        assert ClassificationNet(depth, 2, shortcut).eval()(volumes).shape == (1, 2)


def test_dilations_and_the_shortcuts_gradient(torch):
    from medici_training.volumes.resnet import SegmentationNet

    network = SegmentationNet(10, 2, "A")
    stages = [getattr(network, f"layer{number}")[0].conv1 for number in (1, 2, 3, 4)]
    assert [stage.dilation[0] for stage in stages] == [1, 1, 2, 4]
    assert [stage.stride[0] for stage in stages] == [1, 2, 1, 1]
    padded = torch.rand(1, 64, 4, 4, 4, requires_grad=True)
    network.layer2[0].downsample(padded).sum().backward()
    assert padded.grad[:, :, ::2, ::2, ::2].eq(1).all()  # upstream cuts the gradient here


def test_other_depths_are_one_sentence(torch):
    from medici_training.volumes.resnet import SegmentationNet

    with pytest.raises(ValueError, match="MedicalNet has depths 10, 18, 34, 50, 101, 152, 200 and shortcuts A and B"):
        SegmentationNet(12, 2)


# ---- checkpoints ----


def upstream_state(torch, depth, shortcut):
    """The arrays of a published checkpoint, named as upstream names them; values that no initialisation gives."""
    stem = {"conv1.weight": (64, 1, 7, 7, 7), **norm("bn1", 64)}
    blocks = {10: (1, 1, 1, 1), 50: (3, 4, 6, 3)}[depth]
    inputs, names = 64, dict(stem)
    for stage, (count, width) in enumerate(zip(blocks, (64, 128, 256, 512), strict=True), start=1):
        for block in range(count):
            outputs = width * (4 if depth == 50 else 1)
            names |= block_of(f"layer{stage}.{block}", inputs, width, outputs)
            if block == 0 and shortcut == "B" and (stage == 2 or inputs != outputs):
                names[f"layer{stage}.0.downsample.0.weight"] = (outputs, inputs, 1, 1, 1)
                names |= norm(f"layer{stage}.0.downsample.1", outputs)
            inputs = outputs
    generator = torch.Generator().manual_seed(depth)
    return {f"module.{name}": torch.rand(shape, generator=generator) for name, shape in names.items()}


def norm(name, width):
    return {f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}


def block_of(name, inputs, width, outputs):
    if outputs == width:
        shapes = [(width, inputs, 3, 3, 3), (width, width, 3, 3, 3)]
    else:
        shapes = [(width, inputs, 1, 1, 1), (width, width, 3, 3, 3), (outputs, width, 1, 1, 1)]
    made = {}
    for number, shape in enumerate(shapes, start=1):
        made[f"{name}.conv{number}.weight"] = shape
        made |= norm(f"{name}.bn{number}", shape[0])
    return made


@pytest.mark.parametrize(("depth", "shortcut"), [(10, "A"), (10, "B"), (50, "B")])
def test_published_checkpoints_load(torch, tmp_path, depth, shortcut):
    from medici_training.volumes.checkpoints import load_pretrained
    from medici_training.volumes.resnet import ClassificationNet, SegmentationNet

    state = upstream_state(torch, depth, shortcut)
    state["module.conv_seg.0.weight"] = torch.zeros(3)  # of another task: never taken
    torch.save({"state_dict": state}, tmp_path / "resnet.pth")
    for network in (SegmentationNet(depth, 3, shortcut), ClassificationNet(depth, 2, shortcut)):
        new = {
            name: value.clone()
            for name, value in network.state_dict().items()
            if name.split(".")[0] in ("conv_seg", "fc")
        }
        assert load_pretrained(network, tmp_path / "resnet.pth") == len(state) - 1
        held = network.state_dict()
        assert all(
            torch.equal(held[name.removeprefix("module.")], value)
            for name, value in state.items()
            if "conv_seg" not in name
        )
        assert all(torch.equal(held[name], value) for name, value in new.items())


def test_a_checkpoint_of_another_network_names_what_differs(torch, tmp_path):
    from medici_training.volumes.checkpoints import CheckpointUnfit, load_pretrained, load_trained
    from medici_training.volumes.resnet import SegmentationNet

    path = tmp_path / "resnet_10.pth"
    torch.save({"state_dict": upstream_state(torch, 10, "B")}, path)
    with pytest.raises(CheckpointUnfit) as caught:
        load_pretrained(SegmentationNet(10, 2, "A"), path)
    assert str(caught.value) == (
        f"{path} is of another network; check depth, shortcut and classes (it has besides: "
        "layer2.0.downsample.0.weight, layer2.0.downsample.1.weight, layer2.0.downsample.1.bias, "
        "layer2.0.downsample.1.running_mean and 11 more)."
    )
    with torch.device("meta"), pytest.raises(CheckpointUnfit, match=r"it lacks: layer1\.1\.conv1\.weight"):
        load_pretrained(SegmentationNet(18, 2, "B"), path)
    torch.save(SegmentationNet(10, 2).state_dict(), path)
    with pytest.raises(CheckpointUnfit, match=r"other shapes are: conv_seg.6.weight \(2x32x1x1x1 for 3x32x1x1x1\)"):
        load_trained(SegmentationNet(10, 3), path)


def test_files_that_are_no_checkpoints(torch, tmp_path):
    from medici_training.volumes.checkpoints import CheckpointUnfit, read_state

    path = tmp_path / "resnet.pth"
    with pytest.raises(CheckpointUnfit, match=r"There is no checkpoint .*resnet\.pth"):
        read_state(path)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointUnfit, match="is no checkpoint of tensors"):
        read_state(path)
    torch.save({"state_dict": {"a": 1}}, path)
    with pytest.raises(CheckpointUnfit, match="holds no weights"):
        read_state(path)


def test_shares_of_classes_add_up(torch):
    from medici_training.volumes.segmentation import class_shares

    labels = torch.zeros(1, 4, 4, 4, dtype=torch.uint8)
    labels[0, :, :, 3] = 2
    shares = class_shares(labels, 3, (1, 1, 2))
    assert shares.shape == (1, 3, 1, 1, 2)
    assert shares[0, :, 0, 0].T.tolist() == [[1.0, 0.0, 0.0], [0.5, 0.0, 0.5]]


def test_a_folder_is_segmented_in_the_images_grid_and_always_alike(torch, tmp_path):
    import numpy as np

    from medici_training.devices import Computing
    from medici_training.volumes.lists import ListUnusable, write_list
    from medici_training.volumes.nifti import read_volume, write_volume
    from medici_training.volumes.preparation import resized, windowed
    from medici_training.volumes.resnet import SegmentationNet
    from medici_training.volumes.segmentation import segment_folder

    torch.manual_seed(0)
    network, cpu = SegmentationNet(10, 3), Computing(torch.device("cpu"))
    affine = np.diag([-2.0, 3.0, -4.0, 1.0])
    values = np.random.default_rng(0).integers(-1000, 400, (20, 18, 22)).astype(np.int16)
    write_volume(tmp_path / "in/images/a.nii.gz", values, affine)
    write_list(tmp_path / "in/images.txt", ["images/a.nii.gz"])

    def prepare(volume):
        return windowed(resized(volume, (16, 16, 16), order=1), -1000, 400)

    for name in ("once", "twice"):
        assert segment_folder(network, prepare, cpu, source=tmp_path / "in", target=tmp_path / name) == 1
    assert (tmp_path / "once/a.nii.gz").read_bytes() == (tmp_path / "twice/a.nii.gz").read_bytes()
    made = read_volume(tmp_path / "once/a.nii.gz")
    assert (made.values.shape, made.values.dtype) == ((20, 18, 22), np.uint8)
    assert (made.affine == affine).all()
    assert set(np.unique(made.values)) <= {0, 1, 2}
    with pytest.raises(ListUnusable, match=r"There is no list .*images\.txt"):
        segment_folder(network, prepare, cpu, source=tmp_path, target=tmp_path)
