"""What a report says of the machine, for the run's record."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version

from medici_worker.protocol import GpuUsed, Limits, Machine
from medici_worker.worksite import Worksite

MOST_GPUS = 64


def machine_of(site: Worksite, gpus: Sequence[str]) -> Machine:
    """`gpus`: ids of those that the run leased."""
    info = site.info
    return Machine(
        worker_version=own_version(),
        engine=info.product,
        engine_version=info.version,
        runtime=site.runtime or info.runtime,
        architecture=info.architecture,
        kernel=info.kernel,
        gpus=tuple(GpuUsed(id=gpu, model=site.gpu_models.get(gpu, "")) for gpu in gpus[:MOST_GPUS]),
    )


def applied(limits: Limits, site: Worksite) -> Limits:
    """As the profile applies them: an engine gives no more processors than its machine has."""
    return limits.model_copy(update={"cpus": min(limits.cpus, site.info.cpus)})


@cache
def own_version() -> str:
    return version("medici-worker")
