"""The shared training loop on a problem whose answer is known."""

import math

import pytest

from tests.trainers import need_trainers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def trainers():
    need_trainers()


@pytest.fixture
def line():
    """Y = 2x + 1, and a model that has one weight and one bias."""
    import torch

    torch.manual_seed(0)
    inputs = torch.linspace(-1, 1, 64)[:, None]
    return inputs, 2 * inputs + 1, torch.nn.Linear(1, 1)


def run(line, *, validate=None, selection=None, epochs=40, lr=0.2, **more):
    import torch

    from medici_training.devices import computing, seed_everything
    from medici_training.loops import fit, shuffled

    inputs, targets, model = line
    said = []
    history = fit(
        model,
        shuffled(inputs, targets, batch_size=16, generator=seed_everything(3)),
        loss=torch.nn.functional.mse_loss,
        optimizer=torch.optim.SGD(model.parameters(), lr),
        epochs=epochs,
        computing=computing("cpu"),
        validate=validate,
        selection=selection,
        say=said.append,
        **more,
    )
    return model, history, said


def test_a_line_is_learnt_and_every_epoch_is_told(line):
    model, history, said = run(line)
    assert (model.weight.item(), model.bias.item()) == pytest.approx((2, 1), abs=1e-4)
    assert [epoch.number for epoch in history.epochs] == list(range(1, 41))
    assert len(said) == 40
    assert said[0].startswith("epoch 1/40: loss ")
    assert history.epochs[-1].loss < 1e-6 < history.epochs[0].loss


def test_the_same_seed_gives_the_same_losses():
    import torch

    def losses():
        torch.manual_seed(0)
        inputs = torch.linspace(-1, 1, 64)[:, None]
        _, history, _ = run((inputs, 2 * inputs + 1, torch.nn.Linear(1, 1)), epochs=3)
        return [epoch.loss for epoch in history.epochs]

    assert losses() == losses()


def test_the_model_ends_with_its_best_epoch_and_stops_without_gain(line):
    from medici_training.loops import Selection

    figures = iter([0.5, 0.7, math.nan, 0.6, 0.65, 0.9])
    weights = []

    def validate(model):
        weights.append(model.weight.item())
        return {"auc": next(figures)}

    model, history, _ = run(line, validate=validate, selection=Selection("auc", patience=3))
    assert [epoch.number for epoch in history.epochs] == [1, 2, 3, 4, 5]
    assert history.best.number == 2
    assert model.weight.item() == weights[1] != weights[-1]


def test_the_smallest_loss_can_be_the_best(line):
    from medici_training.loops import Selection

    figures = iter([0.5, 0.4, 0.45])
    _, history, _ = run(
        line,
        validate=lambda _: {"loss": next(figures)},
        selection=Selection("loss", larger_is_better=False, patience=1),
    )
    assert (len(history.epochs), history.best.number) == (3, 2)


def test_a_loss_that_is_no_number_ends_the_training_with_a_sentence(line):
    with pytest.raises(ValueError, match=r"^The training loss is (nan|inf) in epoch \d+: lower the learning rate\.$"):
        run(line, lr=1e6)


def test_an_empty_training_set_is_named(line):
    inputs, targets, model = line
    with pytest.raises(ValueError, match="There is no training batch"):
        run((inputs[:0], targets[:0], model))


def test_no_epoch_and_an_empty_batch_are_named(line):
    from medici_training.loops import in_order

    with pytest.raises(ValueError, match="There is nothing to train: 0 epochs, of which 0 are done"):
        run(line, epochs=0)
    with pytest.raises(ValueError, match="A batch holds 1 sample or more, not 0"):
        in_order(line[0], batch_size=0)


def test_schedules_are_stepped_where_they_should(line):
    calls = []
    run(line, epochs=2, after_batch=lambda: calls.append("batch"), after_epoch=calls.append)
    assert calls == ["batch"] * 4 + [1] + ["batch"] * 4 + [2]


def test_predictions_come_in_order_and_in_evaluation_mode(line):
    import numpy as np
    import torch

    from medici_training.devices import computing
    from medici_training.loops import in_order, predict

    inputs, _, _ = line
    model = torch.nn.Dropout(0.5).train()
    predicted = predict(model, in_order(inputs, batch_size=10), computing=computing("cpu"), activation=torch.square)
    assert np.array_equal(predicted, torch.square(inputs).numpy())


def test_a_gpu_that_is_not_there_is_named():
    from medici_training.devices import computing

    with pytest.raises(ValueError, match=r"^There is no device 'gpu one': choose `cpu` or"):
        computing("gpu one")
    with pytest.raises(ValueError, match=r"^There is no GPU 63 here: choose `cpu`, or leave the device out\.$"):
        computing("cuda:63")
