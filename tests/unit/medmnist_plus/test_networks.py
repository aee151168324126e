"""The ten architectures and the three procedures, on random weights and tiny stand-ins."""

import numpy as np
import pytest

from medici_training.benchmark import names
from medici_training.benchmark.configuration import make_config
from medici_training.medmnist import flags
from medici_training.standins import make_splits
from tests.trainers import need_trainers

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    need_trainers()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import torch
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # it reads its variable once
    torch.set_num_threads(1)


def config_of(folder, **values):
    whole = {"data_path": str(folder), "output_path": str(folder), "architecture": "light_cnn", "pad_to": None}
    return make_config({**whole, "weights": "random", "learning_rate": 3e-3, **values}, where="test")


FEATURES = {
    "vgg16": 4096,
    "alexnet": 4096,
    "resnet18": 512,
    "densenet121": 1024,
    "efficientnet_b4": 1792,
    "vit_base_patch16_224": 768,
    "vit_base_patch16_clip_224": 768,
    "eva02_base_patch16_clip_224": 768,
    "vit_base_patch16_224.dino": 768,
    "samvit_base_patch16": 256,
}


@pytest.mark.parametrize("name", names.PUBLISHED)
def test_all_ten_are_built_with_the_classifier_that_is_asked(name):
    import torch

    from medici_training.benchmark.architectures import build

    with torch.device("meta"):
        built = build(name, 8, weights="random")
    assert (built.head.out_features, built.feature_count) == (8, FEATURES[name])
    assert (built.weights, built.weights_from) == ("random", "random, as asked")
    assert built.reading.pad_to == 224


@pytest.mark.parametrize("name", ["resnet18", "vit_base_patch16_224.dino", "alexnet"])
def test_images_come_out_as_scores_and_as_features(name):
    import torch

    from medici_training.benchmark.architectures import Features, build

    built = build(name, 8, weights="random")
    images = torch.zeros(1, 28, 28, 3, dtype=torch.uint8)
    with torch.no_grad():
        whole, features = built.whole.eval()(images), Features(built).eval()(images)
    assert whole.shape == (1, 8)
    assert features.shape == (1, FEATURES[name])
    assert torch.allclose(built.head(features), whole, atol=1e-5)


def test_grey_and_colour_are_padded_evenly_with_the_mean_colour():
    import torch

    from medici_training.benchmark.inputs import Reading

    reading = Reading((0.5, 0.25, 0.0), (0.5, 0.25, 1.0), pad_to=7)
    grey = reading(torch.full((2, 4, 4), 255, dtype=torch.uint8))
    assert grey.shape == (2, 3, 7, 7)
    assert torch.equal(grey[0, :, 1, 1], torch.tensor([1.0, 3.0, 1.0]))
    inside = torch.zeros(7, 7)
    inside[1:5, 1:5] = 1  # an odd rest goes right and below
    assert torch.equal(grey[0, 0], inside)
    colour = torch.zeros(1, 4, 4, 3, dtype=torch.uint8)
    colour[..., 2] = 51
    assert torch.allclose(reading(colour)[0, :, 2, 2], torch.tensor([-1.0, -1.0, 0.2]))
    with pytest.raises(ValueError, match="Images of 8 pixels do not fit into a square of 7"):
        reading(torch.zeros(1, 8, 8, dtype=torch.uint8))


def test_weights_come_from_a_folder_and_a_new_head_stays_random(tmp_path):
    import torch

    from medici_training.benchmark.architectures import build
    from medici_training.torchvision_on_cpu import prepare

    prepare()
    import timm

    torch.manual_seed(1)
    source = timm.create_model("resnet18", num_classes=1000)
    torch.save(source.state_dict(), tmp_path / "resnet18.pth")
    built = build("resnet18", 8, weights=str(tmp_path))
    assert (built.weights, built.weights_from) == ("pretrained", "the file resnet18.pth")
    assert torch.equal(built.network.conv1.weight, source.conv1.weight)
    assert built.head.out_features == 8


def test_what_the_folder_and_the_hub_lack_begins_at_random_and_says_so(tmp_path):
    from medici_training.benchmark.architectures import build

    for name in ("resnet18", "alexnet"):
        built = build(name, 8, weights=str(tmp_path))
        assert built.weights == "random"
        assert built.weights_from.startswith("random: the hub gave no weights (")


def test_faults_of_weights_and_names_are_sentences(tmp_path):
    from medici_training.benchmark.architectures import build

    (tmp_path / "resnet18.pth").write_bytes(b"no weights")
    for name, weights, sentence in (
        ("resnet18", str(tmp_path), r"resnet18.pth does not fit resnet18: "),
        ("resnet18", str(tmp_path / "gone"), "There is no folder of weights .*gone"),
        ("resnet19", "random", "There is no architecture 'resnet19'"),
    ):
        with pytest.raises(ValueError, match=sentence):
            build(name, 8, weights=weights)


@pytest.fixture(scope="module")
def blood():
    return make_splits(flags.get("bloodmnist"), 28, {"train": 64, "val": 16, "test": 24}, 2020)


def trained(config, splits):
    from medici_training.benchmark.procedures import build_for, train
    from medici_training.devices import computing

    built, generator = build_for(config)
    before = {name: value.clone() for name, value in built.network.state_dict().items()}
    found = train(config, built, splits, computing("cpu"), generator, say=lambda _: None)
    return built, before, found


def test_linear_probing_trains_the_last_layer_and_lets_batch_norm_follow(blood, tmp_path):
    config = config_of(tmp_path, training_procedure="linearProbing", epochs=2)
    _, before, found = trained(config, blood)
    changed = {name for name, value in found.final.items() if not (value == before[name]).all()}
    statistics = {name for name in before if name.endswith(("running_mean", "running_var", "num_batches_tracked"))}
    assert changed == {"head.weight", "head.bias"} | statistics


def test_end_to_end_trains_everything_and_keeps_the_lowest_validation_loss(blood, tmp_path):
    config = config_of(tmp_path, epochs=8, patience=2, learning_rate=0.05, batch_size=16)
    built, before, found = trained(config, blood)
    assert all(not (found.final[name] == before[name]).all() for name in before)
    losses = [epoch.figures["val_loss"] for epoch in found.history.epochs]
    assert found.history.best.number == 1 + int(np.argmin(losses))
    assert len(losses) == min(8, found.history.best.number + 2)
    assert all((built.network.state_dict()[name] == value).all() for name, value in found.best.items())


def test_the_learning_rate_follows_half_a_cosine(blood, tmp_path, monkeypatch):
    import torch

    rates = []
    step = torch.optim.AdamW.step
    monkeypatch.setattr(
        torch.optim.AdamW, "step", lambda self, *_, **__: (rates.append(self.param_groups[0]["lr"]), step(self))[1]
    )
    trained(config_of(tmp_path, epochs=4, patience=9, batch_size=64), blood)
    assert rates == pytest.approx([3e-3 * (1 + np.cos(np.pi * epoch / 4)) / 2 for epoch in range(4)])


def test_the_same_seed_gives_the_same_scores(blood, tmp_path):
    from medici_training.benchmark.procedures import scores
    from medici_training.devices import computing

    config, on = config_of(tmp_path, epochs=1), computing("cpu")
    one, other = (scores(config, trained(config, blood)[0], blood["test"].images, on, None) for _ in range(2))
    assert (one == other).all()
    assert one.shape == (24, 8)
    assert one.sum(axis=1) == pytest.approx(1)


def test_k_is_honoured_and_votes_are_those_of_scikit_learn(blood, tmp_path):
    from sklearn.neighbors import KNeighborsClassifier

    from medici_training.benchmark.procedures import build_for, features, fill_bank, scores
    from medici_training.devices import computing

    on, predicted = computing("cpu"), {}
    for k in (1, 11):
        config = config_of(tmp_path, training_procedure="kNN", k=k)
        built, _ = build_for(config)
        bank = fill_bank(config, built, blood["train"], on)
        predicted[k] = scores(config, built, blood["test"].images, on, bank).argmax(axis=1)
        theirs = KNeighborsClassifier(k, algorithm="ball_tree").fit(bank.features, blood["train"].labels[:, 0])
        assert (predicted[k] == theirs.predict(features(config, built, blood["test"].images, on))).all()
    assert (predicted[1] != predicted[11]).any()
    with pytest.raises(ValueError, match="k is 65, but there are only 64 training images"):
        bank.votes(bank.features, k=65)


def test_multi_label_neighbours_say_yes_above_one_half(tmp_path):
    from medici_training.benchmark.neighbours import Bank, as_truth

    truth = as_truth(np.array([[1, 0], [1, 1], [0, 1]]), 2)
    votes = Bank(np.array([[0.0], [1.0], [2.0]]), truth).votes(np.array([[0.4]]), k=2)
    assert votes.tolist() == [[1.0, 0.5]]


@pytest.mark.parametrize("procedure", names.PROCEDURES)
def test_a_prototype_in_a_file_scores_as_before(procedure, blood, tmp_path):
    from medici_training.benchmark.procedures import build_for, fill_bank
    from medici_training.benchmark.prototypes import Prototype, load
    from medici_training.devices import computing

    config, on = config_of(tmp_path, training_procedure=procedure, k=3), computing("cpu")
    built, _ = build_for(config)
    prototype = Prototype(config, built, fill_bank(config, built, blood["train"], on) if procedure == "kNN" else None)
    prototype.save(tmp_path / "bloodmnist.pt")
    again = load(tmp_path / "bloodmnist.pt")
    assert again.config == config
    assert (again.scores(blood["test"].images, on) == prototype.scores(blood["test"].images, on)).all()
    (tmp_path / "bloodmnist.pt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is no prototype of this benchmark"):
        load(tmp_path / "bloodmnist.pt")
