"""Stand-ins are not trivial: guessing and raw-pixel neighbours stay well below the light network."""

import pytest

from tests.trainers import need_trainers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def trainers():
    need_trainers()


@pytest.mark.parametrize(("name", "least"), [("bloodmnist", 0.90), ("octmnist", 0.75)])
def test_the_network_learns_what_neighbours_do_not_see(name, least):
    from medici_training.devices import computing
    from medici_training.medmnist import flags
    from medici_training.standins.table import measure

    found = measure(flags.get(name), 28, 2020, computing("cpu"))
    assert found.network >= least
    assert found.margin >= 0.08


@pytest.mark.parametrize("name", ["chestmnist", "nodulemnist3d"])
def test_the_light_network_takes_any_size(name):
    import torch

    from medici_training.medmnist import flags
    from medici_training.nets import light_cnn

    flag = flags.get(name)
    model = light_cnn(flag.channels, flag.classes, is_3d=flag.is_3d)
    for size in (28, 64):
        assert model(torch.zeros(2, 1, *flag.shape(size))).shape == (2, flag.classes)


def test_the_table_names_an_unknown_flag(capsys):
    from medici_training.standins.table import main

    assert main(["--flags", "mnist"]) == 1
    assert capsys.readouterr().err.startswith("MedMNIST has no flag 'mnist': choose one of pathmnist")
