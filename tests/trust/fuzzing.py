"""How the fuzz tests run: the same examples each time, a few of them in CI and thousands in `make trust`."""

from typing import Any

from hypothesis import HealthCheck, Phase, settings


def profile(examples: int, **others: Any) -> settings:
    return settings(
        max_examples=examples,
        deadline=5_000,
        database=None,
        derandomize=True,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example),
        **others,
    )
