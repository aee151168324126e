from collections.abc import Sequence


def engine_away_sentence(workers: Sequence[str]) -> str:
    """Of a run that only these could take; without names for participants."""
    if not workers:
        return (
            "Waiting: the container engine of the machines that run submissions does not answer at the moment; the run "
            "starts by itself when it does."
        )
    names = ", ".join(workers)
    return f"Waiting: the container engine does not answer on {names}: start it there, and the run starts by itself."
