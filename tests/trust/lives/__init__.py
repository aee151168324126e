"""The life of runs as a state machine: what happens on a real platform beside what an independent model expects."""
