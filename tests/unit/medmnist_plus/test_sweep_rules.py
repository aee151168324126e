"""A sweep computes what has no result, keeps failures as results, and makes a table of the seeds."""

from dataclasses import replace

import pytest

from medici_training.benchmark.configuration import make_config
from medici_training.benchmark.ledger import DONE, FAILED, Ledger, Result, cell_of, to_rows
from medici_training.benchmark.sweep import Progress, attempt, compute, duration, pending, summary


@pytest.fixture
def configs(tmp_path):
    """Three seeds of one cell."""
    values = {"data_path": "data", "output_path": str(tmp_path / "out"), "architecture": "light_cnn"}
    return [make_config({**values, "seed": seed}, where="test") for seed in (1, 2, 3)]


@pytest.fixture
def ledger(configs):
    return Ledger(configs[0].output_path)


def done(config, *, acc=0.5, auc=0.75):
    return Result(cell_of(config), config.settings(), DONE, acc=acc, auc=auc, weights="random", data="real data")


def test_what_is_done_is_not_computed_again(configs, ledger):
    computed = []

    def work(config):
        computed.append(config.seed)
        return done(config)

    for _ in range(2):
        for config in pending(configs, ledger):
            compute(config, ledger, work)
    assert computed == [1, 2, 3]
    assert compute(configs[0], ledger, work) == done(configs[0])
    assert computed == [1, 2, 3]


def test_a_failure_is_kept_and_the_rest_goes_on(configs, ledger):
    def work(config):
        if config.seed == 2:
            raise ValueError("The training loss is nan in epoch 1: lower the learning rate.")
        return done(config)

    for config in pending(configs, ledger):
        compute(config, ledger, work)
    sentence = "The training loss is nan in epoch 1: lower the learning rate."
    assert summary(configs, ledger) == (2, [(configs[1], sentence)], 0)
    assert pending(configs, ledger) == []
    assert pending(configs, ledger, retry_failed=True) == [configs[1]]
    assert compute(configs[1], ledger, done).state == FAILED
    assert compute(configs[1], ledger, done, retry_failed=True).state == DONE
    assert pending(configs, ledger, retry_failed=True) == []


def test_faults_of_programs_are_told_with_their_kind(configs):
    def work(_):
        raise RuntimeError("CUDA\n out of memory")

    assert attempt(configs[0], work).error == "RuntimeError: CUDA out of memory"


def test_a_cell_that_another_process_is_at_is_passed_over(configs, ledger):
    with ledger.claimed(configs[0]) as is_ours:
        assert is_ours
        assert compute(configs[0], ledger, done) is None
        assert compute(configs[1], ledger, done) is not None
    assert compute(configs[0], ledger, done) is not None


def test_results_of_other_settings_are_not_mixed_in(configs, ledger):
    ledger.record(configs[0], done(configs[0]))
    with pytest.raises(ValueError, match="was computed with k 11, not 3: choose another output folder"):
        ledger.result(replace(configs[0], k=3))
    assert ledger.result(replace(configs[0], device="cuda:0", batch_size_eval=8)) == done(configs[0])


def test_half_a_result_is_never_there(configs, ledger, monkeypatch):
    """A process that is killed while it writes leaves a draft, which counts as nothing."""
    ledger.path(configs[0]).with_name(f".{configs[0].stem}.json.123").write_text('{"state": "do', encoding="utf-8")
    assert (ledger.result(configs[0]), ledger.results()) == (None, [])
    assert pending(configs, ledger) == configs


def test_a_foreign_file_among_the_results_is_named(configs, ledger):
    ledger.path(configs[0]).write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match="is no result of this benchmark"):
        ledger.results()


def test_seeds_become_mean_and_deviation_in_percent(configs, ledger):
    for config, acc in zip(configs, (0.8, 0.9, 0.85), strict=True):
        ledger.record(config, done(config, acc=acc))
    (row,) = to_rows(ledger.results(), source="own")
    assert row.cell == ("bloodmnist", "endToEnd", "Light CNN", 28)
    assert (row.acc, row.acc_std) == (pytest.approx(85), pytest.approx(5))
    assert (row.auc, row.auc_std, row.seeds) == (pytest.approx(75), 0, 3)
    assert (row.weights, row.data, row.source) == ("random", "real data", "own")


def test_one_seed_has_no_deviation_and_failures_do_not_count(configs):
    failed = Result(cell_of(configs[1]), configs[1].settings(), FAILED, error="no")
    (row,) = to_rows([done(configs[0], auc=None), failed])
    assert (row.acc, row.acc_std, row.auc, row.auc_std, row.seeds) == (50, None, None, None, 1)


def test_progress_tells_what_is_left(configs, ledger):
    lines = []
    progress = Progress(configs, ledger, say=lines.append)
    for config in configs:
        ledger.record(config, done(config))
        progress.tell(config, done(config))
    assert lines[0].startswith(
        "[1/3] bloodmnist_28_endToEnd_light_cnn_s1: ACC 0.5000, AUC 0.7500, random weights (0.0 s)"
    )
    assert "left" in lines[1]
    assert lines[2].endswith("random weights (0.0 s)")


def test_durations_are_told_in_words():
    assert [duration(seconds) for seconds in (5, 119, 600, 7300)] == ["5 s", "119 s", "10 min", "2.0 h"]
