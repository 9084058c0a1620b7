"""A rollout's decisions: which shifts begin, what happens next, how far along. Pure: no I/O, no clock."""
