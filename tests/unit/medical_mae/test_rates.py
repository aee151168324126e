"""Learning rates per layer and over time."""

import math

import pytest

from tests.trainers import need_trainers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def torch():
    need_trainers()
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    return torch


@pytest.fixture
def network(script):
    module = script("network")
    return module.VisionTransformer(module.SHAPES["vit_tiny_patch8"], 14)


def test_layers_below_learn_slower_by_the_decay(script, network):
    rates = script("rates")
    groups = rates.layer_groups(network, depth=4, weight_decay=0.05, layer_decay=0.55)
    found = {name: (group["lr_scale"], group["weight_decay"]) for group in groups for name in group["names"]}
    assert set(found) == {name for name, _ in network.named_parameters()}
    for name, scale, decay in (
        ("patch_embed.proj.weight", 0.55**5, 0.05),
        ("patch_embed.proj.bias", 0.55**5, 0.0),
        ("cls_token", 0.55**5, 0.0),
        ("pos_embed", 0.55**5, 0.0),
        ("blocks.0.attn.qkv.weight", 0.55**4, 0.05),
        ("blocks.3.mlp.fc2.weight", 0.55, 0.05),
        ("blocks.3.norm1.weight", 0.55, 0.0),
        ("fc_norm.weight", 1.0, 0.0),
        ("head.weight", 1.0, 0.05),
        ("head.bias", 1.0, 0.0),
    ):
        assert found[name] == (pytest.approx(scale), decay), name
    assert len(groups) == 12  # six layers, decaying and not


def test_the_rates_of_vit_small(script):
    """Twelve blocks: the patches' rate is 0.55^13 of the head's."""
    names = ("pos_embed", "blocks.0.norm1.bias", "blocks.11.mlp.fc1.bias", "norm.bias")
    assert [script("rates").layer_of(name, 12) for name in names] == [0, 1, 12, 13]


def test_warm_up_and_half_a_cosine_batch_by_batch(script, torch):
    rates = script("rates")
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([{"params": [weight], "lr_scale": 0.5}], lr=1)
    schedule = rates.WarmupCosine(optimizer, rate=0.8, epochs=6, batches=2, warmup=2, lowest=0.1)
    seen = []
    for _ in range(12):
        seen.append(optimizer.param_groups[0]["lr"])
        schedule()
    wanted = [0.0, 0.2, 0.4, 0.6]
    wanted += [0.1 + 0.7 * 0.5 * (1 + math.cos(math.pi * number / 8)) for number in range(8)]
    assert seen == pytest.approx([0.5 * rate for rate in wanted])
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)
    resumed = rates.WarmupCosine(optimizer, rate=0.8, epochs=6, batches=2, warmup=2, lowest=0.1, done_epochs=3)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(seen[6])
    assert resumed.done == 6


def test_a_fixed_rate_and_no_warm_up(script, torch):
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1)
    schedule = script("rates").WarmupCosine(optimizer, rate=0.3, epochs=2, batches=5, fixed=True)
    assert [schedule.at(epoch) for epoch in (0, 1, 2)] == [0.3] * 3


def test_the_base_rate_is_for_256_images(script):
    absolute_rate = script("rates").absolute_rate
    assert absolute_rate(None, 1.5e-4, 8 * 256) == pytest.approx(1.2e-3)
    assert absolute_rate(None, 2.5e-4, 8 * 128) == pytest.approx(1e-3)
    assert absolute_rate(0.5, 1.5e-4, 64) == 0.5


def test_pre_training_decays_matrices_alone(script, torch):
    model = script("autoencoder").build_autoencoder("mae_vit_tiny_patch8_dec64d2b")
    decaying, others = script("rates").decay_groups(model, 0.05)
    assert {parameter.ndim for parameter in others["params"]} == {1}
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.05, 0.0)
    assert not any(model.pos_embed is parameter for parameter in decaying["params"])


def test_lars_scales_matrices_and_not_vectors(script, torch):
    matrix, vector = torch.nn.Parameter(torch.full((2, 2), 3.0)), torch.nn.Parameter(torch.ones(2))
    optimizer = script("rates").Lars([matrix, vector], lr=10, weight_decay=0.0)
    matrix.grad, vector.grad = torch.full((2, 2), 0.5), torch.full((2,), 0.5)
    optimizer.step()
    assert torch.allclose(matrix, torch.full((2, 2), 3.0 - 10 * 0.001 * 6 / 1 * 0.5))
    assert torch.allclose(vector, torch.full((2,), 1 - 10 * 0.5))


def test_a_probes_batch_norm_becomes_part_of_its_head(script, torch):
    norm, linear = torch.nn.BatchNorm1d(6, eps=1e-6, affine=False), torch.nn.Linear(6, 3)
    head = torch.nn.Sequential(norm, linear)
    for _ in range(5):
        head(torch.randn(40, 6) * 3 + 2)
    head.eval()
    one = script("finetuning").folded(head)
    values = torch.randn(7, 6)
    assert torch.allclose(one(values), head(values), atol=1e-5)
