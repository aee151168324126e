"""None of the 18 stand-ins is trivial: guessing and raw pixels stay clearly below the light network."""

import pytest

from medici_training.medmnist.flags import FLAGS
from tests.seeds.table import Row
from tests.trainers import need_trainers

CLEARLY = 0.08


@pytest.mark.parametrize("name", FLAGS)
def test_a_stand_in_is_not_trivial(table, name):
    need_trainers()
    from medici_training.devices import computing
    from medici_training.medmnist.flags import Task
    from medici_training.standins.samples import SEED
    from medici_training.standins.table import measure

    flag = FLAGS[name]
    found = measure(flag, 28, SEED, computing("cpu"))
    others = max(found.majority, found.nearest, found.neighbours)
    table.add(
        Row(
            f"stand-in of {name} 28 (majority {found.majority:.3f}, neighbours {found.nearest:.3f}, "
            f"{found.neighbours:.3f})",
            f"python -m medici_training.standins.table --flags {name}",
            "mean AUC" if flag.task is Task.MULTI_LABEL else "accuracy",
            found.network,
            f"≥ {others + CLEARLY:.3f}",
            found.seconds,
        )
    )
    assert found.margin >= CLEARLY
