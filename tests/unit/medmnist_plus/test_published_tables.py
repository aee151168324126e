"""The published results lead to the paper's own averages, and to the tables that it drew without numbers."""

import csv
import math
from collections import Counter
from pathlib import Path

import pytest

from medici_training.benchmark import derived, names, significance
from medici_training.benchmark.results import read_rows, write_rows
from medici_training.benchmark.tables import derive, summaries, tables

BENCHMARK = Path(__file__).resolve().parents[3] / "bundles" / "medmnist-plus" / "training" / "benchmark"
FIGURES = ("acc_mean", "acc_std", "auc_mean", "auc_std")


@pytest.fixture(scope="module")
def published():
    return read_rows(BENCHMARK / "published_results.csv")


@pytest.fixture(scope="module")
def printed():
    """The paper's average table: 120 rows."""
    with (BENCHMARK / "published_averages.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["training_procedure"], row["architecture"], int(row["img_size"])): row for row in csv.DictReader(file)
        }


def test_the_whole_grid_is_there(published):
    grid = {
        (dataset, procedure, title, size)
        for dataset in names.DATASETS
        for procedure in names.PROCEDURES
        for title in names.PUBLISHED.values()
        for size in names.SIZES
    }
    assert {row.cell for row in published} == grid
    assert len(published) == len(grid) == 1440
    assert {(row.seeds, row.weights, row.data) for row in published} == {(3, "pretrained", "real data")}


def test_every_published_average_is_reproduced(published, printed):
    found = {(row.procedure, row.architecture, row.size): row for row in derived.averages(published)}
    assert found.keys() == printed.keys()
    compared = Counter()
    for key, row in found.items():
        assert row.datasets == 12
        for name, value in zip(FIGURES, (row.acc, row.acc_std, row.auc, row.auc_std), strict=True):
            if not printed[key][name]:
                assert value is None
                continue
            assert value == pytest.approx(float(printed[key][name]), abs=0.01)
            compared[name] += 1
    assert compared == {"acc_mean": 120, "auc_mean": 80, "acc_std": 80, "auc_std": 80}


def test_the_published_rows_are_those_of_the_shared_data(published, shared_data):
    with (shared_data / "data" / "published" / "medmnist_plus_published_benchmark.csv").open(encoding="utf-8") as file:
        expected = {
            (row["dataset"], row["training_procedure"], row["architecture"], int(row["img_size"])): tuple(
                float(row[name]) if row[name] else None for name in FIGURES
            )
            for row in csv.DictReader(file)
        }
    assert {row.cell: (row.acc, row.acc_std, row.auc, row.auc_std) for row in published} == expected


def test_top_five_of_everything(published):
    counts = {
        entry.architecture: entry.count for entry in derived.top_frequencies(published) if entry.procedure == "all"
    }
    assert counts == {
        "VGG16": 10,
        "AlexNet": 4,
        "ResNet-18": 4,
        "DenseNet-121": 19,
        "EfficientNet-B4": 0,
        "ViT-B/16": 9,
        "CLIP ViT-B/16": 0,
        "EVA-02 ViT-B/16": 2,
        "DINO ViT-B/16": 11,
        "SAM ViT-B/16": 2,
    }


def test_top_five_counts_are_five_a_dataset_and_more_only_for_ties(published):
    totals = Counter()
    for entry in derived.top_frequencies(published):
        totals[entry.procedure, entry.size] += entry.count
    assert len(totals) == 1 + 3 + 12
    assert min(totals.values()) >= 60
    by_hand = 0
    for dataset in names.DATASETS:
        accuracies = sorted((row.acc for row in published if row.dataset == dataset), reverse=True)
        by_hand += sum(value >= accuracies[4] for value in accuracies)
    assert totals["all", "all"] == by_hand


def test_gains_with_resolution(published):
    totals = Counter()
    for gain in derived.gains(published):
        assert gain.datasets == 12
        totals[gain.procedure, gain.smaller, gain.larger] += gain.better
    assert dict(totals) == {
        ("endToEnd", 28, 64): 107,
        ("endToEnd", 64, 128): 101,
        ("endToEnd", 128, 224): 73,
        ("linearProbing", 28, 64): 102,
        ("linearProbing", 64, 128): 104,
        ("linearProbing", 128, 224): 96,
        ("kNN", 28, 64): 100,
        ("kNN", 64, 128): 100,
        ("kNN", 128, 224): 81,
    }


def test_ten_architectures_make_45_pairs_at_the_papers_level(published):
    pairs = significance.pairs(published)
    assert len(pairs) == 45
    assert {pair.count for pair in pairs} == {144}
    assert round(pairs[0].level, 4) == 0.0011
    assert sum(pair.is_significant for pair in pairs) == 33
    wins = Counter(pair.better for pair in pairs if pair.better)
    assert wins["DINO ViT-B/16"] == 9
    assert wins["SAM ViT-B/16"] == 0


def test_boxes_hold_the_best_published_accuracies(published):
    overall = {entry.architecture: entry for entry in derived.distributions(published) if entry.procedure == "all"}
    assert {entry.count for entry in overall.values()} == {144}
    assert max(entry.most for entry in overall.values()) == max(row.acc for row in published) == 99.02
    assert all(e.least <= e.quartile_1 <= e.median <= e.quartile_3 <= e.most for e in overall.values())


def test_tables_are_written_and_read_alike(published, tmp_path):
    found = derive(published)
    lengths = {}
    for table in tables(found):
        with table.write(tmp_path).open(encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file))
        assert tuple(header) == table.columns
        assert [tuple(row) for row in rows] == list(table.rows)
        lengths[table.name] = len(rows)
    assert lengths == {"average": 120, "top5": 160, "resolution": 90, "boxes": 160, "wilcoxon": 45}
    shown = "\n".join(map(str, summaries(found)))
    assert "DenseNet-121     80.32 ± 0.93" in shown
    assert "33 of 45 pairs differ (p < 0.0011)" in shown


def test_results_are_written_as_they_were_read(published, tmp_path):
    write_rows(tmp_path / "again.csv", reversed(published))
    assert (tmp_path / "again.csv").read_bytes() == (BENCHMARK / "published_results.csv").read_bytes()


def test_figures_have_a_mean_only_over_all_datasets(published):
    without_auc = [row for row in published if row.procedure == names.KNN]
    assert all(row.auc is None and row.acc_std is None for row in derived.averages(without_auc))
    assert not any(math.isnan(row.acc) for row in derived.averages(without_auc))
