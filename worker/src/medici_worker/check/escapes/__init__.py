"""What a hostile program would try, one function each. Runs inside a container, alone: the standard library is all.

An attempt that gets what it wants returns it in words; one that is stopped raises an `OSError`, or is killed. Each runs
in a process of its own, so that the next one begins clean. `__main__` writes name → [stopped, detail] as JSON.

None does harm where it succeeds: tests show that each does, in a container without the defence.
"""

from . import borders, kernel, network, places, resources
from .attempts import ATTEMPTS
from .endings import ENDINGS

__all__ = ["ATTEMPTS", "ENDINGS", "OF_ITS_KERNEL", "borders", "kernel", "network", "places", "resources"]

OF_ITS_KERNEL = frozenset(
    {
        "a user namespace of its own",
        "a mount namespace of its own",
        "make a disk's device",
        "read the kernel's log",
        "run before all others",
        "a fork bomb",
        "a flood of zombies",
        "a thread bomb",
    }
)
"""With a kernel of its own around the container (gVisor), these touch that kernel alone, which ends with the run."""
