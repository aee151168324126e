"""Networks and checkpoints: the published names both ways, positions at other sizes, faults in one sentence."""

import argparse

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


@pytest.fixture(scope="module")
def timm():
    need_trainers()
    from medici_training.torchvision_on_cpu import prepare

    prepare()
    import timm

    return timm


@pytest.fixture(scope="module")
def small_vit(torch, timm):
    """Timm's ViT-S/16 of four blocks, as medical_mae builds its classifier, with weights that are all different."""
    model = timm.create_model("vit_small_patch16_224", global_pool="avg", num_classes=14, depth=4).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return model


def shallow(script, depth=4):
    import dataclasses

    return dataclasses.replace(script("network").SHAPES["vit_small_patch16"], depth=depth)


def test_ours_computes_what_timms_does(script, torch, small_vit):
    ours = script("network").VisionTransformer(shallow(script), 14).eval()
    assert set(ours.state_dict()) == set(small_vit.state_dict())
    script("checkpoints").load_whole(ours, small_vit.state_dict())
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        assert torch.allclose(ours(images), small_vit(images), atol=1e-5)


def test_timms_takes_what_ours_learned(script, torch, timm, tmp_path):
    """With the class token too, and through a file."""
    checkpoints = script("checkpoints")
    ours = script("network").VisionTransformer(shallow(script, 2), 5, pooled=False).eval()
    path = checkpoints.write_checkpoint(tmp_path / "ours.pth", ours, epoch=3)
    theirs = timm.create_model("vit_small_patch16_224", global_pool="token", num_classes=5, depth=2).eval()
    assert theirs.load_state_dict(torch.load(path, weights_only=True)["model"]) is not None
    images = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.allclose(theirs(images), ours(images), atol=1e-5)


PARAMETERS = {"vit_small_patch16": 21_671_054, "vit_base_patch16": 85_809_422}
AUTOENCODERS = {"mae_vit_small_patch16_dec512d2b": 28_663_936, "mae_vit_base_patch16_dec512d8b": 111_907_840}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_counts(script, torch, name):
    """Those of timm's `vit_…_patch16_224(global_pool='avg', num_classes=14)`."""
    network = script("network")
    with torch.device("meta"):
        ours = network.VisionTransformer(network.SHAPES[name], 14)
    assert sum(parameter.numel() for parameter in ours.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_parameter_counts_of_autoencoders(script, torch, name):
    with torch.device("meta"):
        model = script("autoencoder").build_autoencoder(name)
    assert sum(parameter.numel() for parameter in model.parameters()) == AUTOENCODERS[name]
    fixed = {each for each, parameter in model.named_parameters() if not parameter.requires_grad}
    assert fixed == {"pos_embed", "decoder_pos_embed"}


def published(torch, depth=12, width=384, decoder=512, decoder_depth=2):
    """A checkpoint with the tensors of the published ViT-S autoencoder, by their names."""

    def block(name, wide):
        return {
            f"{name}.norm1.weight": (wide,), f"{name}.norm1.bias": (wide,),
            f"{name}.attn.qkv.weight": (3 * wide, wide), f"{name}.attn.qkv.bias": (3 * wide,),
            f"{name}.attn.proj.weight": (wide, wide), f"{name}.attn.proj.bias": (wide,),
            f"{name}.norm2.weight": (wide,), f"{name}.norm2.bias": (wide,),
            f"{name}.mlp.fc1.weight": (4 * wide, wide), f"{name}.mlp.fc1.bias": (4 * wide,),
            f"{name}.mlp.fc2.weight": (wide, 4 * wide), f"{name}.mlp.fc2.bias": (wide,),
        }  # fmt: skip

    shapes = {
        "cls_token": (1, 1, width), "pos_embed": (1, 197, width), "mask_token": (1, 1, decoder),
        "decoder_pos_embed": (1, 197, decoder), "patch_embed.proj.weight": (width, 3, 16, 16),
        "patch_embed.proj.bias": (width,), "norm.weight": (width,), "norm.bias": (width,),
        "decoder_embed.weight": (decoder, width), "decoder_embed.bias": (decoder,),
        "decoder_norm.weight": (decoder,), "decoder_norm.bias": (decoder,),
        "decoder_pred.weight": (768, decoder), "decoder_pred.bias": (768,),
    }  # fmt: skip
    for number in range(depth):
        shapes |= block(f"blocks.{number}", width)
    for number in range(decoder_depth):
        shapes |= block(f"decoder_blocks.{number}", decoder)
    return {name: torch.randn(shape) * 0.02 for name, shape in shapes.items()}


def test_published_checkpoints_load_into_both_networks(script, torch, tmp_path):
    """Pickled with its arguments and from several processes, as the published program writes it."""
    checkpoints, network = script("checkpoints"), script("network")
    state = published(torch)
    content = {"model": {f"module.{name}": value for name, value in state.items()}, "epoch": 799}
    torch.save({**content, "args": argparse.Namespace(mask_ratio=0.9, model="mae")}, tmp_path / "theirs.pth")
    found = checkpoints.read_checkpoint(tmp_path / "theirs.pth")
    assert found["epoch"] == 799
    autoencoder = script("autoencoder").build_autoencoder("mae_vit_small_patch16_dec512d2b")
    assert sum(map(torch.numel, state.values())) == AUTOENCODERS["mae_vit_small_patch16_dec512d2b"]
    assert str(checkpoints.load_whole(autoencoder, found["model"])) == "182 tensors loaded."
    classifier = network.VisionTransformer(network.SHAPES["vit_small_patch16"], 14)
    assert str(checkpoints.load_encoder(classifier, found["model"])) == (
        "148 tensors loaded; left new: fc_norm.weight, fc_norm.bias, head.weight, head.bias."
    )
    own = classifier.state_dict()
    assert all(torch.equal(own[name], state[name]) for name in own if name in state)


def test_positions_at_another_size(script, torch):
    positions = script("positions")
    network = script("network")
    state = {name: value for name, value in published(torch).items() if not name.startswith("decoder")}
    classifier = network.VisionTransformer(network.SHAPES["vit_small_patch16"], 14, size=448)
    loaded = script("checkpoints").load_encoder(classifier, state)
    assert loaded.moved == ("pos_embed",)
    assert classifier.pos_embed.shape == (1, 785, 384)
    assert torch.equal(classifier.pos_embed[:, 0], state["pos_embed"][:, 0])
    ramp = torch.arange(4.0).repeat(4)  # the column of each patch of a 4x4 grid
    wide = positions.interpolated(torch.cat([torch.tensor([9.0]), ramp])[None, :, None], 1 + 8 * 8)
    grid = wide[0, 1:, 0].reshape(8, 8)
    assert wide[0, 0, 0] == 9
    assert torch.allclose(grid, grid[:1].expand(8, 8))
    assert (grid[0].diff() > 0).all()
    with pytest.raises(ValueError, match="7 positions are no square grid"):
        positions.interpolated(torch.zeros(1, 8, 4), 17)


def test_sines_and_cosines_in_the_published_order(script, torch):
    """Columns first, sines first, the class token at zero: as a table by hand."""
    table = script("positions").sin_cos(8, 2)[0]
    assert table.shape == (5, 8)
    assert table[0].tolist() == [0.0] * 8
    for row in (0, 1):
        for column in (0, 1):
            angles = [torch.tensor([place, place * 0.01], dtype=torch.float64) for place in (column, row)]
            wanted = torch.cat([part for angle in angles for part in (angle.sin(), angle.cos())]).float()
            assert torch.allclose(table[1 + 2 * row + column], wanted)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("blocks.1.attn.qkv.weight"), r"it lacks blocks\.1\.attn\.qkv\.weight"),
        (lambda s: s.update({"cls_token": s["cls_token"][..., :9]}), "cls_token is 1x1x9, not 1x1x384"),
        (lambda s: s.clear(), r"it lacks cls_token, pos_embed, patch_embed.proj.weight, .* and 23 more"),
    ],
    ids=["missing", "shape", "empty"],
)
def test_checkpoints_that_do_not_fit(script, torch, change, sentence):
    checkpoints = script("checkpoints")
    state = published(torch, depth=2)
    change(state)
    classifier = script("network").VisionTransformer(shallow(script, 2), 14)
    with pytest.raises(checkpoints.CheckpointUnfit, match=sentence):
        checkpoints.load_encoder(classifier, state)


def test_what_is_left_over_is_named(script, torch):
    checkpoints, network = script("checkpoints"), script("network")
    state = published(torch, depth=2) | {"extra": torch.zeros(1), "head.weight": torch.zeros(1000, 384)}
    loaded = checkpoints.load_encoder(network.VisionTransformer(shallow(script, 2), 14), state)
    assert loaded.unused == ("extra",)
    assert "head.weight" in loaded.new
    with pytest.raises(checkpoints.CheckpointUnfit, match=r"holds extra, head\.weight, for which there is no place"):
        checkpoints.load_whole(_shallow_autoencoder(script), state)


def _shallow_autoencoder(script):
    import dataclasses

    module, network = script("autoencoder"), script("network")
    form = module.AUTOENCODERS["mae_vit_small_patch16_dec512d2b"]

    class Shallow(type(form)):
        shape = dataclasses.replace(network.SHAPES[form.encoder], depth=2)

    return module.MaskedAutoencoder(Shallow(form.encoder, form.width, form.depth, form.heads))


def test_files_that_are_no_checkpoints(script, torch, tmp_path):
    checkpoints = script("checkpoints")
    (tmp_path / "text.pth").write_text("no checkpoint")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"model": {"a": 1}}, tmp_path / "numbers.pth")
    torch.save({"model": {}, "args": pytest.Item}, tmp_path / "code.pth")
    for name, sentence in {
        "absent.pth": "is not there",
        "text.pth": "no checkpoint that can be read",
        "list.pth": "holds no mapping of tensors",
        "numbers.pth": "holds no tensors by name",
        "code.pth": "no checkpoint that can be read without running code",
    }.items():
        with pytest.raises(checkpoints.CheckpointUnfit, match=sentence):
            checkpoints.read_checkpoint(tmp_path / name)


def test_the_loss_is_the_error_on_hidden_patches_alone(script, torch):
    module = script("autoencoder")
    model = module.build_autoencoder("mae_vit_tiny_patch8_dec64d2b").eval()
    images = torch.randn(3, 1, 64, 64)
    with torch.no_grad():
        loss, painted, mask = model(images)
    assert mask.sum(dim=1).tolist() == [58.0] * 3  # int(64 * 0.1) = 6 of 64 are seen
    error = (painted - module.patchify(images, 8)).square().mean(dim=-1)
    assert loss.item() == pytest.approx(error[mask == 1].mean().item(), rel=1e-5)
    assert torch.equal(module.unpatchify(module.patchify(images, 8), 8, 1), images)


def test_the_loss_on_normalised_pixels(script, torch):
    """Contrast and brightness of a patch do not matter then."""
    model = script("autoencoder").build_autoencoder("mae_vit_tiny_patch8_dec64d2b", norm_pix=True).eval()
    images = torch.randn(1, 1, 64, 64)
    painted, mask = torch.randn(1, 64, 64), torch.ones(1, 64)
    assert model.loss(images, painted, mask).item() == pytest.approx(
        model.loss(images * 3 + 1, painted, mask).item(), rel=1e-4
    )


def test_visible_patches_go_in_and_all_come_back_in_place(script, torch):
    model = script("autoencoder").build_autoencoder("mae_vit_tiny_patch8_dec64d2b", mask_ratio=0.5)
    tokens = torch.arange(64.0)[None, :, None].expand(2, 64, 1)
    seen, mask, order = model.hide(tokens)
    assert seen.shape == (2, 32, 1)
    for sample in (0, 1):
        assert sorted(seen[sample, :, 0].tolist()) == torch.nonzero(mask[sample] == 0)[:, 0].tolist()
        restored = torch.cat([seen[sample, :, 0], torch.full((32,), -1.0)])[order[sample]]
        assert torch.equal(restored[mask[sample] == 0], tokens[sample, :, 0][mask[sample] == 0])
        assert (restored[mask[sample] == 1] == -1).all()
    assert not torch.equal(mask[0], mask[1])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "mae_vit_huge"}, "no autoencoder `mae_vit_huge`"),
        ({"name": "mae_vit_tiny_patch8_dec64d2b", "mask_ratio": 0.999}, "leaves 0 of 64 patches"),
        ({"name": "mae_vit_tiny_patch8_dec64d2b", "size": 60}, "60 pixels do not divide into patches of 8"),
    ],
    ids=["name", "ratio", "size"],
)
def test_autoencoders_that_cannot_be(script, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        script("autoencoder").build_autoencoder(**arguments)


def test_the_wrong_size_of_images_is_a_sentence(script, torch):
    network = script("network")
    classifier = network.VisionTransformer(network.SHAPES["vit_tiny_patch8"], 2)
    with pytest.raises(ValueError, match="takes images of 64x64 pixels, not 32x32"):
        classifier(torch.zeros(1, 1, 32, 32))
    with pytest.raises(ValueError, match="no network `resnet`"):
        network.shape_named("resnet")
