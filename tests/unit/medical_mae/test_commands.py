"""The published commands at tiny settings, from pre-training to the predictions that are scored."""

import csv
import re
import zlib

import numpy as np
import pytest
from PIL import Image

from medici_scoring.local import score_bundle
from tests.trainers import need_trainers

pytestmark = pytest.mark.slow

TINY = ("--num_workers", "0", "--in_memory", "--device", "cpu", "--batch_size", "16")
PRETRAIN = ("--model", "mae_vit_tiny_patch8_dec64d2b", "--mask_ratio", "0.75", "--warmup_epochs", "1", *TINY)


@pytest.fixture(scope="module", autouse=True)
def torch():
    need_trainers()
    import torch

    torch.set_num_threads(1)
    return torch


@pytest.fixture
def command(script, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run(name, *words):
        script(name).main([str(word) for word in words])

    return run


@pytest.fixture
def lists(small, tmp_path_factory):
    """The flags that name all images in one folder and the lists of two splits; and the list of the third."""
    public, answers = small / "public_data", small / "reference_data" / "testing" / "answers.txt"
    images = tmp_path_factory.mktemp("images")
    for path in (*(public / "images").iterdir(), *(small / "input_data" / "testing").glob("*.png")):
        (images / path.name).symlink_to(path)
    paths = ("--data_path", images, "--train_list", public / "train_list.txt")
    return (*paths, "--val_list", public / "val_list.txt"), answers


def pretrain(command, small, output, *words):
    public = small / "public_data"
    source = ("--data_path", public / "images", "--train_list", public / "train_list.txt", "--output_dir", output)
    command("main_pretrain_multi_datasets_xray", *PRETRAIN, *source, *words)


@pytest.fixture(scope="module")
def pretrained(script, small, tmp_path_factory):
    output = tmp_path_factory.mktemp("pretrained")
    pretrain(lambda name, *words: script(name).main([str(word) for word in words]), small, output, "--epochs", 2)
    return output / "checkpoint-1.pth"


def test_pre_training_goes_on_where_it_stopped(command, small, torch, tmp_path):
    """Two epochs and then two more give the very weights of four in a row."""
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    pretrain(command, small, whole, "--epochs", 4, "--save_interval", 1)
    pretrain(command, small, halves, "--epochs", 4, "--resume", whole / "checkpoint-1.pth")
    log = (halves / "log.txt").read_text()
    assert re.findall(r"epoch (\d)/4", log) == ["3", "4"]
    assert re.findall(r"epoch (\d)/4", (whole / "log.txt").read_text()) == ["1", "2", "3", "4"]
    one, other = (torch.load(folder / "checkpoint-3.pth", weights_only=True) for folder in (whole, halves))
    assert one["epoch"] == other["epoch"] == 3
    assert one["optimizer"]["param_groups"] == other["optimizer"]["param_groups"]
    assert all(torch.equal(one["model"][name], other["model"][name]) for name in one["model"])
    with pytest.raises(ValueError, match="has trained for 4 epochs already"):
        pretrain(command, small, tmp_path / "more", "--epochs", 4, "--resume", whole / "checkpoint-3.pth")


def test_fine_tuning_leaves_what_the_submission_takes(command, script, small, complete, lists, pretrained, tmp_path):
    """Train, predict in the submission's program, score in the bundle's."""
    paths, answers = lists
    command("main_finetune_chestxray", "--model", "vit_tiny_patch8", "--finetune", pretrained, *paths,
            "--test_list", answers, "--epochs", 3, "--eval_interval", 2, "--warmup_epochs", 1, *TINY,
            "--output_dir", tmp_path)  # fmt: skip
    log = (tmp_path / "log.txt").read_text()
    assert "52 tensors loaded; left new: fc_norm.weight, fc_norm.bias, head.weight, head.bias." in log
    assert "(no --build_timm_transform)" in log
    assert ["mAUC" in line for line in log.splitlines() if line.startswith("epoch")] == [True, False, True]
    measured = float(re.search(r"24 test images: mAUC (\S+)", log)[1])
    inference = script("inference_on_test")
    inference.IN, inference.OUT = small / "input_data" / "testing", tmp_path / "res"
    inference.MODEL = tmp_path / "model.pth"
    inference.OUT.mkdir()
    assert inference.main() == 0
    with (inference.OUT / "predictions.csv").open(newline="") as file:
        header, *rows = list(csv.reader(file))
    assert header == ["image", *script("lists").NIH]
    assert len(rows) == 24
    assert all(0 <= float(cell) <= 1 for row in rows for cell in row[1:])
    for name in ("competition.yaml", "scoring_program"):
        (tmp_path / name).symlink_to(complete / name)
    (tmp_path / "reference_data").symlink_to(small / "reference_data")
    ended = score_bundle(tmp_path, inference.OUT, tmp_path / "out", task="Test")
    assert ended.scores.values["mauc"] == pytest.approx(measured, abs=1e-4)


def test_the_same_seed_the_same_model(command, small, lists, torch, tmp_path):
    paths, _ = lists
    for name in ("one", "other"):
        command("main_finetune_chestxray", "--model", "vit_tiny_patch8", *paths, "--epochs", 1, *TINY,
                "--output_dir", tmp_path / name)  # fmt: skip
    one, other = (torch.load(tmp_path / name / "model.pth", weights_only=True)["model"] for name in ("one", "other"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_timms_augmentation_is_used_where_timm_is(command, lists, tmp_path):
    paths, _ = lists
    command("main_finetune_chestxray", "--model", "vit_tiny_patch8", *paths, "--epochs", 1, *TINY,
            "--build_timm_transform", "--output_dir", tmp_path)  # fmt: skip
    assert "Augmentation: timm's, --aa rand-m6-mstd0.5-inc1." in (tmp_path / "log.txt").read_text()


def test_an_augmentation_that_timm_has_not_is_named(command, lists, tmp_path):
    words = (*TINY, "--model", "vit_tiny_patch8", "--epochs", "1", "--output_dir", tmp_path / "out")
    with pytest.raises(ValueError, match="timm knows no augmentation `bogus`"):
        command("main_finetune_chestxray", *words, *lists[0], "--build_timm_transform", "--aa", "bogus")


def test_linear_probing_changes_the_head_alone(command, lists, pretrained, torch, tmp_path):
    paths, answers = lists
    shared = ("--model", "vit_tiny_patch8", "--finetune", pretrained, *paths, *TINY)
    command("main_linprobe_chestxray", *shared, "--epochs", 2, "--warmup_epochs", 1, "--output_dir", tmp_path)
    probed = torch.load(tmp_path / "model.pth", weights_only=True)["model"]
    before = torch.load(pretrained, weights_only=True)["model"]
    assert all(torch.equal(before[name], probed[name]) for name in probed if not name.startswith("head"))
    command("main_linprobe_chestxray", "--model", "vit_tiny_patch8", "--eval", "--finetune", tmp_path / "model.pth",
            "--data_path", paths[1], "--test_list", answers, *TINY, "--output_dir", tmp_path / "eval")  # fmt: skip
    assert "24 test images: mAUC" in (tmp_path / "eval" / "log.txt").read_text()


def test_covidx_is_one_class_of_four(command, script, small, torch, tmp_path):
    names = script("lists").read_names(small / "input_data" / "testing" / "images.txt")
    kinds = script("sources").COVIDX
    for split in ("train", "val", "test"):
        (tmp_path / split).mkdir()
        lines = []
        for number, name in enumerate(names[:8]):
            (tmp_path / split / name).write_bytes((small / "input_data" / "testing" / name).read_bytes())
            lines.append(f"{number} {name} {kinds[number % 4]} here\n")
        (tmp_path / f"{split}_COVIDx9A.txt").write_text("".join(lines))
    command("main_finetune_chestxray", "--dataset", "covidx", "--nb_classes", 4, "--model", "vit_tiny_patch8",
            "--data_path", tmp_path, "--epochs", 1, *TINY, "--output_dir", tmp_path / "out")  # fmt: skip
    assert re.search(r"8 test images: ACC [01]\.\d{4}", (tmp_path / "out" / "log.txt").read_text())
    assert torch.load(tmp_path / "out" / "model.pth", weights_only=True)["single_label"] is True


@pytest.mark.parametrize(
    ("name", "words", "sentence"),
    [
        ("main_finetune_chestxray", ["--mixup", "0.8"], "--mixup 0.8 cannot be honoured here: labels are not mixed"),
        ("main_finetune_chestxray", ["--accum_iter", "4"], "--accum_iter 4 cannot be honoured here"),
        ("main_finetune_chestxray", ["--reprob", "0.25"], "--reprob need --build_timm_transform"),
        ("main_finetune_chestxray", ["--ThreeAugment"], "--ThreeAugment cannot be honoured here"),
        ("main_finetune_chestxray", ["--nb_classes", "5"], "chestxray has 14 classes: --nb_classes 5 is wrong"),
        ("main_finetune_chestxray", ["--model", "densenet121"], "no network `densenet121`: choose one of"),
        ("main_finetune_chestxray", [], "--data_path must name the folder of the images"),
        ("main_finetune_chestxray", ["--eval"], "--eval measures a checkpoint: name it with --finetune"),
        ("main_finetune_chestxray", ["--train_list", "none.txt", "--data_path", "."], "The list none.txt is not there"),
        ("main_finetune_chestxray", ["--drop_path", "1"], "--drop_path must be at least 0 and less than 1, not 1"),
        ("main_linprobe_chestxray", ["--drop_path", "2"], "--drop_path must be at least 0 and less than 1, not 2"),
        ("main_linprobe_chestxray", ["--epochs", "0"], "--epochs must be more than 0, not 0"),
        ("main_pretrain_multi_datasets_xray", [], "Say what to train on"),
        ("main_pretrain_multi_datasets_xray", ["--mask_strategy", "heatmap"], "heat maps and attention choose none"),
        ("main_pretrain_multi_datasets_xray", ["--random_resize_range", "0.5", "2"], "no range of shares"),
        ("main_pretrain_multi_datasets_xray", ["--datasets_names", "chexpert"], "chexpert/train.csv is not there"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_flags_that_cannot_be_honoured_are_refused(command, tmp_path, monkeypatch, name, words, sentence):
    monkeypatch.chdir(tmp_path)
    model = [] if name.startswith("main_pretrain") or "--model" in words else ["--model", "vit_tiny_patch8"]
    with pytest.raises(ValueError, match=re.escape(sentence)):
        command(name, *words, *model, "--device", "cpu")


def test_published_flags_have_their_published_defaults(script):
    pre = script("main_pretrain_multi_datasets_xray").parser().parse_args([])
    assert (pre.model, pre.mask_ratio, pre.batch_size, pre.epochs) == ("mae_vit_small_patch16_dec512d2b", 0.9, 256, 800)
    assert (pre.warmup_epochs, pre.blr, pre.weight_decay, pre.random_resize_range) == (40, 1.5e-4, 0.05, (0.5, 1.0))
    tune = script("main_finetune_chestxray").parser().parse_args([])
    assert (tune.model, tune.batch_size, tune.epochs, tune.warmup_epochs) == ("vit_small_patch16", 128, 75, 5)
    assert (tune.blr, tune.layer_decay, tune.weight_decay, tune.drop_path) == (2.5e-4, 0.55, 0.05, 0.2)
    assert (tune.min_lr, tune.eval_interval, tune.aa) == (1e-5, 10, "rand-m6-mstd0.5-inc1")
    probe = script("main_linprobe_chestxray").parser().parse_args([])
    assert (probe.blr, probe.epochs, probe.batch_size, probe.global_pool) == (0.1, 90, 512, False)


def test_a_picture_of_what_is_painted(command, small, pretrained, tmp_path):
    testing = small / "input_data" / "testing"
    for name in ("one.png", "other.png"):
        command("reconstruct", "--checkpoint", pretrained, "--data_path", testing, "--list", testing / "images.txt",
                "--count", 3, "--mask_ratio", 0.75, "--output", tmp_path / name)  # fmt: skip
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.size == (3 * 64 + 2 * 4, 3 * 64 + 2 * 4)
        pixels = np.asarray(picture)
    grey = pixels[:64, 68:132] == 128
    assert grey.reshape(8, 8, 8, 8).all(axis=(1, 3)).sum() == 48  # three quarters of the patches are hidden
    seen = ~grey
    assert (pixels[:64, :64][seen] == pixels[:64, 68:132][seen]).all()
    assert (pixels[:64, :64][seen] == pixels[:64, 136:][seen]).all()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_node21s_images(script, tmp_path, packed):
    values = np.arange(12, dtype=np.int16).reshape(3, 4)
    data = zlib.compress(values.tobytes()) if packed else values.tobytes()
    header = f"ObjectType = Image\nNDims = 2\nDimSize = 4 3\nElementType = MET_SHORT\nCompressedData = {packed}\n"
    (tmp_path / "a.mha").write_bytes(header.encode() + b"ElementDataFile = LOCAL\n" + data)
    image = np.asarray(script("metaimage").read_metaimage(tmp_path / "a.mha"))
    assert image.tolist() == np.rint(values / 11 * 255).astype(int).tolist()
    (tmp_path / "b.mha").write_bytes(header.encode() + b"ElementDataFile = LOCAL\n" + data[:9])
    with pytest.raises(ValueError, match="the data are not what the header says"):
        script("metaimage").read_metaimage(tmp_path / "b.mha")
    (tmp_path / "c.mha").write_bytes(b"no image")
    with pytest.raises(ValueError, match="is no MetaImage"):
        script("metaimage").read_metaimage(tmp_path / "c.mha")


def test_crops_lie_inside_and_have_the_asked_area(script):
    crop_box = script("views").crop_box
    random = np.random.default_rng(0)
    for _ in range(200):
        left, top, right, bottom = crop_box((120, 90), (0.5, 1.0), random)
        assert 0 <= left < right <= 120
        assert 0 <= top < bottom <= 90
        assert 0.48 <= (right - left) * (bottom - top) / (120 * 90) <= 1
    assert crop_box((10, 100), (1.0, 1.0), random) == (0, 45, 10, 55)  # no such shape: the middle


def test_every_epoch_shows_every_image_once_and_processes_share_them(script, small):
    views, radiographs, lists = script("views"), script("radiographs"), script("lists")
    entries = lists.read_list(small / "public_data" / "train_list.txt")
    made = radiographs.Radiographs(small / "public_data" / "images", entries, views.Whole(8, 1), seed=3)

    def shown(rank, world):
        images = radiographs.Joined([made], labelled=True)
        part = radiographs.Part(rank, world)
        epoch = radiographs.shuffled_batches(images, batch_size=8, part=part)
        return [[tuple(view.flatten().tolist()) for batch, _ in epoch() for view in batch] for _ in range(2)]

    whole = shown(0, 1)
    halves = [shown(rank, 2) for rank in (0, 1)]
    assert len(set(whole[0])) == 40
    assert sorted(whole[0]) == sorted(whole[1])
    assert whole[0] != whole[1]
    assert [len(half[0]) for half in halves] == [16, 16]  # 20 each: two full batches of 8
    assert not set(halves[0][0]) & set(halves[1][0])
    with pytest.raises(ValueError, match="too few for 41 processes"):
        radiographs.shuffled_batches(radiographs.Joined([made]), batch_size=8, part=radiographs.Part(0, 41))
