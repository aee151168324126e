"""The ResNets of MedMNIST's papers: their size, their options, and a training of a few seconds."""

import pytest

from medici_scoring.medmnist.results import read_results
from medici_training.medmnist import npz
from medici_training.medmnist.flags import FLAGS
from medici_training.standins import make_splits
from tests.trainers import need_trainers

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("trainers")]


@pytest.fixture(scope="module")
def trainers():
    need_trainers()


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("model", "resize", "count"),
    [
        ("resnet18", False, 11_173_449),  # CIFAR's with ten classes has 11,173,962
        ("resnet50", False, 23_518_793),  # 23,520,842
        ("resnet18", True, 11_181_129),  # ImageNet's with a thousand has 11,689,512
        ("resnet50", True, 23_526_473),  # 25,557,032
    ],
)
def test_networks_of_9_classes_have_as_many_parameters_as_published_ones(resnet, model, resize, count):
    network = resnet("network")
    assert parameters(network.build_network(network.Plan("pathmnist", model_flag=model, resize=resize))) == count


def test_networks_for_volumes(resnet):
    import torch
    from monai.networks.nets import resnet18

    network = resnet("network")
    volumes = torch.zeros(2, 9, 9, 9, dtype=torch.uint8)
    counts = {}
    for kind in ("Conv3d", "Conv2_5d", "ACSConv"):
        model = network.Classifier(network.Plan("fracturemnist3d", conv=kind)).eval()
        counts[kind] = parameters(model)
        with torch.no_grad():
            assert model(volumes).shape == (2, 3)
    flat = network.build_network(network.Plan("octmnist"))
    assert counts["ACSConv"] == counts["Conv2_5d"] == parameters(flat) - 513  # one class less
    deep = resnet18(
        spatial_dims=3, n_input_channels=1, num_classes=3, conv1_t_size=3, no_max_pool=True, bias_downsample=False
    )
    assert counts["Conv3d"] == parameters(deep)


def test_axial_coronal_and_sagittal_convolutions(resnet):
    import torch
    from torch.nn.functional import conv3d

    random = torch.Generator().manual_seed(0)
    flat = torch.nn.Conv2d(2, 7, 3, stride=2, padding=1)
    acs = resnet("convolutions").ACSConv(flat)
    volumes = torch.randn(1, 2, 8, 9, 10, generator=random)
    maps = acs(volumes)
    assert maps.shape == (1, 7, 4, 5, 5)
    bias = flat.bias[:, None, None, None]
    axial = conv3d(volumes, flat.weight[:3].unsqueeze(2), stride=2, padding=(0, 1, 1)) + bias[:3]
    sagittal = conv3d(volumes, flat.weight[5:].unsqueeze(4), stride=2, padding=(1, 1, 0)) + bias[5:]
    assert torch.allclose(maps[:, :3], axial)
    assert torch.allclose(maps[:, 5:], sagittal)


def test_inflated_weights_see_a_stack_of_equal_slices_as_one_slice(resnet):
    import torch

    flat = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, padding=1, bias=False))
    image = torch.randn(1, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    expected = flat(image)
    deep = resnet("convolutions").to_3d(torch.nn.Sequential(*flat), "Conv3d")
    middle = deep(image.unsqueeze(2).repeat(1, 1, 3, 1, 1))[:, :, 1]
    assert torch.allclose(middle, expected, atol=1e-6)


def test_what_a_network_sees_of_images(resnet):
    import torch

    network = resnet("network")
    grey = torch.tensor([[[0, 255], [51, 102]]], dtype=torch.uint8)
    seen = network.Pixels(network.Plan("octmnist", as_rgb=True, resize=True))(grey)
    assert seen.shape == (1, 3, 224, 224)
    assert seen[0, 2, ::112, ::112].flatten().tolist() == pytest.approx([-1, 1, -0.6, -0.2])
    shapes = network.Pixels(network.Plan("vesselmnist3d", shape_transform=True)).eval()
    assert shapes(torch.full((1, 2, 2, 2), 255, dtype=torch.uint8)).unique().tolist() == [0.5]


# ---- options ----


def test_the_two_versions_command_lines(resnet):
    read = resnet("options").read_options
    first = read(["bloodmnist"])
    assert (first.data_flag, first.recipe, first.num_epochs, first.batch_size) == ("bloodmnist", 1, 100, 128)
    words = (
        "--data_flag nodulemnist3d --output_root out --num_epochs 100 --size 28 --gpu_ids 0 --conv ACSConv "
        "--pretrained_3d i3d --download --as_rgb --model_flag resnet50 --run model2 --shape_transform"
    )
    second = read(words.split())
    assert (second.data_flag, second.recipe, second.batch_size, second.run) == ("nodulemnist3d", 2, 32, "model2")


def test_the_two_recipes(resnet):
    import torch

    recipes = resnet("options").RECIPES
    model = torch.nn.Linear(1, 1)
    first, second = (recipes[version].optimizer_of(model, None) for version in (1, 2))
    assert (type(first).__name__, first.defaults["lr"], first.defaults["momentum"]) == ("SGD", 0.001, 0.9)
    assert (type(second).__name__, second.defaults["lr"]) == ("Adam", 0.001)
    assert (recipes[1].milestones, recipes[2].milestones) == ((), (0.5, 0.75))


def test_the_command_line_wins_over_the_file(resnet, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("num_epochs: 20\nresize: true\nmodel_flag: resnet50\nlr: 1e-2\n")
    options = resnet("options").read_options(["--config", str(path), "--data_flag", "octmnist", "--num_epochs", "7"])
    assert (options.num_epochs, options.resize, options.model_flag, options.lr) == (7, True, "resnet50", 0.01)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("epochs: 3", "there is no option 'epochs'"),
        ("num_epochs: many", "num_epochs cannot be 'many'"),
        ("resize: 3", "resize must be true or false"),
        ("run: true", "run must not be true or false"),
        ("model_flag: resnet99", "model_flag must be one of resnet18, resnet50"),
        ("- 1", "must hold options"),
        ("a: b: c", "is no YAML file"),
    ],
    ids=["name", "number", "switch", "no switch", "choice", "list", "yaml"],
)
def test_a_file_of_options_is_checked(resnet, tmp_path, text, sentence):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        resnet("options").read_options(["--config", str(path), "bloodmnist"])


# ---- training ----


@pytest.fixture
def train(resnet, monkeypatch, tmp_path):
    """`train("breastmnist", ...)` in the folder `out`, on a file of a few images that is made for it."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run(*words, splits=("train", "val", "test"), name="breastmnist", count=12):
        root = tmp_path / "root"
        root.mkdir(exist_ok=True)
        npz.write(root / f"{name}.npz", make_splits(FLAGS[name], 28, dict.fromkeys(splits, count), 5))
        places = ("--data_root", str(root), "--output_root", str(tmp_path / "out"))
        monkeypatch.setattr("sys.argv", ["train.py", *words, *places])
        return resnet("train").main()

    return run


def test_a_training_leaves_the_model_and_the_evaluators_files(resnet, train, monkeypatch, tmp_path, capsys):
    assert train("--data_flag", "breastmnist", "--num_epochs", "1", "--run", "mine") == 0
    made = sorted(path.name.split("_[")[0] for path in (tmp_path / "out" / "breastmnist").iterdir())
    assert made == ["best_model.pth", "breastmnist_test", "breastmnist_train", "breastmnist_val", "training.json"]
    (test,) = (tmp_path / "out" / "breastmnist").glob("breastmnist_test_[[]AUC[]]*@mine.csv")
    trained = read_results(test, columns=(2,), cases=12)
    assert "test  auc: " in capsys.readouterr().out

    model = str(tmp_path / "out" / "breastmnist" / "best_model.pth")
    assert train("--data_flag", "breastmnist", "--num_epochs", "0", "--model_path", model, "--run", "again") == 0
    (again,) = (tmp_path / "out" / "breastmnist").glob("breastmnist_test_*@again.csv")
    assert (read_results(again, columns=(2,), cases=12) == trained).all()

    inference = resnet("inference_on_test")
    source, output = tmp_path / "in", tmp_path / "predicted"
    source.mkdir()
    npz.write_images(source / "breastmnist.npz", make_splits(FLAGS["breastmnist"], 28, {"test": 12}, 5)["test"].images)
    monkeypatch.setenv("IN", str(source))
    monkeypatch.setenv("OUT", str(output))
    monkeypatch.setattr(inference, "MODELS", tmp_path / "out")
    assert inference.main() == 0
    predicted = read_results(output / "breastmnist_test@resnet18.csv", columns=(2,), cases=12)
    assert predicted == pytest.approx(trained, abs=1e-5)


def test_version_1_and_volumes(train, tmp_path):
    assert train("breastmnist", "--num_epochs", "1", splits=("train", "val")) == 0
    assert not list((tmp_path / "out" / "breastmnist").glob("breastmnist_test*"))
    volumes = ("--data_flag", "vesselmnist3d", "--num_epochs", "1", "--shape_transform", "--batch_size", "2")
    assert train(*volumes, name="vesselmnist3d", splits=("train", "val"), count=2) == 0
    assert (tmp_path / "out" / "vesselmnist3d" / "best_model.pth").is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Name the set once"),
        (("mnist",), "MedMNIST has no flag 'mnist'"),
        (("octmnist",), "octmnist.npz is not there"),
        (("breastmnist", "--size", "99"), "breastmnist has no size 99"),
        (("breastmnist", "--batch_size", "0"), "--batch_size must be 1 or more, not 0"),
        (("breastmnist", "--num_epochs", "-1"), "--num_epochs must be 0 or more, not -1"),
        (("breastmnist", "--num_epochs", "0"), "name a model to evaluate with --model_path"),
        (("breastmnist", "--model_path", "nowhere.pth"), "There is no model nowhere.pth"),
        (("--data_flag", "nodulemnist3d", "--resize"), "they are not resized"),
    ],
    ids=["no set", "unknown set", "no file", "size", "batch", "epochs", "nothing to do", "no model", "resized volumes"],
)
def test_faults_end_in_a_sentence(train, capsys, words, sentence):
    assert train(*words) == 1
    assert sentence in capsys.readouterr().err


def test_without_a_network_the_download_says_where_the_file_is(train, resnet, monkeypatch, capsys, tmp_path):
    from urllib.error import URLError

    def refuse(*_args, **_options):
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    assert train("octmnist", "--download") == 1
    error = capsys.readouterr().err
    assert "octmnist.npz cannot be fetched here (no network)" in error
    assert "get https://zenodo.org/records/10519652/files/octmnist.npz?download=1" in error
    assert f"put the file into {tmp_path / 'root'}" in error
