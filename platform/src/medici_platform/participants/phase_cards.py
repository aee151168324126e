"""A phase as its page tells of it: times, tasks, what it takes, what programs and submissions run in."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from medici_platform.challenges.models import Phase
from medici_platform.challenges.queries import phases_with_tasks
from medici_platform.challenges.rules import PhaseStatus, build_policy, image_for, phase_status
from medici_platform.participants.shell import Shell
from medici_platform.presentation.visitors import Visitor
from medici_worker.protocol import BuildPolicy, Limits


@dataclass(frozen=True)
class PhaseCard:
    phase: Phase
    status: PhaseStatus
    limits: Limits
    policy: BuildPolicy
    parent: Phase | None
    """In which a participant must have succeeded before."""
    program_image: str
    """Of programs without a Dockerfile, as the challenge names it."""
    program_runs_as: str
    """The same on the workers' engines."""

    @property
    def images_in_place(self) -> list[tuple[str, str]]:
        """Public names and what runs in their place, where that is another image."""
        return [(name, image) for name, image in self.policy.image_map.items() if name != image]

    @property
    def pins(self) -> list[tuple[str, str]]:
        return sorted(self.policy.pins.items())


def describe_phases(session: Session, shell: Shell, visitor: Visitor) -> list[PhaseCard]:
    phases = phases_with_tasks(session, shell.challenge)
    by_index = {phase.index: phase for phase in phases}
    settings, now = visitor.context.settings, visitor.context.now()
    program_image = shell.challenge.docker_image or settings.program_image
    cards = []
    for phase in phases:
        policy = build_policy(phase, settings)
        cards.append(
            PhaseCard(
                phase=phase,
                status=phase_status(phase, now),
                limits=Limits.model_validate({**phase.limits, "gpus": phase.gpus}),
                policy=policy,
                parent=by_index.get(phase.parent_index) if phase.parent_index is not None else None,
                program_image=program_image,
                program_runs_as=image_for(program_image, policy.image_map),
            )
        )
    return cards
